"""Entropy: the images of which the model is least sure (eq. 6)."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.labels import UNKNOWN
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks

Form = Literal["printed", "binary"]
Over = Literal["all", "unknown"]

TINY = float(np.nextafter(0, 1))


@strategy("entropy", paper="eq. 6", needs=("probabilities",), reads_rows=True)
def entropy(pool: Pool, *, form: Form = "printed", over: Over = "all") -> Scores:
    """Largest sum over labels of the entropy of the model's probabilities p.

    form: `printed` is eq. 6 as it stands, -p ln p, which peaks at p = 1/e and not at 1/2;
        `binary` is the entropy of a yes/no label, -p ln p - (1 - p) ln(1 - p).
    over: `all` labels, as the paper does, or only the `unknown` ones, which are what is asked.
    """
    probabilities = pool.need("probabilities")
    scores = np.empty(len(pool))

    def add(rows: slice) -> None:
        p = probabilities[rows].astype(np.float64)
        terms = minus_p_log_p(p) if form == "printed" else binary_entropy(p)
        if over == "unknown":
            terms *= pool.entries[rows] == UNKNOWN
        scores[rows] = terms.sum(axis=1)

    in_blocks(add, len(pool))
    return scores


def binary_entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """-p ln p - (1 - p) ln(1 - p) of each probability, in a new array."""
    terms = minus_p_log_p(p)
    terms += minus_p_log_p(1 - p)
    return terms


def minus_p_log_p(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """-p ln p of each probability, 0 at p = 0, in a new array."""
    # The limit at p = 0 is 0: the log of a number above 0 stands in for log 0.
    terms = np.maximum(p, TINY)
    np.log(terms, out=terms)
    terms *= p
    return np.abs(terms, out=terms)
