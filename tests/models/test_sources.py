"""How far sources are believed: the same as by brute force, and useless ones not at all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logit

from alasl.models.others import Held
from alasl.models.sources import APART, HALF, REACH, Trust, trust

Table = NDArray[np.float64]


def told(
    quality: float, images: int = 400, labels: int = 20, known: float = 0.3, seed: int = 0
) -> tuple[Table, Table]:
    """Logits (n, L) of a calibrated source, and targets (n, L), some unknown."""
    rng = np.random.default_rng(seed)
    rate = rng.uniform(0.02, 0.3, labels)
    truth = (rng.random((images, labels)) < rate).astype(float)
    seen = rng.standard_normal(truth.shape) + quality * truth
    said = quality * seen - quality**2 / 2 + logit(rate)
    return said, np.where(rng.random(truth.shape) < known, truth, -1)


def believed(*sources: Table, targets: Table, counts: Table | None = None) -> Trust:
    weights = None if counts is None else torch.tensor(counts)
    return trust(Held(torch.tensor(np.stack(sources))), torch.tensor(targets), weights)


def by_hand(sources: Table, targets: Table) -> Table:
    """Means (S,): each set of useful sources has its own fit and evidence, left to SciPy."""
    mean = np.nanmean(sources, axis=1)
    z = np.nan_to_num(sources - mean[:, None])
    scale = np.sqrt(np.nanmean((sources - mean[:, None]) ** 2, axis=(1, 2)))
    wide = REACH / scale
    prior = np.minimum(wide, 1)
    known = targets >= 0
    middle = logit((targets[known].sum() + 0.5) / (known.sum() + 1))
    count, labels = len(sources), targets.shape[1]

    def loss(x: Table, kept: Table) -> float:
        slopes, bias = np.zeros(count), x[len(kept) :]
        slopes[kept] = x[: len(kept)]
        logits = bias + np.tensordot(slopes, z, 1)
        value = (np.logaddexp(0, logits) - targets * logits)[known].sum()
        value += ((bias - middle) ** 2).sum() / (2 * APART**2)
        return float(value + ((slopes[kept] - prior[kept]) ** 2 / (2 * wide[kept] ** 2)).sum())

    weights, means = [], []
    for chosen in itertools.product((False, True), repeat=count):
        kept = np.flatnonzero(chosen)
        begin = np.concatenate([np.ones(len(kept)), np.full(labels, middle)])
        best = minimize(loss, begin, (kept,), method="BFGS", options={"gtol": 1e-5})
        # The curvature by the biases is nearly the same in all of them.
        step, own = 1e-3, np.eye(len(begin))[: len(kept)]
        h = np.array(
            [
                [
                    (
                        loss(best.x + step * (a + b), kept)
                        - loss(best.x + step * (a - b), kept)
                        - loss(best.x - step * (a - b), kept)
                        + loss(best.x - step * (a + b), kept)
                    )
                    / (4 * step**2)
                    for a in own
                ]
                for b in own
            ]
        ).reshape(len(kept), len(kept))
        slopes = np.zeros(count)
        slopes[kept] = best.x[: len(kept)]
        weights.append(-best.fun - np.log(wide[kept]).sum() - np.linalg.slogdet(h)[1] / 2)
        means.append(slopes)
    share = np.exp(np.array(weights) - max(weights))
    return np.asarray(share / share.sum() @ np.array(means))


@pytest.mark.parametrize("seed", range(3))
def test_the_mean_is_that_over_all_ways_to_be_useful(seed: int) -> None:
    good, targets = told(0.7, images=200, labels=4, known=0.6, seed=seed)
    noise = np.random.default_rng(seed + 9).standard_normal(good.shape)
    sources = np.stack([good, noise])
    found = believed(*sources, targets=targets).means
    # Laplace's approximation is made at one point here, and at one for each way there.
    np.testing.assert_allclose(found, by_hand(sources, targets), atol=0.06)


def test_one_that_is_right_about_itself_is_believed() -> None:
    said, targets = told(2.0)
    found = believed(said, targets=targets)
    assert float(found.means) == pytest.approx(1, abs=0.1)
    assert float(found.deviations) < 0.2


@pytest.mark.parametrize("factor", [0.2, 5.0])
def test_one_that_is_too_sure_or_too_modest_is_set_right(factor: float) -> None:
    said, targets = told(2.0, known=1.0)
    found = believed(factor * said - 3, targets=targets)
    assert factor * float(found.means) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("size", [0.3, 1.0, 10.0])
def test_one_that_knows_nothing_moves_no_logit(size: float) -> None:
    _, targets = told(2.0, known=0.1)
    noise = size * np.random.default_rng(3).standard_normal(targets.shape)
    found = believed(noise, targets=targets)
    assert size * float(found.means) < 0.05
    assert size * float(found.deviations) < 0.15


def test_one_that_says_the_contrary_is_not_believed() -> None:
    said, targets = told(2.0)
    assert float(believed(-said, targets=targets).means) == 0


def test_beside_a_useless_one_a_good_one_is_believed() -> None:
    said, targets = told(2.0)
    noise = np.random.default_rng(3).standard_normal(targets.shape)
    good, bad = believed(said, noise, targets=targets).means.tolist()
    assert good == pytest.approx(1, abs=0.15)
    assert bad < 0.05


def test_the_same_twice_is_believed_half_each() -> None:
    said, targets = told(2.0)
    one, other = believed(said, said, targets=targets).means.tolist()
    assert one == pytest.approx(other)
    assert one + other == pytest.approx(1, abs=0.15)


def test_one_that_is_good_for_some_labels_alone_leaves_them_apart() -> None:
    said, targets = told(2.0, known=1.0)
    alike = believed(said, targets=targets)
    noise = 2 * np.random.default_rng(3).standard_normal(targets.shape)
    mixed = np.where(np.arange(20) < 10, said, noise)
    apart = believed(mixed, targets=targets)
    assert float(apart.deviations) > 2 * float(alike.deviations)
    assert 0.2 < float(apart.means) < 0.8


def test_until_something_is_known_all_are_believed() -> None:
    said, targets = told(2.0)
    found = believed(said, targets=np.full_like(targets, -1))
    assert found.means.tolist() == [1]
    assert found.deviations.tolist() == [HALF]
    silent = believed(said, np.full_like(said, np.nan), targets=targets)
    assert float(silent.means[1]) == 1


def test_the_units_do_not_matter() -> None:
    said, targets = told(1.5, known=0.1)
    rng = np.random.default_rng(5)
    said[rng.random(said.shape) < 0.3] = np.nan
    one = believed(said, targets=targets)
    other = believed(100 * said + 7, targets=targets)
    # The prior's mean alone knows the units, and where something is known it weighs little.
    assert float(other.means) * 100 == pytest.approx(float(one.means), rel=0.05)
    assert float(other.deviations) * 100 == pytest.approx(float(one.deviations), rel=0.2)


def test_images_and_labels_may_stand_in_any_order_and_a_count_of_none_is_unknown() -> None:
    said, targets = told(1.0, known=0.1)
    one = believed(said, targets=targets)
    rng = np.random.default_rng(5)
    rows, cols = rng.permutation(len(said)), rng.permutation(20)
    turned = believed(said[rows][:, cols], targets=targets[rows][:, cols])
    torch.testing.assert_close(turned.means, one.means)
    torch.testing.assert_close(turned.deviations, one.deviations)
    counted = believed(
        said, targets=np.where(targets < 0, 1.0, targets), counts=(targets >= 0) * 1.0
    )
    torch.testing.assert_close(counted.means, one.means)


def test_impossible_logits_leave_everything_finite() -> None:
    _, targets = told(2.0)
    hard = np.where(np.random.default_rng(1).random(targets.shape) < 0.5, 13.8, -13.8)
    right = np.where(targets > 0, 13.8, -13.8)
    found = believed(hard, right, np.zeros_like(hard), targets=targets)
    assert bool(found.means.isfinite().all())
    assert bool(found.deviations.isfinite().all())
    assert float(found.means[1]) > 0.1
