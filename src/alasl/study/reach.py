"""When mean curves reach a level, and how many times sooner one does, with an interval that covers.

A curve is mAP over what it took (answers, seconds), one for each seed. Intervals are bootstrap-t
(Efron and Tibshirani 1993, ch. 12): seeds are resampled, and the distance of each resample's figure
from that of all is measured in its own standard error, by the jackknife. Percentiles of resamples
alone are too narrow for ten seeds.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.seeds import stream
from alasl.study.stats import LEVEL, Interval

RESAMPLES = 1000
# Points at which curves are compared, evenly in the logarithm, from the first that is not 0.
_POINTS = 400

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curves:
    """mAP of each seed, (S, P), at the same points, (P,), ascending from 0."""

    points: Floats
    heights: Floats

    @classmethod
    def of(cls, took: Sequence[Floats], heights: Sequence[Floats]) -> Curves:
        """Curves of seeds, each with points of its own, brought to common ones by lines."""
        first = min(each[each > 0].min() for each in took)
        last = min(each[-1] for each in took)
        points = np.concatenate([[0.0], np.geomspace(first, last, _POINTS)])
        rows = [np.interp(points, *each) for each in zip(took, heights, strict=True)]
        return cls(points, np.array(rows))

    @property
    def mean(self) -> Floats:
        """(P,): the mean over seeds."""
        return np.asarray(self.heights.mean(axis=0))

    def level(self, point: float) -> float:
        """The mean at a point; at the last one, where it lies beyond."""
        return float(np.interp(point, self.points, self.mean))

    def needed(self, level: float) -> float:
        """Where the mean first reaches a level; infinite where it never does."""
        everybody = np.ones((1, len(self.heights)))
        return float(self.reached(everybody, np.array([level]))[0])

    def reached(self, weights: Floats, level: Floats) -> Floats:
        """(B,): where the mean under each weighting of seeds, (B, S), first reaches a level, (B,).

        Infinite where it never does.
        """
        means = self._means(weights)
        above = means >= level[:, None]
        at, every = above.argmax(axis=1), np.arange(len(means))
        before = np.maximum(at - 1, 0)
        low, high = means[every, before], means[every, at]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(at > 0, (level - low) / (high - low), 0.0)
        found = self.points[before] + share * (self.points[at] - self.points[before])
        return np.where(above.any(axis=1), found, np.inf)

    def levels(self, weights: Floats, point: float) -> Floats:
        """(B,): the mean at a point under each weighting of seeds, (B, S)."""
        return np.array([np.interp(point, self.points, mean) for mean in self._means(weights)])

    def _means(self, weights: Floats) -> Floats:
        return np.asarray(weights @ self.heights / weights.sum(axis=1, keepdims=True))


def times_sooner(curves: Curves, others: Curves, after: float) -> Interval:
    """How many times sooner curves reach what others have, on the mean, after so much.

    Both are of the same seeds, in the same order. A level that is there from the start counts as
    reached at the first point, and one that is never reached as at the last, so that the figure is
    then an upper bound.
    """

    def log_ratio(weights: Floats) -> Floats:
        level = others.levels(weights, after)
        took = [
            np.clip(each.reached(weights, level), each.points[1], each.points[-1])
            for each in (others, curves)
        ]
        return np.asarray(np.log(took[0] / took[1]))

    found = bootstrap_t(log_ratio, len(curves.heights))
    return Interval(math.exp(found.mean), math.exp(found.low), math.exp(found.high), found.n)


def bootstrap_t(statistic: Callable[[Floats], Floats], seeds: int) -> Interval:
    """A statistic of all seeds and its 95 % interval; see the module.

    statistic: from weights of the seeds, (B, S), its value for each of them, (B,).
    """
    value = float(statistic(np.ones((1, seeds)))[0])
    if seeds < 3:
        return Interval(value, math.nan, math.nan, seeds)
    error = float(_jackknife(statistic, np.ones((1, seeds)))[0])
    rng = stream(0, "bootstrap-t")
    counts = rng.multinomial(seeds, np.full(seeds, 1 / seeds), RESAMPLES).astype(np.float64)
    errors = _jackknife(statistic, counts)
    some = errors > 1e-12
    if not some.any():
        return Interval(value, value, value, seeds)
    apart = (statistic(counts)[some] - value) / errors[some]
    low, high = np.quantile(apart, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(value, value - float(high) * error, value - float(low) * error, seeds)


def _jackknife(statistic: Callable[[Floats], Floats], counts: Floats) -> Floats:
    """(B,): the standard error of each resample, whose seeds count (B, S) times."""
    many, seeds = counts.shape
    less = np.maximum(counts[:, None, :] - np.eye(seeds), 0)
    without = statistic(less.reshape(-1, seeds)).reshape(many, seeds)
    mean = (counts * without).sum(axis=1, keepdims=True) / seeds
    spread = (counts * (without - mean) ** 2).sum(axis=1)
    return np.asarray(np.sqrt((seeds - 1) / seeds * spread))
