"""Entropy: the images of which the model is least sure (eq. 6)."""

from __future__ import annotations

from typing import Literal

import numpy as np

from alasl.labels import UNKNOWN
from alasl.measures.base import Pool, Scores, measure

Form = Literal["printed", "binary"]
Over = Literal["all", "unknown"]

# Rows handled at once: a block of float64 stays in the processor's cache, whatever the pool's size.
BLOCK = 2048


@measure("entropy", paper="eq. 6", needs=("probabilities",))
def entropy(pool: Pool, *, form: Form = "printed", over: Over = "all") -> Scores:
    """Largest sum over labels of the entropy of the model's probabilities p.

    form: `printed` is eq. 6 as it stands, -p ln p, which peaks at p = 1/e and not at 1/2;
        `binary` is the entropy of a yes/no label, -p ln p - (1 - p) ln(1 - p).
    over: `all` labels, as the paper does, or only the `unknown` ones, which are what is asked.
    """
    assert pool.probabilities is not None
    scores = np.empty(len(pool))
    for start in range(0, len(pool), BLOCK):
        rows = slice(start, start + BLOCK)
        p = pool.probabilities[rows].astype(np.float64)
        terms = _p_log_p(p)
        if form == "binary":
            terms += _p_log_p(1 - p)
        if over == "unknown":
            terms *= pool.entries[rows] == UNKNOWN
        scores[rows] = -terms.sum(axis=1)
    return scores


def _p_log_p(p: Scores) -> Scores:
    # The limit at p = 0 is 0: log 1 stands in for log 0.
    return np.asarray(p * np.log(np.where(p > 0, p, 1.0)))
