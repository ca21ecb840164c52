"""Features of one's own: a file or a folder of shards, .npy, npz or Parquet, with or without names.

A folder may be laid out as clip-retrieval writes it: `img_emb/*.npy`, and beside it
`metadata/*.parquet` with a column of the images' paths. A tar, as of webdataset, holds a `.npy`
file for each image.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from alasl.data import tars
from alasl.data.alike import Paths, path_parts
from alasl.errors import DataError, ResourceError

if TYPE_CHECKING:
    from pyarrow import Table

# What a column of images' names may be called, the likeliest first.
NAMED = ("image", "image_path", "file_name", "filename", "path", "key", "image_id", "id")
# Where clip-retrieval puts the features, and the names.
SHARDS, METADATA = "img_emb", "metadata"

# What NumPy raises for files that are cut off or of something else.
BROKEN = (OSError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile, zlib.error)

# NumPy's advice to run what is in such a file.
_PICKLE = re.compile(r"(pickled \(object\) data)\..*", re.DOTALL)

Features = NDArray[np.floating]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Shard:
    """Features (n, D) of one file, and the images (n) that they are of, where it says so."""

    path: Path
    features: Features
    images: tuple[str, ...] | None = None


def holds_features(path: Path) -> bool:
    """Whether a file, or a folder, is one of features, and no table that brings some."""
    if path.suffix.lower() != ".npz" or path.is_dir():
        return bool(_files(path))
    try:
        with np.load(path, allow_pickle=False) as file:
            return "features" in file.files and "labels" not in file.files
    except BROKEN:
        return True  # to read it tells why


def read_shards(path: Path) -> list[Shard]:
    """The features of a file or folder, in the order of the files' numbers.

    Raises `DataError` for what cannot be read, and where only some of the files name images;
    `ResourceError` for Parquet where pyarrow is not installed.
    """
    files = _files(path)
    if not files:
        raise DataError(
            "no features are here", where=str(path), do="name a .npy file, or a folder of such"
        )
    names = _in_turn(path / METADATA, "parquet") if path.is_dir() else []
    if names and len(names) != len(files):
        raise DataError(
            f"there must be one file of {METADATA} for each of features",
            where=str(path),
            seen=f"{len(names)} for {len(files)}",
        )
    shards = [_read(file) for file in files]
    if names:
        shards = [_named(shard, file) for shard, file in zip(shards, names, strict=True)]
    if len({shard.images is None for shard in shards}) > 1:
        raise DataError("only some of the files say which images they are of", where=str(path))
    first = shards[0].features
    for shard in shards:
        if shard.features.shape[1:] != first.shape[1:]:
            raise DataError(
                "all files of features must be of one width",
                where=str(shard.path),
                seen=f"shape {shard.features.shape}; the first has {first.shape}",
            )
    return shards


def images_of(shards: Sequence[Shard]) -> tuple[str, ...]:
    """What the images of all rows are called; by the rows' numbers where no file says."""
    if shards[0].images is None:
        return tuple(map(str, range(sum(len(shard.features) for shard in shards))))
    return tuple(chain.from_iterable(shard.images or () for shard in shards))


def joined(shards: Sequence[Shard]) -> Features:
    """(N, D): the rows of all shards; of a single one as it lies on the disk."""
    if len(shards) == 1:
        return shards[0].features
    return np.concatenate([shard.features for shard in shards])


def features_for(path: Path, images: Sequence[str]) -> Features:
    """(N, D): the features that a file or folder has of a table's images (N), in their order.

    Where it says which images it is of, they are found by their names, or the only path that a
    name can mean; others are left out, with a warning. Else the rows are in the table's order.
    Raises `DataError` where an image has none, or two that differ; see also `read_shards`.
    """
    shards = read_shards(path)
    if shards[0].images is None:
        return joined(shards)
    row_of = _rows(images)
    kind = np.result_type(*(shard.features.dtype for shard in shards))
    if not np.issubdtype(kind, np.floating):
        raise DataError("features must be floats", where=str(path), seen=str(kind))
    found = np.empty((len(images), *shards[0].features.shape[1:]), kind)
    has = np.zeros(len(images), np.bool_)
    for shard in shards:
        places = [row_of(name) for name in shard.images or ()]
        rows = [row for row, place in enumerate(places) if place is not None]
        at = np.array([place for place in places if place is not None], np.intp)
        values = np.asarray(shard.features[rows], kind)
        differ = has[at] & _differ(found[at], values)
        found[at], has[at] = values, True
        # Of an image that comes twice in one file the last row is there now.
        differ |= _differ(found[at], values)
        if differ.any():
            raise DataError(
                f"the image {images[at[differ.argmax()]]!r} has two different rows of features",
                where=str(shard.path),
            )
    if not has.all():
        raise DataError(
            f"{(~has).sum()} of the table's {len(images)} images have no features there",
            where=str(path),
            seen=f"first {images[int(has.argmin())]!r}",
        )
    more = sum(len(shard.features) for shard in shards) - len(images)
    if more > 0:
        _log.warning("%s: %d rows of features are of no image of the table, or twice", path, more)
    return found


def _rows(images: Sequence[str]) -> Callable[[str], int | None]:
    """Finds the row of an image by its name, or by the only path that the name can mean."""
    known = {image: row for row, image in enumerate(images)}

    @cache
    def alike() -> Paths[int]:
        return Paths((path_parts(image) or [image], row) for image, row in known.items())

    def row_of(name: str) -> int | None:
        if name in known:
            return known[name]
        fits = alike().fits(name)
        return fits[0] if len(fits) == 1 else None

    return row_of


def _differ(one: Features, other: Features) -> NDArray[np.bool_]:
    """(n,): whether rows differ; what is no number is like itself."""
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    return np.asarray(~same.all(axis=tuple(range(1, same.ndim))))


def _files(path: Path) -> list[Path]:
    """The file itself, or those of a folder, in the order of their numbers."""
    if not path.is_dir():
        return (
            [path] if path.suffix.lower() in (".npy", ".npz", ".parquet") or _rows_in(path) else []
        )
    for folder, ending in ((path / SHARDS, "npy"), (path, "npy"), (path, "parquet")):
        if found := _in_turn(folder, ending):
            return found
    return [*filter(_rows_in, _in_turn(path, "tar"))]


def _in_turn(folder: Path, ending: str) -> list[Path]:
    """The files of a folder of one ending, by their numbers; macOS hides some beside them."""
    return sorted((one for one in folder.glob(f"*.{ending}") if one.name[0] != "."), key=_numbers)


def _rows_in(path: Path) -> list[Path]:
    """The files of features in a tar, one for each image; none where it is no tar."""
    return [one for one in tars.members(path) if one.suffix == ".npy"] if tars.is_tar(path) else []


def _numbers(path: Path) -> list[Any]:
    """By which shard 10 comes after shard 9."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", path.name)]


def _read(path: Path) -> Shard:
    if path.suffix.lower() == ".parquet":
        return _of_columns(path, _table(path))
    try:
        # Never pickle: a file from elsewhere must not run code.
        if inside := _rows_in(path):
            rows = [np.load(io.BytesIO(tars.content(one)), allow_pickle=False) for one in inside]
            return Shard(path, np.stack(rows), tuple(tars.ids(inside)))
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return _checked(Shard(path, loaded))
        if "features" not in loaded.files:
            raise DataError(
                "this npz has no array `features`", where=str(path), seen=", ".join(loaded.files)
            )
        images = tuple(map(str, loaded["images"])) if "images" in loaded.files else None
        return _checked(Shard(path, loaded["features"], images))
    except BROKEN as error:
        raise DataError(
            f"the features cannot be read as {path.suffix.lower()}",
            where=str(path),
            seen=_PICKLE.sub(r"\1", str(error)).partition("\n")[0] or type(error).__name__,
        ) from error


def _table(path: Path) -> Table:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ResourceError(
            "reading Parquet needs pyarrow", where=str(path), do="pip install 'alasl[parquet]'"
        ) from error
    try:
        # Not all that a name may stand for: a folder's name says nothing of what its files hold.
        table: Table = parquet.ParquetFile(path).read()
    except (OSError, ArrowException) as error:
        raise DataError(
            "the file cannot be read as Parquet", where=str(path), seen=str(error).splitlines()[0]
        ) from error
    return table


def _of_columns(path: Path, table: Table) -> Shard:
    """The one column of lists of numbers as features, and a column of names where there is one."""
    import pyarrow as pa

    def vectors(kind: pa.DataType) -> bool:
        of_lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
        of_lists = of_lists or pa.types.is_fixed_size_list(kind)
        return bool(of_lists and pa.types.is_floating(kind.value_type))

    columns = [field.name for field in table.schema if vectors(field.type)]
    if len(columns) != 1:
        raise DataError(
            "one column must hold the features, lists of floats",
            where=str(path),
            seen=", ".join(columns) or f"none among {', '.join(table.column_names)}",
        )
    lists = table.column(columns[0]).combine_chunks()
    values = np.asarray(lists.flatten())
    if lists.null_count or len(table) == 0 or len(values) % len(table):
        raise DataError("all rows must have features of one width", where=str(path))
    lengths = np.unique(np.asarray(lists.value_lengths()))
    if len(lengths) > 1:
        raise DataError(
            "all rows must have features of one width",
            where=str(path),
            seen=f"{lengths[0]} to {lengths[-1]}",
        )
    return Shard(path, values.reshape(len(table), -1), _name_column(path, table))


def _named(shard: Shard, metadata: Path) -> Shard:
    """The shard with the names that its file of metadata has."""
    images = _name_column(metadata, _table(metadata))
    if images is None:
        raise DataError(
            "no column names the images", where=str(metadata), do=f"name it {NAMED[1]!r}"
        )
    return _checked(Shard(shard.path, shard.features, images))


def _name_column(path: Path, table: Table) -> tuple[str, ...] | None:
    for name in NAMED:
        if name in table.column_names:
            column: list[Any] = table.column(name).to_pylist()
            if None in column:
                raise DataError(
                    f"{column.count(None)} rows of the column {name!r} are empty", where=str(path)
                )
            return tuple(map(str, column))
    return None


def _checked(shard: Shard) -> Shard:
    """Raises `DataError` unless there is a name for each row."""
    if not shard.features.ndim:
        raise DataError("features must be one row for each image", where=str(shard.path))
    rows = len(shard.features)
    if shard.images is not None and len(shard.images) != rows:
        raise DataError(
            "there must be one row of features for each image named",
            where=str(shard.path),
            seen=f"{rows} rows for {len(shard.images)} images",
        )
    return shard
