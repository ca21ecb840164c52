"""A Label Studio beside the page: the server is one of its ML backends.

Label Studio asks what the model says of its tasks, and in which order they come; whatever people
annotate there arrives as if it were answered on the page. It knows this server by an address that
holds a secret, as it sends no password with what it tells of annotations.
Protocol: https://labelstud.io/guide/ml_create and https://labelstud.io/guide/webhooks.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import Response

from alasl.annotate.guard import Access, Guard, Refusal
from alasl.annotate.pieces import Thread, handle_errors, refused
from alasl.annotate.tasks import Tasks
from alasl.data.formats.label_studio import Said, asked_of, read_annotation
from alasl.data.formats.label_studio_tasks import Guess, Task, prediction
from alasl.errors import DataError
from alasl.labels import UNKNOWN
from alasl.project.about import read_about
from alasl.project.folder import Project
from alasl.project.records import Answer
from alasl.project.scheme import Scheme

# What the backend is to be called there: Label Studio takes the order of its tasks from predictions
# whose version is the backend's title.
TITLE = "ALASL"
# Hundreds of tasks come at once, each with the labels it asks.
_MOST = 16 * 1024 * 1024
_NEW, _CHANGED, _MANY = "ANNOTATION_CREATED", "ANNOTATION_UPDATED", "ANNOTATIONS_CREATED"
_GONE = "ANNOTATIONS_DELETED"

log = logging.getLogger("alasl")


@dataclass(frozen=True)
class Link:
    """What lets Label Studio in: the secret in the address, under a host of ours."""

    access: Access

    @property
    def place(self) -> str:
        """The path below which Label Studio finds its backend."""
        return f"/label-studio/{self.access.token}"

    def within(self, path: str) -> str:
        """The path of a request without that of a proxy in front."""
        return path.removeprefix(self.access.public.path if self.access.public else "")

    def refuse(
        self,
        method: str,
        path: str,
        query: str,  # noqa: ARG002
        headers: dict[str, str],
    ) -> Refusal | None:
        """Why a request must not be answered; None where it may."""
        if not self.access.ours(headers.get("host", "")):
            return Refusal(421, "this address is not one the server is known under")
        secret = path.removeprefix("/label-studio/").partition("/")[0]
        if not hmac.compare_digest(secret.encode("utf-8", "replace"), self.access.token.encode()):
            return Refusal(403, "connect the address that `alasl annotate` printed")
        kind = headers.get("content-type", "").partition(";")[0].strip().lower()
        if method != "GET" and kind != "application/json":
            return Refusal(415, "send JSON")
        return None


@dataclass(frozen=True)
class _Asked:
    """A task: its image by id, number and row, None and -1 where there is none; and its labels."""

    uid: str
    labels: tuple[str, ...]
    image: int | None
    row: int


class Backend:
    """What the project says of Label Studio's tasks, and hears from there; one call at a time."""

    def __init__(self, project: Project, tasks: Tasks) -> None:
        self._project = project
        self._tasks = tasks
        self._store = tasks.store

    def version(self) -> str:
        """Names the model and the round that it asks; Label Studio asks anew where it changes."""
        self._store.refresh()
        trainings = self._store.trainings()
        model = trainings[-1].model if trainings else "none"
        return f"{model}, round {self._store.progress().round}"

    def predict(self, tasks: list[Any]) -> dict[str, Any]:
        """Of each task what the model takes to be present, and how soon it is to be asked.

        Two predictions: one by the version, which Label Studio asks for anew once the version is
        another, and one that stands for the order, lower in each round, as it takes the lowest of
        all that it was ever told. Tasks that ALASL did not write, or whose image the project does
        not have, are predicted to be nothing, and come last.
        """
        version, now = self.version(), self._store.everything()
        first, round_ = self._priorities(), self._store.progress().round
        asked = [self._asked(task, now) for task in tasks]
        present = self._present([one for one in asked if one.row >= 0], now)

        def predicted(one: _Asked) -> list[dict[str, Any]]:
            guess = Guess(version, (), 0.0)
            if one.row >= 0:
                here = tuple(label for label in one.labels if (one.row, label) in present)
                entries = [(one.image, now.label_numbers.get(label)) for label in one.labels]
                guess = Guess(version, here, max((first.get(e, 0.0) for e in entries), default=0))
            of_model = prediction(Task(one.uid, one.labels), guess)
            order = {"model_version": TITLE, "score": of_model["score"] - round_, "result": []}
            return [of_model, order]

        return {"model_version": version, "results": [predicted(one) for one in asked]}

    @staticmethod
    def _asked(task: Any, now: Scheme) -> _Asked:
        """What a task asks; nothing, where ALASL did not write it."""
        try:
            uid, labels = asked_of(task, "task")
        except DataError:
            uid, labels = "", ()
        image = now.image_numbers.get(uid)
        return _Asked(uid, labels, image, -1 if image is None else int(now.row_of[image]))

    def _present(self, asked: list[_Asked], now: Scheme) -> set[tuple[int, str]]:
        """What the model that there is takes to be present, by row and label's name.

        Nothing, where it knew another table.
        """
        about = read_about(self._project.model)
        if not about.model or about.table != now.version:
            return set()
        numbers = now.label_numbers
        entries = [
            (one.row, label, col)
            for one in asked
            for label in one.labels
            if label in numbers and (col := int(now.col_of[numbers[label]])) >= 0
        ]
        # Only then, as it takes seconds to import.
        from alasl.project.model_files import ModelFiles

        rows, cols = (np.array([entry[at] for entry in entries], np.intp) for at in (0, 2))
        try:
            said = ModelFiles(self._project).probabilities(rows, cols)
        except DataError:
            if read_about(self._project.model) == about:
                raise
            return set()  # a training has just put another in its place
        return {(row, label) for (row, label, _), p in zip(entries, said, strict=True) if p >= 0.5}

    def hear(self, sent: Mapping[str, Any]) -> int:
        """Take what Label Studio tells of annotations; how many answers came in, or were withdrawn.

        What is told twice counts once. Of what is deleted it tells the number alone, by which our
        requests are named. Raises a `DataError` for tasks that ALASL did not write, and names that
        the project does not have.
        """
        if sent.get("action") == _GONE:
            return sum(self._store.withdraw(_named(sent, one)) for one in _gone(sent))
        taken = 0
        for task, annotation in _annotations(sent):
            said = read_annotation(task, annotation, f"Label Studio's task {task.get('id')!r}")
            told = annotation.get("unique_id"), annotation.get("updated_at")
            request = f"{_named(sent, annotation)}{told[0]} {told[1]}"
            taken += self._take(said, request, again=sent.get("action") == _CHANGED)
        return taken

    def _take(self, said: Said, request: str, *, again: bool) -> int:
        now = self._store.everything()
        image = now.image_numbers.get(said.image)
        labels = [now.label_numbers.get(one.label) for one in said.answers]
        lost = [] if image is not None else [f"image {said.image!r}"]
        lost += [
            f"label {one.label!r}"
            for one, label in zip(said.answers, labels, strict=True)
            if label is None
        ]
        if image is None or lost:
            raise DataError(
                "a task is about what the project does not have; nothing of it was taken",
                more=lost,
                do="write the tasks anew: alasl export PROJECT tasks.json --to label-studio",
            )
        person = said.person or "Label Studio"
        if not said.answers:
            self._store.skip(person, image, request=request)
            return 0
        before = self._said_before(image, person) if again else {}
        answers = [
            # The time of what is changed is counted already.
            Answer(image, label, one.value, 0.0 if again else one.seconds)
            for one, label in zip(said.answers, labels, strict=True)
            if label is not None and before.get(label) != one.value
        ]
        if answers:
            self._store.answer(person, answers, request=request)
            left = self._tasks.status(person).left
            self._tasks.training.notice(len(answers), left)
        return len(answers)

    def _said_before(self, image: int, person: str) -> dict[int, int]:
        """What a person said last of an image, by the numbers of labels."""
        return {
            event.label: UNKNOWN if event.value is None else event.value
            for event in self._store.image_events(image)
            if event.person == person and event.kind == "answer" and event.label is not None
        }

    def _priorities(self) -> dict[tuple[int | None, int | None], float]:
        """How soon each entry that is still to be asked comes, by numbers: 1 first."""
        scheme = self._store.scheme
        open_ = [q for q in self._store.queue() if not q.done]
        places = list(dict.fromkeys((q.image, q.label) for q in open_))
        return {
            (int(scheme.rows[i]), int(scheme.cols[j])): 1 - place / len(places)
            for place, (i, j) in enumerate(places)
        }


def make_label_studio_app(backend: Backend, link: Link) -> FastAPI:
    """The application that Label Studio talks to; every request passes a guard of its own."""
    app = FastAPI(title="ALASL for Label Studio", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(Guard, access=link, most=_MOST)
    handle_errors(app)

    @app.exception_handler(DataError)
    async def misunderstood(_: Request, error: DataError) -> Response:
        # Label Studio shows nobody what its webhooks are answered.
        log.warning("from Label Studio: %s", error)
        return refused(422, str(error))

    do = Thread("label-studio")

    @app.get(f"{link.place}/health")
    async def health() -> dict[str, str]:
        return {"status": "UP", "model_class": "ALASL"}

    @app.post(f"{link.place}/setup")
    async def setup() -> dict[str, str]:
        return {"model_version": await do(backend.version)}

    @app.post(f"{link.place}/predict")
    async def predict(request: Request) -> dict[str, Any]:
        tasks = (await _object(request)).get("tasks")
        if not isinstance(tasks, list):
            raise DataError("'tasks' is missing or no list")
        return await do(backend.predict, tasks)

    @app.post(f"{link.place}/webhook")
    async def webhook(request: Request) -> dict[str, int]:
        return {"taken": await do(backend.hear, await _object(request))}

    return app


async def _object(request: Request) -> dict[str, Any]:
    try:
        sent = await request.json()
    except ValueError as error:
        raise DataError("this is not valid JSON") from error
    if not isinstance(sent, dict):
        raise DataError("expected a JSON object")
    return sent


def _annotations(sent: Mapping[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The annotations that came or changed, each with its task; none for what else is told."""
    if sent.get("action") not in (_NEW, _CHANGED, _MANY):
        return
    tasks, annotations = _objects(sent, "task"), _objects(sent, "annotation")
    of = {task.get("id"): task for task in tasks}
    for annotation in annotations:
        task = tasks[0] if len(tasks) == 1 else of.get(annotation.get("task"))
        if task is None:
            raise DataError("an annotation comes without its task")
        yield task, annotation


def _gone(sent: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The annotations that were deleted, each by its number."""
    gone = _objects(sent, "annotations")
    if any(not isinstance(one.get("id"), int) for one in gone):
        raise DataError("a deleted annotation comes without its number")
    return gone


def _named(sent: Mapping[str, Any], annotation: Mapping[str, Any]) -> str:
    """How the requests of all that is told of an annotation begin."""
    project = sent.get("project")
    number = project.get("id") if isinstance(project, dict) else project
    return f"label-studio {number}/{annotation.get('id')} "


def _objects(sent: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    found = sent.get(name)
    many = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    if len(many) != (len(found) if isinstance(found, list) else 1):
        raise DataError(f"{name!r} must be an object, or a list of objects")
    return many
