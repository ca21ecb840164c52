"""The highest of many scores, in order: in little memory, and equals by chance.

Chance travels with the images, so that their order in the pool decides nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from alasl.seeds import spread_at

Places = NDArray[np.intp]
# What decides between equals: a number for each of some places, higher = first.
Chance = Callable[[Places], NDArray[np.floating]]

# Entries handled at once, so that a pool of any size can be ranked in little memory.
BLOCK = 1 << 20


def highest(scores: NDArray[np.floating], chance: Chance, count: int) -> Places:
    """Places of the `count` highest of (n,) scores, in order; `chance` decides between equals."""
    found = _unordered(scores, chance, count)
    return np.asarray(found[np.lexsort((chance(found), scores[found]))[::-1]])


class Best:
    """The `count` highest of scores that come in parts; few are held at a time.

    The order of the parts decides nothing. One thread at a time.
    """

    def __init__(self, chance: Chance, count: int) -> None:
        self._chance, self._count = chance, count
        self._places, self._scores = np.empty(0, np.intp), np.empty(0)
        self.border = -np.inf
        """The least score that may still come among the highest."""

    def add(
        self,
        scores: NDArray[np.floating],
        there: NDArray[np.bool_],
        place: Callable[[Places], Places],
    ) -> None:
        """Take a part of the scores, of those that are `there`.

        place: from places in the part, read row by row, to those in the whole.
        """
        high = np.flatnonzero(there & (scores >= self.border))
        self._places = np.concatenate([self._places, place(high)])
        self._scores = np.concatenate([self._scores, scores.ravel()[high]])
        if len(self._places) > 2 * self._count:
            best = _unordered(self._scores, lambda at: self._chance(self._places[at]), self._count)
            self._places, self._scores = self._places[best], self._scores[best]
            self.border = self._scores.min()

    def found(self) -> tuple[Places, NDArray[np.float64]]:
        """Places and scores of the highest, in order."""
        order = highest(self._scores, lambda at: self._chance(self._places[at]), self._count)
        return self._places[order], self._scores[order]


def highest_of_blocks(
    blocks: Iterable[tuple[int, NDArray[np.bool_], NDArray[np.floating]]],
    chance: Chance,
    count: int,
) -> Places:
    """As `highest`, of blocks that come by and by: the first one's place, which of them count, and
    their scores. Few are held at a time."""
    best = Best(chance, count)
    for start, there, found in blocks:
        best.add(found, there, lambda high: start + high)  # noqa: B023
    return best.found()[0]


def _unordered(scores: NDArray[np.floating], chance: Chance, count: int) -> Places:
    if count >= len(scores):
        return np.arange(len(scores))
    border = np.partition(scores, -count)[-count]
    found = np.flatnonzero(scores > border)
    level = np.flatnonzero(scores == border)
    short = count - len(found)
    if short < len(level):
        level = level[np.argpartition(chance(level), -short)[-short:]]
    return np.concatenate([found, level])


def row_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """The rows of a pool of (N, L) entries, or (N,) images, in blocks of about `BLOCK` of them."""
    rows = max(1, BLOCK // max(math.prod(shape[1:]), 1))
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))


def entry_chance(ties: NDArray[np.float64], labels: int) -> Chance:
    """Draws of entries by place, in (N, L) read row by row, from one draw (N,) for each image."""

    def draws(places: Places) -> NDArray[np.floating]:
        rows, cols = np.divmod(places, labels)
        return spread_at(ties[rows], cols)

    return draws


def highest_entries(
    askable: NDArray[np.bool_], scores: NDArray[np.floating], ties: NDArray[np.float64], count: int
) -> Places:
    """Places, in (N, L) read row by row, of the `count` highest askable entries, in order.

    askable, scores: (N, L). ties: (N,) draws of the images.
    """
    labels = askable.shape[1]
    blocks = ((b.start * labels, askable[b], scores[b]) for b in row_blocks(askable.shape))
    return highest_of_blocks(blocks, entry_chance(ties, labels), count)
