"""Changes of labels and images: each one event in the log, its dry run, and its undo.

A change says what was done, by numbers, in `detail`; what it leads to is `scheme.folded`. No answer
is moved or deleted. Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from alasl.counting import counted
from alasl.errors import ConflictError, NothingToDo, UsageError
from alasl.labels import Entries
from alasl.project import blocks, guide, initial, queue, table
from alasl.project.events import append, last_event, person_of
from alasl.project.guide import TELLS, Described, Instructed
from alasl.project.image_texts import ImageTexts, Reading
from alasl.project.inference import Contradiction, closed, contradictions
from alasl.project.naming import numbers, refuse_former, refuse_own, refuse_taken
from alasl.project.records import ROLES, SOURCES
from alasl.project.scheme import Detail, Fate, Label, Pair, Scheme, folded, in_order
from alasl.sparse import Sparse

Do = Literal["add", "rename", "merge", "split", "remove", "rule"]

# The event of a change, that of the change which it takes back, and what was done.
_Logged = tuple[int, int | None, Detail]


@dataclass(frozen=True)
class LabelChange:
    """A change of labels, by their names.

    names: the labels that it is about. into: the labels that come of it. implies: (child, parent).
    excludes: pairs. anew: whether they replace all rules.
    """

    do: Do
    names: tuple[str, ...] = ()
    into: tuple[str, ...] = ()
    implies: tuple[tuple[str, str], ...] = ()
    excludes: tuple[tuple[str, str], ...] = ()
    anew: bool = False


@dataclass(frozen=True, eq=False)
class NewImages:
    """Images that come in, (n,) each: ids, files, roles; entries (n, all labels) by number.

    back: numbers of images that were dropped and come in again. folder: below which the files lie,
    where that is outside the project's.
    """

    images: Sequence[str]
    files: Sequence[str | None]
    roles: Sequence[str]
    entries: Entries | Sparse
    back: tuple[int, ...] = ()
    folder: str = ""


@dataclass(frozen=True)
class Dropped:
    """Images that leave, by number."""

    images: tuple[int, ...]


Request = LabelChange | NewImages | Dropped | Described | Instructed


@dataclass(frozen=True)
class Counts:
    """A table counted: images, labels, known entries, those of them that follow from others.

    answers: what people said of these images and labels. asked: answers that the queue wants.
    contradictions: pairs of entries that the rules between labels forbid.
    """

    images: int
    labels: int
    known: int
    inferred: int
    answers: int
    asked: int
    contradictions: int


@dataclass(frozen=True)
class Changed:
    """What a change was, or would be, in words, and the table before and after it."""

    says: str
    before: Counts
    after: Counts


def last(db: sqlite3.Connection) -> int:
    """The event of the last change, its undo among them; 0 without any."""
    sql = "SELECT id FROM events WHERE kind = 'change' ORDER BY id DESC LIMIT 1"
    found = db.execute(sql).fetchone()
    return int(found[0]) if found else 0


def _log(db: sqlite3.Connection) -> list[_Logged]:
    """Every change there ever was, the first one first."""
    sql = "SELECT id, undoes, detail FROM events WHERE kind = 'change' ORDER BY id"
    return [(event, undoes, json.loads(text)) for event, undoes, text in db.execute(sql).fetchall()]


def _standing(log: Sequence[_Logged]) -> dict[int, Detail]:
    """The changes that none takes back, by their events."""
    undone = {undoes for _, undoes, _ in log}
    return {e: detail for e, undoes, detail in log if undoes is None and e not in undone}


def scheme(db: sqlite3.Connection, reading: Reading | None = None) -> Scheme:
    """Labels, images and rules after all changes that stand.

    reading: by what names of images are read later; by `db` itself without.
    """
    log = _log(db)
    standing = _standing(log).values()
    labels, rules, instructions = folded(initial.names(db), standing)
    # What only tells people something leaves the table as it was.
    done = {event: detail["do"] for event, _, detail in log}
    version = max((e for e, undoes, _ in log if done[undoes or e] not in TELLS), default=0)
    parts = blocks.roles(db)
    numbers = np.arange(len(parts))
    # The project began with those that no change brought, undone or not.
    brought = (detail["first"] for _, _, detail in log if detail["do"] == "images")
    here = numbers < min(brought, default=len(parts))
    folders = []
    for detail in standing:
        if detail["do"] == "images":
            here[detail["first"] : detail["first"] + detail["count"]] = True
            here[detail["back"]] = True
            folders += [detail["folder"]] if detail["folder"] else []
        elif detail["do"] == "drop":
            here[detail["images"]] = False
    reads: Reading = reading or (lambda: nullcontext(db))
    images = ImageTexts[str](reads, "name", numbers)
    files = ImageTexts[str | None](reads, "file", numbers)
    return Scheme(
        version, tuple(labels), rules, images, files, parts, here, tuple(folders), last(db),
        instructions,
    )  # fmt: skip


def over_time(db: sqlite3.Connection) -> dict[int, tuple[Label, ...]]:
    """All labels by number as they were after each change, by its event; at 0, before the first."""
    first, standing = initial.names(db), dict[int, Detail]()
    found = {0: tuple(folded(first, ())[0])}
    for event, undoes, detail in _log(db):
        if undoes is None:
            standing[event] = detail
        else:
            standing.pop(undoes, None)
        found[event] = tuple(folded(first, standing.values())[0])
    return found


def make(db: sqlite3.Connection, request: Request, person: str, now: float) -> str:
    """Write a change as an event; what it was, in words.

    Raises `DataError` for a label or an image that there is not, `ConflictError` for a name that is
    taken, `UsageError` for what makes no sense.
    """
    before, event = scheme(db), last_event(db) + 1
    detail = _detail(db, before, request, event)
    who = person_of(db, person)
    append(db, now, who, "change", detail=json.dumps(detail, ensure_ascii=True))
    after = scheme(db)
    if not len(after.cols):
        raise UsageError("no label would be left")
    for part in np.setdiff1d(before.parts[before.rows], after.parts[after.rows]).tolist():
        raise UsageError(f"no image of the {ROLES[part]} set would be left")
    _tidy(db, after, event)
    return says(detail, after)


def undo(db: sqlite3.Connection, person: str, now: float) -> str:
    """Take back the last change that stands; what it was, in words."""
    standing = _standing(_log(db))
    if not standing:
        raise NothingToDo("there is no change of labels or images to take back")
    event, detail = standing.popitem()
    what = says(detail, scheme(db))
    who = person_of(db, person)
    append(db, now, who, "change", undoes=event, detail=json.dumps({"do": "undo"}))
    queue.mend(db, event, now)
    _tidy(db, scheme(db))
    return f"taken back: {what}"


def count(db: sqlite3.Connection) -> Counts:
    """The table as it is now, counted."""
    now = scheme(db)
    entries, source = (now.part(each) for each in table.stands(db, now))
    said = table.votes(db)
    here = (now.row_of[said.rows] >= 0) & (now.col_of[said.cols] >= 0)
    (asked,) = db.execute("SELECT count(*) FROM queue WHERE done = 0").fetchone()
    return Counts(
        images=len(now.rows),
        labels=len(now.cols),
        known=len(entries),
        inferred=int((source.values == SOURCES.index("inferred")).sum()),
        answers=int(here.sum()),
        asked=int(asked),
        contradictions=len(contradicting(db, now)),
    )


def contradicting(db: sqlite3.Connection, now: Scheme) -> list[Contradiction]:
    """Known entries that the rules forbid, by rows and columns of the table."""
    if not now.placed_rules:
        return []
    entries = now.part(table.told(db).entries)
    rows = np.unique(entries.rows)
    found = contradictions(entries[rows], now.placed_rules)
    return [replace(one, row=int(rows[one.row])) for one in found]


def says(detail: Detail, scheme: Scheme) -> str:
    """A change in words."""

    def names(numbers: Iterable[int]) -> str:
        return ", ".join(repr(scheme.labels[n].name) for n in numbers)

    match detail:
        case {"do": "add", "labels": labels}:
            return f"new labels: {names(labels)}"
        case {"do": "remove", "labels": labels}:
            return f"labels taken out: {names(labels)}"
        case {"do": "rename", "label": label, "name": name}:
            before = [*scheme.labels[label].former, "?"][-2:][0]
            return f"label {before!r} is called {name!r}"
        case {"do": "describe" | "instruct"}:
            return guide.says(detail, scheme.labels[detail.get("label", 0)].name)
        case {"do": "merge", "labels": labels, "into": into}:
            return f"labels merged: {names(labels)} into {names([into])}"
        case {"do": "split", "label": label, "into": into}:
            return f"label split: {names([label])} into {names(into)}"
        case {"do": "rule", "implies": implies, "excludes": excludes, "anew": anew}:
            pairs = [f"{names([a])} implies {names([b])}" for a, b in implies]
            pairs += [f"{names([a])} excludes {names([b])}" for a, b in excludes]
            what = "; ".join(pairs) if len(pairs) <= 3 else f"{len(pairs)} rules"
            return f"rules anew: {what or 'none'}" if anew else what
        case {"do": "images", "count": many, "back": back}:
            again = f", {len(back)} of them back again" if back else ""
            return f"new: {counted(many, 'image')}{again}"
        case {"do": "drop", "images": images}:
            first = ", ".join(repr(scheme.images[n]) for n in images[:3])
            return f"{len(images)} images leave: {first}{', ...' if len(images) > 3 else ''}"
    return str(detail["do"])


def _tidy(db: sqlite3.Connection, now: Scheme, event: int | None = None) -> None:
    """Take what is of no label or image of the table out of the queue; see `queue.cut`."""
    gone = [n for n, label in enumerate(now.labels) if label.fate != "here"]
    queue.cut(db, gone, np.flatnonzero(~now.here).tolist(), event)


# From a request, by names, to what the log keeps, by numbers.


def _detail(db: sqlite3.Connection, now: Scheme, request: Request, event: int) -> dict[str, Any]:
    if isinstance(request, Dropped):
        if not request.images:
            raise UsageError("name an image")
        return {"do": "drop", "images": sorted(request.images)}
    if isinstance(request, NewImages):
        return _images(db, now, request, event)
    if isinstance(request, Described):
        (label,) = numbers(now, [request.label])
        return guide.describing(now, label, request)
    if isinstance(request, Instructed):
        return {"do": "instruct", "text": request.text}
    make: dict[str, Callable[..., dict[str, Any]]] = {
        "add": _add, "rename": _rename, "merge": _merge, "split": _split, "remove": _remove,
        "rule": _rule,
    }  # fmt: skip
    return {"do": request.do, **make[request.do](db, now, request, event)}


def _images(db: sqlite3.Connection, now: Scheme, request: NewImages, event: int) -> dict[str, Any]:
    if not len(request.images) and not request.back:
        raise NothingToDo("there is no new image")
    taken = sorted({*request.images} & {now.images[n] for n in now.rows})
    if taken or len({*request.images}) < len(request.images):
        raise ConflictError("images of these names are there already", more=taken)
    numbers = initial.add_images(
        db, request.images, request.files, request.roles, request.entries, since=event
    )
    first = numbers[0] if numbers else len(now.images)
    blocks.grow(db, first)
    return {
        "do": "images",
        "first": first,
        "count": len(numbers),
        "back": list(request.back),
        "folder": request.folder,
    }


def _add(db: sqlite3.Connection, now: Scheme, ask: LabelChange, event: int) -> dict[str, Any]:
    refuse_taken(now, ask.names)
    for name in ask.names:
        refuse_former(now, name, fates=("here", "merged", "split"))
    return {"labels": _brought(db, now, ask.names, event, ("undone", "removed"))}


def _rename(_: sqlite3.Connection, now: Scheme, ask: LabelChange, __: int) -> dict[str, Any]:
    (label,) = numbers(now, ask.names)
    refuse_taken(now, ask.into, but=[label])
    refuse_former(now, ask.into[0], but=label)
    if ask.names == ask.into:
        raise UsageError("the label is called so already", seen=repr(ask.into[0]))
    return {"label": label, "name": ask.into[0]}


def _remove(_: sqlite3.Connection, now: Scheme, ask: LabelChange, __: int) -> dict[str, Any]:
    return {"labels": numbers(now, ask.names)}


def _merge(db: sqlite3.Connection, now: Scheme, ask: LabelChange, event: int) -> dict[str, Any]:
    parts = numbers(now, ask.names)
    if len(parts) < 2:
        raise UsageError("merging takes two labels or more", seen=", ".join(map(repr, ask.names)))
    refuse_taken(now, ask.into, but=parts)
    refuse_own(now, ask.into, parts)
    (into,) = _brought(db, now, ask.into, event)
    return {"labels": parts, "into": into}


def _split(db: sqlite3.Connection, now: Scheme, ask: LabelChange, event: int) -> dict[str, Any]:
    (label,) = numbers(now, ask.names)
    if len(ask.into) < 2:
        raise UsageError("splitting makes two labels or more", seen=", ".join(map(repr, ask.into)))
    refuse_taken(now, ask.into, but=[label])
    refuse_own(now, ask.into, [label])
    return {"label": label, "into": _brought(db, now, ask.into, event)}


def _rule(_: sqlite3.Connection, now: Scheme, ask: LabelChange, __: int) -> dict[str, Any]:
    def pairs(named: Iterable[tuple[str, str]]) -> list[list[int]]:
        return [numbers(now, pair) for pair in named]

    implies, excludes = pairs(ask.implies), pairs(ask.excludes)
    others = [] if ask.anew else [*now.rules.implies]
    built = [(part, whole) for whole, parts in now.rules.wholes for part in parts]
    stated = [(child, parent) for child, parent in implies]
    try:
        in_order([*others, *now.rules.parts, *built, *stated])
    except ValueError:
        raise ConflictError(
            "labels would imply each other in a circle, so they would be one label",
            do="merge them, or leave one of the rules out",
        ) from None
    fixed = (*now.rules.parts, *built)
    apart = [] if ask.anew else [*now.rules.excludes]
    before = _impossible((*fixed, *others), apart)
    for child, parent in _impossible((*fixed, *others, *stated), [*apart, *excludes]):
        if (child, parent) not in before:
            names = now.labels[child].name, now.labels[parent].name
            raise ConflictError(
                f"{names[0]!r} would imply {names[1]!r} and exclude it, so it could never be there",
                do="leave one of the two rules out",
            )
    return {"implies": implies, "excludes": excludes, "anew": ask.anew}


def _impossible(implies: Iterable[Pair], excludes: Iterable[Sequence[int]]) -> list[Pair]:
    """The pairs (child, ancestor) of which either would have the other absent."""
    apart = {frozenset(pair) for pair in excludes}
    return [pair for pair in closed(tuple(implies)) if frozenset(pair) in apart]


def _brought(
    db: sqlite3.Connection,
    now: Scheme,
    names: Sequence[str],
    event: int,
    back: Sequence[Fate] = ("undone",),
) -> list[int]:
    """The numbers of labels that come in; one that was there and left has its answers again."""
    found = {one.name: n for n, one in enumerate(now.labels) if one.fate in back}
    new = [name for name in names if name not in found]
    found |= dict(zip(new, initial.add_labels(db, new, since=event), strict=True))
    return [found[name] for name in names]
