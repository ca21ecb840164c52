"""AUDI's label ranking: its published steps in plain loops, and its threshold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models.estimators.ranking import Ranker, Ranking, RankingSettings, Steps

IMAGES, WIDTH, LABELS, VECTORS, SPACE = 30, 5, 8, 2, 3
RATE = 0.02


class Recorded:
    """A generator that remembers what it drew, for a loop that draws the same."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.orders: list[list[int]] = []
        self.draws: list[list[int]] = []

    def permutation(self, count: int) -> np.ndarray:
        drawn = self.rng.permutation(count)
        self.orders.append(drawn.tolist())
        return drawn

    def integers(self, count: int, size: int) -> np.ndarray:
        drawn = self.rng.integers(count, size=size)
        self.draws.append(drawn.tolist())
        return drawn


def best(x, shared, vectors):
    """A label's score on an image, and which of its vectors gives it."""
    each = [float(vector @ (shared @ x)) for vector in vectors]
    return max(each), each.index(max(each))


def by_loops(x, present, absent, counts, shared, vectors, order, draws):
    """One epoch as published: B, V and their means over the steps."""
    shared, vectors = shared.astype(float), vectors.astype(float)
    sums, moves, summed = [np.zeros(shared.shape), np.zeros(vectors.shape)], 0, 0
    pairs = []
    for i in range(len(x)):
        pairs += [(i, j) for j in range(LABELS) if present[i, j]]
        pairs += [(i, LABELS)] if any(absent[i]) else []
    draws = iter(draws)
    for number, place in enumerate(order):
        i, y = pairs[place]
        others = [j for j in range(LABELS) if absent[i, j]] + ([LABELS] if y < LABELS else [])

        f, s = best(x[i], shared, vectors[y])
        for tried, place_of_other in enumerate(next(draws), 1):
            other = others[place_of_other]
            g, t = best(x[i], shared, vectors[other])
            if 1 + g - f > 0:
                rank = math.floor(len(others) / tried)
                weight = [*counts[i], 1.0]
                step = RATE * sum(1 / k for k in range(1, rank + 1)) * weight[y] * weight[other]
                mapped = shared @ x[i]
                b, c = vectors[y, s].copy(), vectors[other, t].copy()
                vectors[y, s] += step * mapped
                vectors[other, t] -= step * mapped
                shared += step * np.outer(b - c, x[i])
                moves += 1
                break
        if number == 0 or (moves > 10 and number % 5 == 0):
            sums[0] += shared
            sums[1] += vectors
            summed += 1
    return sums[0] / summed, sums[1] / summed


def test_it_takes_the_published_steps():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((IMAGES, WIDTH)).astype(np.float32) / 2
    entries = rng.integers(-1, 2, (IMAGES, LABELS))
    entries[2] = -1
    present, absent = entries == 1, entries == 0
    counts = rng.random((IMAGES, LABELS)).astype(np.float32) + 0.5
    shared = rng.standard_normal((SPACE, WIDTH)).astype(np.float32)
    vectors = rng.standard_normal((LABELS + 1, VECTORS, SPACE)).astype(np.float32)
    recorded = Recorded(1)
    steps = Steps(Ranker(shared, vectors), RATE, recorded)
    steps.epoch(x, present, absent, counts)
    found = steps.mean()
    expected = by_loops(
        x, present, absent, counts, shared, vectors, recorded.orders[0], recorded.draws
    )
    assert len(recorded.draws) == present.sum() + absent.any(axis=1).sum()
    np.testing.assert_allclose(found.shared, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.vectors, expected[1], rtol=1e-4, atol=1e-5)
    for i in range(IMAGES):
        tops = [max(float(b @ (found.shared @ x[i])) for b in each) for each in found.vectors]
        lead = [top - tops[-1] for top in tops[:-1]]
        np.testing.assert_allclose(found.scores(x)[i], lead, rtol=1e-4, atol=1e-5)


def test_the_dummy_label_parts_what_is_present_from_what_is_not():
    rng = np.random.default_rng(0)
    truth = rng.random((300, 3)) < 0.3
    features = (2.0 * truth @ np.eye(3, 10) + 0.3 * rng.standard_normal((300, 10))) * 3
    entries = np.where(rng.random(truth.shape) < 0.5, -1, truth).astype(np.int8)
    inputs = Inputs(features=features.astype(np.float32))
    model = Ranking(3)
    model.fit(inputs, entries)
    assert ((model.logits(inputs) > 0) == truth)[entries < 0].mean() > 0.95


def test_an_unknown_entry_is_never_stepped_on():
    """Where two labels alone are known, the vectors of the others stay as they were drawn."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((30, WIDTH)).astype(np.float32)
    known = np.zeros((30, LABELS), np.bool_)
    known[:, :2] = True
    truth = rng.random((30, LABELS)) < 0.5
    vectors = rng.standard_normal((LABELS + 1, VECTORS, SPACE)).astype(np.float32)
    start = Ranker(rng.standard_normal((SPACE, WIDTH)).astype(np.float32), vectors)
    steps = Steps(start, 0.1, rng)
    steps.epoch(x, known & truth, known & ~truth, np.ones(truth.shape, np.float32))
    moved = np.abs(steps.mean().vectors - vectors).max(axis=(1, 2)) > 1e-4
    assert moved.tolist() == [True, True, *[False] * (LABELS - 2), True]


def test_it_learns_after_a_fit_with_nothing_known():
    features = np.random.default_rng(0).standard_normal((60, 6), dtype=np.float32)
    inputs, truth = Inputs(features=features), (features[:, :2] > 0).astype(np.int8)
    model = Ranking(2)
    model.fit(inputs, np.full_like(truth, -1))
    assert (model.logits(inputs) == 0).all()
    model.fit(inputs, truth, warm_start=True)
    assert ((model.logits(inputs) > 0) == truth).mean() > 0.8


@pytest.mark.parametrize("wrong", [{"rate": 0.0}, {"rate": float("nan")}, {"space": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match="must be"):
        RankingSettings(**wrong)
