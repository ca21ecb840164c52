"""The queue: what is asked now, who holds what, and what is left.

A slot is one answer by one person; an entry that is asked twice has two. Each function works in the
caller's transaction, on its connection `db`; `person` is a number, `now` seconds since 1970.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alasl.labels import MACHINE
from alasl.project import remembered
from alasl.project.records import (
    AGAIN,
    RECHECK,
    PersonCount,
    Progress,
    Questions,
    Queued,
    Task,
)
from alasl.project.second_looks import AN_ANSWER_DRAWN, question
from alasl.seconds import Way
from alasl.seeds import stream

# Image, label, score, probability, model, round, gold, why, pi.
Slot = tuple[int, int, float | None, float | None, str, int, int, str, float | None]

# A slot q that the person :p may be given at :now.
_FREE = (
    "done = 0 AND until <= :now"
    " AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.person = :p AND s.image = q.image)"
    f" AND (q.why = '{AGAIN}' OR NOT EXISTS (SELECT 1 FROM standing t"
    "  WHERE t.image = q.image AND t.label = q.label AND t.person = :p))"
    " AND NOT EXISTS (SELECT 1 FROM queue o WHERE o.image = q.image AND o.label = q.label"
    "  AND o.person = :p AND o.done = 0 AND o.until > :now)"
)
# What a slot is; until when somebody holds it is forgotten.
_SLOT = "image, label, score, probability, model, round, gold, person, done, why, pi"
_RELEASE = "UPDATE queue SET person = NULL, until = 0 WHERE done = 0 AND person = ?"
# An answer fills the slot that the person holds, else one that nobody holds, else another person's:
# given without a connection it may come after the lease ended, and is not to be asked again.
_FILL_SLOT = (
    "UPDATE queue SET done = 1, person = :p, until = :now WHERE place = ("
    " SELECT place FROM queue WHERE image = :image AND label = :label AND done = 0"
    f" AND (why = '{AGAIN}' OR NOT EXISTS (SELECT 1 FROM queue o WHERE o.image = :image"
    "  AND o.label = :label AND o.person = :p AND o.done = 1))"
    " ORDER BY person IS :p DESC, until <= :now DESC, place LIMIT 1)"
)

# All slots, with how often people answered those that are asked once more.
_QUEUED = (
    "SELECT image, label, score, probability, model, gold, done, why, pi,"
    f" iif(why = '{AGAIN}', (SELECT count(*) FROM events e WHERE e.image = q.image"
    f"  AND e.label = q.label AND {AN_ANSWER_DRAWN}), 0) FROM queue q ORDER BY place"
)


def slots(round: int, questions: Questions, repeats: float, seed: int) -> list[Slot]:
    """The slots of a round, best first; those that are asked twice stand twice."""
    many = len(np.asarray(questions.rows))
    gold = np.asarray(np.zeros(many) if questions.gold is None else questions.gold, np.bool_)
    why = [""] * many if questions.why is None else list(questions.why)
    twice = ~gold & (stream(seed, "repeats", round).random(many) < repeats)
    twice &= np.array([one != AGAIN for one in why], np.bool_)
    rows = zip(
        np.asarray(questions.rows, np.intp).tolist(),
        np.asarray(questions.cols, np.intp).tolist(),
        numbers(questions.scores, many),
        numbers(questions.probabilities, many),
        [questions.model] * many,
        [round] * many,
        gold.astype(int).tolist(),
        why,
        [None if pi is None or np.isnan(pi) else pi for pi in numbers(questions.pi, many)],
        strict=True,
    )
    return [slot for slot, two in zip(rows, twice.tolist(), strict=True) for _ in range(1 + two)]


def fill(
    db: sqlite3.Connection,
    round: int,
    slots: Iterable[Slot],
    now: float,
    way: Way = "image",
    again: bool = False,
) -> None:
    """Make these slots the queue, except the entries that people hold right now.

    again: whether `second_look` asks anything.
    """
    db.execute("DELETE FROM queue WHERE done = 1 OR until <= ?", (now,))
    kept = set(db.execute("SELECT image, label FROM queue"))
    db.executemany(
        "INSERT INTO queue (image, label, score, probability, model, round, gold, why, pi)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [slot for slot in slots if slot[:2] not in kept] if kept else slots,
    )
    for name, value in (("round", round), ("way", way), ("again", int(again))):
        remembered.keep(db, name, value)
    # Of a queue that is no more nothing comes back.
    db.execute("DELETE FROM notes WHERE key LIKE 'cut %'")


def cut(
    db: sqlite3.Connection, labels: Iterable[int], images: Iterable[int], event: int | None = None
) -> None:
    """Take what is of these labels and images out of the queue.

    event: the change by which they leave; what was taken out by it comes back with `mend`.
    """
    out = {"label": set(labels), "image": set(images)}
    slots = [
        slot
        for slot in db.execute(f"SELECT place, {_SLOT} FROM queue").fetchall()
        if slot[1] in out["image"] or slot[2] in out["label"]
    ]
    db.executemany("DELETE FROM queue WHERE place = ?", [slot[:1] for slot in slots])
    if slots and event is not None:
        remembered.keep(db, f"cut {event}", json.dumps([current_round(db), slots]))


def mend(db: sqlite3.Connection, event: int, now: float) -> None:
    """Put back what a change took out of the queue, where that is still the same round's."""
    kept = remembered.value(db, f"cut {event}")
    if kept is None:
        return
    round, slots = json.loads(kept)
    db.execute("DELETE FROM notes WHERE key = ?", (f"cut {event}",))
    if round == current_round(db):
        names, places = f"place, {_SLOT}", ", ".join("?" * (1 + len(_SLOT.split(","))))
        db.executemany(f"INSERT OR IGNORE INTO queue ({names}) VALUES ({places})", slots)
        # A page that was open all the while may have sent answers to them.
        said = "SELECT person FROM standing WHERE image = ? AND label = ? AND event > ?"
        for _, image, label, *_ in slots:
            for (person,) in db.execute(said, (image, label, event)).fetchall():
                fill_slot(db, person, image, label, now)


def audited(db: sqlite3.Connection) -> dict[int, list[tuple[int, int, str]]]:
    """The audit's questions of each label in the queue, and of what changes took out of it: the
    image, 1 if anybody answered, and why it is asked. Without those that are asked once more."""
    found = db.execute("SELECT label, image, done, why FROM queue WHERE pi IS NOT NULL").fetchall()
    for (value,) in db.execute("SELECT value FROM notes WHERE key LIKE 'cut %'"):
        for _, image, label, *_, done, why, pi in json.loads(value)[1]:
            if pi is not None:
                found.append((label, image, done, why))
    # What two people are to answer counts as one question, as it is known once one of them did.
    one: dict[tuple[int, int, str], int] = {}
    for label, image, done, why in found:
        if why != AGAIN:
            one[label, image, why] = max(done, one.get((label, image, why), 0))
    by_label: dict[int, list[tuple[int, int, str]]] = {}
    for (label, image, why), done in one.items():
        by_label.setdefault(label, []).append((image, done, why))
    return by_label


def numbers(values: ArrayLike | None, count: int) -> list[float | None]:
    """Numbers (count,) as the file keeps them; None for each where there are none."""
    return [None] * count if values is None else np.asarray(values, np.float64).tolist()


def current_round(db: sqlite3.Connection) -> int:
    """The round that the queue is of, 0 before the first."""
    return int(remembered.value(db, "round") or 0)


def way(db: sqlite3.Connection) -> Way:
    """How the queue is answered in the least time: by label, or by image."""
    return "label" if remembered.value(db, "way") == "label" else "image"


def pause(db: sqlite3.Connection, paused: bool) -> None:
    """Ask for nothing from now on, or go on."""
    remembered.keep(db, "paused", int(paused))


def paused(db: sqlite3.Connection) -> bool:
    """Whether nothing is asked now."""
    return bool(remembered.value(db, "paused"))


def queued(db: sqlite3.Connection) -> list[Queued]:
    """All answers that the queue wants, best first."""
    rows = db.execute(_QUEUED).fetchall()
    found = []
    for image, label, score, probability, model, gold, done, why, pi, looks in rows:
        flags = bool(gold), bool(done), why, pi, question(image, label, 1 + looks)
        found.append(Queued(image, label, score, probability, model, *flags))
    return found


def for_others(db: sqlite3.Connection) -> int:
    """How many answers that are left nobody may give of all who answered or skipped anything: they
    answered these entries, or skipped these images."""
    someone = "(p.answers OR p.skips) AND p.name <> :machine"
    sql = (
        "SELECT count(*) FROM queue q WHERE done = 0"
        f" AND EXISTS (SELECT 1 FROM people p WHERE {someone})"
        f" AND NOT EXISTS (SELECT 1 FROM people p WHERE {someone}"
        "  AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.person = p.person AND s.image = q.image)"
        f"  AND (q.why = '{AGAIN}' OR NOT EXISTS (SELECT 1 FROM standing t"
        "   WHERE t.image = q.image AND t.label = q.label AND t.person = p.person)))"
    )
    return int(db.execute(sql, {"machine": MACHINE}).fetchone()[0])


def lease(
    db: sqlite3.Connection, person: int, images: int, label: int | None, seconds: float, now: float
) -> list[Task]:
    """Let a person hold the best free tasks, at most `images`; see `Store.lease`."""
    tasks: list[Task] = []
    for _ in range(images):
        found = db.execute(
            f"SELECT image FROM queue q WHERE {_free(label)} ORDER BY place LIMIT 1",
            {"p": person, "now": now, "label": label},
        ).fetchone()
        if found is None:
            break
        tasks.append(take(db, person, found[0], label, now, now + seconds))
    return tasks


def free_label(db: sqlite3.Connection, person: int, now: float) -> int | None:
    """The label of which a person could be given most; None where there is nothing for them."""
    row = db.execute(
        f"SELECT label FROM queue q WHERE {_FREE} GROUP BY label ORDER BY count(*) DESC, label"
        " LIMIT 1",
        {"p": person, "now": now},
    ).fetchone()
    return None if row is None else int(row[0])


def take(
    db: sqlite3.Connection, person: int, image: int, label: int | None, now: float, until: float
) -> Task:
    """Let a person hold one free slot of each label of an image, or of one label of it."""
    rows = db.execute(
        f"SELECT min(place), label, probability, model, round FROM queue q"
        f" WHERE image = :image AND {_free(label)} GROUP BY label ORDER BY min(place)",
        {"p": person, "now": now, "label": label, "image": image},
    ).fetchall()
    db.executemany(
        "UPDATE queue SET person = ?, until = ? WHERE place = ?",
        [(person, until, row[0]) for row in rows],
    )
    return _task(image, until, [row[1:] for row in rows])


def held(db: sqlite3.Connection, person: int, now: float) -> list[Task]:
    """The tasks that a person holds, best first."""
    rows = db.execute(
        "SELECT image, until, label, probability, model, round FROM queue"
        " WHERE person = ? AND done = 0 AND until > ? ORDER BY place",
        (person, now),
    ).fetchall()
    images: dict[int, list[Any]] = {}
    for row in rows:
        images.setdefault(row[0], []).append(row)
    return [_task(i, min(r[1] for r in of), [r[2:] for r in of]) for i, of in images.items()]


def renew(db: sqlite3.Connection, person: int, until: float) -> None:
    """What a person holds, and nobody else took meanwhile, is held until then."""
    db.execute("UPDATE queue SET until = ? WHERE person = ? AND done = 0", (until, person))


def release(db: sqlite3.Connection, person: int, images: Iterable[int] | None = None) -> None:
    """Give back what a person holds of some images, or of all."""
    if images is None:
        db.execute(_RELEASE, (person,))
    else:
        db.executemany(f"{_RELEASE} AND image = ?", [(person, image) for image in images])


def reason(
    db: sqlite3.Connection, person: int, image: int, label: int
) -> tuple[str, float | None] | None:
    """Why the queue asks an entry of a person, and by what chance; None where it does not."""
    row = db.execute(
        "SELECT why, pi FROM queue WHERE image = ? AND label = ?"
        " ORDER BY person IS ? DESC, place LIMIT 1",
        (image, label, person),
    ).fetchone()
    return None if row is None else (row[0], row[1])


def checks(db: sqlite3.Connection) -> set[tuple[int, int]]:
    """The given entries, image and label, that the queue asks people to check."""
    return set(db.execute("SELECT image, label FROM queue WHERE why = ?", (RECHECK,)))


def gold(db: sqlite3.Connection) -> set[tuple[int, int]]:
    """The given entries, image and label, that the queue asks to tell how often people err."""
    return set(db.execute("SELECT image, label FROM queue WHERE gold = 1"))


def repeated(db: sqlite3.Connection) -> set[tuple[int, int]]:
    """The entries, image and label, that somebody answered and another person is to answer."""
    return set(
        db.execute(
            "SELECT image, label FROM queue q WHERE done = 0 AND why <> ? AND EXISTS (SELECT 1"
            " FROM standing t JOIN people p USING (person)"
            " WHERE t.image = q.image AND t.label = q.label AND p.name <> ?)",
            (AGAIN, MACHINE),
        )
    )


def fill_slot(db: sqlite3.Connection, person: int, image: int, label: int, now: float) -> None:
    """An answer of a person is no longer wanted, if it was."""
    db.execute(_FILL_SLOT, {"p": person, "now": now, "image": image, "label": label})


def empty_slot(
    db: sqlite3.Connection, person: int, image: int, label: int, until: float, *, again: bool
) -> None:
    """The answer that a person gave is wanted again; they hold it until then.

    again: only if it was a second look, as an earlier answer of theirs stands.
    """
    db.execute(
        "UPDATE queue SET done = 0, until = ? WHERE place = ("
        " SELECT max(place) FROM queue WHERE image = ? AND label = ? AND person = ? AND done = 1"
        f" AND (why = '{AGAIN}' OR NOT ?))",
        (until, image, label, person, again),
    )


def close(db: sqlite3.Connection, entries: Iterable[tuple[int, int]], now: float) -> None:
    """Take entries that were settled elsewhere out of the queue, except what people hold."""
    db.executemany(
        "UPDATE queue SET done = 1, person = NULL, until = ?"
        " WHERE image = ? AND label = ? AND done = 0 AND until <= ?",
        [(now, *entry, now) for entry in entries],
    )


def progress(db: sqlite3.Connection) -> Progress:
    """Where the queue and everybody stand."""
    labels = db.execute("SELECT slots, left FROM counts ORDER BY label").fetchall()
    people = db.execute(
        "SELECT name, answers, skips, seconds FROM people"
        " WHERE (answers OR skips OR seconds) AND name <> ? ORDER BY name",
        (MACHINE,),
    ).fetchall()
    return Progress(
        current_round(db),
        sum(slots for slots, _ in labels),
        sum(left for _, left in labels),
        {name: PersonCount(*counts) for name, *counts in people},
        tuple(labels),
        way(db),
    )


def _free(label: int | None) -> str:
    return _FREE if label is None else f"{_FREE} AND label = :label"


def _task(image: int, until: float, rows: Sequence[Sequence[Any]]) -> Task:
    """rows: label, probability, model, round."""
    model, round = (rows[0][2] or "", rows[0][3]) if rows else ("", 0)
    return Task(image, tuple(r[0] for r in rows), tuple(r[1] for r in rows), model, round, until)
