"""Images that are nearly the same, kept in one part of a project: no copy judges what it taught."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alasl.data.dataset import Dataset
from alasl.data.duplicates import near_pairs
from alasl.project.settings import ProjectSettings

Progress = Callable[[int, int], None]
Features = NDArray[np.floating]


def looked_at(
    dataset: Dataset, settings: ProjectSettings, progress: Progress | None = None
) -> Features | None:
    """(N, D): features of the images by which near ones are found; None where nobody looks.

    Features of one's own have no distance that is known to mean the same picture, so images
    without files are not compared. Raises `DataError` for files that cannot be decoded.
    """
    if not settings.near or dataset.paths is None:
        return None
    # Only then, as it takes seconds to import.
    from alasl.models.features import features_of

    return features_of(replace(dataset, features=None), progress=progress)


def near_rows(old: Features, new: Features) -> dict[int, int]:
    """For each row of `new` that is nearly the same as some of `old`, the first of these."""
    found: dict[int, int] = {}
    for one, other in near_pairs(np.concatenate([old, new]), since=len(old)).tolist():
        if one < len(old) <= other:
            found.setdefault(other - len(old), one)
    return found
