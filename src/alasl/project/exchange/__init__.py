"""Answers in and out: from and to Label Studio, CSV and spreadsheets; one file here a format.

What comes in is a list of `Answer` by row and column of the project's table; a name that the table
does not have is an error that gives the nearest one. Any format of a table of entries can be read
as well: each known entry is then an answer.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from alasl.data.formats import FORMATS as TABLES
from alasl.data.formats import read_table
from alasl.data.formats.base import Empty, NamedAnswer, Options
from alasl.data.names import Names, Places
from alasl.errors import DataError, UsageError
from alasl.files import readable, replacing
from alasl.labels import INFERRED, MACHINE
from alasl.project.exchange.base import (
    EXCHANGES,
    Asked,
    Exchange,
    Query,
    WriteQuery,
    exchange,
)
from alasl.project.records import Answer
from alasl.registry import files_of

__all__ = [
    "EXCHANGES",
    "Asked",
    "Exchange",
    "answers_queue",
    "exchange",
    "formats",
    "read",
    "write",
    "write_query",
    "writer_of_queries",
]

_log = logging.getLogger(__name__)

_HEAD = 65536
_NO_PERSONS = {
    MACHINE: "automatic answers are left out: they are a model's, no person's",
    INFERRED: "entries are left out that only followed from others",
}
# Where a table of a project's says that its entries came from all people together, none is meant.
_ALL_PEOPLE = {"people", "resolved"}
Way = Literal["read", "write", "write_query"]


def formats(way: Way = "read") -> tuple[str, ...]:
    """Names of the formats by which answers can be read, written, or a query written."""
    own = [name for name, one in EXCHANGES.items() if getattr(one, way)]
    return tuple(sorted({*own, *TABLES} if way == "read" else own))


def read(
    path: str | Path,
    format: str | None,
    images: Places,
    names: Places,
    *,
    person: str = "import",
    empty: Empty | None = None,
    keep_unannotated: bool = True,
) -> list[Answer]:
    """The answers in a file, in the order they were given, for the table of `images` and `names`.

    These are in order, or each with its row or column.

    format: one of `formats()`; None to recognise it.
    Where a person answers an entry more than once, only the last answer is taken. person: who
    answered, where the file does not say. empty, keep_unannotated: as for a table of entries.
    Raises a `DataError` with file and line for anything that cannot be taken, and for names that
    the table does not have, all of them listed.
    """
    path = Path(path)
    if format is not None:
        own, values = _named(format)
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path))
    if format is None:
        own, values = _recognise(path), {}
    options = Options(empty, keep_unannotated)
    found = own.read(path, options, **values) if own else _table(path, format, options)
    known = Names(images, names)
    answers: dict[tuple[int, int, str], Answer] = {}
    left_out = dict.fromkeys((MACHINE, INFERRED), 0)
    try:
        for one in found:
            if one.person in left_out:
                left_out[one.person] += 1
                continue
            entry = known.entry(one)
            if entry is not None:
                named = "" if one.person in _ALL_PEOPLE else one.person
                key = (*entry, named or person)
                answers.pop(key, None)  # so that the last answer also stands last
                answers[key] = Answer(
                    *(*entry, one.value, one.seconds),
                    person=key[2],
                    at=one.at,
                    why=one.why,
                    pi=one.pi,
                    question=one.question,
                )
    except DataError as error:
        _refuse_also_lost(error, known, path)
        raise
    known.refuse_lost(path)
    known.note_taken(path)
    for source, what in _NO_PERSONS.items():
        if left_out[source]:
            _log.warning("%s: %d %s", path, left_out[source], what)
    return list(answers.values())


def answers_queue(path: str | Path, format: str | None) -> bool:
    """Whether a file's format is one that a queue is written in, so that it answers a queue."""
    path = Path(path)
    own = _recognise(path) if format is None else _named(format)[0]
    return own is not None and own.write_query is not None


def _refuse_also_lost(fault: DataError, known: Names, path: Path) -> None:
    """Raise one error for cells that hold no answer and names that are not found, if there are."""
    try:
        known.refuse_lost(path)
    except DataError as lost:
        if not fault.more:  # the file could not be read to its end
            return
        # The first of each kind, as few are shown.
        first = [*fault.more[:2], *lost.more[:2]]
        raise DataError(
            f"{fault.what}; {lost.what}",
            where=str(path),
            more=[*first, *fault.more[2:], *lost.more[2:]],
            do="; ".join(one.do for one in (fault, lost) if one.do),
        ) from fault


def write(
    path: str | Path,
    format: str,
    images: Sequence[str],
    names: Sequence[str],
    answers: Iterable[Answer],
) -> None:
    """Write answers down, whole or not at all; `read` gives back the same.

    Where a person answers an entry more than once, the last answer is written.
    """
    own = EXCHANGES.resolve(format).part if EXCHANGES.knows(format) else None
    if own is None or own.write is None:
        raise _cannot("write answers to", format, "write")
    last = {(one.image, one.label, one.person): one for one in answers}
    if any(not person for *_, person in last):
        raise DataError("an answer to write does not say who gave it", where=str(path))
    one = [
        NamedAnswer(
            "", images[t.image], names[t.label], t.value, t.person, t.seconds, t.at, t.why, t.pi
        )
        for t in last.values()
    ]
    with replacing(Path(path)) as beside:
        own.write(beside, one)


def write_query(
    path: str | Path,
    format: str,
    images: Sequence[str],
    names: Sequence[str],
    asked: Iterable[Asked],
    *,
    model: str = "",
    prefix: str = "",
) -> None:
    """Write a query, best entry first, for people to answer elsewhere; `read` takes the answers.

    model: name and version of the model whose probabilities they are. prefix: what makes an
    image's address out of its id, for tools that show it by an address.
    """
    write = writer_of_queries(format)
    rows = [(images[one.image], names[one.label], one) for one in asked]
    with replacing(Path(path)) as beside:
        write(beside, Query(rows, model, prefix))


def writer_of_queries(format: str) -> WriteQuery:
    """What writes a query in a format. Raises `UsageError` for one in which none can be written."""
    own = EXCHANGES.resolve(format).part if EXCHANGES.knows(format) else None
    if own is None or own.write_query is None:
        raise _cannot("write a query to", format, "write_query")
    return own.write_query


def _named(format: str) -> tuple[Exchange | None, dict[str, Any]]:
    """The format of answers that a spec names, and its parameters; None for one of tables."""
    if EXCHANGES.knows(format):
        found = EXCHANGES.resolve(format)
        return found.part, found.values
    if TABLES.knows(format) or files_of(format):  # which says what is wrong with the file
        return None, {}
    raise _cannot("read", format, "read")


def _cannot(what: str, format: str, way: Way) -> UsageError:
    return UsageError(
        f"cannot {what} the format {format!r}", do=f"there are: {', '.join(formats(way))}"
    )


def _recognise(path: Path) -> Exchange | None:
    """The format of a file of answers; None for one that may be a table of entries."""
    if path.is_dir():
        return None
    with readable(path), path.open("rb") as file:
        head = file.read(_HEAD)
    return next((one for one in EXCHANGES.values() if one.holds(path, head)), None)


def _table(path: Path, format: str | None, options: Options) -> Iterable[NamedAnswer]:
    """Each known entry of a table of entries as an answer, of the person it came from."""
    table, file = read_table(
        path,
        format=format,
        empty=options.empty,
        keep_unannotated=options.keep_unannotated,
    )
    labels = table.labels
    people = ("", *labels.sources[1:])
    where = str(file)
    few = labels.sparse
    each = (few.rows, few.cols, few.values, labels.origin)
    for row, col, value, source in zip(*(part.tolist() for part in each), strict=True):
        yield NamedAnswer(where, labels.images[row], labels.names[col], value, people[source])
