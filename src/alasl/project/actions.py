"""What people do on the page: answer, skip, and take back; each a request that counts once.

Each function works in the caller's transaction, on its connection `db`; see `Store` for the rest.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from alasl.project import queue, second_looks, table
from alasl.project.checks import check_name
from alasl.project.current import fall_back, fall_back_skip, stand, stand_skip
from alasl.project.events import (
    NOT_UNDONE,
    append,
    find_person,
    person_of,
    reused,
    spend,
    was_taken,
)
from alasl.project.records import LEASE, Answer, Said, Undone

_LAST_ACT = (
    "SELECT id FROM events e WHERE person = ? AND request IS NOT NULL"
    f" AND kind IN ('answer', 'skip') AND {NOT_UNDONE} ORDER BY id DESC LIMIT 1"
)

# Requests of a client that names all of a kind alike: the acts that stand, the newest first.
_ACTS_OF = (
    "SELECT id, person FROM events e WHERE request >= :begin AND request < :begin || char(1114111)"
    f" AND kind IN ('answer', 'skip') AND {NOT_UNDONE} ORDER BY id DESC"
)

# From a person's requests to their answers that still stand; each by its key.
_SAID_BY = (
    f"SELECT e.id, {table.COLUMNS} FROM events a CROSS JOIN events e ON e.act = a.id"
    " CROSS JOIN standing s ON s.image = e.image AND s.label = e.label AND s.person = e.person"
    " AND s.event = e.id CROSS JOIN people p ON p.person = e.person"
    " WHERE a.person = :who AND a.request IS NOT NULL AND a.kind = 'answer' AND a.at >= :since"
    " AND e.id < :before AND (:label IS NULL OR e.label = :label)"
    " AND (:value IS NULL OR e.value = :value) ORDER BY e.id DESC LIMIT :many"
)


def answer(
    db: sqlite3.Connection, person: str, answers: Sequence[Answer], request: str, now: float
) -> None:
    """Take answers, together."""
    content = [(a.image, a.label, a.value) for a in answers]
    if was_taken(db, request, person, "answer", content):
        return
    who = person_of(db, person)
    act, round = None, queue.current_round(db)
    for a in answers:
        why, pi = queue.reason(db, who, a.image, a.label) or (a.why, a.pi)
        act, event = append(
            db, now, who, "answer", act=act, request=request, image=a.image, label=a.label,
            value=a.value, seconds=a.seconds, probability=a.probability, model=a.model,
            shown=int(a.shown), round=round, why=why, pi=pi,
        )  # fmt: skip
        stand(db, [(a.image, a.label, who, a.value, "answer", event)])
        queue.fill_slot(db, who, a.image, a.label, now)
        second_looks.second_look(db, a.image, a.label, a.value)
        spend(db, who, a.seconds or 0.0)


def skip(db: sqlite3.Connection, person: str, image: int, request: str, now: float) -> None:
    """A person leaves an image to others."""
    if was_taken(db, request, person, "skip", [(image, None, None)]):
        return
    who, round = person_of(db, person), queue.current_round(db)
    _, event = append(db, now, who, "skip", request=request, image=image, seconds=0.0, round=round)
    stand_skip(db, who, image, event)
    queue.release(db, who, [image])


def undo(db: sqlite3.Connection, person: str, request: str, now: float) -> Undone | None:
    """Take back a person's last answers or skip that stand; they hold the images again."""
    check_name("a request's name", request)
    who = find_person(db, person)
    before = db.execute(
        "SELECT undoes, person, kind FROM events WHERE request = ?", (request,)
    ).fetchone()
    if before:
        if before[1:] != (who, "undo"):
            raise reused(request)
        return _undone(db, before[0])
    last = db.execute(_LAST_ACT, (who,)).fetchone()
    if last is None:
        return None
    undone = _take_back(db, who, last[0], request, now, now + LEASE)
    if undone.kind == "skip":
        queue.take(db, who, undone.images[0], None, now, now + LEASE)
    return undone


def withdraw(db: sqlite3.Connection, begin: str, now: float) -> int:
    """Take back what requests said whose names begin so; the answers and skips. Nobody holds it."""
    acts = db.execute(_ACTS_OF, {"begin": begin}).fetchall()
    undone = [_take_back(db, who, act, None, now, now) for act, who in acts]
    return sum(len(one.answers) or 1 for one in undone)


def _take_back(
    db: sqlite3.Connection, who: int, act: int, request: str | None, now: float, until: float
) -> Undone:
    """Take back what a person did; until: when they give back what is wanted again by it."""
    append(db, now, who, "undo", request=request, undoes=act, round=queue.current_round(db))
    undone = _undone(db, act)
    for a in undone.answers:
        stands = fall_back(db, a.image, a.label, who)
        queue.empty_slot(db, who, a.image, a.label, until, again=stands)
    if undone.kind == "skip":
        fall_back_skip(db, who, undone.images[0])
    return undone


def said_by(
    db: sqlite3.Connection,
    person: str,
    since: float,
    before: int | None,
    label: int | None,
    value: int | None,
    many: int,
) -> list[Said]:
    """What stands of a person's answers on the page, the newest first."""
    ask = {
        "who": find_person(db, person), "since": since, "before": before or 2**62,
        "label": label, "value": value, "many": many,
    }  # fmt: skip
    rows = db.execute(_SAID_BY, ask).fetchall()
    return [Said(row[0], table.answer_of(row[1:])) for row in rows]


def _undone(db: sqlite3.Connection, act: int) -> Undone:
    rows = db.execute(
        f"SELECT kind, {table.COLUMNS} FROM events e JOIN people p USING (person)"
        " WHERE act = ? ORDER BY e.id",
        (act,),
    ).fetchall()
    kind = rows[0][0]
    answers = tuple(table.answer_of(row[1:]) for row in rows if kind == "answer")
    return Undone(kind, tuple(dict.fromkeys(row[1] for row in rows)), answers)
