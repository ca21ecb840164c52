"""Answers that come many at once: imports, with their conflicts, and those of a machine.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from alasl.counting import counted
from alasl.errors import ConflictError
from alasl.labels import UNKNOWN
from alasl.project import queue, second_looks, table
from alasl.project.checks import check_person, check_values
from alasl.project.current import stand
from alasl.project.events import append_act, machine_of, person_of, spend
from alasl.project.records import AGAIN, SOURCES, Answer, Imported, OnContradiction, Revised
from alasl.project.scheme import Scheme
from alasl.sparse import Sparse

_log = logging.getLogger(__name__)


def named(source: str, answers: Iterable[Answer]) -> list[Answer]:
    """Answers with the source's name where they name no person.

    Raises `DataError` where a value is none, `UsageError` for a name.
    """
    found = [a if a.person else replace(a, person=source) for a in answers]
    for name in {source, *(a.person for a in found)}:
        check_person(name)
    check_values([a.value for a in found])
    return found


@dataclass
class _Sorted:
    """The answers of an import: to take, by entry and person; those of them that overrule what
    stands; those that contradict it, each with the value that stands; how many were known; and how
    many of those to take say that their person cannot tell any more.
    """

    taken: dict[tuple[int, int, str], Answer] = field(default_factory=dict)
    overruled: dict[tuple[int, int], int] = field(default_factory=dict)
    against: list[tuple[Answer, int]] = field(default_factory=list)
    same: int = 0
    withdrawn: int = 0


def _sort(
    answers: Iterable[Answer],
    source: str,
    entries_now: Sparse,
    earlier: dict[tuple[int, int, str], int],
    on_conflict: OnContradiction,
    votes: Collection[tuple[int, int]],
    looks: Collection[tuple[int, int, str]],
) -> _Sorted:
    """entries_now: (N, L), the table. earlier: what each person had said of each entry. votes:
    entries of which a person's first answer is welcome, whatever it says. looks: of second looks,
    the entries and who answers.
    """
    found = _Sorted()
    answers = list(answers)
    at = np.array([(one.image, one.label) for one in answers], np.intp).reshape(-1, 2)
    stands = entries_now[at[:, 0], at[:, 1]].tolist()
    for place, one in enumerate(answers):
        i, j, value = one.image, one.label, one.value
        key = (i, j, one.person)
        before = found.taken[key].value if key in found.taken else earlier.get(key)
        if key in looks:
            found.taken[key] = one  # whatever was said before
            continue
        if value == before and on_conflict != "replace":
            found.same += 1  # whatever was made of it since
            continue
        if (i, j) in votes and before is None and value != UNKNOWN:
            found.taken[key] = one
            continue
        # Who cannot tell any more takes back their own answer, and contradicts nobody.
        others = (before,) if value == UNKNOWN else (found.taken.get(key, one).value, stands[place])
        against = [other for other in others if other not in (None, UNKNOWN, value)]
        if against and on_conflict != "vote":
            found.against.append((one, against[0]))
            if on_conflict != "replace":
                continue
            if value != UNKNOWN:
                found.overruled[i, j] = value
        elif before == value or (
            # A vote counts, though it says what stands.
            one.person == source and UNKNOWN != value == stands[place] and on_conflict != "vote"
        ):
            found.same += 1
            continue
        found.withdrawn += bool(against) and value == UNKNOWN
        found.taken[key] = one
    return found


def import_answers(
    db: sqlite3.Connection,
    source: str,
    answers: Iterable[Answer],
    on_conflict: OnContradiction,
    to_queue: bool,
    scheme: Scheme,
    now: float,
) -> Imported:
    """Take answers from elsewhere, all or none of them; see `Store.import_answers`."""
    entries_now, origin = table.told(db)
    # What the queue asks about what was given, and of a second person, contradicts nothing.
    checks = queue.checks(db) | queue.gold(db) if to_queue else set()
    votes = checks | queue.repeated(db) if to_queue else checks
    answers, looks = _with_looks(db, answers)
    found = _sort(answers, source, entries_now, _earlier(db), on_conflict, votes, looks)
    old: list[tuple[Answer, int]] = []
    refused = found.against
    if to_queue:
        # A queue asks about given entries to check them or people: this one did, and no more.
        at = np.array([(a.image, a.label) for a, _ in refused], np.intp).reshape(-1, 2).T
        given = (entries_now[at[0], at[1]] != UNKNOWN) & (origin[at[0], at[1]] == 0)
        refused = []
        for one, is_given in zip(found.against, given.tolist(), strict=True):
            (old if is_given else refused).append(one)
    if refused and on_conflict == "refuse":
        raise ConflictError(
            f"{counted(len(refused), 'answer')} against what is known; nothing was imported",
            where=source,
            more=[
                f"image {scheme.images[a.image]!r}, label {scheme.labels[a.label].name!r}: "
                f"{stood} stands, "
                f"{a.person!r} says {'?' if a.value == UNKNOWN else a.value}"
                for a, stood in refused
            ],
            do="say which to believe: --on-conflict keep, replace, or vote",
        )
    if old and on_conflict == "refuse":
        _log.warning(
            "%s: %s, as the queue asks no more whether that is right; to believe them: "
            "--on-conflict replace",
            source,
            f"{counted(len(old), 'answer')} against what was given left out",
        )
    idle = _idle(found, entries_now, origin, checks)
    again = _take(db, source, found, to_queue, now)
    replaced = sum((i, j) in found.overruled for i, j, _ in found.taken)
    kept = 0 if on_conflict == "replace" else len(found.against)
    new = len(found.taken) - replaced
    return Imported(new, found.same, kept, replaced, again, found.withdrawn, idle)


def _idle(found: _Sorted, entries_now: Sparse, origin: Sparse, checks: set[tuple[int, int]]) -> int:
    """How many of the answers to take contradict what stands above all votes: what was given, but
    for what the queue asks about it, and what somebody settled."""
    votes = [
        (i, j, one.value)
        for (i, j, _), one in found.taken.items()
        if one.value != UNKNOWN and (i, j) not in found.overruled and (i, j) not in checks
    ]
    rows, cols, values = np.array(votes, np.intp).reshape(-1, 3).T
    stands, source = entries_now[rows, cols], origin[rows, cols]
    given = (source == SOURCES.index("given")) & (stands != UNKNOWN)
    above = given | (source == SOURCES.index("resolved"))
    return int((above & (stands != values)).sum())


def _with_looks(
    db: sqlite3.Connection, answers: Iterable[Answer]
) -> tuple[list[Answer], set[tuple[int, int, str]]]:
    """The answers, with why and by which chance of second looks; and of these, by whom to what."""
    found: list[Answer] = []
    looks: set[tuple[int, int, str]] = set()
    for one in answers:
        entry = one.image, one.label
        many = sum(second_looks.looked(db, *entry)) if one.question else 0
        if many and one.question == second_looks.question(*entry, 1 + many):
            looks.add((*entry, one.person))
            found.append(replace(one, why=AGAIN, pi=second_looks.chance(db, *entry)))
        else:
            found.append(one)
    return found, looks


def _earlier(db: sqlite3.Connection) -> dict[tuple[int, int, str], int]:
    """What stands of what each person said of each entry."""
    return {
        (image, label, name): value
        for image, label, name, value in db.execute(
            "SELECT image, label, name, value FROM standing JOIN people USING (person)"
        )
    }


def _take(db: sqlite3.Connection, source: str, found: _Sorted, to_queue: bool, now: float) -> int:
    """Write down what is taken; how many of it the queue asks for once more."""
    round, taken = queue.current_round(db), list(found.taken.values())
    by = {name: person_of(db, name) for name in dict.fromkeys(a.person for a in taken)}
    # Where a query was answered elsewhere, the queue knows why each entry was asked.
    taken = [a if a.why or a.pi is not None else _asked(db, a, by[a.person]) for a in taken]
    names = ("image", "label", "person", "value", "seconds", "why", "pi", "round", "source")
    rows = (
        (a.image, a.label, by[a.person], a.value, a.seconds, a.why, a.pi, round, source)
        for a in taken
    )
    act = append_act(db, now, "import", names, rows)
    stand(
        db,
        [(a.image, a.label, by[a.person], a.value, "import", act + n) for n, a in enumerate(taken)],
    )
    for a in taken:
        if a.seconds:
            spend(db, by[a.person], a.seconds)
    for (i, j), v in found.overruled.items():
        table.resolve(db, source, i, j, v, now)
    for a in taken if to_queue else ():
        queue.fill_slot(db, by[a.person], a.image, a.label, now)
    settled = found.overruled if to_queue else [(a.image, a.label) for a in taken]
    queue.close(db, settled, now)
    drawn = [a for a in taken if a.pi is not None]
    return sum(second_looks.second_look(db, a.image, a.label, a.value) for a in drawn)


def _asked(db: sqlite3.Connection, answer: Answer, person: int) -> Answer:
    why, pi = queue.reason(db, person, answer.image, answer.label) or ("", None)
    return replace(answer, why=why, pi=pi)


def machine(
    db: sqlite3.Connection,
    model: str,
    answers: Sparse,
    probabilities: NDArray[np.floating] | None,
    scheme: Scheme,
    now: float,
) -> Revised:
    """Put a machine's answers in the place of its last ones; see `Store.machine`."""
    before = scheme.part(table.machine(db, (len(scheme.images), len(scheme.labels))))
    either = before.put(answers.rows, answers.cols, answers.values)
    other = either.only(answers.at(either.rows, either.cols) != before.at(either.rows, either.cols))
    rows, cols = other.rows, other.cols
    if not len(rows):
        return Revised(0, len(answers), 0)
    values = answers[rows, cols]
    chances = queue.numbers(None if probabilities is None else probabilities[rows, cols], len(rows))
    who = machine_of(db)
    numbers = scheme.rows[rows].tolist(), scheme.cols[cols].tolist()
    entries = list(zip(*numbers, values.tolist(), strict=True))
    names = ("person", "image", "label", "value", "probability", "model")
    events = ((who, *entry, p, model) for entry, p in zip(entries, chances, strict=True))
    act = append_act(db, now, "machine", names, events)
    stand(db, [(i, j, who, v, "machine", act + n) for n, (i, j, v) in enumerate(entries)])
    taken = int((values == UNKNOWN).sum())
    same = len(answers) - (len(rows) - taken)
    return Revised(len(rows) - taken, same, taken)
