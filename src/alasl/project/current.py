"""What stands of what each person said and skipped: the state that is kept beside the events.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from alasl.project.events import NOT_UNDONE

_STAND = (
    "INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " value = excluded.value, kind = excluded.kind, event = excluded.event"
)
_SKIP = "INSERT INTO skips VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET event = excluded.event"


def stand(db: sqlite3.Connection, rows: Iterable[tuple[int, int, int, int, str, int]]) -> None:
    """Let answers stand in the place of their person's earlier ones.

    rows: image, label, person, value, kind and event of each.
    """
    db.executemany(_STAND, rows)


def stand_skip(db: sqlite3.Connection, person: int, image: int, event: int) -> None:
    """Let a person's skip of an image stand."""
    db.execute(_SKIP, (person, image, event))


def fall_back(db: sqlite3.Connection, image: int, label: int, person: int) -> bool:
    """What a person said of an entry before, stands again; whether there was anything."""
    entry = (image, label, person)
    before = db.execute(
        "SELECT value, kind, id FROM events e WHERE image = ? AND label = ? AND person = ?"
        f" AND kind IN ('answer', 'import', 'machine') AND {NOT_UNDONE} ORDER BY id DESC LIMIT 1",
        entry,
    ).fetchone()
    if before:
        stand(db, [(*entry, *before)])
    else:
        db.execute("DELETE FROM standing WHERE image = ? AND label = ? AND person = ?", entry)
    return before is not None


def fall_back_skip(db: sqlite3.Connection, person: int, image: int) -> None:
    """A person's earlier skip of an image stands again, where there was one."""
    (before,) = db.execute(
        "SELECT max(id) FROM events e WHERE image = ? AND person = ? AND kind = 'skip'"
        f" AND {NOT_UNDONE}",
        (image, person),
    ).fetchone()
    if before:
        stand_skip(db, person, image, before)
    else:
        db.execute("DELETE FROM skips WHERE person = ? AND image = ?", (person, image))
