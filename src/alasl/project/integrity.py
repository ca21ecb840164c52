"""Whether a store is as it was written, and its state what the events say that it must be."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path

from alasl.errors import DataError
from alasl.project import blocks, checksums, database
from alasl.project.events import NOT_UNDONE
from alasl.project.schema import APPLICATION, MIGRATIONS, VERSION

_STANDS = (
    "SELECT image, label, person, value, kind, max(id) FROM events e"
    f" WHERE kind IN ('answer', 'import', 'machine') AND {NOT_UNDONE}"
    " GROUP BY image, label, person"
)
_SKIPPED = (
    "SELECT person, image, max(id) FROM events e"
    f" WHERE kind = 'skip' AND {NOT_UNDONE} GROUP BY person, image"
)
_RESOLVED = (
    "SELECT image, label, value, max(id) FROM events WHERE kind = 'resolve' GROUP BY image, label"
)
_PEOPLE = (
    "SELECT person, (SELECT count(*) FROM standing s WHERE s.person = p.person),"
    " (SELECT count(*) FROM skips s WHERE s.person = p.person) FROM people p"
)
_COUNTS = (
    "SELECT label, (SELECT count(*) FROM queue q WHERE q.label = c.label),"
    " (SELECT count(*) FROM queue q WHERE q.label = c.label AND done = 0) FROM counts c"
)
_SCHEMA = "SELECT name, type, tbl_name, sql FROM sqlite_schema"
# Each part of the state: what it is, and what it must be.
_PARTS = (
    ("answers that stand", "SELECT * FROM standing", _STANDS),
    ("images skipped", "SELECT * FROM skips", _SKIPPED),
    ("entries resolved", "SELECT * FROM resolved", _RESOLVED),
    ("people's counts", "SELECT person, answers, skips FROM people", _PEOPLE),
    ("the queue's counts", "SELECT label, slots, left FROM counts", _COUNTS),
)
_BLOCKS = (("blocks of images", "SELECT * FROM blocks", blocks.MADE),)


def examined(path: Path) -> list[str]:
    """What is wrong with the file of a store, in words; empty if all is well. Changes nothing.

    Raises as `database.refuse_unreadable` does.
    """
    database.refuse_unreadable(path)
    connection = database.look(path)
    try:
        return differences(connection)
    except sqlite3.Error as error:
        return [str(error)]
    finally:
        connection.close()


def refuse_damaged(path: Path, where: Path | None = None) -> None:
    """Raise a `DataError` with all that is wrong with a store, if anything is.

    where: what a user knows it by.
    """
    if problems := examined(path):
        raise DataError(
            "the store is damaged",
            where=str(where or path),
            more=problems,
            do="bring the project back from a backup: alasl restore. To save what can be read, "
            "keep a copy of this file, and its log beside it",
        )


def differences(db: sqlite3.Connection) -> list[str]:
    """What is wrong with a store, in words; empty if all is well.

    SQLite's own check, the schema, the rows' checksums (which older versions do not have), and the
    state against the events.
    """
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION or not 1 <= version <= VERSION:
        return [f"application id {application:#x}, version {version}: no store of this ALASL"]
    looks: list[Callable[[sqlite3.Connection], Iterable[str]]] = [
        *(_by_sqlite, partial(_schema, version), partial(_state, version)),
    ]
    if version >= checksums.SINCE:
        looks.append(partial(checksums.differences, version=version))
    found: list[str] = []
    for look in looks:
        try:
            found += look(db)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            found.append(str(error))
    return found


def _by_sqlite(db: sqlite3.Connection) -> list[str]:
    rows = [str(row[0]) for row in db.execute("PRAGMA integrity_check")]
    return [] if rows == ["ok"] else rows


def _schema(version: int, db: sqlite3.Connection) -> list[str]:
    """Tables, indices and triggers that are not as they are in a new store of the version."""
    found = {row[0]: row[1:] for row in db.execute(_SCHEMA)}
    must_be = _made(version)
    names = found.keys() | must_be.keys()
    wrong = sorted(str(name) for name in names if found.get(name) != must_be.get(name))
    return [f"{name}: not as ALASL makes it" for name in wrong]


@cache
def _made(version: int) -> dict[str, tuple[str, ...]]:
    """By name, the tables, indices and triggers of a new store of a version."""
    db = sqlite3.connect(":memory:")
    database.register(db)
    try:
        for statements in MIGRATIONS[: version + 1]:
            for statement in statements:
                db.execute(statement)
        return {row[0]: row[1:] for row in db.execute(_SCHEMA)}
    finally:
        db.close()


def _state(version: int, db: sqlite3.Connection) -> list[str]:
    """Where state and events differ, in a store of a version."""
    found = []
    for what, is_, must_be in _PARTS + (_BLOCKS if version >= blocks.SINCE else ()):
        wrong = _without(db, is_, must_be) + _without(db, must_be, is_)
        if wrong:
            found.append(f"{what}: {wrong} rows differ from what the events say")
    return found


def _without(db: sqlite3.Connection, one: str, other: str) -> int:
    """How many rows of one query the other does not give."""
    sql = f"SELECT count(*) FROM (SELECT * FROM ({one}) EXCEPT SELECT * FROM ({other}))"
    return int(db.execute(sql).fetchone()[0])
