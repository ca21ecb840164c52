"""NumPy npz: `labels` int8 (N, L), `names`, `images`, and `features` (N, D) where there are any."""

from __future__ import annotations

import math
import shutil
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats.base import Features, Options, Table, table_format
from alasl.data.formats.strangers import ZIP, is_npz
from alasl.errors import DataError
from alasl.files import cache_folder, resource_errors
from alasl.labels import KEPT, Labels, misfit
from alasl.sparse import Sparse

# Bytes of an array that is not held in memory, and bytes that are copied at a time.
_LARGE, _COPIED = 2**24, 2**20
_FEATURES = "features"
_READ = ("labels", "names", "images", "sources", "source", _FEATURES)
# The header of a member of a zip archive; the lengths of its name and of what follows come last.
_LOCAL = struct.Struct("<4s5HLLLHH")
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# What reading a damaged or foreign file raises.
DAMAGE = (
    *(ValueError, TypeError, EOFError, RuntimeError, KeyError, OverflowError),
    *(zipfile.BadZipFile, zlib.error, struct.error, SyntaxError, tokenize.TokenError),
)


def _holds(path: Path, head: bytes) -> bool:
    return path.suffix.lower() == ".npz" or (head.startswith(ZIP) and is_npz(path))


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    try:
        arrays, there = _arrays(path)
    except OSError as error:
        raise DataError("the file cannot be read", where=str(path), seen=str(error)) from error
    # A damaged zip may claim a password, a later version, or nearly anything else.
    except DAMAGE as error:
        raise DataError("this is not a plain npz file", where=str(path), seen=str(error)) from error
    missing = [key for key in ("labels", "names", "images") if key not in arrays]
    if missing:
        raise DataError(
            f"the npz lacks {', '.join(missing)}",
            where=str(path),
            seen=", ".join(there) or "nothing",
        )
    entries: Any = arrays["labels"]
    if entries.ndim != 2 or entries.dtype.kind not in "iub":
        raise DataError(
            "'labels' must be integers (N, L)",
            where=str(path),
            seen=f"{entries.dtype} {entries.shape}",
        )
    large = entries.size > KEPT
    if large:
        # As a list, as most entries of a large table are unknown.
        entries = Sparse.of(entries)
    values = entries.values[:, None] if large else entries
    if misfit(values) is not None:
        raise DataError(
            "'labels' must be 1 (present), 0 (absent) or -1 (unknown)",
            where=str(path),
            seen=f"values from {values.min()} to {values.max()}",
        )
    origin: dict[str, Any] = {}
    if "sources" in arrays and "source" in arrays:
        sources, source = texts(path, "sources", arrays["sources"]), arrays["source"]
        if source.shape != entries.shape or not ((source >= 0) & (source < len(sources))).all():
            raise DataError("'source' does not fit 'labels' and 'sources'", where=str(path))
        if large:
            source = source.reshape(-1)[entries.places]
        origin = {"sources": sources, "source": source.astype(np.uint8)}
    plain = replace(entries, values=entries.values.astype(np.int8)) if large else entries
    labels = Labels(
        plain if large else entries.astype(np.int8),
        texts(path, "names", arrays["names"]),
        texts(path, "images", arrays["images"]),
        **origin,
    )
    return Table(labels, arrays.get(_FEATURES))


def _arrays(path: Path) -> tuple[dict[str, NDArray[Any]], list[str]]:
    """The arrays that make a table, and the names of all; others are not read, however large."""
    # Never pickle: a file from elsewhere must not run code.
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: member(path, file, key) for key in _READ if key in file.files}
        return arrays, file.files


def _mapped(path: Path, name: str) -> NDArray[Any] | None:
    """An array as it lies in the file, not loaded; None where it has to be unpacked or is empty."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(name)
        if member.compress_type != zipfile.ZIP_STORED:
            return None
        with archive.open(member) as file:
            version = np.lib.format.read_magic(file)
            if version not in _HEADERS:
                return None
            shape, fortran, dtype = _HEADERS[version](file)
            inside = file.tell()
    with path.open("rb") as whole:
        whole.seek(member.header_offset)
        local = whole.read(_LOCAL.size)
    *_, named, extra = _LOCAL.unpack(local)
    start = member.header_offset + _LOCAL.size + named + extra + inside
    if dtype.hasobject or not math.prod(shape):
        return None
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.memmap(path, dtype, "r", start, shape, order)


def member(path: Path, file: Any, name: str) -> NDArray[Any]:
    """An array of an open npz: mapped, where it lies unpacked in the file.

    One that is packed, and large, is unpacked into a file of the cache's that has no name.
    """
    found = _mapped(path, f"{name}.npy")
    if found is not None:
        return found
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo(f"{name}.npy").file_size < _LARGE:
            return np.asarray(file[name])
        with archive.open(f"{name}.npy") as packed, resource_errors(cache_folder()):
            shape, fortran, dtype = _HEADERS[np.lib.format.read_magic(packed)](packed)
            if dtype.hasobject:
                raise ValueError("an array of objects")
            cache_folder().mkdir(parents=True, exist_ok=True)
            unpacked = TemporaryFile(dir=cache_folder())  # noqa: SIM115  as long as its array
            shutil.copyfileobj(packed, unpacked, _COPIED)
    unpacked.flush()
    return np.memmap(unpacked, dtype, "r", 0, shape, "F" if fortran else "C")


def texts(path: Path, key: str, array: NDArray[Any]) -> tuple[str, ...]:
    """An array of a file as names. Raises `DataError` where it holds none."""
    if array.ndim != 1 or array.dtype.kind not in "US":
        raise DataError(
            f"{key!r} must be a list of texts",
            where=str(path),
            seen=f"{array.dtype} {array.shape}",
        )
    try:
        return tuple(
            np.char.decode(array, "utf-8").tolist() if array.dtype.kind == "S" else array.tolist()
        )
    except UnicodeDecodeError as error:
        raise DataError(f"{key!r} is not UTF-8", where=str(path), seen=str(error)) from error


def _write(labels: Labels, path: Path, features: Features | None) -> None:
    arrays: dict[str, Any] = {}
    for key, texts in (("names", labels.names), ("images", labels.images)):
        if any(text.endswith("\0") for text in texts):
            raise DataError("npz cannot carry a name that ends in a NUL", seen=key)
        arrays[key] = np.array(texts, dtype=np.str_)
    if len(labels.sources) > 1:
        arrays["sources"] = np.array(labels.sources, dtype=np.str_)
    if features is not None:
        arrays[_FEATURES] = features
    with zipfile.ZipFile(path, "w") as archive:
        _put_table(archive, "labels", labels, labels.of)
        if len(labels.sources) > 1:
            _put_table(archive, "source", labels, labels.source_of)
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                np.lib.format.write_array(file, np.asanyarray(array), allow_pickle=False)


def _put_table(
    archive: zipfile.ZipFile, name: str, labels: Labels, rows: Callable[[Any], NDArray[Any]]
) -> None:
    """Write a table (N, L), some rows at a time."""
    images, width = labels.shape
    dtype = rows(np.zeros(0, np.intp)).dtype
    header = {"descr": dtype.str, "fortran_order": False, "shape": labels.shape}
    step = max(1, KEPT // max(1, width))
    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, images, step):
            block = rows(np.arange(start, min(start + step, images)))
            file.write(np.ascontiguousarray(block).data)


table_format(
    "npz",
    "NumPy npz: labels int8 (1, 0, -1), names, images, and features if there are any",
    holds=_holds,
    write=_write,
    suffixes=(".npz",),
    carries_features=True,
)(_read)
