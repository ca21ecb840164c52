"""Label Studio: tasks that ask for labels, and what people answered, from its full JSON export.

A task's `data.asked` lists the labels asked. An annotation names those that are present and those
the person is unsure of; the other ones asked are absent, and what was not asked stays unknown.
Tasks are matched by `data.uid`, which is the image's id: files that are uploaded get other names.
Its CSV and JSON_MIN exports lose skipped tasks and answers without a choice, and are not read.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from alasl.data.formats import json_file
from alasl.data.formats.base import Features, Format, Options, Said, Table
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

PRESENT_GROUP, UNSURE_GROUP = "present", "unsure"
CONFIG = f"""\
<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <Header value="Present"/>
  <Choices name="{PRESENT_GROUP}" toName="image" choice="multiple" value="$asked"/>
  <Header value="Cannot tell"/>
  <Choices name="{UNSURE_GROUP}" toName="image" choice="multiple" value="$asked"/>
</View>
"""
_GIVEN = "given"
_LABELS = "labels"  # of a task's `meta`, which Label Studio keeps: all labels, in their order
_FULL = "export the project as JSON, not as JSON-MIN or CSV"


@dataclass(frozen=True)
class Export:
    """What a file of tasks holds: image ids and labels in order, and what people said."""

    images: tuple[str, ...]
    names: tuple[str, ...]
    said: tuple[Said, ...]


@dataclass(frozen=True)
class Guess:
    """A model's prediction for a task: the labels it takes to be present, and its priority.

    priority: from 0 to 1, 1 = ask first. Label Studio sorts by `score`, lowest first, so 1 -
    priority is written there.
    """

    model: str
    present: tuple[str, ...]
    priority: float


@dataclass(frozen=True)
class Task:
    """An image with the labels asked of it, what the model says and what people answered.

    answers: each is one annotation, in which one person answers all labels asked, in their order.
    """

    image: str
    asked: tuple[str, ...]
    guess: Guess | None = None
    answers: tuple[tuple[Said, ...], ...] = ()


def read_tasks(path: Path) -> Export:
    """What people said, by a full JSON export, in the order of its times.

    Of each task and person, the last annotation counts that was not cancelled. The time that it
    took is shared evenly by its answers.
    """
    content = json_file.load(path)
    if not isinstance(content, list):
        raise DataError(
            "expected a list of tasks", where=str(path), seen=type(content).__name__, do=_FULL
        )
    images: dict[str, None] = {}
    names: dict[str, None] = {}
    said: list[Said] = []
    faults: list[str] = []
    for number, task in enumerate(content):
        where = f"{path}: task {number + 1}"
        data = _field(task, "data", dict, where, do=_FULL)
        uid = _field(data, "uid", str, where, do="only tasks that ALASL wrote can be matched")
        names.update(dict.fromkeys(_all_labels(task, where)))
        asked = _asked(data, where)
        images.setdefault(uid)
        names.update(dict.fromkeys(asked))
        for annotation in _last_of_each_person(task, where):
            faults += _faults(annotation, asked)
            said += _said(annotation, uid, asked)
    if faults:
        raise DataError(
            f"{len(faults)} choices cannot be understood",
            where=str(path),
            more=faults,
            do="correct these tasks in Label Studio and export again",
        )
    said.sort(key=lambda one: -math.inf if one.time is None else one.time)
    return Export(tuple(images), tuple(names), tuple(said))


def write_tasks(
    path: Path, tasks: Iterable[Task], *, names: Sequence[str] = (), prefix: str = ""
) -> None:
    """Write tasks to import into Label Studio.

    names: all labels in their order, kept in the first task. prefix: what to put before an image's
    id to make its address, e.g. "/data/local-files/?d=photos/"; the id is then percent-encoded.
    """
    content = [_task(task, prefix) for task in tasks]
    if content and names:
        content[0]["meta"] = {_LABELS: list(names)}
    path.write_text(json_file.dump(content), encoding="ascii")


def tasks_of(said: Iterable[Said], images: Iterable[str] = ()) -> list[Task]:
    """Tasks that hold what people said, at most one answer of a person to an entry.

    One annotation answers all labels that its task asks, so answers that one person gave in one go
    are together, and share a task with those of others who answered the same labels. images: they
    come first, in this order, and have a task even if nobody said anything.
    """
    goes: dict[tuple[str, str, float | None, float | None], list[Said]] = {}
    for one in said:
        goes.setdefault((one.image, one.person, one.time, one.seconds), []).append(one)
    together: dict[str, dict[tuple[str, ...], list[tuple[Said, ...]]]] = {i: {} for i in images}
    for (image, *_), answers in goes.items():
        answers.sort(key=lambda one: one.label)
        asked = tuple(one.label for one in answers)
        together.setdefault(image, {}).setdefault(asked, []).append(tuple(answers))
    return [
        Task(image, asked, answers=tuple(answers))
        for image, groups in together.items()
        for asked, answers in (groups or {(): []}).items()
    ]


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
    names = meta.get(_LABELS, []) if isinstance(meta, dict) else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise DataError("'meta.labels' must be a list of texts", where=where, seen=_short(names))
    return names


def _asked(data: dict[str, Any], where: str) -> tuple[str, ...]:
    asked = _field(data, "asked", list, where, do="it lists the labels asked")
    names = [_field(one, "value", str, f"{where}: data.asked") for one in asked]
    if len(set(names)) < len(names):
        raise DataError("a label is asked twice", where=where, seen=_short(names))
    return tuple(names)


def _last_of_each_person(task: dict[str, Any], where: str) -> list[_Annotation]:
    """The annotations that count; a task that nobody has opened may have no list of them."""
    if "completions" in task:
        raise DataError("this is the export of a Label Studio before 1.0", where=where)
    last: dict[str, _Annotation] = {}
    for record in _field({"annotations": [], **task}, "annotations", list, where):
        at = f"{where}: annotation {_short(record.get('id')) if isinstance(record, dict) else '?'}"
        result = _field(record, "result", list, at)
        if record.get("was_cancelled"):
            continue
        found = _Annotation(
            at,
            _person(record.get("completed_by"), at),
            json_file.moment(record.get("updated_at") or record.get("created_at"), at),
            _lead_time(record.get("lead_time"), at),
            _chosen(result, PRESENT_GROUP, at),
            _chosen(result, UNSURE_GROUP, at),
        )
        if found.person not in last or found.order >= last[found.person].order:
            last[found.person] = found
    return list(last.values())


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


def _said(found: _Annotation, uid: str, asked: tuple[str, ...]) -> list[Said]:
    def value(name: str) -> int:
        if name in found.present:
            return PRESENT
        return UNKNOWN if name in found.unsure else ABSENT

    seconds = None if found.lead_time is None else found.lead_time / max(len(asked), 1)
    return [
        Said(found.where, uid, name, value(name), found.person, seconds, found.time)
        for name in asked
    ]


def _task(task: Task, prefix: str) -> dict[str, Any]:
    image = prefix + quote(task.image, errors="surrogatepass") if prefix else task.image
    asked = [{"value": name} for name in task.asked]
    content: dict[str, Any] = {"data": {"image": image, "asked": asked, "uid": task.image}}
    if task.guess is not None:
        content["predictions"] = [
            {
                "model_version": task.guess.model,
                "score": 1 - task.guess.priority,
                "result": [_result(task, PRESENT_GROUP, task.guess.present)],
            }
        ]
    if task.answers:
        content["annotations"] = [_annotation(task, answers) for answers in task.answers]
    return content


def _annotation(task: Task, answers: tuple[Said, ...]) -> dict[str, Any]:
    first = answers[0]
    chosen = {
        PRESENT_GROUP: [one.label for one in answers if one.value == PRESENT],
        UNSURE_GROUP: [one.label for one in answers if one.value == UNKNOWN],
    }
    annotation: dict[str, Any] = {
        "result": [_result(task, group, names) for group, names in chosen.items() if names],
        "was_cancelled": False,
        "ground_truth": False,
    }
    if first.person:
        annotation["completed_by"] = {"email": first.person}
    if first.seconds is not None:
        annotation["lead_time"] = first.seconds * len(answers)
    if first.time is not None:
        annotation["created_at"] = annotation["updated_at"] = json_file.iso(first.time)
    return annotation


def _result(task: Task, group: str, names: Sequence[str]) -> dict[str, Any]:
    # An id tells the results of one task apart, and is the same whenever the task is written.
    text = "\0".join((task.image, group, *task.asked)).encode("utf-8", "surrogatepass")
    return {
        "id": hashlib.sha256(text).hexdigest()[:10],
        "type": "choices",
        "from_name": group,
        "to_name": "image",
        "value": {"choices": list(names)},
    }


def _holds(path: Path, head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return path.suffix.lower() == ".json" and text.startswith(b"[")


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    export = read_tasks(path)
    row, col = ({name: i for i, name in enumerate(kind)} for kind in (export.images, export.names))
    # A person's later answer to an entry corrects the earlier one.
    last = {(one.image, one.label, one.person): one for one in export.said}
    entries = np.full((len(row), len(col)), UNKNOWN, np.int8)
    source = np.zeros(entries.shape, np.uint8)
    people = {_GIVEN: 0}
    clashes = []
    for one in last.values():
        at = row[one.image], col[one.label]
        if one.value == UNKNOWN:
            continue
        if entries[at] not in (UNKNOWN, one.value):
            clashes.append(f"{one.where}: image {one.image!r}, label {one.label!r}")
        entries[at] = one.value
        source[at] = people.setdefault(one.person or _GIVEN, len(people))
        if len(people) > 256:
            raise DataError("a table can name at most 255 people", where=str(path))
    if clashes:
        raise DataError(
            f"{len(clashes)} answers contradict another person's", where=str(path), more=clashes
        )
    return Table(Labels(entries, export.names, export.images, tuple(people), source))


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    who = ("", *labels.sources[1:])
    known = np.argwhere(labels.known)
    values, sources = (of[tuple(known.T)].tolist() for of in (labels.entries, labels.source))
    said = (
        Said("", labels.images[i], labels.names[j], value, who[source])
        for (i, j), value, source in zip(known.tolist(), values, sources, strict=True)
    )
    write_tasks(path, tasks_of(said, labels.images), names=labels.names)


FORMAT = Format(
    "label-studio",
    "Label Studio's full JSON export, or tasks to import; not asked: unknown",
    _holds,
    _read,
    _write,
)
