"""A query as a spreadsheet: `image,label,probability,priority,question,answer`.

The last is for people to fill: 1 (present), 0 (absent) or ? (cannot tell); an empty cell is no
answer. `question` tells a second look at an entry from an answer that is only read twice.

A name that a spreadsheet would take for a formula gets an apostrophe before it, as in all CSV that
is written, and loses it when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from alasl.counting import counted
from alasl.data.formats.base import NamedAnswer, Options
from alasl.data.formats.rows import first_line, read_rows, refuse_ragged, write_lines
from alasl.errors import DataError
from alasl.files import guarded, readable
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.project.exchange.base import Query, exchange

COLUMNS = ("image", "label", "probability", "priority", "question", "answer")
_NEEDED = ("image", "label", "answer")
_ANSWERS = {"1": PRESENT, "1.0": PRESENT, "0": ABSENT, "0.0": ABSENT, "?": UNKNOWN}


def _write_query(path: Path, query: Query) -> None:
    lines = (
        _row(
            image,
            label,
            "" if asked.probability is None else f"{asked.probability:.4f}",
            f"{asked.priority:.4f}",
            asked.question,
            "",
        )
        for image, label, asked in query.asked
    )
    # With a byte order mark, spreadsheets know that it is UTF-8.
    write_lines(path, ["\ufeff" + _row(*COLUMNS), *lines])


def _row(*cells: str) -> str:
    """A line of CSV with every cell quoted: some spreadsheets separate by semicolons."""
    return ",".join('"' + guarded(cell).replace('"', '""') + '"' for cell in cells)


def _read(path: Path, options: Options) -> Iterator[NamedAnswer]:  # noqa: ARG001
    """The rows that have an answer. Columns may be moved or added, and rows sorted."""
    with readable(path), path.open("rb") as file:
        head = file.read(4096)
    rows = read_rows(path, _separator(first_line(head)))
    line, header = next(rows, (1, []))
    missing = [name for name in _NEEDED if header.count(name) != 1]
    if missing:
        raise DataError(
            f"expected one column each of {', '.join(_NEEDED)}",
            where=f"{path}:{line}",
            seen=", ".join(map(repr, header[:8])) or "nothing",
        )
    at = [header.index(name) for name in _NEEDED]
    # Of these, the first that there is; people add the last two.
    more = [
        next((header.index(name) for name in names if header.count(name) == 1), None)
        for names in (("question",), ("annotator", "person"))
    ]
    bad: list[str] = []
    for line, cells in rows:
        refuse_ragged(path, line, cells, len(header))
        image, label, answer = (cells[i] for i in at)
        if not answer.strip():
            continue
        value = _ANSWERS.get(answer.strip())
        if value is None:
            bad.append(f"{path}:{line}: {answer!r}")
        else:
            question, person = ("" if i is None else cells[i].strip() for i in more)
            where = f"{path}:{line}"
            yield NamedAnswer(where, image, label, value, person, question=question)
    if bad:
        raise DataError(
            f"{counted(len(bad), 'cell')} of the column 'answer' without a valid answer",
            where=str(path),
            more=bad,
            do="write 1 (present), 0 (absent), ? (cannot tell), or nothing",
        )


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    line = first_line(head)
    cells = {cell.strip().strip('"') for cell in line.split(_separator(line))}
    return cells.issuperset(_NEEDED)


def _separator(line: str) -> str:
    """The sign that separates the cells of the first line: spreadsheets save as they like."""
    return max(",;\t", key=line.count)


exchange(
    "queue",
    "CSV image,label,probability,priority,question,answer for a spreadsheet: 1, 0, ? or empty",
    holds=_holds,
    write_query=_write_query,
)(_read)
