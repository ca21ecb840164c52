"""How many labels images have: what the labelled ones tell of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN
from alasl.strategies.base import Pool
from alasl.strategies.blocks import BLOCK, in_blocks

# A label counts as predicted where its probability is above this.
THRESHOLD = 0.5


def mean_cardinality(pool: Pool) -> float:
    """The mean number of labels of an image: the sum over labels of how often they are present.

    That is the share of present among the known entries of the labelled images; of a label of
    which none is known there, its mean probability over the pool.
    """
    entries = pool.need("labelled").entries
    known = np.count_nonzero(entries != UNKNOWN, axis=0)
    present = np.count_nonzero(entries == PRESENT, axis=0)
    shares = present / np.maximum(known, 1)
    if not (known > 0).all():
        shares = np.where(known > 0, shares, _mean(pool.need("probabilities")))
    return float(shares.sum())


def _mean(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """(L,): the mean of each label's probabilities (N, L)."""
    parts = np.empty((-(-len(probabilities) // BLOCK), probabilities.shape[1]))

    def add(rows: slice) -> None:
        parts[rows.start // BLOCK] = probabilities[rows].sum(axis=0, dtype=np.float64)

    in_blocks(add, len(probabilities))
    return np.asarray(parts.sum(axis=0) / len(probabilities))


def predicted(probabilities: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The labels that the model predicts."""
    return np.asarray(probabilities > THRESHOLD)
