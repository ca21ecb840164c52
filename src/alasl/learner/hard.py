"""Targets for models that take no probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.labels import UNKNOWN, Entries


def hardened(
    targets: NDArray[np.float32], weights: NDArray[np.float32] | None
) -> tuple[Entries, NDArray[np.float32] | None]:
    """Probabilities (n, L) for a model that takes 1, 0 and -1 only: the likelier one of the two.

    How sure it is becomes its weight; an unknown entry stays one, at weight 1.
    """
    unknown = targets < 0
    likelier = np.where(unknown, UNKNOWN, targets > 0.5).astype(np.int8)
    sure = np.where(unknown, 1, np.abs(2 * targets - 1)).astype(np.float32)
    weights = sure if weights is None else weights * sure
    return likelier, None if (weights == 1).all() else weights
