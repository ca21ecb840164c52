"""Conditional entropy: what is unsure of an entry once the known entries of its image are used.

Labels depend on each other beyond what the model sees: an image known to show a plate is likelier
to show a fork. So each known entry of an image moves its other entries,

    logit q_il = logit p_il + strength x sum over known j of theta_jl (y_ij - p_ij),

by as much as it surprises the model, y - p. theta is the log odds ratio of two labels over all
images of which both are known, pool and labelled ones, with half an image added to each of the four
counts. Part of it is what the features tell already, hence a strength below 1. The score is the
entropy of q.

That is how labels depend on each other over all images; given what the model sees of the image
they depend less (Dembczynski et al. 2010 tell marginal from conditional dependence). Then theta_jl
is one Newton step from none towards the most likely one, with a standard normal prior:

    theta_jl = sum of s_j s_l / (1 + sum of s_j^2 p_l (1 - p_l)), s = y - p,

over the same images.

To ask for entries by conditional label dependence where labels are incomplete is Wu et al.'s idea;
they estimate the dependence in another way (docs/strategies.md).
"""

from __future__ import annotations

from typing import Annotated, Literal

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
    pool: Pool,
    *,
    within: Within = "label",
    strength: Annotated[float, Between(0, 1)] = 0.5,
    by: Literal["counts", "surprises"] = "counts",
) -> Scores:
    """Largest entropy given the image's known entries, by how labels go together.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    strength: how far a known entry moves the others; at 0 the score is `entry-entropy`'s.
    by: `counts` takes how labels go together over all images; `surprises`, how they do beyond what
        the model sees of each.
    """
    worth = np.zeros(pool.entries.shape, np.float32)
    theta = strength * (dependence(pool) if by == "counts" else conditional_dependence(pool))

    def fill(rows: slice) -> None:
        askable = pool.askable[rows]
        worth[rows][askable] = binary_entropy(conditional(pool, rows, theta)[askable])

    in_blocks(fill, len(pool))
    return balanced(worth, pool, within)


def conditional(pool: Pool, rows: slice, theta: Matrix) -> Matrix:
    """(n, L): q, the probability of each entry of some images given their known entries.

    theta: (L, L), what a surprise at the first label adds to the log odds of the second.
    """
    p = pool.need("probabilities")[rows].astype(np.float64)
    surprise = _surprise(pool.entries[rows], p)
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


def conditional_dependence(pool: Pool) -> Matrix:
    """(L, L): what a surprise at the first label adds to the second's log odds, 0 of itself."""
    labelled = pool.need("labelled")
    together, spread = _surprises(pool.entries, pool.need("probabilities"))
    others = _surprises(labelled.entries, labelled.need("probabilities"))
    theta = (together + others[0]) / (1 + spread + others[1])
    np.fill_diagonal(theta, 0)
    return np.asarray(theta)


def _surprises(entries: Entries, probabilities: NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """(L, L) each: the sums of s_j s_l, and of s_j^2 p_l (1 - p_l), over images that know both."""
    labels = entries.shape[1]
    parts = np.zeros((2, -(-len(entries) // BLOCK), labels, labels))

    def add(rows: slice) -> None:
        p, known = probabilities[rows].astype(np.float64), entries[rows] != UNKNOWN
        surprise = _surprise(entries[rows], p)
        parts[0, rows.start // BLOCK] = surprise.T @ surprise
        parts[1, rows.start // BLOCK] = np.square(surprise).T @ (known * p * (1 - p))

    in_blocks(add, len(entries))
    together, spread = parts.sum(axis=1)
    return together, spread


def _surprise(entries: Entries, p: Matrix) -> Matrix:
    return np.where(entries == UNKNOWN, 0, entries - p)


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
