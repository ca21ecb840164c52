"""Conditional entropy: what is unsure of an entry once the known entries of its image are used.

Labels depend on each other beyond what the model sees: an image known to show a plate is likelier
to show a fork. So each known entry of an image moves its other entries,

    logit q_il = logit p_il + strength x sum over known j of theta_jl (y_ij - p_ij),

by as much as it surprises the model, y - p. theta is the log odds ratio of two labels over all
images of which both are known, pool and labelled ones, with half an image added to each of the four
counts. Part of it is what the features tell already, hence a strength below 1. The score is the
entropy of q.

To ask for entries by conditional label dependence where labels are incomplete is Wu et al.'s idea;
they estimate the dependence in another way (docs/strategies.md).
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.strategies.balance import Within, balanced
from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.blocks import BLOCK, in_blocks
from alasl.strategies.entropy import binary_entropy

Matrix = NDArray[np.float64]
# How near to certain a probability is taken to be at most.
CERTAIN = 1e-7


@strategy(
    "conditional-entropy",
    paper="after Wu et al. 2017",
    needs=("probabilities", "labelled"),
    unit="entry",
    work="N L^2",
)
def conditional_entropy(
    pool: Pool, *, within: Within = "label", strength: Annotated[float, Between(0, 1)] = 0.5
) -> Scores:
    """Largest entropy given the image's known entries, by how labels go together.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    strength: how far a known entry moves the others; at 0 the score is `entry-entropy`'s.
    """
    worth = np.zeros(pool.entries.shape, np.float32)
    theta = strength * dependence(pool)

    def fill(rows: slice) -> None:
        askable = pool.askable[rows]
        worth[rows][askable] = binary_entropy(conditional(pool, rows, theta)[askable])

    in_blocks(fill, len(pool))
    return balanced(worth, pool, within)


def conditional(pool: Pool, rows: slice, theta: Matrix) -> Matrix:
    """(n, L): q, the probability of each entry of some images given their known entries.

    theta: (L, L), what a surprise at the first label adds to the log odds of the second.
    """
    p, entries = pool.need("probabilities")[rows].astype(np.float64), pool.entries[rows]
    surprise = np.where(entries == UNKNOWN, 0, entries - p)
    p = np.clip(p, CERTAIN, 1 - CERTAIN)
    return np.asarray(1 / (1 + (1 / p - 1) * np.exp(-(surprise @ theta))))


def dependence(pool: Pool) -> Matrix:
    """(L, L): log odds ratios of the labels, 0 of a label with itself."""
    labelled = pool.need("labelled")
    both, first, second, neither = (
        _pairs(pool.entries, a, b) + _pairs(labelled.entries, a, b) + 0.5
        for a in (PRESENT, ABSENT)
        for b in (PRESENT, ABSENT)
    )
    ratio = np.log(both * neither / (first * second))
    np.fill_diagonal(ratio, 0)
    return np.asarray(ratio)


def _pairs(entries: Entries, one: int, other: int) -> Matrix:
    """(L, L): the images whose entry of the first label is `one`, and of the second `other`."""
    parts = np.zeros((-(-len(entries) // BLOCK), entries.shape[1], entries.shape[1]))

    def add(rows: slice) -> None:
        block = entries[rows]
        # Whole numbers of no more than a block's images: single precision holds them exactly.
        mine, theirs = (block == one).astype(np.float32), (block == other).astype(np.float32)
        parts[rows.start // BLOCK] = mine.T @ theirs

    in_blocks(add, len(entries))
    return np.asarray(parts.sum(axis=0))
