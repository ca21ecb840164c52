"""Images in any form they may be given, each with the id by which files about them call it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

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
    """Files, a folder (the images below it, sorted), or features (n, D), with their ids.

    An image of a folder is called by its path below it, another by its path, features by their row
    (from 0). Raises `DataError` where there is none.

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
            below = images_below(place)
            ids = tuple(path.relative_to(place).as_posix() for path in below)
            return NamedImages(ids, Inputs(paths=tuple(below)))
        images = [place]
    files = tuple(Path(image) for image in images)
    if not files:
        raise DataError("there are no images here", where=str(images))
    return NamedImages(tuple(file.as_posix() for file in files), Inputs(paths=files))
