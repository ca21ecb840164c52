"""CSV, one row an image, one column a label: `image,dog,cat` with 1, 0 or an empty cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Features, Options, Table, table_format
from alasl.data.formats.csv_long import is_long_header
from alasl.data.formats.rows import (
    CELLS,
    bad_cells,
    entry,
    head_row,
    is_split_header,
    read_rows,
    read_sheet,
    row,
    write_lines,
)
from alasl.errors import UsageError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

# As bytes: a whole row is then looked up at once. A cell that says nothing is not yet unknown.
_EMPTY, _MINUS = 2, 255
_CODES = {
    cell: {PRESENT: 1, ABSENT: 0, UNKNOWN: _MINUS if "1" in cell else _EMPTY}[value]
    for cell, value in CELLS.items()
}
_CODES |= {each(cell): code for cell, code in _CODES.items() for each in (str.title, str.upper)}


def _holds(path: Path, head: bytes) -> bool:
    header = head_row(head)
    if header[:1] != ["image"] or is_split_header(header):
        return False
    if is_long_header(header):
        # Labels may be called 'label' and 'value': then every cell beside an image is an entry.
        rows = itertools.islice(read_rows(path), 1, None)
        return all(entry(cells[1]) is not None for _, cells in rows if len(cells) > 1)
    return True


def _read(path: Path, options: Options) -> Table:
    sheet = read_sheet(path)
    names = sheet.header[1:]
    images: list[str] = []
    codes = bytearray()
    lines: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for line, cells in sheet.rows:
        images.append(cells[0])
        lines.append(line)
        try:
            codes.extend(bytes(map(_CODES.__getitem__, cells[1:])))
        except KeyError:
            for name, cell in zip(names, cells[1:], strict=True):
                code = _CODES.get(cell.strip().lower())
                codes.append(code or 0)
                if code is None:
                    bad.append((line, name, cell))
    if bad:
        raise bad_cells(path, bad)
    entries = np.frombuffer(codes, np.int8).reshape(len(images), len(names))
    silent = entries == _EMPTY
    # Beside zeros, -1 can only be unknown; without any, some mean absent by it.
    minus = entries == UNKNOWN
    unclear = silent if (entries == ABSENT).any() else silent | minus
    count = int(unclear.sum())
    if count and options.empty is None:
        at, col = (int(i[0]) for i in np.nonzero(unclear))
        says = "are empty or -1, and none is 0" if (unclear & minus).any() else "are empty"
        raise UsageError(
            f"{count} cells {says}; say what an empty cell means",
            where=str(path),
            seen=f"first in line {lines[at]}, column {names[col]!r}",
            do="--empty unknown: nobody checked; --empty absent: the image does not have the label",
        )
    meaning = np.int8(ABSENT if options.empty == "absent" else UNKNOWN)
    entries = np.where(unclear, meaning, entries)
    return Table(Labels(entries, tuple(names), tuple(images)), notes=tuple(sheet.notes))


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    write_lines(path, _lines(labels))


def _lines(labels: Labels) -> Iterator[str]:
    cells = ("0", "1", "")  # -1 takes the last
    yield row("image", *labels.names)
    for at, image in enumerate(labels.images):
        yield row(image) + "," + ",".join(map(cells.__getitem__, labels.of([at])[0].tolist()))


table_format(
    "csv-wide",
    "CSV image,dog,cat,... with 1, 0 or an empty cell",
    holds=_holds,
    write=_write,
    suffixes=(".csv",),
    broken=(".csv", ".tsv", ".txt"),
)(_read)
