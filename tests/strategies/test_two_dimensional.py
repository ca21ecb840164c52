"""2DAL and its mixture: EM never falls, and scores are those of all outcomes, one by one."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies import mixture as module
from alasl.strategies.mixture import PRIOR, Mixture, fit_mixture
from alasl.strategies.picks import by_draws
from alasl.strategies.two_dimensional import FITTED

tables = hnp.arrays(
    np.int8, st.tuples(st.integers(1, 25), st.integers(1, 5)), elements=st.integers(-1, 1)
)


def likelihood(mixture: Mixture, entries: np.ndarray, overall: np.ndarray) -> float:
    """Of the known entries, and of the prior, from the definition."""
    total = 0.0
    for row in entries:
        total += math.log(
            sum(
                share
                * math.prod(
                    (rate if y == 1 else 1 - rate)
                    for y, rate in zip(row.tolist(), rates.tolist(), strict=True)
                    if y != -1
                )
                for share, rates in zip(mixture.shares.tolist(), mixture.rates, strict=True)
            )
        )
    for share, rates in zip(mixture.shares, mixture.rates, strict=True):
        total += PRIOR * math.log(share)
        for q, rate in zip(overall, rates, strict=True):
            total += PRIOR * (q * math.log(rate) + (1 - q) * math.log(1 - rate))
    return total


@pytest.mark.slow
@settings(max_examples=60)
@given(tables, st.integers(1, 4), st.integers(0, 99))
def test_the_likelihood_never_falls(entries, groups, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ENOUGH", -1e300)
        found = fit_mixture(entries, groups, np.random.default_rng(seed))
    rises = np.diff(found.likelihoods)
    assert len(rises) == module.STEPS - 1
    assert (rises > -1e-9 * (1 + np.abs(found.likelihoods[1:]))).all()
    assert found.shares.sum() == pytest.approx(1)
    assert ((found.rates > 0) & (found.rates < 1)).all()
    present, absent = (entries == 1).sum(axis=0), (entries == 0).sum(axis=0)
    overall = (present + 0.5) / (present + absent + 1)
    # The last noted is that of the mixture before the last step.
    assert likelihood(found, entries, overall) >= found.likelihoods[-1] - 1e-9


def test_the_likelihood_noted_is_the_definitions():
    entries = np.random.default_rng(0).integers(-1, 2, (30, 4)).astype(np.int8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "STEPS", 3)
        before = fit_mixture(entries, 3, np.random.default_rng(1))
        patch.setattr(module, "STEPS", 4)
        after = fit_mixture(entries, 3, np.random.default_rng(1))
    present, absent = (entries == 1).sum(axis=0), (entries == 0).sum(axis=0)
    overall = (present + 0.5) / (present + absent + 1)
    assert after.likelihoods[-1] == pytest.approx(likelihood(before, entries, overall))


def drawn(images: int, unknown: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Entries of two clear groups, the truth below them, and which group each is of."""
    rng = np.random.default_rng(seed)
    rates = np.array([[0.9, 0.9, 0.9, 0.05, 0.05, 0.05], [0.05, 0.1, 0.05, 0.9, 0.9, 0.5]])
    group = rng.integers(0, 2, images)
    truth = (rng.random((images, 6)) < rates[group]).astype(np.int8)
    hidden = rng.random(truth.shape) < unknown
    return np.where(hidden, np.int8(-1), truth), truth, group


def test_finds_the_groups_from_known_entries_alone():
    entries, truth, group = drawn(2000, 0.4)
    found = fit_mixture(entries, 2, np.random.default_rng(0))
    order = np.argsort(-found.rates[:, 0])
    for mine, g in zip(order, (0, 1), strict=True):
        np.testing.assert_allclose(found.rates[mine], truth[group == g].mean(axis=0), atol=0.07)
    expected = found.expected(entries)
    unknown = entries == -1
    told = -np.log(np.where(truth == 1, expected, 1 - expected))[unknown].mean()
    base = truth.mean(axis=0)
    alone = -np.log(np.where(truth == 1, base, 1 - base))[unknown].mean()
    assert told < 0.75 * alone


def test_in_blocks_the_groups_are_the_same():
    entries, _, _ = drawn(3000, 0.4)
    found = fit_mixture(entries, 3, np.random.default_rng(0))
    whole = found.groups(entries)
    parts = np.concatenate([found.groups(entries[:1000]), found.groups(entries[1000:])])
    np.testing.assert_allclose(whole, parts, rtol=1e-12)


def entropy(outcomes: list[float]) -> float:
    return -sum(p * math.log(p) for p in outcomes if p > 0)


def score(likely: np.ndarray, rates: np.ndarray, unknown: np.ndarray, label: int) -> float:
    """Entropy of the label and its mutual information with the others, over all outcomes."""

    def chance(**wanted: int) -> float:
        return sum(
            r
            * math.prod(rate[int(j[1:])] if y else 1 - rate[int(j[1:])] for j, y in wanted.items())
            for r, rate in zip(likely, rates, strict=True)
        )

    total = entropy([chance(**{f"y{label}": y}) for y in (0, 1)])
    for other in np.flatnonzero(unknown):
        if other != label:
            one = entropy([chance(**{f"y{label}": y}) for y in (0, 1)])
            two = entropy([chance(**{f"y{other}": y}) for y in (0, 1)])
            both = entropy(
                [chance(**{f"y{label}": y, f"y{other}": z}) for y, z in product((0, 1), repeat=2)]
            )
            total += one + two - both
    return total


def test_scores_are_entropy_and_mutual_information(kind, make_pool):
    pool = make_pool(kind)
    scores = resolve("2dal:groups=3")(pool)
    shown = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    order, rng = by_draws(shown.ties)
    entries = np.concatenate([pool.labelled.entries, shown.entries[order]])
    told = entries[(entries != -1).any(axis=1)]
    mixture = fit_mixture(told[rng.permutation(len(told))[:FITTED]], 3, rng)
    asked = np.argwhere(pool.askable)
    for i, j in np.random.default_rng(0).permutation(asked)[:60]:
        likely = mixture.groups(pool.entries[i : i + 1])[0]
        expected = score(likely, mixture.rates, pool.entries[i] == -1, j)
        assert scores[i, j] == pytest.approx(expected, rel=1e-4, abs=1e-5)


def test_asks_what_tells_of_other_labels_rather_than_what_stands_alone():
    """Two labels nearly decide each other; a third is as uncertain, and tells of no other."""
    rng = np.random.default_rng(0)
    known = rng.integers(0, 2, (2000, 3)).astype(np.int8)
    known[:, 1] = np.where(rng.random(2000) < 0.02, 1 - known[:, 0], known[:, 0])
    pool = Pool(np.full((4, 3), -1, np.int8), rng.random(4), labelled=Labelled(known))
    scores = resolve("2dal:groups=2")(pool)
    np.testing.assert_allclose(scores[:, 0], scores[:, 1], rtol=0.05)
    assert (scores[:, 0] > scores[:, 2] + 0.4).all()
