"""The data set and the split that settings name."""

from __future__ import annotations

from pathlib import Path

from alasl.data.dataset import Dataset
from alasl.data.formats import read
from alasl.data.split import Split, read_split, stratified_split
from alasl.settings import DataSettings


def read_data(settings: DataSettings) -> Dataset:
    """The data set that the settings name."""
    return read(
        Path(settings.data),
        labels=settings.labels,
        format=settings.format,
        empty=settings.empty,  # type: ignore[arg-type]  # the settings checked it
        images=settings.image_folder,
        features=settings.features,
    )


def make_split(dataset: Dataset, settings: DataSettings) -> Split:
    """Clean set, pool and test set: from the named file, else stratified by seed."""
    if settings.split:
        return read_split(Path(settings.split), dataset.labels, settings.seed, settings.clean)
    return stratified_split(dataset.labels, settings.seed, settings.clean, settings.test)
