"""Entropy of entries: those of which the model is least sure."""

from __future__ import annotations

import numpy as np

from alasl.strategies.balance import Within, balanced, likely, ranked_by
from alasl.strategies.base import Columns, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.entropy import binary_entropy
from alasl.strategies.entry_margin import margin
from alasl.strategies.streamed import Labelwise, Rank, needed


def ranker(pool: Labelwise, *, within: Within = "label") -> Rank:
    """What scores some labels, see `entry_entropy`."""
    if within == "label":
        return ranked_by(likely, pool, within, margin)

    def entropies(labels: slice, columns: Columns) -> Scores:  # noqa: ARG001
        p = needed(columns.probabilities, "probabilities")
        scores = np.zeros(p.shape, np.float32)
        scores[columns.askable] = binary_entropy(p[columns.askable].astype(np.float64))
        return scores

    return entropies


@strategy(
    "entry-entropy",
    paper="Lewis and Gale 1994, for each entry",
    needs=("probabilities",),
    unit="entry",
    ranker=ranker,
)
def entry_entropy(pool: Pool, *, within: Within = "label") -> Scores:
    """Largest entropy of the model's probability p, -p ln p - (1 - p) ln(1 - p).

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries, and scores are the entropies.
    """
    probabilities = pool.need("probabilities")
    if within == "label":
        # The order within a label is that of the margin, which takes no logarithm.
        return balanced(probabilities, pool, within, margin)
    scores = np.zeros(pool.entries.shape, np.float32)

    def fill(rows: slice) -> None:
        askable = pool.askable[rows]
        scores[rows][askable] = binary_entropy(probabilities[rows][askable].astype(np.float64))

    in_blocks(fill, len(pool))
    return scores
