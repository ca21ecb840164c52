"""Margin of entries: those whose probability is nearest to one half."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.strategies.balance import Within, balanced, likely, ranked_by
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.streamed import Labelwise, Rank


def ranker(pool: Labelwise, *, within: Within = "label") -> Rank:
    """What scores some labels, see `entry_margin`."""
    return ranked_by(likely, pool, within, margin)


@strategy(
    "entry-margin",
    paper="Lewis and Gale 1994, for each entry",
    needs=("probabilities",),
    unit="entry",
    ranker=ranker,
)
def entry_margin(pool: Pool, *, within: Within = "label") -> Scores:
    """Probability nearest to one half: largest 1 - |2 p - 1|.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    """
    return balanced(pool.need("probabilities"), pool, within, margin)


def margin(p: NDArray[np.floating]) -> NDArray[np.floating]:
    """1 - |2 p - 1|, from 0 to 1, of each probability."""
    # Written so that nothing is rounded: probabilities that differ keep their order.
    found = 1 - p
    np.minimum(found, p, out=found)
    found *= 2
    return found
