"""The rankings of a table's images, one for each label, equal scores as one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError


@dataclass(frozen=True, eq=False)
class Order:
    """images: (L, N), each label's images, best first. last: (L, N), for the image at each place,
    the last place (from 0) of those with the same score."""

    images: NDArray[np.intp]
    last: NDArray[np.intp]

    @classmethod
    def of(cls, scores: NDArray[np.floating]) -> Order:
        """The order by scores (N, L), higher = better; `DataError` where one is NaN."""
        if scores.ndim != 2:
            raise DataError("scores must be (N, L)", seen=str(scores.shape))
        if np.isnan(scores).any():
            row, col = (int(i[0]) for i in np.nonzero(np.isnan(scores)))
            raise DataError(
                "a score is NaN, so the images cannot be ranked", where=f"row {row}, column {col}"
            )
        images = np.argsort(-scores.T, axis=1, kind="stable")
        ranked = np.take_along_axis(scores.T, images, axis=1)
        places = np.broadcast_to(np.arange(ranked.shape[1]), ranked.shape)
        ends = np.ones(ranked.shape, np.bool_)
        ends[:, :-1] = ranked[:, 1:] != ranked[:, :-1]
        last = np.where(ends, places, ranked.shape[1])
        return cls(images, np.minimum.accumulate(last[:, ::-1], axis=1)[:, ::-1].astype(np.intp))

    def mean_rank(self) -> NDArray[np.float64]:
        """(N, L): ranks from 1, best first; equal scores share their mean."""
        places = np.arange(self.last.shape[1])
        starts = np.ones(self.last.shape, np.bool_)
        starts[:, 1:] = self.last[:, 1:] != self.last[:, :-1]
        first = np.maximum.accumulate(np.where(starts, places, 0), axis=1)
        rank = np.empty(self.last.shape)
        np.put_along_axis(rank, self.images, (first + self.last) / 2 + 1, axis=1)
        return rank.T
