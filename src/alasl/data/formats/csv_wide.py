"""CSV, one row an image, one column a label: `image,dog,cat` with 1, 0 or an empty cell."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Features, Format, Options, Table
from alasl.data.formats.csv_long import is_long_header
from alasl.data.formats.rows import (
    CELLS,
    bad_cells,
    head_row,
    read_header,
    read_rows,
    refuse_ragged,
    row,
    write_lines,
)
from alasl.errors import UsageError
from alasl.labels import ABSENT, UNKNOWN, Labels

# As bytes, in which -1 is 255: a whole row is then looked up at once.
_CODES = {cell: value % 256 for cell, value in CELLS.items()}


def _holds(path: Path, head: bytes) -> bool:
    header = head_row(head)
    if not header or header == ["image", "split"]:
        return False
    if is_long_header(header):
        # Labels may be called 'label' and 'value': then every cell beside an image is an entry.
        rows = itertools.islice(read_rows(path), 1, None)
        return all(cells[1] in CELLS for _, cells in rows if len(cells) > 1)
    return header[0] == "image" or header[0].startswith(("image;", "image\t"))


def _read(path: Path, options: Options) -> Table:
    rows = read_rows(path)
    header = read_header(path, rows, "image")
    images: list[str] = []
    codes = bytearray()
    lines: list[int] = []
    bad: list[tuple[int, str, str]] = []
    for line, cells in rows:
        refuse_ragged(path, line, cells, header)
        images.append(cells[0])
        lines.append(line)
        try:
            codes.extend(bytes(map(_CODES.__getitem__, cells[1:])))
        except KeyError:
            for name, cell in zip(header[1:], cells[1:], strict=True):
                codes.append(_CODES.get(cell.strip(), 0))
                if cell.strip() not in _CODES:
                    bad.append((line, name, cell))
    if bad:
        raise bad_cells(path, bad)
    entries = np.frombuffer(codes, np.int8).reshape(len(images), len(header) - 1)
    empty = entries == UNKNOWN
    count = int(empty.sum())
    if count and options.empty is None:
        at, col = (int(i[0]) for i in np.nonzero(empty))
        raise UsageError(
            f"{count} cells are empty; say what an empty cell means",
            where=str(path),
            seen=f"first in line {lines[at]}, column {header[col + 1]!r}",
            do="--empty unknown: nobody checked; --empty absent: the image has not the label",
        )
    if options.empty == "absent":
        entries = np.where(empty, np.int8(ABSENT), entries)
    return Table(Labels(entries, tuple(header[1:]), tuple(images)))


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    write_lines(path, _lines(labels))


def _lines(labels: Labels) -> Iterator[str]:
    cells = ("0", "1", "")  # -1 takes the last
    yield row("image", *labels.names)
    for image, entries in zip(labels.images, labels.entries.tolist(), strict=True):
        yield row(image) + "," + ",".join(map(cells.__getitem__, entries))


FORMAT = Format(
    "csv-wide", "CSV image,dog,cat,... with 1, 0 or an empty cell", _holds, _read, _write
)
