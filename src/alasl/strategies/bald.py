"""BALD: the entries over which the members of an ensemble disagree."""

from __future__ import annotations

import numpy as np

from alasl.strategies.balance import Within, balanced
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.blocks import BLOCK, in_blocks
from alasl.strategies.entropy import binary_entropy


@strategy(
    "bald",
    paper="Houlsby et al. 2011; Gal et al. 2017",
    needs=("members",),
    unit="entry",
    work="N L E",
)
def bald(pool: Pool, *, within: Within = "label") -> Scores:
    """Largest entropy of the ensemble's mean less the mean entropy of its members.

    It is what the answer tells of which member is right, in nats: high where each is sure of
    something else, 0 where all are unsure alike.
    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    """
    members = pool.need("members")
    worth = np.zeros(pool.entries.shape, np.float32)

    def fill(rows: slice) -> None:
        askable = pool.askable[rows]
        p = members[:, rows][:, askable].astype(np.float64)
        gain = binary_entropy(p.mean(axis=0)) - binary_entropy(p).mean(axis=0)
        # Never below 0 but for rounding.
        worth[rows][askable] = np.maximum(gain, 0)

    in_blocks(fill, len(pool), max(1, BLOCK // len(members)))
    return balanced(worth, pool, within)
