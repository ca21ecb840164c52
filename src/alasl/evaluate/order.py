"""The rankings of a table's images, one for each label, equal scores as one place.

Where several models judged the images, each may be ranked among those of its own fold only, as one
model's scores need not compare with another's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Ranking:
    """One label's images, fold by fold, best first in each.

    images: (N,). last: (N,), for the image at each place, the last place (from 0) of its equals.
    start: (N,), the first place of its fold. share: (N,), images in all for each one of its fold.
    """

    images: Rows
    last: Rows
    start: Rows
    share: NDArray[np.float64]

    def others(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """(N, M): sums of values (N, M) over the other images ranked as high, by places.

        They are as many as would be there if the fold had all N images.
        """
        sums = np.cumsum(values, axis=0)
        before = np.where((self.start > 0)[:, None], sums[self.start - 1], 0)
        share = self.share.astype(values.dtype)[:, None]
        return np.asarray(share * (sums[self.last] - before - values))

    def ranks(self) -> NDArray[np.float64]:
        """(N,): the rank of each place among all N, from 1; equal scores have the last one's."""
        return np.asarray(1 + self.share * (self.last - self.start))


@dataclass(frozen=True, eq=False)
class Order:
    """The rankings of L labels: images and last (L, N), start and share (N,), as in `Ranking`."""

    images: Rows
    last: Rows
    start: Rows
    share: NDArray[np.float64]

    @classmethod
    def of(cls, scores: NDArray[np.floating], fold: Rows | None = None) -> Order:
        """By scores (N, L), higher = better, in each fold (N,); None where one model judged all.

        Raises `DataError` for a score that is NaN and for folds of another number of images.
        """
        if scores.ndim != 2 or (fold is not None and fold.shape != scores.shape[:1]):
            raise DataError(
                "scores must be (N, L), and folds (N,)",
                seen=f"{scores.shape}" + ("" if fold is None else f", {fold.shape}"),
            )
        if np.isnan(scores).any():
            row, col = (int(i[0]) for i in np.nonzero(np.isnan(scores)))
            raise DataError(
                "a score is NaN, so the images cannot be ranked", where=f"row {row}, column {col}"
            )
        part = np.zeros(len(scores), np.intp) if fold is None else fold
        images = np.lexsort((-scores.T, np.broadcast_to(part, scores.shape[::-1])), axis=1)
        ranked = np.take_along_axis(scores.T, images, axis=1)
        parts = np.sort(part)
        n = len(parts)
        ends = np.ones(ranked.shape, np.bool_)
        ends[:, :-1] = (ranked[:, 1:] != ranked[:, :-1]) | (parts[1:] != parts[:-1])
        last = np.where(ends, np.arange(n), n)
        last = np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1]
        start = np.searchsorted(parts, parts)
        size = np.searchsorted(parts, parts, "right") - start
        return cls(images, last.astype(np.intp), start, n / np.maximum(size, 1))

    def label(self, col: int) -> Ranking:
        """One label's ranking."""
        return Ranking(self.images[col], self.last[col], self.start, self.share)

    def take(self, columns: Rows) -> Order:
        """The rankings of some labels."""
        return Order(self.images[columns], self.last[columns], self.start, self.share)

    def mean_rank(self) -> NDArray[np.float64]:
        """(N, L): ranks among all N, between 0.5 and N + 0.5; equal scores share their mean."""
        places = np.arange(self.last.shape[1])
        starts = np.ones(self.last.shape, np.bool_)
        starts[:, 1:] = self.last[:, 1:] != self.last[:, :-1]
        first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
        inside = (first + self.last + 1) / 2 - self.start
        rank = np.empty(self.last.shape)
        np.put_along_axis(rank, self.images, 0.5 + self.share * inside, axis=1)
        return rank.T
