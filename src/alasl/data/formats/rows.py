"""CSV files as rows with line numbers, as programs and spreadsheets write them.

UTF-8, or UTF-16 with its mark; cells separated by commas, semicolons or tabs. Blanks around a cell
do not count, unless they stand in quotes; rows of empty cells are left out. The apostrophe that
keeps a spreadsheet from taking a cell for a formula is no part of it.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TextIO

from alasl.counting import counted
from alasl.errors import DataError
from alasl.files import guarded, readable, unguarded
from alasl.labels import ABSENT, PRESENT, UNKNOWN

Row = tuple[int, list[str]]

# What a cell that holds an entry may say, in any case. "1.0" and "nan" are what pandas makes of 1
# and of nothing, "true" and "false" of its dummies.
CELLS = {
    **dict.fromkeys(("1", "1.0", "true"), PRESENT),
    **dict.fromkeys(("0", "0.0", "false"), ABSENT),
    **dict.fromkeys(("-1", "-1.0"), UNKNOWN),
    **dict.fromkeys(("", "nan", "na", "n/a", "none", "null", "<na>"), UNKNOWN),
}

# What the first column may be called, in any case.
_IMAGE = ("image", "file_name", "filename")
# What the index of a pandas table is called in its CSV.
_INDEX = ("", "Unnamed: 0")
_SEPARATORS = ",;\t"
# A first line by which a spreadsheet is told the separator.
_SEP = re.compile(r'"?sep=([,;:|\t])"?\r?\n', re.IGNORECASE)
_HEAD = 65536


def entry(cell: str) -> int | None:
    """What a cell says of an entry: 1, 0 or -1; None where it says nothing known."""
    return CELLS.get(cell.strip().lower())


def read_rows(path: Path, separator: str | None = None) -> Iterator[Row]:
    """(line where it starts, cells) of each row that is not empty, the header first.

    separator: None takes what a first line `sep=;` says, else the first sign of `,;` or tab.
    Raises a `DataError` with file:line for what is not UTF-8 or UTF-16, holds a NUL or is badly
    quoted.
    """
    line, skipped = 1, 0
    with readable(path), path.open("rb") as binary:
        head = binary.read(_HEAD)
    encoding = _encoding(head)
    mark = _SEP.match(_text(head))
    separator = separator or _separator(head)
    raw: list[str] = []
    try:
        with readable(path), path.open(encoding=encoding, newline="") as file:
            if mark:
                file.readline()
                line, skipped = 2, 1
            text = _without_nul(path, file, line, raw)
            reader = csv.reader(text, delimiter=separator, strict=True, skipinitialspace=True)
            sign = re.escape(separator)
            blank = re.compile(rf"(?:^|{sign})[^\S\t\r\n]|[^\S\r\n](?:{sign}|[\r\n]*$)")
            for cells in reader:
                record = "".join(raw)
                raw.clear()
                if blank.search(record):
                    cells = _trimmed(cells, record)
                if "'" in record:
                    cells = [unguarded(cell) for cell in cells]
                if any(cells):
                    yield line, cells
                line = reader.line_num + skipped + 1
    except UnicodeDecodeError:
        _refuse_undecodable(path, encoding)
    except csv.Error as error:
        raise DataError("this is not valid CSV", where=f"{path}:{line}", seen=str(error)) from error


def head_row(head: bytes) -> list[str]:
    """The names of the columns of a file that begins with `head`, as well as they can be told."""
    rows = csv.reader(
        io.StringIO(_without_sep(_text(head)), newline=""),
        delimiter=_separator(head),
        skipinitialspace=True,
    )
    try:
        cells = next((cells for cells in rows if any(map(str.strip, cells))), [])
    except csv.Error:
        return []
    return _columns([cell.strip() for cell in cells])[0]


def is_split_header(header: list[str]) -> bool:
    """Whether a CSV with this header says which images are for training, and for testing."""
    return [name.casefold() for name in header] == ["image", "split"]


def first_line(head: bytes) -> str:
    """The first line that is not empty of a file that begins with `head`, and not `sep=;`."""
    return _without_sep(_text(head)).lstrip("\r\n").split("\n", 1)[0]


@dataclass
class Sheet:
    """A CSV file with a row for each image or entry.

    header: the columns' names, of which the first is `image` however the file calls it. rows:
    (line, cells) with one cell for each column. notes: what was left out.
    """

    path: Path
    header: list[str]
    rows: Iterator[Row]
    notes: list[str] = field(default_factory=list)


def read_sheet(path: Path, first: str = "image") -> Sheet:
    """A CSV file whose first column is `first`, and the others of names that differ.

    pandas' index before it, and empty columns after the last, are left out.
    Raises a `DataError` with file:line, for rows of too many or too few cells as they come.
    """
    rows = read_rows(path)
    line, raw = next(rows, (1, []))
    where = f"{path}:{line}"
    if not raw:
        raise DataError("the file is empty", where=str(path))
    header, index = _columns(raw)
    if header[0] != first:
        also = f" (or {', '.join(map(repr, _IMAGE[1:]))})" if first == _IMAGE[0] else ""
        raise DataError(
            f"the first column must be called {first!r}{also}", where=where, seen=repr(raw[0])
        )
    for number, name in enumerate(header, 1 + index):
        if not name:
            raise DataError(f"column {number} has no name", where=where)
    refuse_twice(header[1:], where)
    notes = ["the index in the first column is left out"] if index else []
    return Sheet(path, header, _fitting(path, rows, len(raw), index, len(header)), notes)


def refuse_twice(names: list[str], where: str) -> None:
    """Raise a `DataError` for names of columns that are there more than once."""
    twice = sorted(name for name, times in Counter(names).items() if times > 1)
    if twice:
        raise DataError(
            f"{counted(len(twice), 'column name is', 'column names are')} there more than once",
            where=where,
            more=[repr(name) for name in twice],
            do="give each label one column",
        )


def refuse_ragged(path: Path, line: int, cells: list[str], width: int) -> None:
    """Raise a `DataError` unless a row has one cell for each column."""
    if len(cells) != width:
        raise DataError(
            f"the row has {len(cells)} cells; expected {width}",
            where=f"{path}:{line}",
            seen=", ".join(repr(cell) for cell in cells[:3]) + (", ..." if len(cells) > 3 else ""),
        )


def bad_cells(path: Path, bad: list[tuple[int, str, str]]) -> DataError:
    """The error for cells (line, column, content) that hold no entry."""
    (line, column, cell), *rest = bad
    columns = len({name for _, name, _ in rest})
    count = f"{len(rest)} more cells like this in {columns} column{'s' * (columns != 1)}"
    # A table of one entry a row whose columns have other names.
    long = column.casefold() in {"label", "labels", "tag", "tags", "class"}
    hint = "for one entry a row, call the columns image,label,value" if long else None
    return DataError(
        f"column {column!r} holds {cell!r}; expected 1, 0 or empty",
        where=f"{path}:{line}",
        more=[f"line {at}: column {name!r} holds {content!r}" for at, name, content in rest],
        do="; ".join(filter(None, (count if rest else None, hint))) or None,
    )


def row(*cells: str) -> str:
    """One line of CSV, without its end, that `read_rows` reads back exactly.

    No spreadsheet takes a cell for a formula: see `guarded`.
    """
    return ",".join(_quoted(guarded(cell)) for cell in cells)


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


def _columns(header: list[str]) -> tuple[list[str], int]:
    """The names of the columns that count, and whether an index stands before them (0 or 1)."""
    while header and not header[-1]:
        header = header[:-1]
    index = int(len(header) > 1 and header[0] in _INDEX and header[1].casefold() in _IMAGE)
    header = header[index:]
    if header and header[0].casefold() in _IMAGE:
        header = [_IMAGE[0], *header[1:]]
    return header, index


def _fitting(path: Path, rows: Iterable[Row], full: int, index: int, width: int) -> Iterator[Row]:
    """The rows without an index before and empty cells after the columns that count."""
    end = index + width
    for line, cells in rows:
        refuse_ragged(path, line, cells, full)
        if any(cells[end:]):
            at = end + next(i for i, cell in enumerate(cells[end:]) if cell)
            raise DataError(
                f"column {at + 1} has no name", where=f"{path}:{line}", seen=repr(cells[at])
            )
        yield line, cells[index:end] if full != width else cells


def _quoted(cell: str) -> str:
    # A byte order mark is quoted, else it would vanish where it begins a file; so are blanks at an
    # end, which count in quotes alone.
    special = "," in cell or '"' in cell or "\n" in cell or "\r" in cell or "\ufeff" in cell
    if special or cell != cell.strip():
        return '"' + cell.replace('"', '""') + '"'
    return cell


def _trimmed(cells: list[str], record: str) -> list[str]:
    """The cells of a record without the blanks around those that are not in quotes."""
    trimmed, at = [], 0
    for cell in cells:
        while record[at : at + 1] == " ":  # what csv leaves out before a cell
            at += 1
        if record[at : at + 1] == '"':
            at += len(cell) + cell.count('"') + 3
            trimmed.append(cell)
        else:
            at += len(cell) + 1
            trimmed.append(cell.strip())
    return trimmed


def _encoding(head: bytes) -> str:
    """UTF-16 where the file begins with its mark, else UTF-8."""
    return "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"


def _text(head: bytes) -> str:
    return head.decode(_encoding(head), errors="replace")


def _without_sep(text: str) -> str:
    mark = _SEP.match(text)
    return text[mark.end() :] if mark else text


def _separator(head: bytes) -> str:
    """What a first line `sep=;` says, else the first sign outside quotes that separates cells."""
    if mark := _SEP.match(_text(head)):
        return mark[1]
    outside = re.sub(r'"[^"]*"', "", first_line(head))
    return next((sign for sign in outside if sign in _SEPARATORS), ",")


def _without_nul(path: Path, file: TextIO, first: int, raw: list[str]) -> Iterator[str]:
    """The lines of a file, the first of which is number `first`; each is put into `raw` too."""
    for number, line in enumerate(file, first):
        if "\0" in line:
            raise DataError(
                "the file holds NUL characters, so it is not text in UTF-8",
                where=f"{path}:{number}",
                do="if it is UTF-16, save it as UTF-8",
            )
        raw.append(line)
        yield line


def _refuse_undecodable(path: Path, encoding: str) -> NoReturn:
    if encoding == "utf-16":
        raise DataError("the file begins as UTF-16 and is not", where=str(path), do="save as UTF-8")
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
