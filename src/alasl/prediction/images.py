"""What is to be predicted for: a folder, files, a table, or features, each image with its id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from alasl.data import tars
from alasl.data.dataset import check_features
from alasl.data.feature_files import holds_features, images_of, joined, read_shards
from alasl.data.formats import read
from alasl.data.images import images_below
from alasl.data.inputs import Inputs
from alasl.data.named_images import NamedImages, named_images
from alasl.errors import DataError, UsageError

# What is a table or features by its name; any other file is taken for an image.
SPECIAL = (".csv", ".tsv", ".json", ".jsonl", ".npy", ".npz", ".parquet")


def find_images(
    given: Sequence[Path], *, own_features: bool = False, images: Path | None = None
) -> NamedImages:
    """The images that a command line names.

    given: a folder, image files, tars, or one table, or file or folder of features. An image is
    called by its path below the folder, where one folder is given; by its key in a tar; by its
    path; as the table, or what brings the features, calls it; by its row. own_features: whether the
    features that a table brings, or that lie in a folder, are to be taken, rather than images.
    images: the folder of a table's image files.
    Raises `DataError` where there is none, `UsageError` for what goes not together.
    """
    for path in given:
        if not (path.exists() or tars.is_file(path)):
            raise DataError("there is no such file or folder", where=str(path))
    special = [path for path in given if path.is_file() and path.suffix.lower() in SPECIAL]
    if own_features:
        special += [path for path in given if path not in special and holds_features(path)]
    if special and len(given) > 1:
        raise UsageError(
            "a table, or a file of features, is given alone",
            seen=", ".join(str(path) for path in given[:5]),
        )
    if not special:
        return _files(given)
    (path,) = special
    if holds_features(path):
        shards = read_shards(path)
        features, ids = joined(shards), images_of(shards)
        check_features(features, len(ids), where=str(path))
        return NamedImages(ids, Inputs(features=features))
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
    found = [images_below(path) if path.is_dir() or tars.is_tar(path) else [path] for path in given]
    return named_images(list(dict.fromkeys(path for some in found for path in some)))
