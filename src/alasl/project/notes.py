"""What people say beside answers: notes on images, and labels that are unclear to them.

A note stands until it is settled; both are events. Each function works in the caller's transaction,
on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3

from alasl.errors import ConflictError
from alasl.project.events import NOT_UNDONE, append, person_of, was_taken
from alasl.project.records import Note

_OPEN = f"kind = 'note' AND undoes IS NULL AND {NOT_UNDONE}"


def note(
    db: sqlite3.Connection,
    person: str,
    image: int | None,
    label: int | None,
    text: str,
    request: str,
    now: float,
) -> None:
    """Keep a note; sent again under the same request, it counts once."""
    if was_taken(db, request, person, "note", [(image, label, None)]):
        return
    who, detail = person_of(db, person), json.dumps({"text": text})
    append(db, now, who, "note", request=request, image=image, label=label, detail=detail)


def notes(db: sqlite3.Connection) -> list[Note]:
    """All that nobody has settled, the newest first."""
    rows = db.execute(
        "SELECT id, at, name, image, label, detail FROM events e JOIN people USING (person)"
        f" WHERE {_OPEN} ORDER BY id DESC"
    ).fetchall()
    return [
        Note(event, at, person, image, label, json.loads(detail)["text"])
        for event, at, person, image, label, detail in rows
    ]


def settle(db: sqlite3.Connection, person: str, note: int, now: float) -> None:
    """Take a note as read. Raises `ConflictError` where there is none, or it was settled."""
    if db.execute(f"SELECT 1 FROM events e WHERE id = ? AND {_OPEN}", (note,)).fetchone() is None:
        raise ConflictError("there is no such note any more", seen=str(note))
    append(db, now, person_of(db, person), "note", undoes=note)
