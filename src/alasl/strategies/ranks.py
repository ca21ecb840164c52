"""Fast sorting of scores that are 0 or more."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def ascending(
    values: NDArray[np.float32], rows: NDArray[np.intp]
) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
    """`rows`, (n,), in the order of their values, 0 or more, and the values as whole numbers.

    The whole numbers are equal where the values are, and ordered as they are.
    """
    # The bits of numbers >= 0 are ordered as the numbers are. So value and row are sorted as one
    # whole number, in a tenth of the time that sorting places takes. Adding 0 mends -0.
    bits = (values + np.float32(0)).view(np.int32).astype(np.int64)
    keys = np.sort(bits << 32 | rows)
    return keys >> 32, keys & 0xFFFFFFFF


def mean_ranks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,): the rank of each value, 0 or more, from 1 for the least; equals share their mean."""
    level, order = ascending(values, np.arange(len(values)))
    starts = np.flatnonzero(np.append(True, level[1:] != level[:-1]))
    sizes = np.diff(np.append(starts, len(values)))
    ranks = np.empty(len(values))
    ranks[order] = np.repeat(starts + (sizes + 1) / 2, sizes)
    return ranks
