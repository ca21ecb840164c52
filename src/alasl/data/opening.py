"""The data set and the split that settings name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.dataset import Dataset
from alasl.data.duplicates import groups_of
from alasl.data.formats import FORMATS, read
from alasl.data.predictions import read_all
from alasl.data.split import Split, read_split, stratified_split
from alasl.settings import DataSettings


def read_data(settings: DataSettings, *, trust: bool = True) -> Dataset:
    """The data set that the settings name, with the predictions that they name.

    trust: whether a format that is a Python file may run; `UsageError` is raised where it may not.
    """
    if settings.format and not trust:
        FORMATS.resolve(settings.format, trust=False)
    dataset = read(
        Path(settings.data),
        labels=settings.labels,
        format=settings.format,
        empty=settings.empty,  # type: ignore[arg-type]  # the settings checked it
        images=settings.image_folder,
        features=settings.features,
    )
    if not settings.predictions:
        return dataset
    labels = dataset.labels
    return replace(dataset, predictions=read_all(settings.predictions, labels.images, labels.names))


def make_split(
    dataset: Dataset, settings: DataSettings, features: NDArray[np.floating] | None = None
) -> Split:
    """Clean set, pool and test set: from the named file, else stratified by seed.

    Images whose files have the same content fall into one part, as do those that are nearly the
    same by a backbone's `features` (N, D), where these are given.
    """
    groups = groups_of(dataset, features)
    if settings.split:
        path = Path(settings.split)
        return read_split(path, dataset.labels, settings.seed, settings.clean, groups)
    return stratified_split(dataset.labels, settings.seed, settings.clean, settings.test, groups)
