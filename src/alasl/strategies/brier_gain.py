"""Brier gain: the entries whose answers should reduce the squared error over the pool most.

The members of an ensemble are hypotheses of equal weight. An answer to the entry (i, l) weighs
each by how likely it held that answer, and so moves the mean prediction m of every other entry.
What the squared error of all predictions, summed, is expected to fall by has a closed form:

    q_il = c_il^T G c_il / (E^2 m_il (1 - m_il)),    G = sum over the pool's entries of w_l c c^T,

where c_il is the E-vector of the members' predictions less their mean, and w_l weighs labels. G is
E x E, so that one pass over the pool finds it and one more all gains; what labels have to do with
each other comes in through the members.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.strategies.balance import Within, balanced
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.blocks import BLOCK, in_blocks

Weights = Literal["prevalence", "none"]


@strategy(
    "brier-gain",
    paper="Roy and McCallum 2001, for an ensemble in closed form",
    needs=("members",),
    unit="entry",
    work="N L E^2",
)
def brier_gain(pool: Pool, *, within: Within = "label", weights: Weights = "prevalence") -> Scores:
    """Largest expected fall of the squared error over the whole pool, by the ensemble.

    within: `label` compares an entry with those of its label only, as many of each first; `all`
        compares all entries.
    weights: `prevalence` weighs a label's error by 1 / its mean probability, as mAP counts all
        labels alike; `none` counts all entries alike.
    """
    members = pool.need("members")
    count, images, labels = members.shape
    block = max(1, BLOCK // count)
    blocks = -(-images // block)
    # Of each block apart, so that the order in which threads end does not change the sums.
    scatter = np.empty((blocks, labels, count, count))
    present = np.empty((blocks, labels))

    def add(rows: slice) -> None:
        p = members[:, rows].astype(np.float64)
        mean = p.mean(axis=0)
        centred = (p - mean).transpose(2, 0, 1)
        scatter[rows.start // block] = centred @ centred.transpose(0, 2, 1)
        present[rows.start // block] = mean.sum(axis=0)

    in_blocks(add, images, block)
    weight = _weight(present.sum(axis=0) / images, weights)
    target = (scatter.sum(axis=0) * weight[:, None, None]).sum(axis=0)
    worth = np.zeros(pool.entries.shape, np.float32)

    def fill(rows: slice) -> None:
        askable = pool.askable[rows]
        p = members[:, rows][:, askable].astype(np.float64)
        mean = p.mean(axis=0)
        p -= mean
        gain = np.einsum("ek,ek->k", target @ p, p)
        possible = count**2 * mean * (1 - mean)
        # Where the members are certain alike they cannot be told apart: nothing is gained.
        there = np.divide(gain, possible, out=np.zeros_like(gain), where=possible > 0)
        worth[rows][askable] = np.maximum(there, 0)

    in_blocks(fill, images, block)
    return balanced(worth, pool, within)


def _weight(prevalence: NDArray[np.float64], weights: Weights) -> NDArray[np.float64]:
    """(L,): what each label's squared error counts."""
    if weights == "none":
        return np.ones(len(prevalence))
    # A label that no member gives any probability has no error that could fall.
    return np.divide(1, prevalence, out=np.zeros_like(prevalence), where=prevalence > 0)
