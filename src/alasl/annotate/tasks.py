"""Between the store and the page: tasks as the page shows them, steps as the store keeps them."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock

from alasl.annotate import messages
from alasl.annotate.near import features_of, side_by_side
from alasl.annotate.training import Training as Background
from alasl.errors import DataError
from alasl.project.records import Answer, Progress, Task, Training
from alasl.project.store import Store

LEASE = 120.0
# Answers of one's own that are shown at once.
PAGE = 48
# Everybody's counts, and what the model is worth, may be this old, in seconds, so that showing them
# costs a person no wait.
_FRESH, _WORTH = 1.0, 10.0


class NotThere(DataError):  # noqa: N818 - reads as what it says
    """A request names an image or a label that the table does not have."""


class Tasks:
    """Hands out tasks and takes in answers; any thread may call any method.

    project: marks the project, so that a browser never sends answers to another one that is served
    under the same address. folder: the project's, whose features say which images are alike.
    """

    def __init__(
        self,
        store: Store,
        training: Background,
        folder: Path | None = None,
    ) -> None:
        self.store = store
        self.project = _mark(store)
        self.training = training
        # Whoever runs the project may want nothing to be asked for a while.
        self.paused = store.paused()
        self._folder = folder
        self._counted: tuple[float, int, Progress] | None = None
        self._judged: tuple[float, messages.Worth | None] | None = None
        self._counting = Lock()

    def tasks(self, request: messages.TasksIn) -> messages.TasksOut:
        """Tasks for a person, held for `LEASE` seconds.

        What a fresh page held before is given back first, so that it is asked again. Where nothing
        else is left, so is what was handed out and never arrived.
        """
        if request.label is not None:
            self.check(labels=[request.label])
        if request.fresh:
            self.store.release(request.person)
        if self.paused:
            status = self.status(request.person, now=True)
            return messages.TasksOut(tasks=[], lease=LEASE, status=status)
        tasks = self._lease(request)
        if not tasks:
            held = {task.image for task in self.store.held(request.person)}
            if lost := sorted(held.difference(request.have)):
                self.store.release(request.person, lost)
                tasks = self._lease(request)
        if not tasks:
            # What is left is for somebody else, who may never come: on with what was answered.
            self.training.notice(0, 0)
        return messages.TasksOut(
            tasks=[self._shown(task) for task in tasks],
            lease=LEASE,
            status=self.status(request.person, now=not tasks),
        )

    def answer(self, sent: messages.Answers) -> messages.Saved:
        """Keep a batch of answers; it is on the disk when this returns."""
        self.check([a.image for a in sent.answers], [a.label for a in sent.answers])
        answers = [Answer(**given.model_dump()) for given in sent.answers]
        self.store.answer(sent.person, answers, request=sent.request)
        status = self.status(sent.person)
        self.training.notice(len(answers), status.left)
        return messages.Saved(status=status)

    def skip(self, sent: messages.Skip) -> messages.Saved:
        """Leave an image to others."""
        self.check([sent.image])
        self.store.skip(sent.person, sent.image, request=sent.request)
        return messages.Saved(status=self.status(sent.person))

    def correct(self, sent: messages.Correct) -> messages.Saved:
        """Settle what is known otherwise."""
        self.check([sent.image], [sent.label])
        self.store.resolve(sent.person, sent.image, sent.label, sent.value, request=sent.request)
        status = self.status(sent.person)
        self.training.notice(1, status.left)
        return messages.Saved(status=status)

    def note(self, sent: messages.NoteIn) -> messages.Saved:
        """Keep a note on an image, or that a label is unclear, for whoever runs the project."""
        images = [] if sent.image is None else [sent.image]
        labels = [] if sent.label is None else [sent.label]
        self.check(images, labels)
        self.store.note(
            sent.person, sent.text, image=sent.image, label=sent.label, request=sent.request
        )
        return messages.Saved(status=self.status(sent.person))

    def mine(self, sent: messages.Mine) -> messages.MineOut:
        """A page of what this person said, the newest first."""
        self.check(labels=[] if sent.label is None else [sent.label])
        found = self.store.said_by(
            sent.person,
            since=sent.since,
            before=sent.before,
            label=sent.label,
            value=sent.value,
            many=PAGE + 1,
        )
        names = self.store.everything().images
        answers = [
            messages.SaidOut(
                event=one.event,
                at=one.answer.at or 0.0,
                image=one.answer.image,
                name=printable(names[one.answer.image]),
                label=one.answer.label,
                value=one.answer.value,
            )
            for one in found[:PAGE]
        ]
        return messages.MineOut(answers=answers, more=len(found) > PAGE)

    def undo(self, sent: messages.Undo) -> messages.Undone:
        """Take back the person's last step, whose images are theirs again."""
        undone = self.store.undo(sent.person, request=sent.request)
        status = self.status(sent.person)
        if undone is None:
            return messages.Undone(kind="nothing", tasks=[], answers=[], status=status)
        answers = [_given(answer) for answer in undone.answers]
        held = {task.image: task for task in self.store.held(sent.person)}
        tasks = [
            self._shown(_asked_again(image, held.get(image), undone.answers))
            for image in undone.images
        ]
        return messages.Undone(kind=undone.kind, tasks=tasks, answers=answers, status=status)

    def renew(self, person: str) -> messages.Renewed:
        """Hold on to what a person holds."""
        self.store.renew(person, seconds=LEASE)
        held = [[task.image, j] for task in self.store.held(person) for j in task.labels]
        return messages.Renewed(held=held, paused=self.paused)

    def release(self, sent: messages.Held) -> None:
        """Take back tasks that a person leaves unanswered."""
        self.store.release(sent.person, sent.images)

    def pause(self, paused: bool) -> None:
        """Hand out nothing, or go on."""
        self.store.pause(paused)
        self.paused = paused

    def status(self, person: str, now: bool = False) -> messages.Status:
        """Where things stand; `now`: counted this moment, not up to a second ago."""
        event, progress = self._progress(now)
        mine = progress.people.get(person)
        return messages.Status(
            event=event,
            round=progress.round,
            queued=progress.size,
            left=progress.left,
            answers=sum(one.answers for one in progress.people.values()),
            mine=mine.answers if mine else 0,
            seconds=mine.seconds if mine else 0.0,
            labels=[left for _, left in progress.labels],
            training=self.training.state,
            trained=self.training.trained,
            worth=self._worth(),
            guide=self.store.everything().event,
            paused=self.paused,
            way=progress.way,
        )

    def _lease(self, request: messages.TasksIn) -> list[Task]:
        found = self._lease_of(request.label, request.images, request.person)
        # Of a label there may be less than a screen takes: the next one follows in the same answer.
        while request.label is not None and len(found) < request.images:
            label = self.store.free_label(request.person)
            more = []
            if label is not None:
                more = self._lease_of(label, request.images - len(found), request.person)
            if not more:  # or somebody else took it just now
                break
            found += more
        return found

    def _lease_of(self, label: int | None, images: int, person: str) -> list[Task]:
        found = self.store.lease(person, images=images, label=label, seconds=LEASE)
        if label is None or self._folder is None or not found:
            return found
        features = features_of(self._folder, [task.image for task in found])
        return found if features is None else [found[place] for place in side_by_side(features)]

    def check(self, images: Sequence[int] = (), labels: Sequence[int] = ()) -> None:
        """Raise `NotThere` where there never was an image or a label of a number."""
        now = self.store.everything()
        many = len(now.images), len(now.labels)
        for what, rows, count in zip(("image", "label"), (images, labels), many, strict=True):
            if wrong := [row for row in rows if row >= count]:
                raise NotThere(f"there is no such {what}", seen=str(wrong[0]))

    def _progress(self, now: bool) -> tuple[int, Progress]:
        with self._counting:
            before = self._counted
            if (
                now
                or before is None
                or time.monotonic() - before[0] > _FRESH
                or self._is_new(before[2])
            ):
                event = self.store.last_event()
                before = self._counted = time.monotonic(), event, self.store.progress()
            return before[1:]

    def _worth(self) -> messages.Worth | None:
        with self._counting:
            if self._judged is None or time.monotonic() - self._judged[0] > _WORTH:
                self.store.refresh()
                self._judged = time.monotonic(), worth_of(self.store.trainings())
            return self._judged[1]

    def _is_new(self, counted: Progress) -> bool:
        """Whether labels came in since, so that a page that is given one takes its name first."""
        return len(counted.labels) != len(self.store.everything().labels)

    def _shown(self, task: Task) -> messages.TaskOut:
        asked = [messages.AskedLabel(label=j, probability=p) for j, p in _likeliest_first(task)]
        known = self.store.known(task.image)
        return messages.TaskOut(
            image=task.image,
            name=printable(self.store.everything().images[task.image]),
            asked=asked,
            known=sorted((j, value) for j, value in known.items() if j not in task.labels),
            model=task.model,
            round=task.round,
        )


def worth_of(trainings: Sequence[Training]) -> messages.Worth | None:
    """What the last training that was judged is worth, and what it gained over the one before."""
    judged = [place for place, one in enumerate(trainings) if one.map is not None]
    if not judged or (value := (last := trainings[judged[-1]]).map) is None:
        return None
    ground, brought = last.ground, None
    new = last.answers - trainings[max(judged[-1] - 1, 0)].answers
    # Where the same was trained again, the gain is over the training whose place it takes.
    if ground and ground.gain and any(ground.gain) and new > 0:
        gain, least, most = (100 * points / new for points in ground.gain)
        brought = gain, least, most
    low, high = (ground.map if ground else None) or (None, None)
    return messages.Worth(map=value, low=low, high=high, brought=brought)


def _given(answer: Answer) -> messages.Given:
    """An answer as the page sent it; why it was asked would tell gold questions from others."""
    return messages.Given(**{name: getattr(answer, name) for name in messages.Given.model_fields})


def _mark(store: Store) -> str:
    first = next(store.events())
    return hashlib.sha256(f"{first.at!r} {first.source}".encode()).hexdigest()[:16]


def printable(name: str) -> str:
    """A name as text that can be sent: a file name may hold bytes that are no text."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _likeliest_first(task: Task) -> Sequence[tuple[int, float | None]]:
    pairs = zip(task.labels, task.probabilities, strict=True)
    return sorted(pairs, key=lambda pair: -math.inf if pair[1] is None else pair[1], reverse=True)


def _asked_again(image: int, held: Task | None, answers: Sequence[Answer]) -> Task:
    """The task that an image's answers were given to, whether or not the queue still asks them."""
    here = [answer for answer in answers if answer.image == image]
    asked = {answer.label: answer.probability for answer in here}
    model = here[0].model if here else ""
    if held is None:
        return Task(image, tuple(asked), tuple(asked.values()), model, 0, 0.0)
    asked = dict(zip(held.labels, held.probabilities, strict=True)) | asked
    return replace(held, labels=tuple(asked), probabilities=tuple(asked.values()))
