"""Everything people said about a project's images: append-only events, and the state they make.

One SQLite file (WAL, synchronous=FULL). An event is never changed or deleted; undoing is an event,
too. The state (what stands, the queue, counts) is kept in the same transaction as its events.

What an entry is, highest first: what somebody resolved; what was given; what people say, where more
say one thing than the other (a tie is unknown, and listed by `disagreements`); what a machine said.
So answers to entries that were given, as those of the golden set, never alter the table.

For the page: `lease` hands out tasks, `held` gives a person's again after a reload, `renew` is the
heartbeat, `answer`, `skip` and `undo` are durable when they return, each under a `request` that the
client makes up once (a UUID): sent again, it counts once. Any thread may call any method. `now` is
the time in seconds since 1970, by default the clock's.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.errors import ConflictError, DataError, UsageError
from alasl.files import replacing
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries, Labels, OnConflict
from alasl.project import database
from alasl.project.database import Database
from alasl.seeds import stream

Ints = NDArray[np.intp]
Kind = Literal["given", "import", "answer", "skip", "undo", "resolve", "machine"]

ROLES = ("clean", "pool", "test")
# Who said it, for the provenance of the table's entries.
SOURCES = ("given", "people", "resolved", "machine")
MACHINE = "machine"
LEASE = 120.0
_PAGE = 1000
_NAME = 100


@dataclass(frozen=True)
class Answer:
    """What a person said of one entry: 1 present, 0 absent, -1 cannot tell.

    image, label: row and column of the table. seconds: it took. probability, model: what the model
    had said when it was asked. shown: whether predictions were pre-ticked (anchoring).
    """

    image: int
    label: int
    value: int
    seconds: float
    probability: float | None = None
    model: str = ""
    shown: bool = False


@dataclass(frozen=True)
class Task:
    """One image with the labels that are asked of it now, in the queue's order.

    probabilities: what the model says of each. until: when the lease ends, unless it is renewed.
    """

    image: int
    labels: tuple[int, ...]
    probabilities: tuple[float | None, ...]
    model: str
    round: int
    until: float


@dataclass(frozen=True)
class Undone:
    """What an undo took back: the answers, or the images skipped. The person holds them again."""

    kind: Literal["answer", "skip"]
    images: tuple[int, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Event:
    """One thing that happened. `act` is the id of the first event of its request."""

    id: int
    act: int
    request: str | None
    at: float
    person: str
    kind: Kind
    image: int | None
    label: int | None
    value: int | None
    seconds: float | None
    probability: float | None
    model: str | None
    shown: bool | None
    round: int | None
    undoes: int | None
    source: str | None


@dataclass(frozen=True)
class PersonCount:
    """One person: entries that they have a standing answer for, images skipped, seconds spent."""

    answers: int
    skips: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where the queue stands. All counts are of answers wanted; an entry asked twice wants two.

    labels: for each label (wanted, left).
    """

    round: int
    size: int
    left: int
    people: dict[str, PersonCount]
    labels: tuple[tuple[int, int], ...]

    @property
    def answered(self) -> int:
        """Answers wanted in this queue that have been given."""
        return self.size - self.left


@dataclass(frozen=True)
class Disagreement:
    """An entry on which people contradict each other: what each said, 1 or 0."""

    image: int
    label: int
    said: dict[str, int]


@dataclass(frozen=True)
class Training:
    """What a model was worth when it had been trained on what was known at some time.

    event: the last event it knew. answers: entries that people had filled by then. seconds: of
    people's time. took: seconds of training. map: in per cent, None where undefined. ap: of each
    label, in per cent, None where undefined. judged: on what, in words.
    """

    at: float
    event: int
    answers: int
    seconds: float
    took: float
    map: float | None
    ap: tuple[float | None, ...]
    model: str
    judged: str


@dataclass(frozen=True)
class Imported:
    """What an import did: entries new, said before, left as they were, and replaced."""

    new: int
    same: int
    kept: int
    replaced: int


@dataclass(frozen=True, eq=False)
class Votes:
    """What stands of everything people said: (n,) each; values 1, 0, -1; seconds NaN if not known.

    people: index into `names`.
    """

    rows: Ints
    cols: Ints
    people: Ints
    values: NDArray[np.int8]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Statement:
    """What stands of what one person said of one entry, how long it took, and when."""

    image: int
    label: int
    value: int
    person: str
    seconds: float | None
    at: float


@dataclass(frozen=True)
class Queued:
    """One answer that the queue wants. done: it has been given, or the entry is settled."""

    image: int
    label: int
    score: float | None
    probability: float | None
    model: str
    golden: bool
    done: bool


@dataclass(frozen=True, eq=False)
class Wanted:
    """Entries to ask, best first: (n,) each. golden: known entries to check attention with."""

    rows: ArrayLike
    cols: ArrayLike
    scores: ArrayLike | None = None
    probabilities: ArrayLike | None = None
    golden: ArrayLike | None = None
    model: str = field(default="")


class Store:
    """The store of a project in one file; see the module. Made by `create` or `open`."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)
        with self._database.reading() as db:
            images = db.execute("SELECT name, file, role FROM images ORDER BY image").fetchall()
            labels = db.execute("SELECT name FROM labels ORDER BY label").fetchall()
        self.path = path
        self.images: tuple[str, ...] = tuple(_text(row[0]) for row in images)
        self.files = tuple(None if row[1] is None else _text(row[1]) for row in images)
        self.roles: tuple[str, ...] = tuple(row[2] for row in images)
        self.names: tuple[str, ...] = tuple(_text(row[0]) for row in labels)

    @classmethod
    def create(
        cls, path: Path, labels: Labels, files: Sequence[str | None], roles: Sequence[str]
    ) -> Store:
        """A new store with a table of N images: its file (N) and its role (N) of each.

        roles: clean, pool or test. Whole or not at all. Raises `ConflictError` where one stands.
        """
        if path.exists():
            raise ConflictError("there is a store already", where=str(path))
        if not len(files) == len(roles) == len(labels.images) or set(roles) - set(ROLES):
            raise DataError(
                "each image has one file and one role: clean, pool or test",
                seen=f"{len(labels.images)} images, {len(files)} files, {len(roles)} roles",
            )

        def fill(db: sqlite3.Connection) -> None:
            db.executemany(
                "INSERT INTO labels VALUES (?, ?)",
                [(j, _raw(name)) for j, name in enumerate(labels.names)],
            )
            db.executemany(
                "INSERT INTO counts (label) VALUES (?)", [(j,) for j in range(len(labels.names))]
            )
            db.executemany(
                "INSERT INTO images VALUES (?, ?, ?, ?, ?)",
                (
                    (i, _raw(name), None if file is None else _raw(file), role, given.tobytes())
                    for i, (name, file, role, given) in enumerate(
                        zip(labels.images, files, roles, labels.entries, strict=True)
                    )
                ),
            )
            person = _person(db, "given")
            known = int(labels.known.sum())
            _event(db, time.time(), person, "given", value=known, source=labels.digest())

        with replacing(path) as beside:
            database.create(beside, fill)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store at `path`, brought to the newest version.

        Raises `DataError` for a file that is none, `ConflictError` for one of a newer ALASL.
        """
        return cls(path)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def together(self, *, durable: bool = True) -> AbstractContextManager[None]:
        """All that this thread writes in the block is written at once, or nothing of it.

        So many answers wait for the disk once; see `Database.together`.
        """
        return self._database.together(durable=durable)

    # What the table holds

    def given(self) -> Entries:
        """int8 (N, L): the table as it was given, before anybody answered."""
        with self._database.reading() as db:
            return self._given(db)

    def labels(self) -> Labels:
        """The table now: one value for each entry, as the module says, and where it came from."""
        with self._database.reading() as db:
            return self._labels(db)

    def known(self, image: int) -> dict[int, int]:
        """What stands of one image, label to 1 or 0: its row of `labels()`, without the others."""
        self._check([image], [0])
        with self._database.reading() as db:
            entries, _ = self._stands(db, image)
        return {j: value for j, value in enumerate(entries[0].tolist()) if value != UNKNOWN}

    def votes(self) -> Votes:
        """What stands of all that people said, imports among it; nothing of machines."""
        with self._database.reading() as db:
            rows, cols, people, values = _columns(
                db.execute(
                    "SELECT image, label, person, value FROM standing WHERE kind <> 'machine'"
                ),
                4,
            )
            names = dict(db.execute("SELECT person, name FROM people"))
        found, people = np.unique(people, return_inverse=True)
        return Votes(
            rows, cols, people, values.astype(np.int8), tuple(names[int(p)] for p in found)
        )

    def statements(self) -> list[Statement]:
        """What stands of all that people said, in the order in which it was said."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT s.image, s.label, s.value, name, e.seconds, at FROM standing s"
                " JOIN events e ON e.id = s.event JOIN people p ON p.person = s.person"
                " WHERE s.kind <> 'machine' ORDER BY e.id"
            ).fetchall()
        return [Statement(*row) for row in rows]

    def untold(self) -> NDArray[np.bool_]:
        """(N, L): entries that somebody was asked and could not tell, or nobody can."""
        mask = np.zeros((len(self.images), len(self.names)), np.bool_)
        with self._database.reading() as db:
            rows, cols = _columns(
                db.execute(
                    "SELECT image, label FROM standing WHERE value = -1 AND kind <> 'machine'"
                    " UNION SELECT image, label FROM resolved WHERE value = -1"
                ),
                2,
            )
        mask[rows, cols] = True
        return mask

    # The queue

    def fill(
        self,
        round: int,
        wanted: Wanted,
        *,
        repeats: float = 0.0,
        seed: int = 0,
        now: float | None = None,
    ) -> None:
        """Make `wanted` the queue. What people hold right now they keep; all else is replaced.

        repeats: the share of entries that two people are to answer, drawn by `seed`.
        """
        now = _now(now)
        rows, cols = np.asarray(wanted.rows, np.intp), np.asarray(wanted.cols, np.intp)
        self._check(rows, cols)
        many = len(rows)
        twice = stream(seed, "repeats", round).random(many) < repeats
        golden = np.zeros(many, np.bool_) if wanted.golden is None else np.asarray(wanted.golden)
        slots = np.repeat(np.arange(many), 1 + (twice & ~golden))
        scores = _numbers(wanted.scores, many)
        probabilities = _numbers(wanted.probabilities, many)
        with self._database.writing() as db:
            db.execute("DELETE FROM queue WHERE done = 1 OR until <= ?", (now,))
            kept = set(db.execute("SELECT image, label FROM queue"))
            db.executemany(
                "INSERT INTO queue (image, label, score, probability, model, round, golden)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (*entry, scores[k], probabilities[k], wanted.model, round, int(golden[k]))
                    for k in slots.tolist()
                    if (entry := (int(rows[k]), int(cols[k]))) not in kept
                ],
            )
            db.execute("INSERT OR REPLACE INTO notes VALUES ('round', ?)", (round,))

    def queue(self) -> list[Queued]:
        """All answers that the queue wants, best first; an entry asked twice stands twice."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT image, label, score, probability, model, golden, done FROM queue"
                " ORDER BY place"
            ).fetchall()
        return [Queued(*(*row[:5], bool(row[5]), bool(row[6]))) for row in rows]

    def lease(
        self,
        person: str,
        *,
        images: int = 1,
        label: int | None = None,
        seconds: float = LEASE,
        now: float | None = None,
    ) -> list[Task]:
        """The best `images` tasks that nobody holds, held by `person` for some seconds.

        label: ask only this one, image by image. Nobody else is given the same slot meanwhile, a
        person never gets an entry twice, nor an image that they skipped. Empty: nothing is left.
        """
        now = _now(now)
        tasks: list[Task] = []
        # Lost in a power cut a lease is handed out again, so it need not wait for the disk.
        with self._database.writing(durable=False) as db:
            who = _person(db, person)
            for _ in range(images):
                found = db.execute(
                    f"SELECT image FROM queue q WHERE {_free(label)} ORDER BY place LIMIT 1",
                    {"p": who, "now": now, "label": label},
                ).fetchone()
                if found is None:
                    break
                tasks.append(_take(db, who, found[0], label, now, now + seconds))
        return tasks

    def held(self, person: str, *, now: float | None = None) -> list[Task]:
        """The tasks that a person holds, best first: for a page that was loaded again."""
        with self._database.reading() as db:
            return _held(db, _find_person(db, person), _now(now))

    def renew(self, person: str, *, seconds: float = LEASE, now: float | None = None) -> None:
        """The heartbeat: what a person holds, and nobody else took meanwhile, is held on."""
        with self._database.writing(durable=False) as db:
            db.execute(
                "UPDATE queue SET until = ? WHERE person = ? AND done = 0",
                (_now(now) + seconds, _find_person(db, person)),
            )

    def release(self, person: str, images: Sequence[int] | None = None) -> None:
        """Give back what a person holds of some images, or of all."""
        with self._database.writing(durable=False) as db:
            who = _find_person(db, person)
            if images is None:
                db.execute(f"{_RELEASE} person = ?", (who,))
            else:
                db.executemany(
                    f"{_RELEASE} person = ? AND image = ?", [(who, image) for image in images]
                )

    # What people do

    def answer(
        self,
        person: str,
        answers: Sequence[Answer],
        *,
        request: str,
        now: float | None = None,
    ) -> None:
        """Take answers, together; durable when it returns. A person's last word on an entry stands.

        Taken even where the lease has run out meanwhile: nobody's work is lost.
        """
        if not answers:
            raise UsageError("there is no answer in the request")
        self._check([a.image for a in answers], [a.label for a in answers])
        for a in answers:
            _check_value(a.value)
            _check_seconds(a.seconds)
        now = _now(now)
        with self._database.writing() as db:
            if _known(
                db, request, person, "answer", [(a.image, a.label, a.value) for a in answers]
            ):
                return
            who = _person(db, person)
            act, round = None, _round(db)
            for a in answers:
                act, event = _event(
                    db, now, who, "answer", act=act, request=request, image=a.image, label=a.label,
                    value=a.value, seconds=a.seconds, probability=a.probability, model=a.model,
                    shown=int(a.shown), round=round,
                )  # fmt: skip
                _stand(db, a.image, a.label, who, a.value, "answer", event)
                db.execute(_FILL_SLOT, {"p": who, "now": now, "image": a.image, "label": a.label})
                _spend(db, who, a.seconds)

    def skip(
        self,
        person: str,
        image: int,
        *,
        request: str,
        seconds: float = 0.0,
        now: float | None = None,
    ) -> None:
        """A person leaves an image to others, and does not get it again."""
        self._check([image], [])
        _check_seconds(seconds)
        now = _now(now)
        with self._database.writing() as db:
            if _known(db, request, person, "skip", [(image, None, None)]):
                return
            who = _person(db, person)
            _, event = _event(
                db,
                now,
                who,
                "skip",
                request=request,
                image=image,
                seconds=seconds,
                round=_round(db),
            )
            db.execute(
                "INSERT INTO skips VALUES (?, ?, ?)"
                " ON CONFLICT DO UPDATE SET event = excluded.event",
                (who, image, event),
            )
            db.execute(f"{_RELEASE} person = ? AND image = ?", (who, image))
            _spend(db, who, seconds)

    def undo(self, person: str, *, request: str, now: float | None = None) -> Undone | None:
        """Take back a person's last answers or skip that stand; they hold the images again.

        As many steps as there are. None where there is nothing to take back.
        """
        _check_name("a request's name", request)
        now = _now(now)
        with self._database.writing() as db:
            who = _find_person(db, person)
            before = db.execute(
                "SELECT undoes, person, kind FROM events WHERE request = ?", (request,)
            ).fetchone()
            if before:
                if before[1:] != (who, "undo"):
                    raise _reused(request)
                return _undone(db, before[0])
            last = db.execute(_LAST_ACT, (who,)).fetchone()
            if last is None:
                return None
            _event(db, now, who, "undo", request=request, undoes=last[0], round=_round(db))
            undone = _undone(db, last[0])
            for a in undone.answers:
                if not _fall_back(db, a.image, a.label, who):
                    db.execute(
                        "UPDATE queue SET done = 0, until = ?"
                        " WHERE image = ? AND label = ? AND person = ? AND done = 1",
                        (now + LEASE, a.image, a.label, who),
                    )
            if undone.kind == "skip":
                _fall_back_skip(db, undone.images[0], who)
                _take(db, who, undone.images[0], None, now, now + LEASE)
            return undone

    # Counts and history

    def progress(self) -> Progress:
        """Where the queue and everybody stand; quick, however much has been said."""
        with self._database.reading() as db:
            labels = db.execute("SELECT slots, left FROM counts ORDER BY label").fetchall()
            people = db.execute(
                "SELECT name, answers, skips, seconds FROM people"
                " WHERE answers OR skips OR seconds ORDER BY name"
            ).fetchall()
            round = _round(db)
        return Progress(
            round,
            sum(slots for slots, _ in labels),
            sum(left for _, left in labels),
            {name: PersonCount(*counts) for name, *counts in people},
            tuple(labels),
        )

    def events(self, after: int = 0) -> Iterator[Event]:
        """What happened since the event `after`, in order."""
        while True:
            with self._database.reading() as db:
                rows = db.execute(
                    "SELECT id, act, request, at, name, kind, image, label, value, e.seconds,"
                    " probability, model, shown, round, undoes, source"
                    " FROM events e JOIN people USING (person) WHERE id > ? ORDER BY id LIMIT ?",
                    (after, _PAGE),
                ).fetchall()
            for row in rows:
                shown = None if row[12] is None else bool(row[12])
                yield Event(*(*row[:12], shown, *row[13:]))
            if len(rows) < _PAGE:
                return
            after = rows[-1][0]

    def last_event(self) -> int:
        """The id of the last event, 1 for a new store."""
        with self._database.reading() as db:
            return int(db.execute("SELECT max(id) FROM events").fetchone()[0])

    def note_training(self, training: Training) -> None:
        """Keep what a model was worth."""
        values = {**vars(training), "ap": json.dumps(training.ap)}
        with self._database.writing() as db:
            db.execute(
                f"INSERT INTO trainings ({', '.join(values)})"
                f" VALUES ({', '.join(':' + name for name in values)})",
                values,
            )

    def trainings(self) -> list[Training]:
        """Every training noted, the first one first."""
        with self._database.reading() as db:
            rows = db.execute(
                "SELECT at, event, answers, seconds, took, map, ap, model, judged FROM trainings"
                " ORDER BY training"
            ).fetchall()
        return [Training(*(*row[:6], tuple(json.loads(row[6])), *row[7:])) for row in rows]

    # Other sources, and contradictions

    def import_answers(
        self,
        source: str,
        rows: ArrayLike,
        cols: ArrayLike,
        values: ArrayLike,
        *,
        person: str | Sequence[str] | None = None,
        seconds: Sequence[float | None] | None = None,
        on_conflict: OnConflict = "refuse",
        now: float | None = None,
    ) -> Imported:
        """Take answers from elsewhere, (n,) each, all or none of them.

        source: e.g. the file's name. person: who said it, one for all or (n); by default nobody
        in particular, for whom the source's name stands. An answer that contradicts the table, or
        that person's other answer in the same import, is a conflict: `refuse` raises a
        `ConflictError` that lists them all, `keep` leaves them out, `replace` lets the (last)
        answer stand. The same import twice changes nothing.
        """
        row, col = np.asarray(rows, np.intp), np.asarray(cols, np.intp)
        value = np.asarray(values, np.int64)
        people = (
            [source if person is None else person] if isinstance(person, str | None) else person
        )
        people = list(people) * (len(row) if isinstance(person, str | None) else 1)
        self._check(row, col)
        if not len(row) == len(col) == len(value) == len(people):
            raise DataError("rows, cols, values and people of an import must be as many")
        for name in {source, *people}:
            _check_name("who answered", name)
        for bad in value[~np.isin(value, (PRESENT, ABSENT, UNKNOWN))][:1]:
            _check_value(int(bad))
        took = [None] * len(row) if seconds is None else seconds
        now = _now(now)
        with self._database.writing() as db:
            stands, said = self._labels(db).entries, _said(db)
            taken: dict[tuple[int, int, str], tuple[int, float | None]] = {}
            overruled: dict[tuple[int, int], int] = {}
            cases: list[str] = []
            same = 0
            for i, j, v, who, s in zip(
                row.tolist(), col.tolist(), value.tolist(), people, took, strict=True
            ):
                key = (i, j, who)
                earlier = taken[key][0] if key in taken else said.get(key)
                if v == UNKNOWN and earlier is not None:
                    same += 1  # "cannot tell" takes no answer back
                    continue
                against = [
                    x for x in (taken.get(key, (v,))[0], int(stands[i, j])) if x not in (UNKNOWN, v)
                ]
                if v != UNKNOWN and against:
                    cases.append(
                        f"image {self.images[i]!r}, label {self.names[j]!r}: {against[0]} stands,"
                        f" {who!r} says {v}"
                    )
                    if on_conflict != "replace":
                        continue
                    overruled[i, j] = v
                elif earlier == v or (who == source and v == stands[i, j]):
                    same += 1
                    continue
                taken[key] = (v, s)
            if cases and on_conflict == "refuse":
                raise ConflictError(
                    f"{len(cases)} answers contradict what is known; nothing was imported",
                    where=source,
                    more=cases,
                    do="say which to believe: --on-conflict keep, or replace",
                )
            # Many at once: a table of entries may hold a million.
            act, round = _next_event(db), _round(db)
            by = {name: _person(db, name) for name in dict.fromkeys(who for *_, who in taken)}
            fresh = [(i, j, by[who], v, s) for (i, j, who), (v, s) in taken.items()]
            db.executemany(
                "INSERT INTO events (id, act, at, person, kind, image, label, value, seconds,"
                " round, source) VALUES (?, ?, ?, ?, 'import', ?, ?, ?, ?, ?, ?)",
                [
                    (act + n, act, now, p, i, j, v, s, round, source)
                    for n, (i, j, p, v, s) in enumerate(fresh)
                ],
            )
            db.executemany(
                _STAND,
                [(i, j, p, v, "import", act + n) for n, (i, j, p, v, _) in enumerate(fresh)],
            )
            db.executemany(_SPEND, [(s, p) for *_, p, _, s in fresh if s])
            for (i, j), v in overruled.items():
                self._resolve(db, now, source, i, j, v)
            _close(db, [(i, j) for i, j, _ in taken], now)
        replaced = sum((i, j) in overruled for i, j, _ in taken)
        kept = 0 if on_conflict == "replace" else len(cases)
        return Imported(len(taken) - replaced, same, kept, replaced)

    def machine(
        self,
        model: str,
        rows: ArrayLike,
        cols: ArrayLike,
        values: ArrayLike,
        probabilities: ArrayLike | None = None,
        *,
        now: float | None = None,
    ) -> None:
        """Take answers (n,) of an automatic labeller: they stand where no person says anything."""
        row, col = np.asarray(rows, np.intp), np.asarray(cols, np.intp)
        self._check(row, col)
        chance = _numbers(probabilities, len(row))
        now = _now(now)
        with self._database.writing() as db:
            who, act = _person(db, MACHINE), None
            for i, j, v, p in zip(
                row.tolist(), col.tolist(), np.asarray(values).tolist(), chance, strict=True
            ):
                _check_value(v)
                act, event = _event(
                    db, now, who, "machine", act=act, image=i, label=j, value=v, probability=p,
                    model=model,
                )  # fmt: skip
                _stand(db, i, j, who, v, MACHINE, event)

    def disagreements(self) -> list[Disagreement]:
        """Entries, none of them given, that people answered both ways and nobody has resolved."""
        with self._database.reading() as db:
            found = db.execute(
                "SELECT image, label, name, value FROM standing s JOIN people USING (person)"
                " WHERE value >= 0 AND kind <> 'machine' AND (image, label) IN"
                " (SELECT image, label FROM standing WHERE value >= 0 AND kind <> 'machine'"
                "  GROUP BY image, label HAVING min(value) <> max(value))"
                " AND NOT EXISTS (SELECT 1 FROM resolved r"
                "  WHERE r.image = s.image AND r.label = s.label)"
                " ORDER BY image, label, name"
            ).fetchall()
            given = self._given(db) if found else None
        said: dict[tuple[int, int], dict[str, int]] = {}
        for image, label, name, value in found:
            if given is not None and given[image, label] == UNKNOWN:
                said.setdefault((image, label), {})[name] = value
        return [Disagreement(image, label, votes) for (image, label), votes in said.items()]

    def resolve(
        self, person: str, image: int, label: int, value: int, *, now: float | None = None
    ) -> None:
        """Settle what an entry is, whatever was given or said; -1: nobody can tell."""
        self._check([image], [label])
        _check_value(value)
        now = _now(now)
        with self._database.writing() as db:
            self._resolve(db, now, person, image, label, value)
            _close(db, [(image, label)], now)

    # Whether all is well

    def problems(self) -> list[str]:
        """What is wrong with the file, or where state and events differ; empty if all is well."""
        found = self._database.problems()
        with self._database.reading() as db:
            for what, query in _AGREES:
                (wrong,) = db.execute(query).fetchone()
                if wrong:
                    found.append(f"{what}: {wrong} rows differ from what the events say")
        return found

    def _given(self, db: sqlite3.Connection, image: int | None = None) -> Entries:
        one = "" if image is None else " WHERE image = :image"
        sql = f"SELECT given FROM images{one} ORDER BY image"
        blobs = [row[0] for row in db.execute(sql, {"image": image})]
        shape = (len(blobs), len(self.names))
        return np.frombuffer(b"".join(blobs), np.int8).reshape(shape).copy()

    def _labels(self, db: sqlite3.Connection) -> Labels:
        entries, source = self._stands(db)
        return Labels(entries, self.names, self.images, SOURCES, source)

    def _stands(
        self, db: sqlite3.Connection, only: int | None = None
    ) -> tuple[Entries, NDArray[np.uint8]]:
        """The entries and their sources (N, L) of all images, or (1, L) of one."""
        entries, first = self._given(db, only), only or 0
        which = "1" if only is None else "image = :only"
        source = np.zeros(entries.shape, np.uint8)
        unknown = entries == UNKNOWN
        # From the lowest to the highest, so that what comes later stands.
        for by, kinds in (("machine", "= 'machine'"), ("people", "<> 'machine'")):
            image, label, yes, no = _columns(
                db.execute(
                    "SELECT image, label, sum(value = 1), sum(value = 0) FROM standing"
                    f" WHERE {which} AND kind {kinds} GROUP BY image, label HAVING max(value) >= 0",
                    {"only": only},
                ),
                4,
            )
            mine = unknown[image - first, label]
            image, label = image[mine] - first, label[mine]
            entries[image, label] = np.array((UNKNOWN, PRESENT, ABSENT))[np.sign(yes - no)[mine]]
            source[image, label] = SOURCES.index(by)
        image, label, value = _columns(
            db.execute(f"SELECT image, label, value FROM resolved WHERE {which}", {"only": only}),
            3,
        )
        entries[image - first, label] = value
        source[image - first, label] = SOURCES.index("resolved")
        source[entries == UNKNOWN] = 0
        return entries, source

    def _resolve(
        self, db: sqlite3.Connection, now: float, person: str, image: int, label: int, value: int
    ) -> None:
        _, event = _event(
            db, now, _person(db, person), "resolve", image=image, label=label, value=value
        )
        db.execute(
            "INSERT OR REPLACE INTO resolved VALUES (?, ?, ?, ?)", (image, label, value, event)
        )

    def _check(self, rows: ArrayLike, cols: ArrayLike) -> None:
        for what, places, count in (
            ("image", rows, len(self.images)),
            ("label", cols, len(self.names)),
        ):
            found = np.asarray(places, np.intp)
            bad = found[(found < 0) | (found >= count)]
            if len(bad):
                raise DataError(f"there is no such {what}", seen=f"{int(bad[0])} of {count}")


# A slot q that the person :p may be given at :now.
_FREE = (
    "done = 0 AND until <= :now"
    " AND NOT EXISTS (SELECT 1 FROM skips s WHERE s.person = :p AND s.image = q.image)"
    " AND NOT EXISTS (SELECT 1 FROM standing t"
    "  WHERE t.image = q.image AND t.label = q.label AND t.person = :p)"
    " AND NOT EXISTS (SELECT 1 FROM queue o WHERE o.image = q.image AND o.label = q.label"
    "  AND o.person = :p AND o.done = 0 AND o.until > :now)"
)
_STAND = (
    "INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " value = excluded.value, kind = excluded.kind, event = excluded.event"
)
_SPEND = "UPDATE people SET seconds = seconds + ? WHERE person = ?"
_RELEASE = "UPDATE queue SET person = NULL, until = 0 WHERE done = 0 AND"
# An answer fills the slot that the person holds, else one that nobody holds, if there is any.
_FILL_SLOT = (
    "UPDATE queue SET done = 1, person = :p, until = :now WHERE place = ("
    " SELECT place FROM queue WHERE image = :image AND label = :label AND done = 0"
    " AND (person = :p OR until <= :now)"
    " AND NOT EXISTS (SELECT 1 FROM queue o WHERE o.image = :image AND o.label = :label"
    "  AND o.person = :p AND o.done = 1)"
    " ORDER BY person IS :p DESC, place LIMIT 1)"
)
_LAST_ACT = (
    "SELECT id FROM events e WHERE person = ? AND request IS NOT NULL"
    " AND kind IN ('answer', 'skip')"
    " AND NOT EXISTS (SELECT 1 FROM events u WHERE u.undoes = e.id) ORDER BY id DESC LIMIT 1"
)
_NOT_UNDONE = "NOT EXISTS (SELECT 1 FROM events u WHERE u.undoes = e.act)"
_STANDS = (
    "SELECT image, label, person, value, kind, max(id) FROM events e"
    f" WHERE kind IN ('answer', 'import', 'machine') AND {_NOT_UNDONE}"
    " GROUP BY image, label, person"
)
_SKIPPED = (
    "SELECT person, image, max(id) FROM events e"
    f" WHERE kind = 'skip' AND {_NOT_UNDONE} GROUP BY person, image"
)


def _differ(one: str, other: str) -> str:
    return (
        f"SELECT (SELECT count(*) FROM (SELECT * FROM ({one}) EXCEPT SELECT * FROM ({other})))"
        f" + (SELECT count(*) FROM (SELECT * FROM ({other}) EXCEPT SELECT * FROM ({one})))"
    )


# Each part of the state, and what the events say that it must be.
_AGREES = (
    ("answers that stand", _differ("SELECT * FROM standing", _STANDS)),
    ("images skipped", _differ("SELECT * FROM skips", _SKIPPED)),
    (
        "entries resolved",
        _differ(
            "SELECT * FROM resolved",
            "SELECT image, label, value, max(id) FROM events WHERE kind = 'resolve'"
            " GROUP BY image, label",
        ),
    ),
    (
        "people's counts",
        _differ(
            "SELECT person, answers, skips FROM people",
            "SELECT person, (SELECT count(*) FROM standing s WHERE s.person = p.person),"
            " (SELECT count(*) FROM skips s WHERE s.person = p.person) FROM people p",
        ),
    ),
    (
        "the queue's counts",
        _differ(
            "SELECT label, slots, left FROM counts",
            "SELECT label, (SELECT count(*) FROM queue q WHERE q.label = c.label),"
            " (SELECT count(*) FROM queue q WHERE q.label = c.label AND done = 0) FROM counts c",
        ),
    ),
)


def _free(label: int | None) -> str:
    return _FREE if label is None else f"{_FREE} AND label = :label"


def _now(now: float | None) -> float:
    return time.time() if now is None else now


def _raw(text: str) -> str | bytes:
    """A name as SQLite keeps it: text, or bytes where it is no valid text or holds a NUL."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return raw if b"\0" in raw else text


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogatepass")


def _columns(rows: sqlite3.Cursor, count: int) -> Ints:
    """(count, n): the columns of rows of whole numbers."""
    return np.array(rows.fetchall(), np.intp).reshape(-1, count).T


def _numbers(values: ArrayLike | None, count: int) -> list[float | None]:
    return [None] * count if values is None else np.asarray(values, np.float64).tolist()


def _check_value(value: int) -> None:
    if value not in (PRESENT, ABSENT, UNKNOWN):
        raise DataError(
            "an answer must be 1 (present), 0 (absent) or -1 (cannot tell)", seen=str(value)
        )


def _check_name(what: str, name: str) -> None:
    if not name.strip() or len(name) > _NAME or not name.isprintable():
        raise UsageError(
            f"{what} is 1 to {_NAME} characters that can be printed", seen=ascii(name[:_NAME])
        )


def _check_seconds(seconds: float) -> None:
    if not 0 <= seconds < float("inf"):
        raise DataError("an answer takes 0 seconds or more", seen=str(seconds))


def _person(db: sqlite3.Connection, name: str) -> int:
    """The number of a person, who gets one with the first use of the name."""
    found = _find_person(db, name)
    if found >= 0:
        return found
    _check_name("a person's name", name)
    row = db.execute("INSERT INTO people (name) VALUES (?) RETURNING person", (name,)).fetchone()
    return int(row[0])


def _find_person(db: sqlite3.Connection, name: str) -> int:
    """The number of a person, -1 for nobody we know."""
    try:
        row = db.execute("SELECT person FROM people WHERE name = ?", (name,)).fetchone()
    except UnicodeEncodeError:
        return -1
    return int(row[0]) if row else -1


def _next_event(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM events").fetchone()[0])


def _event(
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
    event = _next_event(db)
    values = {
        "id": event, "act": event if act is None else act, "at": at, "person": person, "kind": kind,
        "request": request if act is None else None, **what,
    }  # fmt: skip
    places = ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO events ({', '.join(values)}) VALUES ({places})", values)
    return values["act"], event


def _stand(
    db: sqlite3.Connection, image: int, label: int, person: int, value: int, kind: str, event: int
) -> None:
    db.execute(_STAND, (image, label, person, value, kind, event))


def _fall_back(db: sqlite3.Connection, image: int, label: int, person: int) -> bool:
    """What a person said of an entry before, stands again; whether there was anything."""
    entry = (image, label, person)
    before = db.execute(
        "SELECT value, kind, id FROM events e WHERE image = ? AND label = ? AND person = ?"
        f" AND kind IN ('answer', 'import', 'machine') AND {_NOT_UNDONE} ORDER BY id DESC LIMIT 1",
        entry,
    ).fetchone()
    if before:
        _stand(db, *entry, *before)
    else:
        db.execute("DELETE FROM standing WHERE image = ? AND label = ? AND person = ?", entry)
    return before is not None


def _fall_back_skip(db: sqlite3.Connection, image: int, person: int) -> None:
    (before,) = db.execute(
        "SELECT max(id) FROM events e WHERE image = ? AND person = ? AND kind = 'skip'"
        f" AND {_NOT_UNDONE}",
        (image, person),
    ).fetchone()
    if before:
        db.execute(
            "UPDATE skips SET event = ? WHERE person = ? AND image = ?", (before, person, image)
        )
    else:
        db.execute("DELETE FROM skips WHERE person = ? AND image = ?", (person, image))


def _spend(db: sqlite3.Connection, person: int, seconds: float) -> None:
    db.execute(_SPEND, (seconds, person))


def _take(
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


def _held(db: sqlite3.Connection, person: int, now: float) -> list[Task]:
    rows = db.execute(
        "SELECT image, until, label, probability, model, round FROM queue"
        " WHERE person = ? AND done = 0 AND until > ? ORDER BY place",
        (person, now),
    ).fetchall()
    images: dict[int, list[Any]] = {}
    for row in rows:
        images.setdefault(row[0], []).append(row)
    return [_task(i, min(r[1] for r in of), [r[2:] for r in of]) for i, of in images.items()]


def _task(image: int, until: float, rows: Sequence[Sequence[Any]]) -> Task:
    """rows: label, probability, model, round."""
    model, round = (rows[0][2] or "", rows[0][3]) if rows else ("", 0)
    return Task(image, tuple(r[0] for r in rows), tuple(r[1] for r in rows), model, round, until)


def _close(db: sqlite3.Connection, entries: Sequence[tuple[int, int]], now: float) -> None:
    """Take entries that were settled elsewhere out of the queue, but for what people hold."""
    db.executemany(
        "UPDATE queue SET done = 1, person = NULL, until = ?"
        " WHERE image = ? AND label = ? AND done = 0 AND until <= ?",
        [(now, *entry, now) for entry in entries],
    )


def _undone(db: sqlite3.Connection, act: int) -> Undone:
    rows = db.execute(
        "SELECT kind, image, label, value, seconds, probability, model, shown"
        " FROM events WHERE act = ? ORDER BY id",
        (act,),
    ).fetchall()
    kind = rows[0][0]
    answers = tuple(Answer(*(*row[1:7], bool(row[7]))) for row in rows if kind == "answer")
    return Undone(kind, tuple(dict.fromkeys(row[1] for row in rows)), answers)


def _known(
    db: sqlite3.Connection,
    request: str,
    person: str,
    kind: Kind,
    content: list[tuple[int, int | None, int | None]],
) -> bool:
    """Whether a request was taken before. Raises `ConflictError` if it asked for something else."""
    _check_name("a request's name", request)
    first = db.execute("SELECT act FROM events WHERE request = ?", (request,)).fetchone()
    if first is None:
        return False
    rows = db.execute(
        "SELECT name, kind, image, label, value FROM events JOIN people USING (person)"
        " WHERE act = ? ORDER BY id",
        first,
    ).fetchall()
    if rows != [(person, kind, *one) for one in content]:
        raise _reused(request)
    return True


def _reused(request: str) -> ConflictError:
    return ConflictError(
        "this request was made before, with other content",
        seen=repr(request),
        do="give each request a name of its own",
    )


def _said(db: sqlite3.Connection) -> dict[tuple[int, int, str], int]:
    """What stands of what each person said of each entry."""
    return {
        (image, label, name): value
        for image, label, name, value in db.execute(
            "SELECT image, label, name, value FROM standing JOIN people USING (person)"
        )
    }


def _round(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM notes WHERE key = 'round'").fetchone()
    return int(row[0]) if row else 0
