"""Likely positives: the entries that the model holds most likely to be present."""

from __future__ import annotations

from alasl.strategies.balance import Within, balanced
from alasl.strategies.base import Pool, Scores, strategy


@strategy(
    "entry-positive",
    paper="certainty sampling, Lewis and Gale 1994, for each entry",
    needs=("probabilities",),
    unit="entry",
)
def entry_positive(pool: Pool, *, within: Within = "label") -> Scores:
    """Largest probability p: few entries are present, and each of them teaches much.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    """
    return balanced(pool.need("probabilities"), pool, within)
