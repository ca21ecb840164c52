"""Tasks for Label Studio: what is asked of an image, what a model says, and what people said.

A task's `data.asked` lists the labels asked, and `data.uid` is the image's id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alasl.data.formats import json_file
from alasl.data.formats.base import NamedAnswer
from alasl.labels import PRESENT, UNKNOWN

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
QUESTIONS = "questions"  # of a task's `data`: the question of each label asked
LABELS = "labels"  # of a task's `meta`, which Label Studio keeps: all labels, in their order


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
    questions: by label, see `NamedAnswer`.
    """

    image: str
    asked: tuple[str, ...]
    guess: Guess | None = None
    answers: tuple[tuple[NamedAnswer, ...], ...] = ()
    questions: Mapping[str, str] = field(default_factory=dict)


def write_tasks(
    path: Path, tasks: Iterable[Task], *, names: Sequence[str] = (), prefix: str = ""
) -> None:
    """Write tasks to import into Label Studio, one after the other as they come.

    names: all labels in their order, kept in the first task. prefix: what to put before an image's
    id to make its address, e.g. "/data/local-files/?d=photos/"; the id is then percent-encoded.
    """
    with path.open("w", encoding="ascii") as file:
        file.write("[")
        for number, task in enumerate(tasks):
            content = _task(task, prefix)
            if number == 0 and names:
                content["meta"] = {LABELS: list(names)}
            file.write((", " if number else "") + json_file.dump(content))
        file.write("]")


def tasks_of(answers: Iterable[NamedAnswer], images: Iterable[str] = ()) -> list[Task]:
    """Tasks that hold what people said, at most one answer of a person to an entry.

    One annotation answers all labels that its task asks, so answers that one person gave in one go
    are together, and share a task with those of others who answered the same labels. images: they
    come first, in this order, and have a task even if nobody said anything.
    """
    goes: dict[tuple[str, str, float | None, float | None], list[NamedAnswer]] = {}
    for one in answers:
        goes.setdefault((one.image, one.person, one.at, one.seconds), []).append(one)
    together: dict[str, dict[tuple[str, ...], list[tuple[NamedAnswer, ...]]]] = {
        i: {} for i in images
    }
    for (image, *_), answers in goes.items():
        answers.sort(key=lambda one: one.label)
        asked = tuple(one.label for one in answers)
        together.setdefault(image, {}).setdefault(asked, []).append(tuple(answers))
    return [
        Task(image, asked, answers=tuple(answers))
        for image, groups in together.items()
        for asked, answers in (groups or {(): []}).items()
    ]


def _task(task: Task, prefix: str) -> dict[str, Any]:
    image = prefix + quote(task.image, errors="surrogatepass") if prefix else task.image
    asked = [{"value": name} for name in task.asked]
    content: dict[str, Any] = {"data": {"image": image, "asked": asked, "uid": task.image}}
    if task.questions:
        content["data"][QUESTIONS] = dict(task.questions)
    if task.guess is not None:
        content["predictions"] = [prediction(task, task.guess)]
    if task.answers:
        content["annotations"] = [_annotation(task, answers) for answers in task.answers]
    return content


def prediction(task: Task, guess: Guess) -> dict[str, Any]:
    """What a model says of a task, as Label Studio takes it."""
    return {
        "model_version": guess.model,
        "score": 1 - guess.priority,
        "result": [_result(task, PRESENT_GROUP, guess.present)],
    }


def _annotation(task: Task, answers: tuple[NamedAnswer, ...]) -> dict[str, Any]:
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
    if first.at is not None:
        annotation["created_at"] = annotation["updated_at"] = json_file.iso(first.at)
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
