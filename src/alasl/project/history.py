"""What happened to an entry: given, answered, settled, answered by a model, its label changed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from alasl.data.names import Names
from alasl.labels import UNKNOWN
from alasl.project.changes import says
from alasl.project.folder import Project
from alasl.project.records import Event
from alasl.project.scheme import Scheme

WORDS = {1: "present", 0: "absent", -1: "cannot tell"}


@dataclass(frozen=True)
class Moment:
    """One thing that happened: when (None: before the first event), to which label, by whom.

    label: None where it is about the image or about labels as such. what: in words.
    """

    at: float | None
    label: str | None
    person: str
    what: str


@dataclass(frozen=True)
class Stands:
    """What an entry is now: 1, 0 or -1, and by whose word; None where it is unknown."""

    label: str
    value: int
    source: str | None


@dataclass(frozen=True)
class History:
    """An image's entries: what happened, in order, and what they are now."""

    image: str
    moments: tuple[Moment, ...]
    stands: tuple[Stands, ...]


def history(project: Project, image: str, label: str | None = None) -> History:
    """What happened to an image, or to one entry of it. Raises `DataError` for a name it lacks.

    Of a label that came of others, their history is told, too. Labels have the names that they had
    at each time.
    """
    store = project.store
    store.refresh()
    now = store.scheme
    known = Names(now.image_numbers, now.label_numbers, "names")
    row = known.row(image, "image")
    col = None if label is None else known.column(label, "label")
    known.refuse_lost(project.folder)
    row = -1 if row is None else row
    of = set(range(len(now.labels))) if col is None else {col, *_before(now, col)}
    over_time, events = store.labels_over_time(), store.image_events(row)
    then = replace(now, labels=over_time[0])
    moments = [*_given(project, then, row, of)]
    for event in events:
        if event.kind == "change":
            then = replace(now, labels=over_time[event.id])
            moments += _changed(event, then, row, of)
        elif event.label is None or event.label in of:
            moments.append(_said(event, then, events))
    return History(now.images[row], tuple(moments), tuple(_stands(project, now, row, of)))


def _before(now: Scheme, label: int) -> set[int]:
    """The labels that one came of, and what these came of."""
    found: set[int] = set()
    todo = [label]
    while todo:
        one = todo.pop()
        came = {part for whole, parts in now.rules.wholes if whole == one for part in parts}
        came |= {parent for child, parent in now.rules.parts if child == one}
        todo += came - found
        found |= came
    return found


def _given(project: Project, then: Scheme, row: int, of: set[int]) -> Iterator[Moment]:
    for label, value in enumerate(project.store.given_of(row)):
        if value != UNKNOWN and label in of:
            yield Moment(None, then.labels[label].name, "given", WORDS[value])


def _said(event: Event, then: Scheme, all_: list[Event]) -> Moment:
    label = None if event.label is None else then.labels[event.label].name
    if event.kind == "undo":
        undone = [one for one in all_ if one.act == event.undoes]
        names = ", ".join(then.labels[e.label].name for e in undone if e.label is not None)
        return Moment(event.at, None, event.person, f"took back: {names or 'a skip'}")
    if event.kind == "note":
        text = json.loads(event.detail)["text"] if event.detail else "taken as read"
        return Moment(event.at, label, event.person, f"note: {text or 'the label is unclear'}")
    if event.kind == "skip":
        return Moment(event.at, None, event.person, "skipped the image")
    value = WORDS[event.value if event.value is not None else UNKNOWN]
    what = {
        "answer": value,
        "import": f"{value}, from {event.source}",
        "resolve": f"settled: {value if event.value != UNKNOWN else 'nobody can tell'}",
        "machine": f"{value if event.value != UNKNOWN else 'taken back'}, by {event.model}",
    }.get(event.kind, event.kind)
    return Moment(event.at, label, event.person, what)


def _changed(event: Event, then: Scheme, row: int, of: set[int]) -> Iterator[Moment]:
    """A change of labels, where it is about these, or of images, where it is about this one."""
    detail = json.loads(event.detail or "{}")
    if detail.get("do") == "undo":
        yield Moment(event.at, None, event.person, f"took back change {event.undoes}")
        return
    told = [detail.get(key) for key in ("label", "labels", "into", "implies", "excludes")]
    if _numbers(told) & of or row in _images(detail):
        yield Moment(event.at, None, event.person, f"change {event.id}: {says(detail, then)}")


def _numbers(told: object) -> set[int]:
    if isinstance(told, list):
        return {number for one in told for number in _numbers(one)}
    return {told} if isinstance(told, int) else set()


def _images(detail: dict[str, object]) -> set[int]:
    if detail.get("do") == "drop":
        return _numbers(detail["images"])
    if detail.get("do") == "images":
        first, count = (_numbers(detail[key]).pop() for key in ("first", "count"))
        return {*range(first, first + count), *_numbers(detail["back"])}
    return set()


def _stands(project: Project, now: Scheme, row: int, of: set[int]) -> Iterator[Stands]:
    if now.row_of[row] < 0:
        return
    labels = project.store.labels()
    place = int(now.row_of[row])
    for number in sorted(of):
        col = int(now.col_of[number])
        if col >= 0:
            value = int(labels.at(place, col))
            source = None if value == UNKNOWN else labels.sources[int(labels.source_at(place, col))]
            yield Stands(labels.names[col], value, source)
