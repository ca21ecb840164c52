"""Random entries: the baseline that stands beside every other strategy of entries."""

from __future__ import annotations

import numpy as np

from alasl.seeds import spread
from alasl.strategies.balance import Within, balanced
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks


@strategy("random-entry", paper="the baseline of entries", unit="entry")
def random_entry(pool: Pool, *, within: Within = "all") -> Scores:
    """Any entry, by chance alone; `random` would ask one image's entries after the other's.

    within: `all` entries alike, or as many of each `label`.
    """
    scores = np.empty(pool.entries.shape, np.float32)

    def draw(rows: slice) -> None:
        scores[rows] = spread(pool.ties[rows], pool.entries.shape[1])

    in_blocks(draw, len(pool))
    return balanced(scores, pool, within)
