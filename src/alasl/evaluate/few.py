"""Intervals of AP where every entry is known: how far it may differ on other images.

The jackknife sees how AP moves with the images that there are. Of a label with one present, or with
all presents on top, they hardly move it, and it says that nothing can change. So each label's
variance is joined with what AP would have if it were a share of as many draws as there are
presents, which counts as `PRIOR` presents more; and the interval is that of Clopper and Pearson for
a share of as many draws as would vary so. docs/results/audit/README.md has how often it holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from alasl.evaluate.intervals import LEVEL, NORMAL, Figure, clopper_pearson

Floats = NDArray[np.float64]
Ints = NDArray[np.intp]

PRIOR = 4


def of_labels(values: Floats, moves: Floats, draws: Ints) -> Figure:
    """The shares (L,) of labels, with their intervals.

    moves: (N, L), see `ap.jackknife`. draws: (L,), as of how many each varies, at least one: the
    presents, of AP.
    """
    shares, variance = _variances(values, moves, draws)
    wide = stdtrit(draws - 1 + PRIOR, (1 + LEVEL) / 2) / NORMAL
    seen = shares * (1 - shares) / variance / wide**2
    return Figure(values, *clopper_pearson(values * seen, seen))


def of_mean(values: Floats, moves: Floats, draws: Ints) -> Figure:
    """Their mean, with its interval; that of one label is the label's own."""
    if len(values) == 1:
        found = of_labels(values, moves, draws)
        return Figure(found.value[0], found.low[0], found.high[0])
    shares, variance = _variances(values, moves, draws)
    mean, share = values.mean(), shares.mean()
    seen = share * (1 - share) / _of_mean(moves, variance)
    return Figure(mean, *clopper_pearson(mean * seen, seen))


def reach_of_gain(moves: Floats, presents: Ints) -> float:
    """How far the 95 % interval of the mean of gains in AP reaches to either side.

    moves: (N, L), of the gains. Here what one present brings is told by all labels.
    """
    if not moves.any():
        return 0.0  # both say the same
    own = (moves**2).sum(axis=0)
    # The most cautious without a label with two presents: a gain of AP is at most 1.
    several = presents > 1
    each = (own * presents)[several].mean() if several.any() else 0.25
    error = np.sqrt(_of_mean(moves, _joined(moves, presents, each / presents)))
    return float(stdtrit((presents - 1).sum() + PRIOR, (1 + LEVEL) / 2) * error)


def _variances(values: Floats, moves: Floats, draws: Ints) -> tuple[Floats, Floats]:
    """(L,) each: shares that are neither 0 nor 1, and the variances of the values."""
    # One draw more, half a hit: what is always or never so does not vary.
    shares = (draws * values + 0.5) / (draws + 1)
    return shares, _joined(moves, draws, shares * (1 - shares) / draws)


def _joined(moves: Floats, presents: Ints, prior: Floats) -> Floats:
    """(L,): variances by the jackknife, and by `prior`, each as sure as it is."""
    df = presents - 1
    return np.asarray((df * (moves**2).sum(axis=0) + PRIOR * prior) / (df + PRIOR))


def _of_mean(moves: Floats, variance: Floats) -> Floats:
    """The variance of a mean over labels: the jackknife's, and what it does not see of each."""
    unseen = np.maximum(variance - (moves**2).sum(axis=0), 0)
    return np.asarray((moves.mean(axis=1) ** 2).sum() + unseen.sum() / len(variance) ** 2)
