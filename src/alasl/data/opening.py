"""The data set and the split that settings name."""

from __future__ import annotations

import logging
from collections.abc import Callable
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

_log = logging.getLogger(__name__)

_SHOWN = 5


def read_data(
    settings: DataSettings,
    *,
    trust: bool = True,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The data set that the settings name, with the predictions that they name.

    skip_bad: leave out images whose files are missing or cannot be decoded, with a warning that
    counts them; progress(done, of) is then called as they are looked at. trust: whether a format
    that is a Python file may run; `UsageError` is raised where it may not.
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
        require_images=not skip_bad,
    )
    if skip_bad:
        dataset = _whole(dataset, progress)
    if not settings.predictions:
        return dataset
    labels = dataset.labels
    return replace(dataset, predictions=read_all(settings.predictions, labels.images, labels.names))


def _whole(dataset: Dataset, progress: Callable[[int, int], None] | None) -> Dataset:
    good, bad = dataset.readable(progress)
    for path, why in bad[:_SHOWN]:
        _log.warning("left out: %s: %s", path, why)
    if bad:
        _log.warning("%d of %d images are left out", len(bad), len(dataset))
    return good


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
