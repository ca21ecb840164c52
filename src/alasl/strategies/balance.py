"""Balance over labels: entries compared within their label, as many of each label asked first.

mAP counts every label alike, but only a few per cent of all entries are present, most of them of
the common labels: a comparison over all labels asks about those few and forgets the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.seeds import spread
from alasl.strategies.base import Pool, Scores
from alasl.strategies.blocks import in_blocks
from alasl.strategies.ranks import ascending

Within = Literal["label", "all"]

# Labels handled at once: sixteen float32 side by side are one line of the processor's cache.
LABELS = 16


def balanced(
    worth: Scores, pool: Pool, within: Within, of: Callable[[Scores], Scores] | None = None
) -> Scores:
    """(N, L) scores from what each entry is worth, (N, L), 0 or more, higher = ask first.

    `label`: 1 / rank among the label's askable entries, so that the first of every label come
    before the second of any; the entries' draws decide between equals. `all`: the worth itself.
    of: takes each number given for its worth; where it is a function, it is called on parts.
    """
    of = of or _itself
    return of(worth) if within == "all" else _by_rank(worth, pool, of)


def _itself(worth: Scores) -> Scores:
    return worth


def _by_rank(worth: Scores, pool: Pool, of: Callable[[Scores], Scores]) -> Scores:
    scores = np.empty(worth.shape, np.float32)
    by_rank = (1 / np.arange(1, len(worth) + 1)).astype(np.float32)

    def rank(columns: slice) -> None:
        values = of(np.ascontiguousarray(worth[:, columns].T, np.float32))
        askable = np.ascontiguousarray(pool.askable[:, columns].T)
        found = np.zeros(values.shape, np.float32)
        for place, label in enumerate(range(columns.start, columns.stop)):
            rows = np.flatnonzero(askable[place])
            order = _descending(values[place, rows], rows, pool.ties, label)
            found[place, order] = by_rank[: len(rows)]
        scores[:, columns] = found.T

    in_blocks(rank, worth.shape[1], LABELS)
    return scores


def _descending(
    values: NDArray[np.float32], rows: NDArray[np.intp], ties: NDArray[np.float64], label: int
) -> NDArray[np.intp]:
    """`rows`, (n,), the one of the highest value first; equals by their draws of the label."""
    level, order = ascending(values, rows)
    same = level[1:] == level[:-1]
    if same.any():
        equal = np.flatnonzero(np.append(same, False) | np.append(False, same))
        draws = spread(ties[order[equal]], 1, first=label)[:, 0]
        order[equal] = order[equal][np.lexsort((draws, level[equal]))]
    return order[::-1]
