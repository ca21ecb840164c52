"""Label Studio: tasks that ask for labels, and what people answered, from its full JSON export.

A task's `data.asked` lists the labels asked. An annotation names those that are present and those
the person is unsure of; the other ones asked are absent, and what was not asked stays unknown.
Tasks are matched by `data.uid`, which is the image's id: files that are uploaded get other names.
Other projects have neither; what an annotation of theirs does not have is absent or unknown, as
one says.
Its CSV and JSON_MIN exports lose skipped tasks and answers without a choice, and are not read.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from alasl.data.formats import json_file
from alasl.data.formats.base import Empty, Features, NamedAnswer, Options, Table, table_format
from alasl.data.formats.foreign_tasks import chosen, image_of
from alasl.data.formats.label_studio_tasks import (
    LABELS,
    PRESENT_GROUP,
    QUESTIONS,
    UNSURE_GROUP,
    tasks_of,
    write_tasks,
)
from alasl.data.formats.times import no_seconds
from alasl.errors import DataError, UsageError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.sparse import Sparse

_GIVEN = "given"
_FULL = "export the project as JSON, not as JSON-MIN or CSV"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Export:
    """What a file of tasks holds: image ids and labels in order, and what people said."""

    images: tuple[str, ...]
    names: tuple[str, ...]
    answers: tuple[NamedAnswer, ...]


def read_tasks(path: Path, empty: Empty | None = None) -> Export:
    """What people said, by a full JSON export, in the order of its times.

    Of each task and person, the last annotation counts that was not cancelled. The time that it
    took is shared evenly by its answers; one that cannot be seconds is not taken, and told.
    empty: what is meant by labels that an annotation of a project of others does not have.
    Raises a `UsageError` where that has to be said.
    """
    content = json_file.load(path)
    if not isinstance(content, list):
        raise DataError(
            "expected a list of tasks", where=str(path), seen=type(content).__name__, do=_FULL
        )
    images: dict[str, None] = {}
    names: dict[str, None] = {}
    faults: list[str] = []
    ours: list[tuple[str, _Annotation, tuple[str, ...]]] = []
    questions: list[Any] = []
    others: list[tuple[str, _Annotation]] = []
    for number, task in enumerate(content):
        where = f"{path}: task {number + 1}"
        data = _field(task, "data", dict, where, do=_FULL)
        if "asked" not in data and "uid" not in data:
            image = image_of(data, where)
            images.setdefault(image)
            for annotation in _last_of_each_person(task, where, others=True):
                names.update(dict.fromkeys(sorted(annotation.present)))
                others.append((image, annotation))
            continue
        uid = _field(data, "uid", str, where)
        names.update(dict.fromkeys(_all_labels(task, where)))
        asked = _asked(data, where)
        images.setdefault(uid)
        names.update(dict.fromkeys(asked))
        for annotation in _last_of_each_person(task, where):
            faults += _faults(annotation, asked)
            ours.append((uid, annotation, asked))
            questions.append(data.get(QUESTIONS))
    if others and empty is None:
        raise UsageError(
            f"{len(others)} annotations do not say which labels were asked; say what a label is "
            "that an annotation does not have",
            where=str(path),
            do="--empty unknown: nobody checked; --empty absent: the image does not have the label",
        )
    for image, annotation in others:
        about = names if empty == "absent" else sorted(annotation.present)
        ours.append((image, annotation, tuple(about)))
    answers: list[NamedAnswer] = []
    odd = _untimed([(one, asked) for _, one, asked in ours], path)
    asking = zip_longest(ours, questions)  # the others' come last, and have none
    for at, ((image, annotation, asked), of) in enumerate(asking):
        found = _answers(annotation, image, asked, timed=at not in odd)
        if isinstance(of, dict):
            found = [replace(one, question=str(of.get(one.label, ""))) for one in found]
        answers += found
    if faults:
        raise DataError(
            f"{len(faults)} choices cannot be understood",
            where=str(path),
            more=faults,
            do="correct these tasks in Label Studio and export again",
        )
    answers.sort(key=lambda one: -math.inf if one.at is None else one.at)
    return Export(tuple(images), tuple(names), tuple(answers))


@dataclass(frozen=True)
class Said:
    """What a person said of a task: nothing where they skipped it."""

    image: str
    person: str
    answers: tuple[NamedAnswer, ...]


def read_annotation(task: Any, annotation: Any, where: str) -> Said:
    """What one annotation of a task of ours says. Raises a `DataError` for anything else."""
    uid, asked = asked_of(task, where)
    found = _annotation(annotation, where)
    if found is None:
        return Said(uid, _person(annotation.get("completed_by"), where), ())
    if faults := _faults(found, asked):
        raise DataError(f"{len(faults)} choices cannot be understood", where=where, more=faults)
    return Said(
        uid, found.person, tuple(_answers(found, uid, asked, timed=not _untimed([(found, asked)])))
    )


def asked_of(task: Any, where: str) -> tuple[str, tuple[str, ...]]:
    """The image of a task of ours, and the labels that it asks. Raises a `DataError` for others."""
    data = _field(task, "data", dict, where)
    return _field(data, "uid", str, where), _asked(data, where)


@dataclass(frozen=True)
class _Annotation:
    """What one person said of one task."""

    where: str
    person: str
    time: float | None
    lead_time: float | None
    present: frozenset[str]
    unsure: frozenset[str]

    @property
    def order(self) -> float:
        """Later is higher; an annotation without a time comes before all others."""
        return -math.inf if self.time is None else self.time


_KINDS: dict[type, str] = {dict: "an object", list: "a list", str: "a text"}


def _field(record: object, key: str, kind: type, where: str, do: str | None = None) -> Any:
    value = record.get(key) if isinstance(record, dict) else None
    if not isinstance(value, kind) or value == "":
        raise DataError(
            f"{key!r} is missing or not {_KINDS[kind]}", where=where, seen=_short(value), do=do
        )
    return value


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _all_labels(task: dict[str, Any], where: str) -> list[str]:
    meta = task.get("meta")
    names = meta.get(LABELS, []) if isinstance(meta, dict) else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError("'meta.labels' must be a list of texts", where=where, seen=_short(names))
    return names


def _asked(data: dict[str, Any], where: str) -> tuple[str, ...]:
    asked = _field(data, "asked", list, where, do="it lists the labels asked")
    names = [_field(one, "value", str, f"{where}: data.asked") for one in asked]
    if len(set(names)) < len(names):
        raise DataError("a label is asked twice", where=where, seen=_short(names))
    return tuple(names)


def _last_of_each_person(
    task: dict[str, Any], where: str, *, others: bool = False
) -> list[_Annotation]:
    """The annotations that count; a task that nobody has opened may have no list of them.

    others: whether the project is one that ALASL did not make.
    """
    if "completions" in task:
        raise DataError("this is the export of a Label Studio before 1.0", where=where)
    last: dict[str, _Annotation] = {}
    for record in _field({"annotations": [], **task}, "annotations", list, where):
        found = _annotation(record, where, others=others)
        if found and (found.person not in last or found.order >= last[found.person].order):
            last[found.person] = found
    return list(last.values())


def _annotation(record: Any, where: str, *, others: bool = False) -> _Annotation | None:
    """What an annotation says; None where it was cancelled."""
    at = f"{where}: annotation {_short(record.get('id')) if isinstance(record, dict) else '?'}"
    result = _field(record, "result", list, at)
    if record.get("was_cancelled"):
        return None
    return _Annotation(
        at,
        _person(record.get("completed_by"), at),
        json_file.moment(record.get("updated_at") or record.get("created_at"), at),
        _lead_time(record.get("lead_time"), at),
        chosen(result, at) if others else _chosen(result, PRESENT_GROUP, at),
        frozenset() if others else _chosen(result, UNSURE_GROUP, at),
    )


def _person(who: object, where: str) -> str:
    """A name for `completed_by`: an e-mail address, or a number; empty where it is not known."""
    if isinstance(who, dict):
        who = who.get("email") or who.get("id")
    if who is None:
        return ""
    if isinstance(who, bool) or not isinstance(who, int | str):
        raise DataError("'completed_by' names nobody", where=where, seen=_short(who))
    return f"user {who}" if isinstance(who, int) else who


def _lead_time(value: object, where: str) -> float | None:
    if value is None:
        return None
    try:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        seconds = float(value) if number else math.nan  # type: ignore[arg-type]
    except OverflowError:
        seconds = math.inf
    if not 0 <= seconds < math.inf:
        raise DataError("'lead_time' must be seconds, 0 or more", where=where, seen=_short(value))
    return seconds


def _chosen(result: list[Any], group: str, where: str) -> frozenset[str]:
    """The labels ticked in one group of choices; results of other controls are none of ours."""
    chosen: set[str] = set()
    for item in result:
        if isinstance(item, dict) and item.get("from_name") == group:
            value = _field(item, "value", dict, f"{where}: {group}")
            choices = _field(value, "choices", list, f"{where}: {group}")
            if not all(isinstance(choice, str) for choice in choices):
                raise DataError("choices must be texts", where=where, seen=_short(choices))
            chosen.update(choices)
    return frozenset(chosen)


def _faults(found: _Annotation, asked: tuple[str, ...]) -> list[str]:
    strange = sorted((found.present | found.unsure).difference(asked))
    both = sorted(found.present & found.unsure)
    return [
        *(f"{found.where}: {name!r} was not asked" for name in strange),
        *(f"{found.where}: {name!r} is both present and unsure" for name in both),
    ]


def _untimed(
    ours: Sequence[tuple[_Annotation, Sequence[str]]], path: Path | None = None
) -> set[int]:
    """The places of annotations whose time is not taken, as it cannot be seconds; path: to tell of.

    Label Studio counts while a page stands open, and what it writes is no table that people mend:
    so an answer counts, whatever time it is said to have taken.
    """
    times = {at: (one.lead_time, len(asked)) for at, (one, asked) in enumerate(ours)}
    timed = {at: (took, count) for at, (took, count) in times.items() if took is not None}
    odd = {[*timed][place] for place in no_seconds([*timed.values()])}
    if odd and path:
        _log.warning(
            "%s: the times of %d of %d annotations are not taken: they are too long for the "
            "seconds of 'lead_time', the longest %g; divide by 1000 if they are milliseconds",
            *(path, len(odd), len(timed), max(timed[at][0] for at in odd)),
        )
    return odd


def _answers(
    found: _Annotation, uid: str, asked: tuple[str, ...], *, timed: bool
) -> list[NamedAnswer]:
    def value(name: str) -> int:
        if name in found.present:
            return PRESENT
        return UNKNOWN if name in found.unsure else ABSENT

    took = found.lead_time if timed else None
    seconds = None if took is None else took / max(len(asked), 1)
    return [
        NamedAnswer(found.where, uid, name, value(name), found.person, seconds, found.time)
        for name in asked
    ]


def holds(path: Path, head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return path.suffix.lower() == ".json" and text.startswith(b"[")


def _read(path: Path, options: Options) -> Table:
    export = read_tasks(path, options.empty)
    row, col = ({name: i for i, name in enumerate(kind)} for kind in (export.images, export.names))
    # A person's later answer to an entry corrects the earlier one.
    last = {(one.image, one.label, one.person): one for one in export.answers}
    found: dict[tuple[int, int], tuple[int, int]] = {}
    people = {_GIVEN: 0}
    clashes = []
    for one in last.values():
        at = row[one.image], col[one.label]
        if one.value == UNKNOWN:
            continue
        if at in found and found[at][0] != one.value:
            clashes.append(f"{one.where}: image {one.image!r}, label {one.label!r}")
        found[at] = one.value, people.setdefault(one.person or _GIVEN, len(people))
        if len(people) > 256:
            raise DataError("a table can name at most 255 people", where=str(path))
    if clashes:
        raise DataError(
            f"{len(clashes)} answers contradict another person's", where=str(path), more=clashes
        )
    places = np.array([*found], np.int64).reshape(-1, 2)
    values, by = np.array([*found.values()], np.int64).reshape(-1, 2).T
    shape = len(row), len(col)
    entries, source = (
        Sparse.at_places(shape, places[:, 0], places[:, 1], one)
        for one in (values.astype(np.int8), by.astype(np.uint8))
    )
    return Table(Labels(entries, export.names, export.images, tuple(people), source.values))


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    who = ("", *labels.sources[1:])
    few = labels.sparse
    each = (few.rows, few.cols, few.values, labels.origin)
    answers = (
        NamedAnswer("", labels.images[i], labels.names[j], value, who[source])
        for i, j, value, source in zip(*(part.tolist() for part in each), strict=True)
    )
    write_tasks(path, tasks_of(answers, labels.images), names=labels.names)


table_format(
    "label-studio",
    "Label Studio's full JSON export, or tasks to import; not asked: unknown",
    holds=holds,
    write=_write,
    suffixes=(".json",),
)(_read)
