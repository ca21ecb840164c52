"""The highest of many scores, in order: in little memory, and equals by chance.

Chance travels with the images, so that their order in the pool decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from alasl.seeds import spread

Places = NDArray[np.intp]
# What decides between equals: a number for each of some places, higher = first.
Chance = Callable[[Places], NDArray[np.floating]]

# Entries handled at once, so that a pool of any size can be ranked in little memory.
BLOCK = 1 << 20


def highest(scores: NDArray[np.floating], chance: Chance, count: int) -> Places:
    """Places of the `count` highest of (n,) scores, in order; `chance` decides between equals."""
    found = _unordered(scores, chance, count)
    return np.asarray(found[np.lexsort((chance(found), scores[found]))[::-1]])


def highest_of_blocks(
    blocks: Iterable[tuple[int, NDArray[np.bool_], NDArray[np.floating]]],
    chance: Chance,
    count: int,
) -> Places:
    """As `highest`, of blocks that come by and by: the first one's place, which of them count, and
    their scores. Few are held at a time."""
    places, scores = np.empty(0, np.intp), np.empty(0)
    border = -np.inf
    for start, there, found in blocks:
        high = np.flatnonzero(there & (found >= border))
        places = np.concatenate([places, start + high])
        scores = np.concatenate([scores, found.ravel()[high]])
        if len(places) > 2 * count:
            best = _unordered(scores, lambda at: chance(places[at]), count)  # noqa: B023
            places, scores = places[best], scores[best]
            border = scores.min()
    return places[highest(scores, lambda at: chance(places[at]), count)]


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
    """The rows of a pool of (N, L) entries, in blocks of about `BLOCK` entries."""
    rows = max(1, BLOCK // max(shape[1], 1))
    for start in range(0, shape[0], rows):
        yield slice(start, min(start + rows, shape[0]))


def entry_chance(ties: NDArray[np.float64], labels: int) -> Chance:
    """Draws of entries by place, in (N, L) read row by row, from one draw (N,) for each image."""

    def draws(places: Places) -> NDArray[np.floating]:
        rows, cols = np.divmod(places, labels)
        some, back = np.unique(rows, return_inverse=True)
        return np.asarray(spread(ties[some], labels)[back, cols])

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
