"""What an entry is now, out of what was given and of all that was said; see the module `store`.

Over all images and labels there ever were, by number. Each function works in the caller's
transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.project import initial
from alasl.project.agreement import Answers
from alasl.project.events import append, person_of, was_taken
from alasl.project.inference import completed
from alasl.project.records import RECHECK, SOURCES, Answer, Disagreement, Ints
from alasl.project.scheme import Scheme
from alasl.sparse import Sparse

_RESOLVED = SOURCES.index("resolved")
# From the events to what stands, as these are few of either; each by its key. The reason stands in
# it as it does in the index.
_RECHECKED = (
    "SELECT DISTINCT e.image, e.label FROM events e CROSS JOIN standing t"
    " ON t.image = e.image AND t.label = e.label AND t.person = e.person"
    f" WHERE e.why = '{RECHECK}' AND t.event = e.id AND t.value >= 0"
)
# Entries of which what follows is found at a time.
_BLOCK = 2**22
# What makes an `Answer` of an event e by a person p.
COLUMNS = (
    "e.image, e.label, e.value, e.seconds, e.probability, e.model, e.shown, p.name, e.at, e.why,"
    " e.pi"
)


class Standing(NamedTuple):
    """What is known, int8 (N, L), and its places in `SOURCES`, 0 for what was given."""

    entries: Sparse
    source: Sparse

    def labels(self, scheme: Scheme, names: tuple[str, ...], images: Sequence[str]) -> Labels:
        """The table's part of it."""
        entries, source = scheme.part(self.entries), scheme.part(self.source)
        origin = source.at(entries.rows, entries.cols)
        return Labels(entries, names, images, SOURCES, origin)


def stands(
    db: sqlite3.Connection, scheme: Scheme, only: int | None = None, *, machines: bool = True
) -> Standing:
    """What stands of all images and labels, or of one image.

    machines: whether what a machine said stands where nobody else says anything.
    """
    return _standing(db, scheme, initial.known(db, only), only, machines=machines)


def given_and_stands(db: sqlite3.Connection, scheme: Scheme) -> tuple[Sparse, Standing]:
    """What was given, as corrected since, with what follows from it; and `stands`.

    By one look at what was given: that takes seconds, of large tables.
    """
    entries = initial.known(db)
    return _corrected(db, scheme, entries), _standing(db, scheme, entries)


def _standing(
    db: sqlite3.Connection,
    scheme: Scheme,
    entries: Sparse,
    only: int | None = None,
    *,
    machines: bool = True,
) -> Standing:
    """As `stands`; entries: what was given."""
    entries, source = _told(db, entries, only)
    if scheme.rules:
        follows = _following(hidden(entries, scheme), scheme)
        # What is closed, as nobody could tell, is left so.
        at = follows.rows, follows.cols
        new = follows.only((entries[at] == UNKNOWN) & (source[at] != _RESOLVED))
        entries = entries.put(new.rows, new.cols, new.values)
        source = source.put(new.rows, new.cols, SOURCES.index("inferred"))
    if machines:
        rows, cols, said = _machine(db, only)
        free = (entries[rows, cols] == UNKNOWN) & (source[rows, cols] != _RESOLVED)
        free &= said != UNKNOWN
        if free.any():
            answered = np.ravel_multi_index(tuple(_answered(db, only)), entries.shape)
            free &= ~np.isin(np.ravel_multi_index((rows, cols), entries.shape), answered)
        rows, cols = rows[free], cols[free]
        entries = entries.put(rows, cols, said[free])
        source = source.put(rows, cols, SOURCES.index("machine"))
    return Standing(entries, source.only(entries[source.rows, source.cols] != UNKNOWN))


def _following(entries: Sparse, scheme: Scheme) -> Sparse:
    """The entries with what follows from them, by images of which anything is known."""
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    some, labels = np.unique(entries.rows), entries.shape[1]
    step = max(1, _BLOCK // max(1, labels))
    for start in range(0, len(some), step):
        rows = some[start : start + step]
        whole = Sparse.of(completed(entries[rows], scheme.rules))
        places.append(rows[whole.rows] * labels + whole.cols)
        values.append(whole.values)
    return Sparse(entries.shape, np.concatenate(places), np.concatenate(values))


def told(db: sqlite3.Connection, only: int | None = None) -> Standing:
    """As `stands`, without what follows and what a machine says; nobody can tell: -1, resolved."""
    return _told(db, initial.known(db, only), only)


def _told(db: sqlite3.Connection, entries: Sparse, only: int | None = None) -> Standing:
    """As `told`; entries: what was given."""
    source = Sparse.at_places(entries.shape, [], [], np.zeros(0, np.uint8), 0)
    # From the lowest to the highest, so that what comes later stands.
    image, label, yes, no = _found(
        db,
        "SELECT image, label, sum(value = 1), sum(value = 0) FROM standing"
        " WHERE {which} AND kind <> 'machine' GROUP BY image, label HAVING max(value) >= 0",
        only,
    )
    mine = entries[image, label] == UNKNOWN
    image, label = image[mine], label[mine]
    most = np.array((UNKNOWN, PRESENT, ABSENT))[np.sign(yes - no)[mine]]
    entries = entries.put(image, label, most)
    source = source.put(image, label, SOURCES.index("people"))
    image, label, value = _checked_again(db, only)
    entries = entries.put(image, label, value)
    source = source.put(image, label, SOURCES.index("people"))
    image, label, value = _resolved(db, only)
    entries = entries.put(image, label, value)
    source = source.put(image, label, _RESOLVED)
    return Standing(entries.drop(UNKNOWN), source)


def _corrected(db: sqlite3.Connection, scheme: Scheme, entries: Sparse) -> Sparse:
    """int8 (all, all): `entries`, given at first, as corrected since, and what follows."""
    for image, label, value in (_checked_again(db, None), _resolved(db, None)):
        corrected = entries[image, label] != UNKNOWN
        entries = entries.put(image[corrected], label[corrected], value[corrected])
    entries = hidden(entries.drop(UNKNOWN), scheme)
    return _following(entries, scheme) if scheme.rules else entries


def rechecked(db: sqlite3.Connection) -> tuple[Ints, Ints]:
    """(n,) each: rows and columns of entries that people were asked again, and answered."""
    return _entries(db, _RECHECKED)


def overruled(db: sqlite3.Connection) -> tuple[Ints, Ints]:
    """(n,) each: likewise, and of those that somebody resolved."""
    return _entries(db, f"{_RECHECKED} UNION SELECT image, label FROM resolved")


def hidden(entries: Sparse, scheme: Scheme) -> Sparse:
    """The entries, without those of labels that were taken out: nothing follows from them."""
    out = [n for n, one in enumerate(scheme.labels) if one.fate in ("removed", "undone")]
    return entries.only(~np.isin(entries.cols, out)) if out else entries


def filled(db: sqlite3.Connection) -> tuple[Ints, Ints]:
    """(n,) each: rows and columns of what people have filled by now, and of given entries that they
    were asked to check.

    Also those of labels and images that have left the table since, so that their count never falls
    by a change.
    """
    before = initial.known(db, touched=True)
    entries, source = _told(db, before)
    at = source.rows, source.cols
    new = (before[at] == UNKNOWN) & (entries[at] != UNKNOWN)
    rows, cols = rechecked(db)
    checks = before[rows, cols] != UNKNOWN
    return np.append(at[0][new], rows[checks]), np.append(at[1][new], cols[checks])


def machine(db: sqlite3.Connection, shape: tuple[int, int]) -> Sparse:
    """int8 (N, L): what a machine says, whatever people do; -1 where it says nothing."""
    image, label, value = _machine(db, None)
    return Sparse.at_places(shape, image, label, value.astype(np.int8)).drop(UNKNOWN)


def votes(db: sqlite3.Connection) -> Answers:
    """What stands of all that people said, "cannot tell" too; nothing of machines."""
    sql = "SELECT image, label, person, value FROM standing WHERE kind <> 'machine'"
    rows, cols, people, values = _found(db, sql)
    names = dict(db.execute("SELECT person, name FROM people"))
    return Answers.of(rows, cols, [names[person] for person in people.tolist()], values)


def answers(db: sqlite3.Connection) -> list[Answer]:
    """What stands of all that people said, in the order in which it was said."""
    rows = db.execute(
        f"SELECT {COLUMNS} FROM standing s JOIN events e ON e.id = s.event"
        " JOIN people p ON p.person = e.person"
        " WHERE s.kind <> 'machine' ORDER BY e.id"
    ).fetchall()
    return [answer_of(row) for row in rows]


def answer_of(row: Sequence[Any]) -> Answer:
    """An answer from its columns, in the order of `COLUMNS`."""
    image, label, value, seconds, probability, model, shown, person, at, why, pi = row
    return Answer(
        *(image, label, value, seconds, probability),
        model=model or "",
        shown=bool(shown),
        person=person,
        at=at,
        why=why or "",
        pi=pi,
    )


def untold(db: sqlite3.Connection) -> tuple[Ints, Ints]:
    """(n,) each: rows and columns of what somebody could not tell, or nobody can."""
    return _entries(
        db,
        "SELECT image, label FROM standing WHERE value = -1 AND kind <> 'machine'"
        " UNION SELECT image, label FROM resolved WHERE value = -1",
    )


def disagreements(db: sqlite3.Connection) -> list[Disagreement]:
    """Entries, none of them given, that people answered both ways as often, and nobody resolved."""
    found = db.execute(
        "SELECT image, label, name, value FROM standing s JOIN people USING (person)"
        " WHERE value >= 0 AND kind <> 'machine' AND (image, label) IN"
        " (SELECT image, label FROM standing WHERE value >= 0 AND kind <> 'machine'"
        "  GROUP BY image, label HAVING sum(value = 1) = sum(value = 0))"
        " AND NOT EXISTS (SELECT 1 FROM resolved r"
        "  WHERE r.image = s.image AND r.label = s.label)"
        " ORDER BY image, label, name"
    ).fetchall()
    if not found:
        return []
    before = initial.known(db)
    before = before.put(*rechecked(db), UNKNOWN)
    by_entry: dict[tuple[int, int], dict[str, int]] = {}
    for image, label, name, value in found:
        if before[image, label] == UNKNOWN:
            by_entry.setdefault((image, label), {})[name] = value
    return [Disagreement(image, label, values) for (image, label), values in by_entry.items()]


def resolve(
    db: sqlite3.Connection,
    person: str,
    image: int,
    label: int,
    value: int,
    now: float,
    request: str | None = None,
) -> bool:
    """Settle what an entry is, once a request; False where it was settled so before."""
    if request and was_taken(db, request, person, "resolve", [(image, label, value)]):
        return False
    entry = (image, label)
    if (value,) in db.execute("SELECT value FROM resolved WHERE image = ? AND label = ?", entry):
        return False
    who = person_of(db, person)
    _, event = append(
        db, now, who, "resolve", request=request, image=image, label=label, value=value
    )
    db.execute("INSERT OR REPLACE INTO resolved VALUES (?, ?, ?, ?)", (image, label, value, event))
    return True


def _checked_again(db: sqlite3.Connection, only: int | None) -> Ints:
    """(3, n): row, column, and what most people say of entries that they were asked again."""
    one = "" if only is None else " AND e.image = :only"
    return _found(
        db,
        "SELECT image, label, sum(value = 1) > sum(value = 0) FROM standing"
        f" WHERE kind <> 'machine' AND (image, label) IN ({_RECHECKED}{one})"
        " GROUP BY image, label HAVING sum(value = 1) <> sum(value = 0)",
        only,
    )


def _machine(db: sqlite3.Connection, only: int | None) -> Ints:
    """(3, n): row, column and value of what a machine says."""
    sql = "SELECT image, label, value FROM standing WHERE {which} AND kind = 'machine'"
    return _found(db, sql, only)


def _resolved(db: sqlite3.Connection, only: int | None) -> Ints:
    """(3, n): row, column and value of what somebody resolved."""
    return _found(db, "SELECT image, label, value FROM resolved WHERE {which}", only)


def _answered(db: sqlite3.Connection, only: int | None) -> Ints:
    """(2, n): entries that people answered. One that is unknown was answered both ways, as often:
    theirs to settle, no machine's."""
    return _found(
        db,
        "SELECT image, label FROM standing WHERE {which} AND kind <> 'machine'"
        " GROUP BY image, label HAVING max(value) >= 0",
        only,
    )


def _entries(db: sqlite3.Connection, sql: str) -> tuple[Ints, Ints]:
    """(n,) each: the rows and columns that a query finds."""
    rows, cols = _found(db, sql)
    return rows, cols


def _found(db: sqlite3.Connection, sql: str, only: int | None = None) -> Ints:
    """(columns, n): what a query finds, whole numbers, the first of them the image's row.

    only: one image, whose row is then 0; `{which}` of the query says so.
    """
    rows = db.execute(sql.format(which="1" if only is None else "image = :only"), {"only": only})
    found = np.array(rows.fetchall(), np.intp).reshape(-1, len(rows.description)).T
    found[0] -= only or 0
    return found
