"""AP of one ranking, from entries that are known or estimated, for many tables at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]


def exact(tables: Array, last: NDArray[np.intp]) -> Array:
    """(M,): AP in [0, 1] of one label in M tables; NaN where a table has no present.

    tables: (N, M), 1 or 0, images best first. last: (N,), the last place of each image's equals.
    """
    above = np.cumsum(tables, axis=0)
    present = above[-1]
    hits = np.einsum("nm,nm->m", tables, above[last] / _ranks(tables, last))
    with np.errstate(invalid="ignore"):
        return np.asarray(hits / present)


def ratio(estimated: Array, last: NDArray[np.intp], least: Array | float) -> Array:
    """(M,): AP in [0, 1] of one label from unbiased estimates of its entries.

    estimated: (N, M), of M sets of estimates, best first; they may lie outside [0, 1]. The products
    of two different entries make the numerator unbiased where draws are independent, and y^2 = y.
    least: presents that are known, which the estimated number of presents never falls below.
    Complete entries give the exact AP.
    """
    # What stands above or level, without the entry itself, and the entry as one.
    above = np.cumsum(estimated, axis=0)[last] - estimated + 1
    hits = np.einsum("nm,nm->m", estimated, above / _ranks(estimated, last))
    return np.asarray(np.clip(hits / np.maximum(estimated.sum(axis=0), least), 0, 1))


def influence(present: NDArray[np.floating], last: NDArray[np.intp]) -> NDArray[np.float64]:
    """(N,): what each image's weight adds to the AP of a complete table, at weights of 1.

    present: (N,), 1 or 0, best first, one of them at least 1. Sums to 0. The derivative of the
    weighted AP, sum_i w_i y_i (C_i / R_i) / sum_i w_i y_i, with C and R the weighted counts above.
    """
    y = np.asarray(present, np.float64)
    above, rank = np.cumsum(y)[last], last + 1.0
    total = y.sum()
    precision = above / rank
    ap = (y * precision).sum() / total
    # An image moves C and R of every present at or below the first place of its equals.
    first = np.searchsorted(last, last)
    at_or_below = np.cumsum((y / rank)[::-1])[::-1][first]
    lost = np.cumsum((y * precision / rank)[::-1])[::-1][first]
    return np.asarray((y * (precision + at_or_below - ap) - lost) / total)


def _ranks(tables: Array, last: NDArray[np.intp]) -> Array:
    return np.asarray((last + 1).astype(tables.dtype)[:, None])
