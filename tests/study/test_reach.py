"""When curves reach a level, against plain loops, and intervals that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alasl.seeds import stream
from alasl.study.reach import RESAMPLES, Curves, bootstrap_t, times_sooner


def some(seeds: int = 5, seed: int = 0, rate: float = 1.0) -> Curves:
    rng = np.random.default_rng(seed)
    took = [np.array([0.0, 100, 250, 600, 1500]) for _ in range(seeds)]
    heights = [60 * (1 - np.exp(-rate * t / 400)) + rng.normal(0, 1, 5) for t in took]
    return Curves.of(took, heights)


def first(points: np.ndarray, means: np.ndarray, level: float) -> float:
    """In a plain loop."""
    for at, height in enumerate(means):
        if height >= level:
            if at == 0:
                return float(points[0])
            share = (level - means[at - 1]) / (height - means[at - 1])
            return float(points[at - 1] + share * (points[at] - points[at - 1]))
    return math.inf


@pytest.mark.parametrize("level", [-9.0, 10.0, 30.0, 50.0, 99.0])
def test_a_level_is_reached_where_a_loop_says(level: float) -> None:
    curves = some()
    weights = np.array([[1.0, 1, 1, 1, 1], [2, 0, 0, 1, 2]])
    found = curves.reached(weights, np.full(2, level))
    for weight, one in zip(weights, found, strict=True):
        mean = np.zeros(len(curves.points))
        for seed, times in enumerate(weight):
            mean += times * curves.heights[seed] / weight.sum()
        assert one == pytest.approx(first(curves.points, mean, level))
    assert curves.needed(level) == pytest.approx(found[0])


def test_curves_of_other_points_are_brought_together_by_lines() -> None:
    curves = Curves.of(
        [np.array([0.0, 10, 20]), np.array([0.0, 16])], [np.array([0, 5, 6.0]), np.array([1, 9.0])]
    )
    assert (curves.points[0], curves.points[-1]) == (0.0, 16.0)
    assert curves.level(8.0) == pytest.approx((4.0 + 5.0) / 2)
    assert curves.level(99.0) == pytest.approx((5.6 + 9.0) / 2)


def test_the_interval_is_what_loops_make_of_it() -> None:
    values = np.array([1.0, 2.0, 4.0, 8.0, 9.5, 3.0])

    def mean(weights: np.ndarray) -> np.ndarray:
        return np.asarray(weights @ values / weights.sum(axis=1))

    counts = stream(0, "bootstrap-t").multinomial(6, np.full(6, 1 / 6), RESAMPLES)
    apart = []
    for count in counts:
        sample = np.repeat(values, count)
        error = sample.std(ddof=1) / math.sqrt(6)
        if error > 1e-12:
            apart.append((sample.mean() - values.mean()) / error)
    low, high = np.quantile(apart, [0.025, 0.975])
    error = values.std(ddof=1) / math.sqrt(6)
    found = bootstrap_t(mean, 6)
    assert (found.mean, found.n) == (pytest.approx(values.mean()), 6)
    assert found.low == pytest.approx(values.mean() - high * error)
    assert found.high == pytest.approx(values.mean() - low * error)
    assert math.isnan(bootstrap_t(lambda w: w @ values[:2] / w.sum(axis=1), 2).low)


def test_a_curve_is_once_as_soon_as_itself_and_twice_as_soon_as_a_slower_one() -> None:
    same = times_sooner(some(), some(), 500)
    assert (same.mean, same.low, same.high) == (1.0, 1.0, 1.0)
    twice = times_sooner(some(seed=1, rate=2.0), some(seed=2), 500)
    assert 1.6 < twice.low < twice.mean < twice.high < 2.6


@pytest.mark.slow
def test_intervals_of_ten_seeds_cover() -> None:
    # Paired runs whose curves share a part, and whose true ratio is 2.
    rng = np.random.default_rng(0)
    took = np.array([0.0, 100, 200, 400, 800, 1600])
    held, times = 0, 200
    for _ in range(times):
        each: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
        for _ in range(10):
            level, slope = rng.normal(0, 2), 12 + rng.normal(0, 1.5)
            for rate, into in ((2.0, each[0]), (1.0, each[1])):
                rise = slope * np.log1p(rate * took / 100)
                into.append(40 + level + rise + rng.normal(0, 0.6, len(took)))
        curves = [Curves.of([took] * 10, list(heights)) for heights in each]
        found = times_sooner(curves[0], curves[1], 1000)
        # Between points curves are straight lines, on which the ratio is not quite 2.
        exact = [Curves.of([took], [12 * np.log1p(rate * took / 100)]) for rate in (2.0, 1.0)]
        truth = exact[1].needed(exact[1].level(1000)) / exact[0].needed(exact[1].level(1000))
        held += found.low <= truth <= found.high
    assert 0.9 <= held / times <= 0.99
