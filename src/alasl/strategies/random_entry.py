"""Random entries: the baseline that stands beside every other strategy of entries."""

from __future__ import annotations

import numpy as np

from alasl.seeds import spread
from alasl.strategies.balance import Within, balanced, ranked_by
from alasl.strategies.base import Columns, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.streamed import Labelwise, Rank


def ranker(pool: Labelwise, *, within: Within = "all") -> Rank:
    """What scores some labels, see `random_entry`."""

    def drawn(labels: slice, columns: Columns) -> Scores:  # noqa: ARG001
        draws = spread(pool.ties, labels.stop - labels.start, first=labels.start)
        return draws.astype(np.float32)

    return ranked_by(drawn, pool, within)


@strategy("random-entry", paper="the baseline of entries", unit="entry", ranker=ranker)
def random_entry(pool: Pool, *, within: Within = "all") -> Scores:
    """Any entry, by chance alone; `random` would ask one image's entries after the other's.

    within: `all` entries alike, or as many of each `label`.
    """
    scores = np.empty(pool.entries.shape, np.float32)

    def draw(rows: slice) -> None:
        scores[rows] = spread(pool.ties[rows], pool.entries.shape[1])

    in_blocks(draw, len(pool))
    return balanced(scores, pool, within)
