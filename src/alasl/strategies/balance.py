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
from alasl.strategies.base import Columns, Pool, Scores
from alasl.strategies.blocks import in_blocks
from alasl.strategies.ranks import ascending
from alasl.strategies.streamed import Labelwise, Rank, needed

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
    rank = _ranks(pool.ties)

    def fill(columns: slice) -> None:
        values = of(np.ascontiguousarray(worth[:, columns].T, np.float32))
        askable = np.ascontiguousarray(pool.askable[:, columns].T)
        scores[:, columns] = rank(values, askable, columns.start).T

    in_blocks(fill, worth.shape[1], LABELS)
    return scores


def ranked_by(
    worth: Callable[[slice, Columns], Scores],
    pool: Labelwise,
    within: Within,
    of: Callable[[Scores], Scores] | None = None,
) -> Rank:
    """As `balanced`, of some labels at a time; worth: (N, n) of some labels."""
    of, rank = of or _itself, _ranks(pool.ties)

    def scores(labels: slice, columns: Columns) -> Scores:
        found = worth(labels, columns)
        if within == "all":
            return of(found)
        values = of(np.ascontiguousarray(found.T, np.float32))
        return rank(values, np.ascontiguousarray(columns.askable.T), labels.start).T

    return scores


def likely(labels: slice, columns: Columns) -> Scores:  # noqa: ARG001  what `ranked_by` takes
    """The probabilities of some labels, for `ranked_by`."""
    return needed(columns.probabilities, "probabilities")


def _ranks(
    ties: NDArray[np.float64],
) -> Callable[[NDArray[np.float32], NDArray[np.bool_], int], NDArray[np.float32]]:
    """What gives 1 / rank of some labels' entries, (n, N), from their values and which may be
    asked, (n, N) each, and the number of the first label."""
    by_rank = (1 / np.arange(1, len(ties) + 1)).astype(np.float32)

    def rank(
        values: NDArray[np.float32], askable: NDArray[np.bool_], first: int
    ) -> NDArray[np.float32]:
        found = np.zeros(values.shape, np.float32)
        for place in range(len(values)):
            rows = np.flatnonzero(askable[place])
            order = _descending(values[place, rows], rows, ties, first + place)
            found[place, order] = by_rank[: len(rows)]
        return found

    return rank


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
