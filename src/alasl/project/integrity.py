"""Whether the state is what the events say that it must be."""

from __future__ import annotations

import sqlite3

from alasl.project.events import NOT_UNDONE

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
# Each part of the state: what it is, and what it must be.
_PARTS = (
    ("answers that stand", "SELECT * FROM standing", _STANDS),
    ("images skipped", "SELECT * FROM skips", _SKIPPED),
    ("entries resolved", "SELECT * FROM resolved", _RESOLVED),
    ("people's counts", "SELECT person, answers, skips FROM people", _PEOPLE),
    ("the queue's counts", "SELECT label, slots, left FROM counts", _COUNTS),
)


def differences(db: sqlite3.Connection) -> list[str]:
    """Where state and events differ, in words; empty if nowhere."""
    found = []
    for what, is_, must_be in _PARTS:
        wrong = _without(db, is_, must_be) + _without(db, must_be, is_)
        if wrong:
            found.append(f"{what}: {wrong} rows differ from what the events say")
    return found


def _without(db: sqlite3.Connection, one: str, other: str) -> int:
    """How many rows of one query the other does not give."""
    sql = f"SELECT count(*) FROM (SELECT * FROM ({one}) EXCEPT SELECT * FROM ({other}))"
    return int(db.execute(sql).fetchone()[0])
