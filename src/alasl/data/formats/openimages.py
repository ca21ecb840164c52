"""Open Images image-level CSV: `ImageID,Source,LabelName,Confidence`; no row is unknown.

Rows of a machine are guesses with a confidence, so they never become entries.
"""

from __future__ import annotations

import itertools
from array import array
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats.base import Features, Options, Table, table_format
from alasl.data.formats.csv_long import refuse_contradictions
from alasl.data.formats.rows import (
    head_row,
    read_rows,
    read_sheet,
    row,
    write_lines,
)
from alasl.errors import DataError
from alasl.files import replacing
from alasl.labels import ABSENT, PRESENT, Labels
from alasl.sparse import Sparse

_COLUMNS = ["ImageID", "Source", "LabelName", "Confidence"]
_CLASSES = "class-descriptions.csv"
# What else it is called where Open Images serves it: oidv7-..., ...-boxable.
_ALL_CLASSES = "*class-descriptions*.csv"


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return head_row(head)[:1] == _COLUMNS[:1]


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    rows, notes = _rows(path)
    images: dict[str, int] = {}
    mids: dict[str, int] = {}
    sources: dict[str, int] = {}
    numbers = array("q")
    guessed = 0
    for line, image, source, mid, confidence in rows:
        at = images.setdefault(image, len(images))
        col = mids.setdefault(mid, len(mids))
        if is_guess(source, confidence):
            guessed += 1
        else:
            who = sources.setdefault(source, len(sources))
            numbers.extend((at, col, int(confidence), who, line))
    if guessed:
        notes.append(
            f"{guessed} rows are a machine's guesses: not taken as entries, but as evidence by "
            "--predictions"
        )
    names = _names(path.parent, list(mids))
    if nameless := sum(mid == name for mid, name in names.items() if mid.startswith("/")):
        notes.append(
            f"{nameless} labels are called by their class ids: no class descriptions "
            f"({_CLASSES}) beside the table name them"
        )
    answers = np.array(numbers, np.int64).reshape(-1, 5)
    values = answers[:, 2].astype(np.int8)
    # As a list, as most entries of a large table are unknown.
    entries = Sparse.at_places((len(images), len(mids)), answers[:, 0], answers[:, 1], values)
    labels = [names[mid] for mid in mids]
    both, differ = _differing(path, answers, list(images), labels, len(sources))
    if differ:
        notes.append(differ)
    entries = entries.only(~np.isin(entries.places, both))
    entries = entries.take_cols(np.array([mids[mid] for mid in names], np.intp))
    return Table(Labels(entries, tuple(names.values()), tuple(images)), notes=tuple(notes))


def guesses(path: Path) -> Iterator[tuple[int, str, list[str], float]]:
    """(line, image, what its label may be called, probability) of each row of a machine."""
    described = _descriptions(path.parent)
    for line, image, source, mid, confidence in _rows(path)[0]:
        if is_guess(source, confidence):
            name = described.get(mid, mid)
            yield line, image, [f"{name} ({mid})", name, mid], confidence


def is_guess(source: str, confidence: float) -> bool:
    """Whether a row is a machine's."""
    return source == "machine" or confidence not in (0.0, 1.0)


def _rows(path: Path) -> tuple[Iterator[tuple[int, str, str, str, float]], list[str]]:
    """(line, image, source, class id, confidence) of each row, and notes on what is left out."""
    sheet = read_sheet(path, _COLUMNS[0])
    header, notes = sheet.header, sheet.notes
    if not set(_COLUMNS).issubset(header) or "XMin" in header:
        raise DataError(
            f"the columns must be {','.join(_COLUMNS)}",
            where=f"{path}:1",
            seen=",".join(header[:6]),
            do="this reads image-level labels, not boxes",
        )
    if others := [repr(name) for name in header if name not in _COLUMNS]:
        notes.append(f"columns that are not read: {', '.join(others)}")
    places = [header.index(name) for name in _COLUMNS]

    def rows() -> Iterator[tuple[int, str, str, str, float]]:
        for line, cells in sheet.rows:
            image, source, mid, cell = (cells[i] for i in places)
            yield line, image, source, mid, _confidence(path, line, cell)

    return rows(), notes


def _differing(
    path: Path,
    answers: NDArray[np.int64],
    images: list[str],
    names: list[str],
    sources: int,
) -> tuple[NDArray[np.int64], str | None]:
    """The entries that one source has present and another absent, by row times the labels plus
    column, and a note of how many there are.

    answers: (n, 5) image, label, value, source, line. Raises a `DataError` where one source
    contradicts itself.
    """
    by_source = answers[:, :3].copy()
    by_source[:, 1] = answers[:, 1] * sources + answers[:, 3]
    spread = [name for name in names for _ in range(sources)]
    refuse_contradictions(path, by_source, answers[:, 4], images, spread)
    flat = answers[:, 0] * len(names) + answers[:, 1]
    value = answers[:, 2]
    both = np.intersect1d(flat[value == PRESENT], flat[value == ABSENT])
    if not len(both):
        return both, None
    row, col = divmod(int(both[0]), len(names))
    return both, (
        f"{len(both)} entries are unknown, as sources of the file differ on them; first "
        f"image {images[row]!r}, label {names[col]!r}"
    )


def _confidence(path: Path, line: int, cell: str) -> float:
    try:
        confidence = float(cell)
    except ValueError:
        confidence = -1.0
    if not 0 <= confidence <= 1:
        raise DataError(
            f"column 'Confidence' holds {cell!r}; expected a number from 0 to 1",
            where=f"{path}:{line}",
        )
    return confidence


def _names(folder: Path, mids: list[str]) -> dict[str, str]:
    """The name of each class id in `mids`, in the order of the class descriptions beside."""
    described = _descriptions(folder)
    named = set(mids)
    used = {mid: name for mid, name in described.items() if mid in named}
    used.update((mid, mid) for mid in mids if mid not in used)
    times = Counter(used.values())
    # Some names stand for several classes: their ids tell them apart.
    return {mid: f"{name} ({mid})" if times[name] > 1 else name for mid, name in used.items()}


def _descriptions(folder: Path) -> dict[str, str]:
    """The name of each class id, by all class descriptions of a folder, ours before others."""
    files = sorted(file for file in folder.glob(_ALL_CLASSES) if not file.name.startswith("."))
    described: dict[str, str] = {}
    for file in sorted(files, key=lambda file: file.name != _CLASSES):
        for line, cells in read_rows(file, ","):
            if len(cells) != 2:
                raise DataError(
                    "expected an id and a name", where=f"{file}:{line}", seen=str(cells)
                )
            if cells != ["LabelName", "DisplayName"]:
                described.setdefault(*cells)
    return described


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    bare = {
        "images": [
            labels.images[i] for i in np.flatnonzero(labels.known_per_image() == 0).tolist()
        ],
        "labels": [labels.names[i] for i in np.flatnonzero(labels.known_per_label() == 0)],
    }
    for kind, names in bare.items():
        if names:
            raise DataError(
                f"{len(names)} {kind} have no known entry, which Open Images CSV cannot carry",
                more=[repr(name) for name in names],
                do="leave them out, or write csv-long or npz",
            )
    mids = _mids(path.parent, labels.names)
    ids = [row(image) for image in labels.images]
    ends = [(row("verification", mid, "0"), row("verification", mid, "1")) for mid in mids]
    few = labels.sparse
    cells = zip(few.rows.tolist(), few.cols.tolist(), few.values.tolist(), strict=True)
    lines = (f"{ids[at]},{ends[col][value]}" for at, col, value in cells)
    write_lines(path, itertools.chain([row(*_COLUMNS)], lines))


def _mids(folder: Path, names: tuple[str, ...]) -> list[str]:
    """The class ids of `names` by the descriptions beside; without any, names serve as ids."""
    described = _descriptions(folder)
    if not described:
        with replacing(folder / _CLASSES) as beside:
            write_lines(beside, (row(name, name) for name in names))
        return list(names)
    mids = {name: mid for mid, name in described.items()}
    mids.update((f"{name} ({mid})", mid) for mid, name in described.items())
    missing = [repr(name) for name in names if name not in mids]
    if missing:
        raise DataError(
            f"{len(missing)} labels have no class id here",
            where=str(folder / _CLASSES),
            more=missing,
            do="write to another folder, or add them to this file",
        )
    return [mids[name] for name in names]


table_format(
    "openimages",
    "Open Images image-level CSV, names in class-descriptions.csv beside; no row: unknown",
    holds=_holds,
    write=_write,
    suffixes=(".csv",),
)(_read)
