"""Images that look alike stand side by side in a grid, so that one look judges several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.project.folder import FEATURES, MODEL


def side_by_side(features: ArrayLike) -> list[int]:
    """An order of the rows of features (n, D): from the first on, always to the nearest one left.

    Nearest by the cosine of what sets them apart from the mean of all n. Rows that have no
    features (NaN) come last, in the order in which they came.
    """
    given = np.asarray(features, np.float32)
    there = np.flatnonzero(~np.isnan(given).any(axis=1))
    order: list[int] = []
    if len(there):
        apart = given[there] - given[there].mean(axis=0)
        apart /= np.maximum(np.linalg.norm(apart, axis=1, keepdims=True), 1e-12)
        likeness = apart @ apart.T
        at = 0
        for _ in there:
            order.append(int(there[at]))
            likeness[:, at] = -np.inf
            at = int(likeness[at].argmax())
    return order + sorted(set(range(len(given))) - set(order))


def features_of(folder: Path, images: Sequence[int]) -> NDArray[np.float32] | None:
    """(n, D): features of images by their numbers, NaN for those without; None where none are kept.

    folder: a project's, with features that came with it, or those that its last training made.
    """
    for path in (folder / FEATURES, folder / MODEL / FEATURES):
        try:
            kept = np.load(path, mmap_mode="r")
        except (OSError, ValueError):  # there are none, or a training puts others in their place
            continue
        found = np.full((len(images), kept.shape[1]), np.nan, np.float32)
        for place, image in enumerate(images):
            if image < len(kept):
                found[place] = kept[image]
        return found
    return None
