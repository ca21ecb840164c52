"""Other models' predictions from files, put in the order of a table: CSV, npz, JSON lines.

What `alasl predict` writes is read back; Open Images' rows of a machine come in as well.
"""

from __future__ import annotations

import logging
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.data.evidence import Predictions, check_sources
from alasl.data.formats import json_file, openimages
from alasl.data.formats.npz import DAMAGE, texts
from alasl.data.formats.rows import head_row, read_sheet
from alasl.data.formats.strangers import ZIP, stranger
from alasl.data.names import Names, Places
from alasl.errors import DataError, UsageError
from alasl.files import readable, replacing

# Where it stands, the image, what the label may be called, the probability as it is written.
Cell = tuple[str, str, Sequence[str], str | float]

# From Python: by the names of the sources, probabilities (n, L) or a file of them.
Given = Mapping[str, ArrayLike | Path]

_log = logging.getLogger(__name__)

_LONG = ["image", "label", "probability"]
# A column, or a field, by which `alasl predict` says what it calls present.
_PRESENT = "present"
# What a cell says where nothing is predicted, in lower case.
_NOTHING = frozenset(("", "nan", "na", "n/a", "none", "null", "<na>"))
_SPEC = re.compile(r"([\w.+-]+)=(.+)", re.DOTALL)


def named(spec: str) -> tuple[str, Path]:
    """The name and the file that `NAME=FILE`, or FILE, spells."""
    found = _SPEC.fullmatch(spec)
    return (found[1], Path(found[2])) if found else (Path(spec).stem, Path(spec))


def read_all(
    specs: Sequence[str], images: Places, names: Places, *, of_more: bool = False
) -> tuple[Predictions, ...]:
    """The predictions that each `NAME=FILE` or FILE names; see `read_predictions`.

    Of one that does not speak of every entry it is said, as a warning, of how many it does.
    Raises `UsageError` where two have one name.
    """
    check_sources([named(spec)[0] for spec in specs])
    found = tuple(read_predictions(spec, images, names, of_more=of_more) for spec in specs)
    for source in found:
        if np.isnan(source.probabilities).any():
            _log.warning("predictions %s", source)
    return found


def predictions_of(
    given: Given, images: Sequence[str], names: Sequence[str], *, of_more: bool = False
) -> tuple[Predictions, ...]:
    """The predictions that a mapping gives, by their names: arrays (N, L), or files.

    Raises `UsageError` for what is no mapping, `DataError` for an array that is none of numbers;
    see also `read_all`.
    """
    if not isinstance(given, Mapping):
        raise UsageError(
            "predictions must be a mapping from each name to an array (N, L), or to a file",
            seen=type(given).__name__,
            do='give them so: predictions={"clip": "clip.csv"}',
        )
    files = {name: str(value) for name, value in given.items() if isinstance(value, str | Path)}
    specs = [f"{name}={file}" for name, file in files.items()]
    found = read_all(specs, images, names, of_more=of_more)
    for name, value in given.items():
        if name in files:
            continue
        try:
            found += (Predictions(name, np.asarray(value, np.float32)),)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"the predictions {name!r} must be numbers (N, L), or a file", seen=str(error)
            ) from error
    return found


def read_predictions(
    spec: str, images: Places, names: Places, *, of_more: bool = False
) -> Predictions:
    """The predictions of a file, `NAME=FILE` or FILE, for a table's N images and L labels.

    CSV `image,label,probability` or `image,label1,label2,...`, npz of probabilities, images and
    names, JSON lines, or Open Images' CSV, of which the machine's rows count. An empty cell, and
    what is not there, is nothing said.
    of_more: whether the file may speak of more images, which are left out and counted.
    Raises `DataError` for images and labels that the table does not have, what is no probability,
    and two of one entry that differ.
    """
    name, path = named(spec)
    with readable(path), path.open("rb") as file:
        head = file.read(65536)
    whose = "the images asked about" if of_more else "the data set"
    known = Names(images, names, "predictions", whose)
    found: NDArray[np.float32] = np.full(known.shape, np.nan, np.float32)
    if head.startswith(ZIP):
        _place_arrays(path, known, found, of_more)
    else:
        _place(path, _recognised(path, head)(path, known), known, found, of_more)
    known.note_taken(path)
    if np.isnan(found).all():
        raise DataError("the file predicts nothing", where=str(path))
    return Predictions(name, found)


def write_predictions(
    predictions: Predictions, images: Sequence[str], names: Sequence[str], path: Path
) -> None:
    """Write an npz that `read_predictions` reads back, whole or not at all."""
    with replacing(path) as beside, beside.open("wb") as file:
        np.savez_compressed(
            file,
            probabilities=predictions.probabilities,
            images=np.array(images, np.str_),
            names=np.array(names, np.str_),
        )


def _recognised(path: Path, head: bytes) -> Callable[[Path, Names], Iterator[Cell]]:
    if found := stranger(path, head):
        raise DataError(f"this is {found[0]}, not predictions", where=str(path), do=found[1])
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _json_lines
    header = head_row(head)
    if header[:1] == ["ImageID"]:
        return _open_images
    return _long if [name.casefold() for name in header[:3]] == _LONG else _wide


def _place(
    path: Path,
    predicted: Iterable[Cell],
    known: Names,
    found: NDArray[np.float32],
    of_more: bool,
) -> None:
    """Put what is said at its place of (N, L)."""
    rows: dict[str, int | None] = {}
    cols: dict[tuple[str, ...], int | None] = {}
    places, values = array("q"), array("d")
    bad: list[str] = []
    lines: list[str] = []
    for where, image, called, cell in predicted:
        value = _probability(cell)
        if image not in rows:
            rows[image] = known.row(image, where)
        if (key := tuple(called)) not in cols:
            best = next((name for name in called if known.has_label(name)), called[-1])
            cols[key] = known.column(best, where)
        row, col = rows[image], cols[key]
        if value is None:
            bad.append(f"{where}: image {image!r}, label {called[-1]!r}: {cell!r}")
        elif row is not None and col is not None and value == value:
            places.append(row * found.shape[1] + col)
            values.append(value)
            lines.append(where)
    if of_more and any(row is not None for row in rows.values()):
        known.leave_images(path)
    known.refuse_lost(path)
    if bad:
        raise _no_probabilities(path, bad)
    flat, numbers = np.array(places, np.int64), np.array(values, np.float32)
    _refuse_twice(path, flat, numbers, lines)
    found.flat[flat] = numbers


def _place_arrays(path: Path, known: Names, found: NDArray[np.float32], of_more: bool) -> None:
    """Put the arrays of an npz at their places of (N, L)."""
    images, names, predicted = _npz(path)
    rows = [known.row(image, str(path)) for image in images]
    cols = [known.column(name, str(path)) for name in names]
    if of_more and (here := [i for i, row in enumerate(rows) if row is not None]):
        known.leave_images(path)
        images, rows = tuple(images[i] for i in here), [rows[i] for i in here]
        predicted = predicted[here]
    known.refuse_lost(path)
    for what, listed, places in (("images", images, rows), ("names", names, cols)):
        if len(set(places)) < len(places):
            twice = next(n for n, at in zip(listed, places, strict=True) if places.count(at) > 1)
            raise DataError(f"{what!r} names one twice", where=str(path), seen=repr(twice))
    bad = np.argwhere(~(np.isnan(predicted) | ((predicted >= 0) & (predicted <= 1))))
    if len(bad):
        raise _no_probabilities(
            path, [f"image {images[i]!r}, label {names[j]!r}: {predicted[i, j]}" for i, j in bad]
        )
    found[np.ix_(np.array(rows, np.intp), np.array(cols, np.intp))] = predicted


def _no_probabilities(path: Path, bad: list[str]) -> DataError:
    return DataError(
        f"{len(bad)} predictions are no probabilities from 0 to 1",
        where=str(path),
        more=bad,
        do="of logits take the sigmoid first; divide per cents by 100",
    )


def _refuse_twice(
    path: Path, places: NDArray[np.int64], values: NDArray[np.float32], lines: Sequence[str]
) -> None:
    """Raise a `DataError` where one entry has two probabilities that differ."""
    order = np.argsort(places, kind="stable")
    clash = (np.diff(places[order]) == 0) & (np.diff(values[order]) != 0)
    if clash.any():
        raise DataError(
            f"{int(clash.sum())} entries are predicted twice, and differently",
            where=str(path),
            more=[f"{lines[order[i]]} and {lines[order[i + 1]]}" for i in np.flatnonzero(clash)],
            do="leave one prediction for each image and label",
        )


def _probability(cell: object) -> float | None:
    """A cell as a number, NaN where it says nothing; None where it is no probability."""
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.lower() in _NOTHING:
            return float("nan")
    try:
        value = float(cell)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return None
    return value if value != value or 0 <= value <= 1 else None


def _long(path: Path, known: Names) -> Iterator[Cell]:  # noqa: ARG001
    for line, cells in read_sheet(path).rows:
        yield f"{path}:{line}", cells[0], cells[1:2], cells[2]


def _wide(path: Path, known: Names) -> Iterator[Cell]:
    sheet = read_sheet(path)
    names = sheet.header[1:]
    if names[-1] == _PRESENT and not known.has_label(_PRESENT):
        names = names[:-1]
    labels = [[name] for name in names]
    for line, cells in sheet.rows:
        where = f"{path}:{line}"
        for label, cell in zip(labels, cells[1:], strict=False):
            yield where, cells[0], label, cell


def _open_images(path: Path, known: Names) -> Iterator[Cell]:  # noqa: ARG001
    for line, image, names, confidence in openimages.guesses(path):
        yield f"{path}:{line}", image, names, confidence


def _json_lines(path: Path, known: Names) -> Iterator[Cell]:  # noqa: ARG001
    for number, content in json_file.load_lines(path):
        where = f"{path}:{number}"
        image = content.get("image") if isinstance(content, dict) else None
        predicted = content.get("probabilities") if isinstance(content, dict) else None
        if not isinstance(image, str) or not isinstance(predicted, dict):
            raise DataError(
                'a line must be like {"image": "a.jpg", "probabilities": {"dog": 0.9}}',
                where=where,
                seen=json_file.dump(content)[:80],
            )
        for label, value in predicted.items():
            yield where, image, [label], "" if value is None else value


def _npz(path: Path) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float32]]:
    keys = ("probabilities", "images", "names")
    try:
        # Never pickle: a file from elsewhere must not run code.
        with np.load(path, allow_pickle=False) as file:
            arrays: dict[str, Any] = {key: file[key] for key in keys if key in file.files}
            there = file.files
    except DAMAGE as error:
        raise DataError("this is not a plain npz file", where=str(path), seen=str(error)) from error
    if missing := [key for key in keys if key not in arrays]:
        raise DataError(
            f"the npz lacks {', '.join(missing)}",
            where=str(path),
            seen=", ".join(there) or "nothing",
        )
    images, names = (texts(path, key, arrays[key]) for key in keys[1:])
    predicted = arrays["probabilities"]
    if predicted.shape != (len(images), len(names)) or predicted.dtype.kind not in "fiub":
        raise DataError(
            "'probabilities' must be numbers (N, L), of the images and the names",
            where=str(path),
            seen=f"{predicted.dtype} {predicted.shape}, {len(images)} images, {len(names)} names",
        )
    return images, names, np.asarray(predicted, np.float32)
