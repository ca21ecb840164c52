"""Picks one after the other: draws that travel with the images, k-means++, distances, clusters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.cluster.vq import kmeans2

from alasl.strategies import blocks, picks
from alasl.strategies.clusters import STEPS, k_means
from alasl.strategies.picks import by_draws, euclidean, farthest, in_turn, nearest_of, plus_plus


def test_the_order_of_the_draws_travels_with_the_images():
    rng = np.random.default_rng(0)
    ties, moved = rng.random(20), rng.permutation(20)
    order, one = by_draws(ties)
    again, two = by_draws(ties[moved])
    assert (moved[again] == order).all()
    assert one.random() == two.random()
    assert by_draws(rng.random(20))[1].random() != by_draws(ties)[1].random()
    assert by_draws(np.zeros(0))[0].shape == (0,)


@given(st.integers(0, 2**32 - 1))
def test_scores_put_the_picks_first_and_then_the_rest(seed):
    rng = np.random.default_rng(seed)
    ties, rest = rng.random(9), rng.integers(0, 3, 9).astype(float)
    order = np.argsort(ties)
    chosen = rng.permutation(9)[:4].tolist()
    expected = chosen + sorted(
        set(range(9)) - set(chosen), key=lambda i: (rest[i], ties[order[i]]), reverse=True
    )
    scores = in_turn(order, chosen, rest)
    assert np.argsort(-scores).tolist() == order[expected].tolist()
    assert (scores > 0).all()


@pytest.mark.slow
def test_plus_plus_draws_in_proportion_to_squared_distance():
    x = np.array([[0.0], [1], [2], [4], [4]], np.float32)
    counts, rng, draws = np.zeros(5), np.random.default_rng(0), 8000
    for _ in range(draws):
        nearest = np.full(5, np.inf, np.float32)
        first, second = plus_plus(euclidean(x), nearest, 2, rng, first=0)
        assert first == 0
        counts[second] += 1
        assert (nearest == ((x - x[[first, second]].T) ** 2).min(axis=1)).all()
    wanted = draws * np.array([0, 1, 4, 16, 16]) / 37
    assert (np.abs(counts - wanted) <= 4 * np.sqrt(wanted)).all()


def test_picks_end_where_all_images_are_picked_ones():
    x = np.array([[0.0, 0], [0, 0], [3, 4]], np.float32)
    for pick in (
        lambda d: plus_plus(d, np.full(3, np.inf, np.float32), 9, np.random.default_rng(0), 0),
        lambda d: farthest(d, np.full(3, np.inf, np.float32), 9),
    ):
        found = pick(euclidean(x))
        assert len(found) == 2
        assert 2 in found


@pytest.mark.parametrize("block", [1, 3, 100])
def test_nearest_in_blocks_is_the_nearest(block, monkeypatch):
    monkeypatch.setattr(picks, "BLOCK", block)
    monkeypatch.setattr(blocks, "BLOCK", block)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((17, 4), np.float32), rng.standard_normal((11, 4), np.float32)
    distance, which = nearest_of(x, y)
    for i in range(17):
        apart = ((x[i].astype(float) - y) ** 2).sum(axis=1)
        assert which[i] == apart.argmin()
        assert distance[i] == pytest.approx(apart.min(), rel=1e-4)
    assert np.isinf(nearest_of(x, y[:0])[0]).all()


def test_equal_images_far_from_the_origin_are_at_distance_0():
    x = np.full((3, 8), 1234.567, np.float32)
    x[2, 0] += 100
    assert (euclidean(x)(0)[:2] == 0).all()
    assert euclidean(x)(0)[2] == pytest.approx(100**2, rel=0.1)


def test_k_means_is_scipys_from_the_same_seeding():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(5 * c, 1, (30, 3)) for c in range(4)]).astype(np.float32)
    centres, cluster = k_means(x, 4, np.random.default_rng(1))
    again = np.random.default_rng(1)
    sample = x[again.permutation(len(x))]
    start = plus_plus(euclidean(sample), np.full(120, np.inf, np.float32), 4, again, first=0)
    wanted, _ = kmeans2(sample.astype(float), sample[start].astype(float), STEPS, minit="matrix")
    np.testing.assert_allclose(centres, wanted, rtol=1e-4)
    for i in range(len(x)):
        assert cluster[i] == ((x[i] - centres) ** 2).sum(axis=1).argmin()


def test_there_are_no_more_clusters_than_different_images():
    x = np.repeat(np.eye(3, dtype=np.float32), 5, axis=0)
    centres, cluster = k_means(x, 9, np.random.default_rng(0))
    assert len(centres) == 3
    assert len({tuple(cluster[5 * i : 5 * i + 5]) for i in range(3)}) == 3
