"""AP of one label, from entries that are known or estimated, for many tables at once.

Tables and estimates are (N, M), by the places of a `Ranking`. With one fold this is the usual AP:
the mean over the presents of the share of presents among the images ranked as high.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.order import Ranking

Array = NDArray[np.floating]


def exact(tables: Array, ranking: Ranking) -> Array:
    """(M,): AP in [0, 1] in M tables of 1 and 0; NaN where a table has no present."""
    with np.errstate(invalid="ignore"):
        return np.asarray(_hits(tables, ranking) / tables.sum(axis=0))


def ratio(estimated: Array, ranking: Ranking, least: Array | float) -> Array:
    """(M,): AP in [0, 1] from unbiased estimates of the entries, which may lie outside [0, 1].

    Products of two different entries make the numerator unbiased where draws are independent, and
    y^2 = y. least: presents that are known, which the estimated number never falls below.
    """
    presents = np.maximum(estimated.sum(axis=0), least)
    return np.asarray(np.clip(_hits(estimated, ranking) / presents, 0, 1))


def influence(present: NDArray[np.floating], ranking: Ranking) -> NDArray[np.float64]:
    """(N,): how AP moves with each image's weight, by places; sums to 0.

    present: (N,), 1 or 0, one of them at least 1.
    """
    y = np.asarray(present, np.float64)
    ranks, total = ranking.ranks(), y.sum()
    precision = (1 + ranking.others(y[:, None])[:, 0]) / ranks
    # An image counts among those above of every other one at or below it in its fold.
    gained = _at_or_below(ranking.share * y / ranks, ranking)
    lost = _at_or_below(ranking.share * y * precision / ranks, ranking)
    moves = y * (precision + gained) - lost - (y * precision).sum() / total * y
    return np.asarray((moves - moves.mean()) / total)


def _hits(values: Array, ranking: Ranking) -> Array:
    ranks = ranking.ranks().astype(values.dtype)[:, None]
    return np.asarray(np.einsum("nm,nm->m", values, (1 + ranking.others(values)) / ranks))


def _at_or_below(values: NDArray[np.float64], ranking: Ranking) -> NDArray[np.float64]:
    """(N,): sums over the other images of the fold that are ranked as low."""
    ends = np.append(ranking.start[1:] != ranking.start[:-1], True)
    places = np.arange(len(values))
    end = np.minimum.accumulate(np.where(ends, places, len(values))[::-1])[::-1]
    sums = np.append(0, np.cumsum(values))
    first = np.searchsorted(ranking.last, ranking.last)
    return np.asarray(sums[end + 1] - sums[first] - values)
