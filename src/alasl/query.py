"""The selector: from scores to the entries that are asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import UNKNOWN, Entries


@dataclass(frozen=True, eq=False)
class Query:
    """Entries to ask, by row and column of the pool; its length is what the answer costs.

    rows, cols: (n,) each; an image's entries stand together, the image wanted most first.
    """

    rows: NDArray[np.intp]
    cols: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def images(self) -> NDArray[np.intp]:
        """The distinct rows, in the order asked."""
        rows, first = np.unique(self.rows, return_index=True)
        return np.asarray(rows[np.argsort(first)])


def select_images(
    entries: Entries,
    scores: NDArray[np.floating],
    images: int,
    ties: NDArray[np.floating],
) -> Query:
    """Every unknown entry of the highest-scored images that have one; fewer where too few have.

    entries: int8 (N, L). scores: (N,), higher = ask first. images: how many.
    ties: (N,) draws, one for each image, that decide between equal scores (higher = first); they
        travel with the images, so that the images' order in the pool decides nothing.
    Raises `NothingToDo` where no entry is unknown.
    """
    if images < 1:
        raise UsageError("a query must ask at least one image", seen=str(images))
    for name, array in (("scores", scores), ("ties", ties)):
        if array.shape != entries.shape[:1] or np.isnan(array).any():
            raise DataError(
                f"{name} must be one number for each image",
                seen=f"shape {array.shape} for {len(entries)} images, "
                f"{int(np.isnan(array).sum())} NaN",
            )
    askable = np.flatnonzero((entries == UNKNOWN).any(axis=1))
    if len(askable) == 0:
        raise NothingToDo("no entry of the pool is unknown")
    rows = askable[_highest(scores[askable], ties[askable], images)]
    where, cols = np.nonzero(entries[rows] == UNKNOWN)
    return Query(rows[where], cols)


def _highest(
    scores: NDArray[np.floating], ties: NDArray[np.floating], count: int
) -> NDArray[np.intp]:
    """The `count` highest, in order; only the images at the border have their ties compared."""
    found = np.arange(len(scores))
    if count < len(scores):
        border = np.partition(scores, -count)[-count]
        found = np.flatnonzero(scores > border)
        level = np.flatnonzero(scores == border)
        short = count - len(found)
        found = np.concatenate([found, level[np.argpartition(ties[level], -short)[-short:]]])
    return np.asarray(found[np.lexsort((ties[found], scores[found]))[::-1]])
