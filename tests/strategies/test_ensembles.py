"""BALD and the Brier gain against plain loops and enumeration of all answers."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from alasl.strategies import Pool, resolve


def drawn(seed=0, images=6, labels=4, members=5):
    rng = np.random.default_rng(seed)
    entries = np.where(rng.random((images, labels)) < 0.6, -1, 0).astype(np.int8)
    entries[:, 0] = -1  # so that no image is left out
    return Pool(entries, rng.random(images), members=rng.random((members, images, labels)))


def entropy(p):
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)


def test_bald_is_the_entropy_of_the_mean_less_the_mean_entropy(kind, make_pool):
    pool = make_pool(kind)
    scores = resolve("bald:within=all")(pool)
    for i, j in zip(*np.nonzero(pool.askable), strict=True):
        p = [float(member[i, j]) for member in pool.members]
        expected = entropy(sum(p) / len(p)) - sum(map(entropy, p)) / len(p)
        assert scores[i, j] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_bald_is_0_for_doubt_that_all_share_and_ln_2_for_two_certain_halves():
    shared = np.full((4, 1, 1), 0.5)
    split = np.array([0, 1, 0, 1.0])[:, None, None]
    pool = Pool(np.full((1, 2), -1, np.int8), np.zeros(1), members=np.dstack([shared, split]))
    assert resolve("bald:within=all")(pool)[0].tolist() == pytest.approx([0, math.log(2)])


def fall_of_squared_error(pool, i, j, weight):
    """By enumeration: both answers, the members weighed anew, the error over the whole pool."""

    def error(weights):
        mean = np.tensordot(weights, pool.members, axes=1)
        return float((mean * (1 - mean) * weight).sum())

    members = len(pool.members)
    belief = np.full(members, 1 / members)
    p = pool.members[:, i, j]
    after = 0.0
    for likelihood in (p, 1 - p):
        chance = float(belief @ likelihood)
        if chance > 0:
            after += chance * error(belief * likelihood / chance)
    return error(belief) - after


@pytest.mark.parametrize("weights", ["none", "prevalence"])
def test_brier_gain_is_what_enumeration_finds(weights):
    for seed in range(5):
        pool = drawn(seed)
        weight = np.ones(4) if weights == "none" else 1 / pool.members.mean(axis=(0, 1))
        scores = resolve(f"brier-gain:within=all:weights={weights}")(pool)
        for i, j in zip(*np.nonzero(pool.askable), strict=True):
            expected = fall_of_squared_error(pool, i, j, weight)
            assert scores[i, j] == pytest.approx(expected, rel=1e-6)


def test_brier_gain_at_certainty_is_finite():
    """Members that are certain, alike or against each other."""
    pool = drawn()
    members = np.round(pool.members)
    members[:, 0, 0], members[:, 1, 1], members[:, :, 2] = 0, 1, 0
    certain = replace(pool, members=members, entries=np.full_like(pool.entries, -1))
    scores = resolve("brier-gain:within=all:weights=none")(certain)
    for i, j in np.ndindex(scores.shape):
        expected = fall_of_squared_error(certain, i, j, np.ones(4))
        assert scores[i, j] == pytest.approx(expected, rel=1e-6, abs=1e-9)
    for one in (certain, replace(certain, members=np.zeros_like(members))):
        assert np.isfinite(resolve("brier-gain")(one)).all()


def test_brier_gain_sees_what_labels_have_to_do_with_each_other():
    """Two labels on which members differ alike: one answer tells of both, and is asked first."""
    rng = np.random.default_rng(0)
    opinion = rng.random((8, 1, 1))
    alone = rng.random((8, 20, 1))
    members = np.concatenate(
        [np.repeat(opinion, 20, axis=1), np.repeat(opinion, 20, axis=1), alone], axis=2
    )
    pool = Pool(np.full((20, 3), -1, np.int8), rng.random(20), members=members)
    scores = resolve("brier-gain:within=all:weights=none")(pool)
    assert scores[:, :2].min() > scores[:, 2].max()


@pytest.mark.parametrize("name", ["bald", "brier-gain"])
def test_blocks_are_put_together_rightly(name):
    """A pool of several blocks: scores of rows that repeat are those of the rows."""
    pool = drawn(images=50)
    many = replace(pool, entries=np.full_like(pool.entries, -1)).take(np.tile(np.arange(50), 30))
    scores = resolve(f"{name}:within=all")(many)
    few = resolve(f"{name}:within=all")(replace(pool, entries=np.full_like(pool.entries, -1)))
    scale = 30 if name == "brier-gain" else 1
    np.testing.assert_allclose(scores, np.tile(scale * few, (30, 1)), rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", ["bald", "brier-gain"])
def test_one_member_tells_nothing(name):
    pool = drawn(members=1)
    assert (resolve(f"{name}:within=all")(pool)[pool.askable] == 0).all()
