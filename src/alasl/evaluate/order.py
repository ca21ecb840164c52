"""The rankings of a table's images, one for each label, equal scores as one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Ranking:
    """One label's images, best first.

    images: (N,). last: (N,), for the image at each place, the last place (from 0) of its equals.
    """

    images: Rows
    last: Rows

    def others(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """(N, M): sums of values (N, M) over the other images ranked as high, by places."""
        return np.asarray(np.cumsum(values, axis=0)[self.last] - values)

    def ranks(self) -> NDArray[np.float64]:
        """(N,): the rank of each place, from 1; equal scores have the last one's."""
        return np.asarray(1.0 + self.last)


@dataclass(frozen=True, eq=False)
class Order:
    """The rankings of L labels: images and last (L, N), as in `Ranking`."""

    images: Rows
    last: Rows

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> Order:
        """By scores (N, L), higher = better.

        Raises `DataError` for a score that is NaN and for another shape.
        """
        if scores.ndim != 2:
            raise DataError("scores must be (N, L)", seen=str(scores.shape))
        if np.isnan(scores).any():
            row, col = (int(i[0]) for i in np.nonzero(np.isnan(scores)))
            raise DataError(
                "a score is NaN, so the images cannot be ranked", where=f"row {row}, column {col}"
            )
        negated = np.negative(scores.T, order="C")
        images = np.argsort(negated, axis=1, kind="stable")
        ranked = np.take_along_axis(negated, images, axis=1)
        n = ranked.shape[1]
        ends = np.ones(ranked.shape, np.bool_)
        ends[:, :-1] = ranked[:, 1:] != ranked[:, :-1]
        last = np.where(ends, np.arange(n), n)
        last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
        return cls(images, last.astype(np.intp))

    def label(self, col: int) -> Ranking:
        """One label's ranking."""
        return Ranking(self.images[col], self.last[col])

    def take(self, columns: Rows) -> Order:
        """The rankings of some labels."""
        return Order(self.images[columns], self.last[columns])

    def first(self) -> Rows:
        """(L, N): for the image at each place, the first place of its equals."""
        starts = np.ones(self.last.shape, np.bool_)
        starts[:, 1:] = self.last[:, 1:] != self.last[:, :-1]
        places = np.arange(self.last.shape[1])
        return np.maximum.accumulate(np.where(starts, places, 0), axis=1)

    def mean_rank(self) -> NDArray[np.float64]:
        """(N, L): ranks, between 1 and N; equal scores share their mean."""
        rank = np.empty(self.last.shape)
        np.put_along_axis(rank, self.images, 1 + (self.first() + self.last) / 2, axis=1)
        return rank.T
