"""Checksums of what a store keeps, so that a bit that changed on the disk is found.

SQLite has none of its own. Of each table that cannot be made again from others, `sums` has how many
rows there are and the sum of their CRC-32; triggers keep it, whoever writes, so it changes in the
transaction that changes the rows.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator

# The version of the store that has them first; and the first that sums bytes by themselves.
SINCE, BY_BYTES = 6, 7
# The tables and their columns, as of that version. Who holds a task, and until when, is left out:
# it changes with every lease, and no answer hangs on it.
_COVERED = {
    "labels": ("label", "name", "since"),
    "images": ("image", "name", "file", "role", "given", "since"),
    "people": ("person", "name", "seconds"),
    "notes": ("key", "value"),
    "events": (
        "id", "act", "request", "at", "person", "kind", "image", "label", "value", "seconds",
        "probability", "model", "shown", "round", "undoes", "source", "why", "pi", "detail",
    ),
    "queue": (
        "place", "image", "label", "score", "probability", "model", "round", "gold", "why", "pi",
    ),
    "trainings": (
        "training", "at", "event", "answers", "seconds", "took", "map", "ap", "model", "judged",
        "labels", "ground",
    ),
    "chances": ("label", "images", "before", "now"),
}  # fmt: skip


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the triggers call; without it nobody can write."""
    connection.create_function("checksum", -1, checksum, deterministic=True)
    connection.create_function("checksum_by_text", -1, checksum_by_text, deterministic=True)
    # Else a row that another takes the place of (INSERT OR REPLACE) would stay in the sum.
    connection.execute("PRAGMA recursive_triggers = ON")


def checksum(*values: object) -> int:
    """The CRC-32 of a row's values, of bytes by theirs: as text they are several times as long."""
    plain = (zlib.crc32(one) if isinstance(one, bytes) else one for one in values)
    return zlib.crc32(repr(tuple(plain)).encode("utf-8", "surrogatepass"))


def checksum_by_text(*values: object) -> int:
    """As `checksum`, as it was before the version `BY_BYTES`."""
    return zlib.crc32(repr(values).encode("utf-8", "surrogatepass"))


def statements() -> Iterator[str]:
    """What begins the sums of a store that has tables and rows already, and keeps them."""
    yield (
        "CREATE TABLE sums (name TEXT PRIMARY KEY, rows INTEGER NOT NULL, sum INTEGER NOT NULL)"
        " WITHOUT ROWID"
    )
    for table, columns in _COVERED.items():
        new, old = (
            f"checksum({', '.join(f'{row}.{column}' for column in columns)})"
            for row in ("NEW", "OLD")
        )
        here = f"WHERE name = '{table}'"
        yield f"INSERT INTO sums SELECT '{table}', {', '.join(_counted(table))}"
        yield (
            f"CREATE TRIGGER {table}_summed AFTER INSERT ON {table} BEGIN"
            f" UPDATE sums SET rows = rows + 1, sum = sum + {new} {here}; END"
        )
        yield (
            f"CREATE TRIGGER {table}_unsummed AFTER DELETE ON {table} BEGIN"
            f" UPDATE sums SET rows = rows - 1, sum = sum - {old} {here}; END"
        )
        yield (
            f"CREATE TRIGGER {table}_resummed AFTER UPDATE OF {', '.join(columns)} ON {table} BEGIN"
            f" UPDATE sums SET sum = sum + {new} - {old} {here}; END"
        )


def anew() -> Iterator[str]:
    """What brings sums by text to those of today; where rows are not as they were noted, no sum."""
    for table in _COVERED:
        rows, total = _counted(table)
        _, by_text = _counted(table, "checksum_by_text")
        yield (
            f"UPDATE sums SET sum = {total}"
            f" WHERE name = '{table}' AND sum <> {total} AND rows = {rows} AND sum = {by_text}"
        )


def differences(db: sqlite3.Connection, version: int = BY_BYTES) -> Iterator[str]:
    """Tables whose rows are not those that were written, in words; of a store of a version."""
    function = "checksum" if version >= BY_BYTES else "checksum_by_text"
    noted = {name: (rows, total) for name, rows, total in db.execute("SELECT * FROM sums")}
    for table in _COVERED:
        try:
            found = db.execute(f"SELECT {', '.join(_counted(table, function))}").fetchone()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            yield f"{table}: {error}"
            continue
        if found != noted.get(table):
            yield f"{table}: the rows are not those that were written (by their checksums)"


def _counted(table: str, function: str = "checksum") -> tuple[str, str]:
    """What gives a table's number of rows, and their sum."""
    total = f"coalesce(sum({function}({', '.join(_COVERED[table])})), 0)"
    return f"(SELECT count(*) FROM {table})", f"(SELECT {total} FROM {table})"
