"""Which images of a data set are the same or nearly so, by what a backbone sees in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alasl.data.dataset import Dataset
from alasl.data.duplicates import groups_of
from alasl.settings import DataSettings

Progress = Callable[[int, int], None]
Features = NDArray[np.floating]


def grouped(dataset: Dataset, settings: DataSettings, progress: Progress | None = None) -> Dataset:
    """The data set with its groups, by which a split and folds keep copies together.

    Files of the same content are a group, and images that are nearly the same where the settings
    have `near`. progress(done, of): of features made.
    """
    groups = groups_of(dataset, looked_at(dataset, settings, progress))
    return replace(dataset, groups=np.arange(len(dataset)) if groups is None else groups)


def looked_at(
    dataset: Dataset, settings: DataSettings, progress: Progress | None = None
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
