"""What is to be predicted for: a folder, files, a table, or features, each image with its id."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from alasl.data.dataset import check_features
from alasl.data.formats import read
from alasl.data.images import images_below
from alasl.data.inputs import Inputs
from alasl.data.named_images import NamedImages, named_images
from alasl.errors import DataError, UsageError

# What is a table or features by its name; any other file is taken for an image.
SPECIAL = (".csv", ".tsv", ".json", ".jsonl", ".npy", ".npz")


def find_images(
    given: Sequence[Path], *, own_features: bool = False, images: Path | None = None
) -> NamedImages:
    """The images that a command line names.

    given: a folder, image files, or one table or file of features. An image is called by its path
    below the folder, where one folder is given; by its path; as the table calls it; by its row.
    own_features: whether the features that a table brings are to be taken, rather than its images.
    images: the folder of a table's image files.
    Raises `DataError` where there is none, `UsageError` for what goes not together.
    """
    for path in given:
        if not path.exists():
            raise DataError("there is no such file or folder", where=str(path))
    special = [path for path in given if path.is_file() and path.suffix.lower() in SPECIAL]
    if special and len(given) > 1:
        raise UsageError(
            "a table, or a file of features, is given alone",
            seen=", ".join(str(path) for path in given[:5]),
        )
    if not special:
        return _files(given)
    (path,) = special
    if found := _features(path):
        return found
    data = read(path, empty="unknown", images=images, require_images=False)
    if data.features is not None and own_features:
        return NamedImages(data.labels.images, Inputs(features=data.features))
    if data.paths is None:
        raise DataError(
            "no image file of this table was found",
            where=str(path),
            do="name their folder with --image-folder",
        )
    return NamedImages(data.labels.images, Inputs(paths=data.paths))


def _files(given: Sequence[Path]) -> NamedImages:
    """Image files, and those below folders, each once."""
    if len(given) == 1:
        return named_images(given[0])
    found = [images_below(path) if path.is_dir() else [path] for path in given]
    return named_images(list(dict.fromkeys(path for some in found for path in some)))


def _features(path: Path) -> NamedImages | None:
    """Features of one's own, from .npy or an npz that is no table; None for other files."""
    if path.suffix.lower() not in (".npy", ".npz"):
        return None
    try:
        # Never pickle: a file from elsewhere must not run code.
        loaded = np.load(path, allow_pickle=False, mmap_mode="r")
        if isinstance(loaded, np.ndarray):
            arrays = {"features": loaded}
        elif "labels" in loaded.files or "features" not in loaded.files:
            return None
        else:
            arrays = {name: loaded[name] for name in ("features", "images") if name in loaded.files}
    except (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            "the features cannot be read", where=str(path), seen=str(error).splitlines()[0]
        ) from error
    features = arrays["features"]
    images = arrays.get("images", np.arange(len(features)) if features.ndim else np.arange(0))
    check_features(features, len(images), where=str(path))
    return NamedImages(tuple(str(image) for image in images), Inputs(features=features))
