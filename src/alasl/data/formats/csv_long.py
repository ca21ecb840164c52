"""CSV, one row an entry: `image,label,value[,annotator[,time[,seconds]]]`; no row is unknown."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats.base import Features, Options, Table, table_format
from alasl.data.formats.rows import (
    Row,
    bad_cells,
    entry,
    head_row,
    read_sheet,
    row,
    write_lines,
)
from alasl.errors import DataError
from alasl.labels import UNKNOWN, Labels
from alasl.sparse import Sparse

COLUMNS = ["image", "label", "value", "annotator", "time", "seconds", "why", "pi"]
_GIVEN = "given"


def is_long_header(header: list[str]) -> bool:
    """Whether a CSV with this header may have one row an entry."""
    return [name.casefold() for name in header[:3]] == COLUMNS[:3]


def read_long(path: Path) -> tuple[Iterator[Row], tuple[str, ...]]:
    """(line, cells) of each row, with a cell for each of `COLUMNS`, and notes on the file.

    Raises a `DataError` where the first three columns are not image, label and value, or others
    are none of `COLUMNS`.
    """
    sheet = read_sheet(path)
    names = [name.casefold() for name in sheet.header]
    if not is_long_header(names) or not set(names).issubset(COLUMNS):
        raise DataError(
            "the columns must be image,label,value and then, if wanted, "
            "annotator,time,seconds,why,pi",
            where=f"{path}:1",
            seen=",".join(sheet.header[:8]),
        )
    at = [names.index(name) if name in names else -1 for name in COLUMNS]
    rows = ((line, [cells[i] if i >= 0 else "" for i in at]) for line, cells in sheet.rows)
    return rows, tuple(sheet.notes)


def holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return is_long_header(head_row(head))


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    rows, notes = read_long(path)
    images: dict[str, int] = {}
    names: dict[str, int] = {}
    annotators: dict[str, int] = {_GIVEN: 0}
    numbers = array("q")
    bad: list[tuple[int, str, str]] = []
    for line, (image, name, cell, who, *_) in rows:
        value = entry(cell)
        if value is None:
            bad.append((line, "value", cell))
            continue
        # A row with an empty value only says that there is such an image and such a label.
        at = images.setdefault(image, len(images))
        col = names.setdefault(name, len(names))
        if value != UNKNOWN:
            person = annotators.setdefault(who or _GIVEN, len(annotators))
            numbers.extend((at, col, value, person, line))
    if bad:
        raise bad_cells(path, bad)
    if len(annotators) > 256:
        raise DataError(
            "a table can name at most 255 annotators", where=str(path), seen=str(len(annotators))
        )
    answers = np.frombuffer(numbers, np.int64).reshape(-1, 5)
    answers = _last_of_each_annotator(answers, len(names), len(annotators))
    labels, ids = tuple(names), tuple(images)
    del images
    refuse_contradictions(path, answers[:, :3], answers[:, 4], ids, labels)
    # As a list, as most entries of a large table are unknown.
    shape, places = (len(ids), len(labels)), (answers[:, 0], answers[:, 1])
    entries = Sparse.at_places(shape, *places, answers[:, 2].astype(np.int8))
    source = Sparse.at_places(shape, *places, answers[:, 3].astype(np.uint8)).values
    return Table(Labels(entries, labels, ids, tuple(annotators), source), notes=notes)


def _last_of_each_annotator(
    answers: NDArray[np.int64], names: int, annotators: int
) -> NDArray[np.int64]:
    """A named annotator's later row corrects the earlier one; rows without a name all stand."""
    key = (answers[:, 0] * names + answers[:, 1]) * annotators + answers[:, 3]
    key = np.where(answers[:, 3] == 0, -1 - np.arange(len(answers)), key)
    _, from_end = np.unique(key[::-1], return_index=True)
    last: NDArray[np.int64] = answers[np.sort(len(answers) - 1 - from_end)]
    return last


def refuse_contradictions(
    path: Path,
    answers: NDArray[np.int64],
    lines: NDArray[np.int64],
    images: Sequence[str],
    names: Sequence[str],
) -> None:
    """Raise a `DataError` where two rows (row, col, value) answer one entry differently."""
    order = np.lexsort((lines, answers[:, 1], answers[:, 0]))
    rows, cols, values = answers[order].T
    clash = (rows[1:] == rows[:-1]) & (cols[1:] == cols[:-1]) & (values[1:] != values[:-1])
    cases = [
        f"lines {lines[order[i]]} and {lines[order[i + 1]]}: "
        f"image {images[rows[i]]!r}, label {names[cols[i]]!r}"
        for i in np.flatnonzero(clash)
    ]
    if cases:
        raise DataError(
            f"{len(cases)} pairs of rows contradict each other",
            where=str(path),
            more=cases,
            do="leave one row for each image and label",
        )


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    write_lines(path, _lines(labels))


def _lines(labels: Labels) -> Iterator[str]:
    """A row for each known entry, and empty ones that keep order, images and labels complete."""
    few, origin = labels.sparse, labels.origin
    named = bool((origin != 0).any())
    yield row(*COLUMNS[: 4 if named else 3])
    who = ("", *labels.sources[1:])
    ends = few.per_row().cumsum().tolist()
    start = 0
    for at, (image, end) in enumerate(zip(labels.images, ends, strict=True)):
        here = slice(start, end)
        start = end
        found = few.cols[here].tolist(), few.values[here].tolist(), origin[here].tolist()
        known = {col: (str(value), who[by]) for col, value, by in zip(*found, strict=True)}
        for col in range(len(labels.names)) if at == 0 else known or [0]:
            value, by = known.get(col, ("", ""))
            cells = image, labels.names[col], value
            yield row(*cells, by) if named else row(*cells)


table_format(
    "csv-long",
    "CSV image,label,value[,annotator[,time[,seconds]]]; no row: unknown",
    holds=holds,
    write=_write,
    suffixes=(".csv",),
)(_read)
