"""Answers that come many at once: imports, with their conflicts, and those of a machine.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.errors import ConflictError, DataError
from alasl.labels import UNKNOWN, Entries
from alasl.project import queue, table
from alasl.project.checks import check_person, check_values
from alasl.project.current import stand
from alasl.project.events import append_act, machine_of, person_of, spend
from alasl.project.records import Imported, OnContradiction, Revised

# Image, label, value, person, seconds.
Said = tuple[int, int, int, str, float | None]


def as_said(
    source: str,
    rows: ArrayLike,
    cols: ArrayLike,
    values: ArrayLike,
    person: str | Sequence[str] | None,
    seconds: Sequence[float | None] | None,
) -> list[Said]:
    """The answers of an import one by one; see `Store.import_answers`.

    Raises `DataError` where they are not as many or a value is none, `UsageError` for a name.
    """
    row, col = np.asarray(rows, np.intp).tolist(), np.asarray(cols, np.intp).tolist()
    value = np.asarray(values, np.int64).tolist()
    people = (
        [source if person is None else person] * len(row)
        if isinstance(person, str | None)
        else list(person)
    )
    if not len(row) == len(col) == len(value) == len(people):
        raise DataError("rows, cols, values and people of an import must be as many")
    for name in {source, *people}:
        check_person(name)
    check_values(value)
    took = [None] * len(row) if seconds is None else seconds
    return list(zip(row, col, value, people, took, strict=True))


@dataclass
class _Sorted:
    """The answers of an import: to take, by entry and person; those of them that overrule what
    stands; those that contradict it, each with the value that stands; how many were known.
    """

    taken: dict[tuple[int, int, str], tuple[int, float | None]] = field(default_factory=dict)
    overruled: dict[tuple[int, int], int] = field(default_factory=dict)
    against: list[tuple[Said, int]] = field(default_factory=list)
    same: int = 0


def _sort(
    answers: Iterable[Said],
    source: str,
    stands: Entries,
    earlier: dict[tuple[int, int, str], int],
    on_conflict: OnContradiction,
) -> _Sorted:
    """stands: (N, L), the table now. earlier: what each person had said of each entry."""
    found = _Sorted()
    for one in answers:
        i, j, value, who, seconds = one
        key = (i, j, who)
        before = found.taken[key][0] if key in found.taken else earlier.get(key)
        if value == UNKNOWN and before is not None:
            found.same += 1  # "cannot tell" takes no answer back
            continue
        if value == before and on_conflict != "replace":
            found.same += 1  # whatever was made of it since
            continue
        others = (found.taken.get(key, (value,))[0], int(stands[i, j]))
        against = [other for other in others if other not in (UNKNOWN, value)]
        if value != UNKNOWN and against and on_conflict != "vote":
            found.against.append((one, against[0]))
            if on_conflict != "replace":
                continue
            found.overruled[i, j] = value
        elif before == value or (who == source and value == stands[i, j]):
            found.same += 1
            continue
        found.taken[key] = (value, seconds)
    return found


def import_answers(
    db: sqlite3.Connection,
    source: str,
    answers: Iterable[Said],
    on_conflict: OnContradiction,
    images: Sequence[str],
    names: Sequence[str],
    now: float,
) -> Imported:
    """Take answers from elsewhere, all or none of them; see `Store.import_answers`."""
    stands, _ = table.stands(db, machines=False)
    found = _sort(answers, source, stands, _earlier(db), on_conflict)
    if found.against and on_conflict == "refuse":
        raise ConflictError(
            f"{len(found.against)} answers contradict what is known; nothing was imported",
            where=source,
            more=[
                f"image {images[i]!r}, label {names[j]!r}: {stood} stands, {who!r} says {value}"
                for (i, j, value, who, _), stood in found.against
            ],
            do="say which to believe: --on-conflict keep, replace, or vote",
        )
    _take(db, source, found, now)
    replaced = sum((i, j) in found.overruled for i, j, _ in found.taken)
    kept = 0 if on_conflict == "replace" else len(found.against)
    return Imported(len(found.taken) - replaced, found.same, kept, replaced)


def _earlier(db: sqlite3.Connection) -> dict[tuple[int, int, str], int]:
    """What stands of what each person said of each entry."""
    return {
        (image, label, name): value
        for image, label, name, value in db.execute(
            "SELECT image, label, name, value FROM standing JOIN people USING (person)"
        )
    }


def _take(db: sqlite3.Connection, source: str, found: _Sorted, now: float) -> None:
    round = queue.current_round(db)
    by = {name: person_of(db, name) for name in dict.fromkeys(who for *_, who in found.taken)}
    fresh = [(i, j, by[who], v, s) for (i, j, who), (v, s) in found.taken.items()]
    names = ("image", "label", "person", "value", "seconds", "round", "source")
    act = append_act(db, now, "import", names, ((*row, round, source) for row in fresh))
    stand(db, [(i, j, p, v, "import", act + n) for n, (i, j, p, v, _) in enumerate(fresh)])
    for _, _, person, _, seconds in fresh:
        if seconds:
            spend(db, person, seconds)
    for (i, j), v in found.overruled.items():
        table.resolve(db, source, i, j, v, now)
    queue.close(db, [(i, j) for i, j, _ in found.taken], now)


def machine(
    db: sqlite3.Connection,
    model: str,
    answers: Entries,
    probabilities: NDArray[np.floating] | None,
    now: float,
) -> Revised:
    """Put a machine's answers in the place of its last ones; see `Store.machine`."""
    before = table.machine(db, answers.shape)
    rows, cols = np.nonzero(answers != before)
    if not len(rows):
        return Revised(0, int((answers != UNKNOWN).sum()), 0)
    values = answers[rows, cols]
    chances = queue.numbers(None if probabilities is None else probabilities[rows, cols], len(rows))
    who = machine_of(db)
    entries = list(zip(rows.tolist(), cols.tolist(), values.tolist(), strict=True))
    names = ("person", "image", "label", "value", "probability", "model")
    said = ((who, *entry, p, model) for entry, p in zip(entries, chances, strict=True))
    act = append_act(db, now, "machine", names, said)
    stand(db, [(i, j, who, v, "machine", act + n) for n, (i, j, v) in enumerate(entries)])
    taken = int((values == UNKNOWN).sum())
    same = int((answers != UNKNOWN).sum()) - (len(rows) - taken)
    return Revised(len(rows) - taken, same, taken)
