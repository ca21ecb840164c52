"""AP from entries that are known or estimated: of one label and many tables, or of all labels.

Tables and estimates of one label are (N, M), by the places of a `Ranking`. AP is the mean over the
presents of the share of presents among the images ranked as high.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.order import Order, Ranking

Array = NDArray[np.floating]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Ranked:
    """AP by one model's rankings, as a `Measure`."""

    order: Order
    many = 1

    def exact(self, col: int, tables: Array) -> Array:
        """(1, M): of M tables of one label, (N, M), by images."""
        ranking = self.order.label(col)
        return exact(tables[ranking.images], ranking)[None]

    def estimated(self, col: int, values: Array, least: Array | float) -> Array:
        """(1, M): of estimates (N, M) without bias; see `ratio`."""
        ranking = self.order.label(col)
        return ratio(values[ranking.images], ranking, least)[None]


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


def jackknife(present: NDArray[np.bool_], order: Order) -> tuple[Floats, Floats]:
    """(L,): AP of each label of a complete table, and (N, L), how it moves with an image's weight.

    present: (N, L). The moves of a label sum to 0, and the length of their vector is the standard
    error of its AP over images of the same kind (the jackknife's limit for small weights). NaN for
    a label without a present.
    """
    y = np.take_along_axis(present.T, order.images, axis=1).astype(np.float64)
    ranks = 1.0 + order.last
    above = np.take_along_axis(np.cumsum(y, axis=1), order.last, axis=1) - y
    precision = (1 + above) / ranks
    total = y.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        ap = (y * precision).sum(axis=1, keepdims=True) / total
        # An image counts among those above of every other one at or below it.
        first = order.first()
        gained, lost = (
            _at_or_below(values, first) for values in (y / ranks, y * precision / ranks)
        )
        moves = y * (precision + gained - ap) - lost
        moves = (moves - moves.mean(axis=1, keepdims=True)) / total
    found = np.empty(moves.shape)
    np.put_along_axis(found, order.images, moves, axis=1)
    return ap[:, 0], found.T


def _hits(values: Array, ranking: Ranking) -> Array:
    ranks = ranking.ranks().astype(values.dtype)[:, None]
    return np.asarray(np.einsum("nm,nm->m", values, (1 + ranking.others(values)) / ranks))


def _at_or_below(values: Floats, first: NDArray[np.intp]) -> Floats:
    """(L, N): sums over the other images that are ranked as low."""
    sums = np.cumsum(values, axis=1)
    before = np.take_along_axis(sums - values, first, axis=1)
    return np.asarray(sums[:, -1:] - before - values)
