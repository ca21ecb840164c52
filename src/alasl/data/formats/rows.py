"""CSV files as rows with line numbers: strict, UTF-8, comma-separated, any name quoted."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NoReturn, TextIO

from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN

# What a cell that holds an entry may say; "1.0" is what pandas makes of 1, 0 and nothing.
CELLS = {"1": PRESENT, "0": ABSENT, "": UNKNOWN, "1.0": PRESENT, "0.0": ABSENT}


def read_rows(path: Path, separator: str = ",") -> Iterator[tuple[int, list[str]]]:
    """(line where it starts, cells) of each row, the header first; blank lines are left out.

    Raises a `DataError` with file:line for what is not UTF-8, holds a NUL or is badly quoted.
    """
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(_without_nul(path, file), delimiter=separator, strict=True)
            for cells in reader:
                if cells:
                    yield line, cells
                line = reader.line_num + 1
    except UnicodeDecodeError:
        _refuse_undecodable(path)
    except csv.Error as error:
        raise DataError("this is not valid CSV", where=f"{path}:{line}", seen=str(error)) from error
    except OSError as error:
        raise DataError("the file cannot be read", where=str(path), seen=error.strerror) from error


def read_header(path: Path, rows: Iterator[tuple[int, list[str]]], first: str) -> list[str]:
    """The first row: the column `first`, and then columns of names that differ."""
    _, header = next(rows, (1, []))
    if not header:
        raise DataError("the file is empty", where=str(path))
    for sign, called in ((";", "semicolons"), ("\t", "tabs")):
        if len(header) == 1 and sign in header[0]:
            raise DataError(
                f"the cells are separated by {called}; expected commas",
                where=f"{path}:1",
                do="save the file as comma-separated CSV",
            )
    if header[0] != first:
        raise DataError(
            f"the first column must be called {first!r}", where=f"{path}:1", seen=repr(header[0])
        )
    for number, name in enumerate(header, 1):
        if not name:
            raise DataError(f"column {number} has no name", where=f"{path}:1")
    twice = sorted(name for name, times in Counter(header[1:]).items() if times > 1)
    if twice:
        raise DataError(
            f"{len(twice)} columns stand more than once",
            where=f"{path}:1",
            more=[repr(name) for name in twice],
        )
    return header


def head_row(head: bytes) -> list[str]:
    """The header of a file that begins with `head`, as well as it can be told."""
    text = head.decode("utf-8-sig", errors="replace")
    try:
        return next(csv.reader(io.StringIO(text, newline="")), [])
    except csv.Error:
        return []


def refuse_ragged(path: Path, line: int, cells: list[str], header: list[str]) -> None:
    """Raise a `DataError` unless a row has one cell for each column."""
    if len(cells) != len(header):
        raise DataError(
            f"the row has {len(cells)} cells; expected {len(header)}",
            where=f"{path}:{line}",
            seen=", ".join(repr(cell) for cell in cells[:3]) + (", ..." if len(cells) > 3 else ""),
        )


def bad_cells(path: Path, bad: list[tuple[int, str, str]]) -> DataError:
    """The error for cells (line, column, content) that hold no entry."""
    (line, column, cell), *rest = bad
    columns = len({name for _, name, _ in rest})
    count = f"{len(rest)} more cells like this in {columns} column{'s' * (columns != 1)}"
    return DataError(
        f"column {column!r} holds {cell!r}; expected 1, 0 or empty",
        where=f"{path}:{line}",
        more=[f"line {at}: column {name!r} holds {content!r}" for at, name, content in rest],
        do=count if rest else None,
    )


def row(*cells: str) -> str:
    """One line of CSV, without its end, that `read_rows` reads back exactly."""
    return ",".join(map(_quoted, cells))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines of CSV as `row` makes them.

    Raises a `DataError` for a NUL or a lone surrogate, which CSV in UTF-8 cannot carry.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        for line in lines:
            if "\0" in line:
                raise DataError("CSV cannot carry a name with a NUL in it", seen=repr(line[:80]))
            try:
                file.write(line + "\n")
            except UnicodeEncodeError as error:
                raise DataError(
                    "CSV cannot carry a name that is not valid Unicode", seen=ascii(line[:80])
                ) from error


def _quoted(cell: str) -> str:
    # A byte order mark is quoted, else it would vanish where it begins a file.
    if "," in cell or '"' in cell or "\n" in cell or "\r" in cell or "\ufeff" in cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _without_nul(path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if "\0" in line:
            raise DataError(
                "the file holds NUL characters, so it is not text in UTF-8",
                where=f"{path}:{number}",
                do="if it is UTF-16, save it as UTF-8",
            )
        yield line


def _refuse_undecodable(path: Path) -> NoReturn:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise DataError(
                    "the file is not UTF-8",
                    where=f"{path}:{number}",
                    seen=repr(line[error.start : error.start + 8]),
                    do="save it as UTF-8",
                ) from error
    raise DataError("the file is not UTF-8", where=str(path))
