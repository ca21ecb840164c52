"""The log of what happened: events are appended, each by a person, and never changed or deleted.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from alasl.data.alike import spelled
from alasl.errors import ConflictError
from alasl.labels import MACHINE
from alasl.project.checks import MACHINES, check_name, check_person
from alasl.project.records import Event, Kind

# Events that `history` reads at once.
PAGE = 1000
# Of an event e: whether the request that it belongs to was not taken back.
NOT_UNDONE = "NOT EXISTS (SELECT 1 FROM events u WHERE u.undoes = e.act)"


def person_of(db: sqlite3.Connection, name: str) -> int:
    """The number of a person, who gets one with the first use of the name."""
    check_person(name)
    return _number(db, name)


def machine_of(db: sqlite3.Connection) -> int:
    """The number under which the automatic labeller answers."""
    return _number(db, MACHINE)


def _number(db: sqlite3.Connection, name: str) -> int:
    found = find_person(db, name)
    if found >= 0:
        return found
    row = db.execute("INSERT INTO people (name) VALUES (?) RETURNING person", (name,)).fetchone()
    return int(row[0])


def find_person(db: sqlite3.Connection, name: str) -> int:
    """The number of a person, -1 for nobody we know.

    A name in another case or Unicode form, or with other blanks, is the same person's, but where
    two people are told apart by just that.
    """
    try:
        row = db.execute("SELECT person FROM people WHERE name = ?", (name,)).fetchone()
    except UnicodeEncodeError:
        return -1
    if row or name in MACHINES:
        return int(row[0]) if row else -1
    wanted = spelled(name)
    found = [
        int(number)
        for number, known in db.execute("SELECT person, name FROM people")
        if known not in MACHINES and spelled(known) == wanted
    ]
    return found[0] if len(found) == 1 else -1


def spend(db: sqlite3.Connection, person: int, seconds: float) -> None:
    """Count a person's time."""
    db.execute("UPDATE people SET seconds = seconds + ? WHERE person = ?", (seconds, person))


def last_event(db: sqlite3.Connection) -> int:
    """The id of the last event, 0 before the first."""
    return int(db.execute("SELECT coalesce(max(id), 0) FROM events").fetchone()[0])


def last_human_event(db: sqlite3.Connection) -> int:
    """The id of the last event by which people may have altered what is known."""
    # Backwards from the newest, as `max` over a condition would read every event.
    sql = (
        "SELECT id FROM events WHERE kind NOT IN ('machine', 'note')"
        " AND NOT (kind = 'change' AND json_extract(detail, '$.do') IN ('describe', 'instruct'))"
        " ORDER BY id DESC LIMIT 1"
    )
    return int(db.execute(sql).fetchone()[0])


def append(
    db: sqlite3.Connection,
    at: float,
    person: int,
    kind: Kind,
    *,
    act: int | None = None,
    request: str | None = None,
    **what: Any,
) -> tuple[int, int]:
    """Append an event; its act (its own id, where it begins one) and its id."""
    event = last_event(db) + 1
    values = {
        "id": event, "act": event if act is None else act, "at": at, "person": person, "kind": kind,
        "request": request if act is None else None, **what,
    }  # fmt: skip
    places = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO events ({', '.join(values)}) VALUES ({places})", values)
    return values["act"], event


def append_act(
    db: sqlite3.Connection, at: float, kind: Kind, names: Sequence[str], rows: Iterable[Any]
) -> int:
    """Append many events as one act; the id of the first, which the others follow.

    names: the columns of `rows`, e.g. person, image, label and value.
    """
    first = last_event(db) + 1
    columns = ("id", "act", "at", "kind", *names)
    db.executemany(
        f"INSERT INTO events ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
        ((first + n, first, at, kind, *row) for n, row in enumerate(rows)),
    )
    return first


_EVENT = (
    "SELECT id, act, request, at, name, kind, image, label, value, e.seconds,"
    " probability, model, shown, round, undoes, source, why, pi, detail"
    " FROM events e JOIN people USING (person)"
)


def history(db: sqlite3.Connection, after: int) -> list[Event]:
    """Up to `PAGE` events since the event `after`, in order."""
    return _events(db, f"{_EVENT} WHERE id > ? ORDER BY id LIMIT ?", (after, PAGE))


def of_image(db: sqlite3.Connection, image: int) -> list[Event]:
    """What happened to an image, what of it was undone, and all changes of labels and images."""
    return _events(
        db,
        f"{_EVENT} WHERE image = :image OR kind = 'change' OR undoes IN"
        " (SELECT act FROM events WHERE image = :image) ORDER BY id",
        {"image": image},
    )


def _events(db: sqlite3.Connection, sql: str, values: Any) -> list[Event]:
    rows = db.execute(sql, values).fetchall()
    return [Event(*(*r[:12], None if r[12] is None else bool(r[12]), *r[13:])) for r in rows]


def was_taken(
    db: sqlite3.Connection,
    request: str,
    person: str,
    kind: Kind,
    content: Sequence[tuple[int | None, int | None, int | None]],
) -> bool:
    """Whether a request was taken before. Raises `ConflictError` if it asked for something else."""
    check_name("a request's name", request)
    first = db.execute("SELECT act FROM events WHERE request = ?", (request,)).fetchone()
    if first is None:
        return False
    rows = db.execute(
        "SELECT name, kind, image, label, value FROM events JOIN people USING (person)"
        " WHERE act = ? ORDER BY id",
        first,
    ).fetchall()
    if rows != [(person, kind, *one) for one in content]:
        raise reused(request)
    return True


def reused(request: str) -> ConflictError:
    """The error for a request whose name stands for something else already."""
    return ConflictError(
        "this request was made before, with other content",
        seen=repr(request),
        do="give each request a name of its own",
    )
