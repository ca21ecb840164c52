"""Automatic answers that an audit calibrates: the promise over many draws, and how it is told."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from alasl.errors import DataError
from alasl.evaluate.draw import inclusion, permanent_numbers, weights
from alasl.labeller import audited
from alasl.labeller.audited import Sample, answer
from alasl.labeller.bound import Automatic, Bound
from alasl.labels import ABSENT, PRESENT, UNKNOWN

TEST, POOL, LABELS = 300, 1200, 4
BOUND = Bound(0.1, 0.2)


def world(rng: np.random.Generator, lost: float, shared: bool) -> tuple[np.ndarray, np.ndarray]:
    """Truth and probabilities of all images: of the presents a share looks absent for certain.

    shared: whether these are the presents of some images, of all labels alike.
    """
    shape = (TEST + POOL, LABELS)
    truth = rng.random((len(range(shape[0])), 1 if shared else LABELS)) < 0.3
    truth = np.broadcast_to(truth, shape)
    hard = np.broadcast_to(rng.random((shape[0], 1 if shared else LABELS)) < lost, shape)
    sure = 0.01 * rng.random(shape)
    return truth.astype(np.int8), np.where(truth & ~hard, 1 - sure, sure)


def told(
    rng: np.random.Generator,
    truth: np.ndarray,
    p: np.ndarray,
    *,
    budget: float,
    given_: float = 0.0,
    bound: Bound = BOUND,
) -> tuple[Automatic | None, np.ndarray]:
    """The answers to images that chance left to the pool, and the truth there."""
    rows = rng.permutation(len(truth))
    test, pool = rows[:TEST], rows[TEST:]
    # Presents are given rather than absents, as tags are.
    hidden = rng.random(truth.shape) >= given_ * truth
    counted = hidden[test]
    pi = inclusion(weights(p[test], 0.5), counted, budget)
    drawn = counted & (permanent_numbers(TEST, LABELS, int(rng.integers(10**6))) < pi)
    sample = Sample(np.where(drawn, truth[test], np.int8(UNKNOWN)), counted, pi, p[test])
    entries = np.where(hidden[pool], np.int8(UNKNOWN), truth[pool])
    return answer(sample, entries, p[pool], hidden[pool], bound), truth[pool]


def is_broken(found: Automatic | None, truth: np.ndarray, wrong: float) -> bool:
    if found is None:
        return False
    sides = [(found.entries == side, truth != side) for side in (ABSENT, PRESENT)]
    return any(
        (said & bad).sum() > wrong * min(said.sum(), bad.sum()) for said, bad in sides if said.any()
    )


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("given_", [0.0, 0.6])
def test_a_model_just_worse_than_allowed_gets_no_answers_but_by_chance(
    shared: bool, given_: float
) -> None:
    broken, gave = 0, 0
    for seed in range(150):
        rng = np.random.default_rng(seed)
        truth, p = world(rng, 0.12 if given_ == 0 else 0.28, shared)
        found, pool = told(rng, truth, p, budget=120, given_=given_)
        gave += found is not None
        broken += is_broken(found, pool, BOUND.wrong)
    assert gave == 150, "the audit was looked at"
    assert broken <= binom.isf(1e-3, 150, BOUND.delta)


def test_a_good_model_answers_nearly_all_on_either_side() -> None:
    rng = np.random.default_rng(0)
    truth, p = world(rng, 0.01, False)
    found, pool = told(rng, truth, p, budget=200)
    assert found is not None
    assert not is_broken(found, pool, BOUND.wrong)
    assert (found.entries != UNKNOWN).mean() > 0.8
    assert ((found.entries == PRESENT).sum(axis=0) > 50).all()
    assert (found.low < found.high).all()


def test_a_small_audit_is_not_looked_at_and_a_look_costs() -> None:
    rng = np.random.default_rng(0)
    truth, p = world(rng, 0.0, False)
    assert told(rng, truth, p, budget=5)[0] is None
    assert BOUND.after(0).delta == BOUND.delta / 2
    many = sum(BOUND.after(number).delta for number in range(10_000))
    assert many == pytest.approx(BOUND.delta, rel=1e-3)
    late = told(rng, truth, p, budget=60, bound=BOUND.after(200))[0]
    assert late is None
    assert told(rng, truth, p, budget=60)[0] is not None


def test_nothing_but_counted_entries_and_their_chances_speaks() -> None:
    rng = np.random.default_rng(1)
    truth, p = world(rng, 0.02, False)
    counted, pi = rng.random((TEST, LABELS)) < 0.8, np.full((TEST, LABELS), 0.5)
    drawn = rng.random(pi.shape) < pi
    entries = np.where(drawn, truth[:TEST], np.int8(UNKNOWN))
    hidden = np.ones((POOL, LABELS), np.bool_)
    nothing = np.full(hidden.shape, UNKNOWN, np.int8)
    one = answer(Sample(entries, counted, pi, p[:TEST]), nothing, p[TEST:], hidden, BOUND)
    other = np.where(counted, entries, 1 - truth[:TEST]).astype(np.int8)
    two = answer(Sample(other, counted, pi, p[:TEST]), nothing, p[TEST:], hidden, BOUND)
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.entries, two.entries)
    # A label that chance left out is left to people, whatever it says.
    none = pi.copy()
    none[:, 2] = np.where(drawn[:, 2], 0.001, 0)
    three = answer(Sample(entries, counted, none, p[:TEST]), nothing, p[TEST:], hidden, BOUND)
    assert three is not None
    assert (three.entries[:, 2] == UNKNOWN).all()
    assert np.isnan(three.low[2])
    assert (three.entries[:, 1] != UNKNOWN).any()
    closed = rng.random(hidden.shape) < 0.5
    four = answer(Sample(entries, counted, pi, p[:TEST]), nothing, p[TEST:], hidden, BOUND, closed)
    assert four is not None
    assert (four.entries[closed] == UNKNOWN).all()


def plainly(test: audited._Test, threshold: float, allowed: float, stake: float) -> list[float]:
    """The two bets by loops, each on its own scale."""
    found = []
    for lost in (False, True):
        total = 0.0
        for share, laid in zip(audited._STAKES, audited._LAID, strict=True):
            bet, grown = share * stake, 1.0
            variance = 0.0
            for risk, pi, known, wrong in zip(
                test.risk, test.pi, test.known, test.wrong, strict=True
            ):
                under = risk <= threshold
                most = test.bound.wrong if lost else allowed
                if lost and known and wrong:
                    grown *= 1 - bet * (under - most) / pi
                    variance += most * (1 - most) / pi
                if not lost and under:
                    variance += most * (1 - most)
                    if known:
                        grown *= 1 - bet * (wrong - most) / pi
            if lost:
                grown *= math.exp(bet * test.bound.wrong * test.given)
            grown *= math.exp(-(bet**2) * test.spread * audited._CLUSTERED * variance / 2)
            total += laid * grown
        found.append(total)
    return found


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["both", "answers"]))
def test_the_bets_are_those_of_plain_loops(seed: int, share: str) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(5, 120))
    test = audited._Test(
        risk=rng.random(n).round(2),
        pi=0.2 + 0.8 * rng.random(n),
        known=rng.random(n) < 0.6,
        wrong=rng.random(n) < 0.1,
        given=float(rng.integers(0, 40)),
        spread=1.3,
        bound=replace(BOUND, share=share),  # type: ignore[arg-type]  # the list above
    )
    threshold = float(rng.random())
    under = test.risk <= threshold
    stake = float(test.pi[under].min()) if under.any() else 1.0
    assert test._largest(np.array([threshold])) == pytest.approx(stake)
    wrongly, lost = plainly(test, threshold, 0.12, stake)
    least = 1 / 0.05
    holds = wrongly >= least and (share == "answers" or lost >= least)
    assert test._holds(threshold, 0.12, stake, 0.05) == holds


def test_each_search_has_its_part_of_the_chance() -> None:
    n = 40
    nothing = np.zeros(n, np.bool_)
    right = audited._Test(np.full(n, 0.1), np.full(n, 0.5), ~nothing, nothing, 0.0, 1.3, BOUND)
    tried, allowed = np.array([0.1, 0.2]), np.full(2, 0.1)
    variance = n * 0.1 * 0.9
    grown = right._grown(np.full(n, -0.1), right.pi, 0.5, variance)
    # On either side 1.5 times the level that what was seen allows.
    just = Bound(0.1, 3 * math.exp(-grown), "answers")
    assert 0 < just.delta < 1
    alone = replace(right, bound=just)
    assert alone.trusted(tried, allowed, [0]).tolist() == [0.1, 0.2]
    assert alone.trusted(tried, allowed, [0, 1]).tolist() == []
    # From the first that fails on, a search tries nothing more.
    assert alone.trusted(tried, np.array([0.01, 0.1]), [0]).tolist() == []


def test_what_does_not_fit_is_refused() -> None:
    some = np.zeros((4, 2))
    yes = np.ones((4, 2), np.bool_)
    entries = some.astype(np.int8)
    with pytest.raises(DataError, match="one shape"):
        Sample(entries[:, :1], yes, some + 0.5, some)
    with pytest.raises(DataError, match="no chance"):
        Sample(entries, yes, some, some)
    with pytest.raises(DataError, match="NaN"):
        Sample(entries, yes, some + 0.5, some * np.nan)
    sample = Sample(entries, yes, some + 0.5, some)
    with pytest.raises(DataError, match="one shape"):
        answer(sample, entries, some[:2], yes, BOUND)
    with pytest.raises(DataError, match="NaN"):
        answer(sample, entries, some * np.nan, yes, BOUND)
