"""Images in any form they may be given, each with the id by which files about them call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data import tars
from alasl.data.images import images_below
from alasl.data.inputs import Inputs
from alasl.errors import DataError

Images = Inputs | NDArray[np.floating] | Sequence[str | Path] | str | Path


@dataclass(frozen=True, eq=False)
class NamedImages:
    """Images as a model sees them, and their ids (N)."""

    ids: Sequence[str]
    inputs: Inputs


def named_images(images: Images) -> NamedImages:
    """Files, a folder or a tar (the images in it, sorted), or features (n, D), with their ids.

    An image of a folder is called by its path below it, one of a tar by its key (see `tars.ids`),
    another by its path, features by their row (from 0). Raises `DataError` where there is none.

    >>> named_images(np.zeros((2, 3))).ids
    ('0', '1')
    """
    if isinstance(images, np.ndarray):
        if images.ndim != 2:
            raise DataError("features must be one row for each image", seen=f"shape {images.shape}")
        images = Inputs(features=images)
    if isinstance(images, Inputs):
        if images.paths is None:
            return NamedImages(tuple(map(str, range(len(images)))), images)
        return NamedImages(tuple(path.as_posix() for path in images.files()), images)
    if isinstance(images, str | Path):
        place = Path(images)
        if place.is_dir():
            return _called(images_below(place), place)
        images = [place]
    files: list[Path] = []
    for path in map(Path, images):
        files += images_below(path) if tars.is_tar(path) else [path]
    if not files:
        raise DataError("there are no images here", where=str(images))
    return _called(files)


def _called(files: Sequence[Path], folder: Path | None = None) -> NamedImages:
    packed = [file for file in files if tars.holder(file) != file]
    keys = dict(zip(packed, tars.ids(packed, folder), strict=True))
    names = (
        keys.get(file) or (file.relative_to(folder) if folder else file).as_posix()
        for file in files
    )
    return NamedImages(tuple(names), Inputs(paths=tuple(files)))
