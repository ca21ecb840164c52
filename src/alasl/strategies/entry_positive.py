"""Likely positives: the entries that the model holds most likely to be present."""

from __future__ import annotations

from alasl.strategies.balance import Within, balanced, likely, ranked_by
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.streamed import Labelwise, Rank


def ranker(pool: Labelwise, *, within: Within = "label") -> Rank:
    """What scores some labels, see `entry_positive`."""
    return ranked_by(likely, pool, within)


@strategy(
    "entry-positive",
    paper="certainty sampling, Lewis and Gale 1994, for each entry",
    needs=("probabilities",),
    unit="entry",
    ranker=ranker,
)
def entry_positive(pool: Pool, *, within: Within = "label") -> Scores:
    """Largest probability p: few entries are present, and each of them teaches much.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    """
    return balanced(pool.need("probabilities"), pool, within)
