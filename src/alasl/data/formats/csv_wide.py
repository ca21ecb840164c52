"""CSV, one row an image, one column a label: `image,dog,cat` with 1, 0 or an empty cell."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Features, Format, Options, Table
from alasl.data.formats.csv_long import is_long_header
from alasl.data.formats.rows import (
    head_row,
    read_header,
    read_rows,
    refuse_ragged,
    row,
    write_lines,
)
from alasl.errors import DataError, UsageError
from alasl.labels import Labels

_EMPTY = 255
# "1.0" is what a column of 1, 0 and nothing becomes in pandas.
_CODES = {"1": 1, "0": 0, "": _EMPTY, "1.0": 1, "0.0": 0}


def _holds(path: Path, head: bytes) -> bool:
    header = head_row(head)
    if not header or header == ["image", "split"]:
        return False
    if is_long_header(header):
        # Labels may be called 'label' and 'value': then every cell beside an image is an entry.
        seconds = {cells[1] for _, cells in read_rows(path) if len(cells) > 1} - {"label"}
        return seconds <= set(_CODES)
    return header[0] == "image" or header[0].startswith(("image;", "image\t"))


def _read(path: Path, options: Options) -> Table:
    rows = read_rows(path)
    header = read_header(path, rows, "image")
    images: list[str] = []
    codes = bytearray()
    lines: list[int] = []
    bad: list[tuple[int, int, str]] = []
    for line, cells in rows:
        refuse_ragged(path, line, cells, header)
        images.append(cells[0])
        lines.append(line)
        try:
            codes.extend(bytes(map(_CODES.__getitem__, cells[1:])))
        except KeyError:
            for col, cell in enumerate(cells[1:], 1):
                codes.append(_CODES.get(cell.strip(), _EMPTY))
                if cell.strip() not in _CODES:
                    bad.append((line, col, cell))
    if bad:
        raise _bad_cells(path, header, bad)
    entries = np.frombuffer(codes, np.uint8).reshape(len(images), len(header) - 1).astype(np.int8)
    empty = entries == -1  # 255 as int8
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
        entries[empty] = 0
    return Table(Labels(entries, tuple(header[1:]), tuple(images)))


def _bad_cells(path: Path, header: list[str], bad: list[tuple[int, int, str]]) -> DataError:
    (line, col, cell), *rest = bad
    columns = len({c for _, c, _ in rest})
    count = f"{len(rest)} more cells like this in {columns} column{'s' * (columns != 1)}"
    return DataError(
        f"column {header[col]!r} holds {cell!r}; expected 1, 0 or empty",
        where=f"{path}:{line}",
        more=[f"line {n}: column {header[c]!r} holds {value!r}" for n, c, value in rest],
        do=count if rest else None,
    )


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
