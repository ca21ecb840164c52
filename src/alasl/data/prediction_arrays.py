"""Other models' predictions from arrays, which stay where they lie, and as a project keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.evidence import Predictions
from alasl.data.formats.npz import DAMAGE, member, texts
from alasl.data.names import Names
from alasl.data.placed import Placed
from alasl.data.prediction_text import no_probabilities
from alasl.data.spool import FULL, Column
from alasl.errors import DataError
from alasl.files import cache_folder, replacing, resource_errors
from alasl.sparse import Sparse

_TABLE = "probabilities"
# What a project keeps: the numbers of its images and labels, of how many entries of each anything
# is said, what names the content; and the table, or what is said alone.
_NUMBERS, _COUNTED, _STAMP = ("image_numbers", "label_numbers"), ("per_image", "per_label"), "stamp"
_FEW = ("places", "values")
# Numbers that are no probabilities, told of at most.
_TOLD = 1000

Numbers = NDArray[np.int64]


def read_npz(path: Path, known: Names, *, of_more: bool) -> Placed:
    """(N, L): the probabilities of an npz, by its images and names; see `read_predictions`."""
    arrays = _arrays(path, (_TABLE, "images", "names"))
    images, names = (texts(path, key, arrays[key]) for key in ("images", "names"))
    table = _numbers_of(path, arrays[_TABLE], (len(images), len(names)))
    rows = [known.row(image, str(path)) for image in images]
    cols = [known.column(name, str(path)) for name in names]
    if of_more and any(row is not None for row in rows):
        known.leave_images(path)
    known.refuse_lost(path)
    placed = []
    for what, listed, taken, count in (
        ("images", images, rows, known.shape[0]),
        ("names", names, cols, known.shape[1]),
    ):
        place = np.array([-1 if at is None else at for at in taken], np.int64)
        here = np.flatnonzero(place >= 0)
        at = np.full(count, -1, np.int64)
        at[place[here]] = here
        if len(lost := here[at[place[here]] != here]):
            raise DataError(
                f"{what!r} names one twice", where=str(path), seen=repr(listed[lost[0]])
            )
        placed.append(at)
    _refuse_bad(path, Placed(table), images, names, placed[0])
    return Placed(table, *placed)


def read_npy(path: Path, shape: tuple[int, int]) -> Placed:
    """(N, L): a .npy file with a row for each image and a column for each label, in their order."""
    try:
        # Never pickle: a file from elsewhere must not run code.
        table = np.load(path, mmap_mode="r", allow_pickle=False)
    except DAMAGE as error:
        raise DataError("this is not a plain npy file", where=str(path), seen=str(error)) from error
    found = Placed(_numbers_of(path, table, shape))
    _refuse_bad(path, found, None, None, np.arange(shape[0]))
    return found


def write_kept(source: Predictions, images: Numbers, labels: Numbers, path: Path) -> None:
    """Write an npz as a project keeps it, whole or not at all; `read_kept` reads it back.

    images, labels: the numbers of the source's images (N,) and labels (L,).
    """
    per_image, per_label = source.counted
    rows, cols = np.flatnonzero(per_image), np.flatnonzero(per_label)
    table = source.table.take(rows).take_cols(cols)
    short = isinstance(source.table.base, np.ndarray) and source.table.base.dtype == np.float16
    kind = np.float16 if short else np.float32
    arrays: dict[str, Any] = {
        _NUMBERS[0]: images[rows],
        _NUMBERS[1]: labels[cols],
        _COUNTED[0]: per_image[rows].astype(np.int32),
        _COUNTED[1]: per_label[cols],
    }
    whole = FULL * int(per_image.sum()) >= len(rows) * len(cols)
    found = hashlib.sha256(b"".join(array.tobytes() for array in arrays.values()))
    with resource_errors(cache_folder()):
        columns = [Column(filed=True) for _ in range(1 if whole else 2)]
        for part, block in table.blocks():
            if whole:
                parts = [block.astype(kind)]
            else:
                at = np.flatnonzero(~np.isnan(block))
                parts = [part.start * len(cols) + at, block.ravel()[at].astype(kind)]
            for column, one in zip(columns, parts, strict=True):
                found.update(one.tobytes())
                column.add(one)
    names = (_TABLE,) if whole else _FEW
    arrays |= {name: column.array() for name, column in zip(names, columns, strict=True)}
    arrays[_STAMP] = np.array(found.hexdigest())
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez(file, **arrays)


def names_nothing(path: Path) -> bool:
    """Whether a file is a .npy, whose rows and columns are those of the table."""
    try:
        with path.open("rb") as file:
            return file.read(len(np.lib.format.MAGIC_PREFIX)) == np.lib.format.MAGIC_PREFIX
    except OSError:
        return False


def is_kept(path: Path) -> bool:
    """Whether a file is one that `write_kept` wrote."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {*_NUMBERS, _STAMP} <= set(file.files)
    except (OSError, *DAMAGE):
        return False


def read_kept(name: str, path: Path, images: Numbers, labels: Numbers) -> Predictions:
    """The predictions that a project keeps, of the images (N,) and labels (L,) of these numbers."""
    arrays = _arrays(path, (*_NUMBERS, *_COUNTED, _STAMP), mapped=(_TABLE, *_FEW))
    mine = [arrays[key] for key in _NUMBERS]
    shape = len(mine[0]), len(mine[1])
    if _TABLE in arrays:
        base: Any = _numbers_of(path, arrays[_TABLE], shape)
    else:
        base = Sparse(shape, arrays[_FEW[0]], arrays[_FEW[1]], np.nan)
    at = [_found(own, wanted) for own, wanted in zip(mine, (images, labels), strict=True)]
    counted = None
    if all(np.count_nonzero(one >= 0) == many for one, many in zip(at, shape, strict=True)):
        # All that the file says is of what there is now.
        per_image, per_label = (
            np.append(arrays[key], 0)[one] for one, key in zip(at, _COUNTED, strict=True)
        )
        counted = per_image, per_label
    return Predictions(name, Placed(base, *at), str(arrays[_STAMP]), counted)


def _found(numbers: Numbers, wanted: Numbers) -> Numbers:
    """The place among `numbers` of each that is wanted, -1 of one that is not there."""
    place = np.full(1 + max(numbers.max(initial=-1), wanted.max(initial=-1)), -1, np.int64)
    place[numbers] = np.arange(len(numbers))
    return place[wanted]


def _arrays(
    path: Path, needed: Sequence[str], mapped: Sequence[str] = (_TABLE,)
) -> dict[str, NDArray[Any]]:
    """Arrays of an npz; those that are large stay in the file."""
    try:
        # Never pickle: a file from elsewhere must not run code.
        with np.load(path, allow_pickle=False) as file:
            there = file.files
            names = [name for name in (*needed, *mapped) if name in there]
            found = {name: member(path, file, name) for name in names if name in mapped}
            found |= {name: file[name] for name in names if name not in mapped}
    except DAMAGE as error:
        raise DataError("this is not a plain npz file", where=str(path), seen=str(error)) from error
    if missing := [key for key in needed if key not in found]:
        raise DataError(
            f"the npz lacks {', '.join(missing)}",
            where=str(path),
            seen=", ".join(there) or "nothing",
        )
    return found


def _numbers_of(path: Path, table: NDArray[Any], shape: tuple[int, int]) -> NDArray[Any]:
    if table.shape != shape or table.dtype.kind not in "fiub":
        raise DataError(
            f"'{_TABLE}' must be numbers (N, L), of the images and the names",
            where=str(path),
            seen=f"{table.dtype} {table.shape}, {shape[0]} images, {shape[1]} names",
        )
    return table


def _refuse_bad(
    path: Path,
    table: Placed,
    images: Sequence[str] | None,
    names: Sequence[str] | None,
    rows: Numbers,
) -> None:
    """Raise a `DataError` for what is no probability in some rows of a file's table (n, l)."""
    bad: list[str] = []
    many = 0
    wanted = np.zeros(table.shape[0], np.bool_)
    wanted[rows[rows >= 0]] = True
    for part, block in table.blocks():
        fits = np.isnan(block) | ((block >= 0) & (block <= 1)) | ~wanted[part, None]
        at = np.argwhere(~fits)
        many += len(at)
        for row, col in at[: _TOLD - len(bad)].tolist():
            image = f"row {part.start + row}" if images is None else repr(images[part.start + row])
            label = f"column {col}" if names is None else repr(names[col])
            bad.append(f"image {image}, label {label}: {block[row, col]}")
    if many:
        raise no_probabilities(path, bad, many)
