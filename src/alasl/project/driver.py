"""Training on what people said so far, and asking what to get next: a driver of `ActiveLearner`.

Both read the store, compute, and write their outcome whole: a kill at any point leaves the model
and the queue that were there before.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Rows
from alasl.errors import ConflictError, NothingToDo
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.learner import ActiveLearner, Known, Query
from alasl.metrics import mean_ap
from alasl.models.model import Model
from alasl.models.prepare import Prepared, context_of
from alasl.project.folder import SETTINGS, Project
from alasl.project.model_files import About, ModelFiles
from alasl.project.records import Questions, Training
from alasl.project.targets import answered_by_machine, targets
from alasl.seeds import stream
from alasl.trust import require_trust

Progress = Callable[[int, int], None]


class Driver:
    """Trains a project's model and fills its queue; one at a time, see `Project.training`.

    trust: whether Python code that the project's settings, or its model's file, name may run.
    Raises `UsageError` where the settings name any and there is no trust.
    """

    def __init__(
        self, project: Project, progress: Progress | None = None, *, trust: bool = False
    ) -> None:
        if not trust:
            settings = project.settings.to_dict()
            require_trust(project.folder / SETTINGS, "open it with trust=True", settings)
        self.project = project
        self._split = project.split()
        self._files = ModelFiles(project, progress, trust=trust)

    @cached_property
    def _prepared(self) -> Prepared:
        return self._files.prepared()

    @cached_property
    def _learner(self) -> ActiveLearner:
        settings = self.project.settings
        nothing = np.full((len(self._split.test), len(self.project.store.names)), UNKNOWN, np.int8)
        return ActiveLearner(self._prepared, self._split, settings, nothing, context_of(settings))

    def known(self, memory: dict[str, object] | None = None) -> Known:
        """All that is known by now, as a learner takes it."""
        store, split = self.project.store, self._split
        labels, initial, votes = store.labels(), store.initial(), store.votes()
        by_machine = answered_by_machine(labels)
        unknown = np.zeros(labels.shape, np.bool_)
        unknown[split.pool] = initial[split.pool] == UNKNOWN
        asked = np.zeros(labels.shape, np.bool_)
        asked[votes.rows, votes.cols] = True
        asked[votes.unsure] = True
        learned = targets(labels, initial, votes, self.project.settings.auto_weight)
        return Known(
            human_labels=labels.forget(by_machine),
            initially_unknown=unknown,
            asked=asked & unknown,
            closed=store.untold(),
            automatic=np.where(by_machine, labels.entries, np.int8(UNKNOWN)),
            targets=learned.chances,
            weights=learned.weights,
            round=store.progress().round,
            memory=dict(memory or {}),
        )

    def train(self) -> Training | None:
        """Train on everything known outside the test set, judge, keep the model and its worth.

        None where nothing is known yet, so that there is nothing to train on.
        """
        begun = time.perf_counter()
        store = self.project.store
        event, known = store.last_event(), self.known()
        learner = self._learner
        learner.test_entries = known.human_labels.entries[self._split.test]
        try:
            learner.job(known)
        except NothingToDo:
            return None
        about = self._files.about()
        if self.project.settings.warm_start and about.model and about.table == store.scheme.version:
            learner.estimator.restore(self._files.model().estimator.tensors(), trust=True)
        automatic, seen = self._auto_answers(known)
        judged = learner.train(known)
        name = f"{self._prepared.kind.source.__name__.lower()}-{event}"
        model = learner.model(
            known,
            judged,
            store.names,
            data=self.project.settings.name,
            answers=int((known.asked & known.human_labels.known).sum()),
        )
        self._files.keep(name, event, model, learner.estimator.predict_proba(learner.inputs))
        defined = np.isfinite(judged.ap)
        training = Training(
            at=time.time(),
            event=event,
            answers=store.filled(),
            seconds=sum(person.seconds for person in store.progress().people.values()),
            took=time.perf_counter() - begun,
            map=mean_ap(judged.ap) if defined.any() else None,
            ap=tuple(
                100 * float(v) if k else None for v, k in zip(judged.ap, defined, strict=True)
            ),
            model=name,
            judged=judged.on,
        )
        with store.together():
            store.machine(name, automatic, seen)
            store.note_training(training)
        return training

    def renew(self) -> Training | None:
        """The last training, or a new one if people said anything since, or settings changed."""
        noted = self.project.store.trainings()
        # A kill may have come between the model and its note.
        is_noted = noted and noted[-1].model == self._files.about().model
        return noted[-1] if is_noted and self._files.current() else self.train()

    def suggest(self) -> int:
        """Make the queue of the next round by the model there is; how many entries it asks.

        Raises `NothingToDo`, and leaves the queue empty but for what people hold, where no entry
        of the pool is left to ask.
        """
        project, store = self.project, self.project.store
        about = self._files.about()
        known = self.known(about.memory)
        learner = self._learner
        if about.model and about.table != store.scheme.version:
            raise ConflictError(
                "labels or images were changed since the model was trained",
                where=str(project.folder),
                do=f"train it anew: alasl train {project.folder}",
            )
        if about.model and learner.strategy.needs:
            model = self._files.model()
            if model.predictions != self._prepared.predictions:
                raise ConflictError(
                    "the model was trained with other predictions than there are now",
                    where=str(project.folder),
                    do=f"train it anew: alasl train {project.folder}",
                )
            learner.estimator.restore(model.estimator.tensors(), trust=True)
        try:
            query = learner.ask(known, by=None if about.model else "random")
        except NothingToDo:
            store.fill(known.round + 1, Questions([], []))
            raise NothingToDo(
                "nothing is left to ask: every entry of the pool is known or answered "
                "automatically, or nobody could tell",
                where=str(project.folder),
            ) from None
        store.fill(
            known.round + 1,
            self._questions(query, about, known.round + 1),
            repeats=project.settings.repeats,
            seed=project.settings.seed,
        )
        self._files.note(replace(about, memory=query.memory))
        return len(query)

    def model(self) -> Model:
        """The model that there is. Raises `DataError` before the first training."""
        return self._files.model()

    def _auto_answers(self, known: Known) -> tuple[Entries, NDArray[np.float32] | None]:
        """Automatic answers (N, L), -1 where there is none; probabilities (N, L) they are by."""
        learner = self._learner
        if self.project.settings.auto is None or not learner.can_fold(known):
            return np.full(known.entries.shape, UNKNOWN, np.int8), None
        seen = learner.out_of_fold(known)
        return learner.auto_answers(known, seen).entries, seen

    def _questions(self, query: Query, about: About, round: int) -> Questions:
        """The query with gold questions mixed in."""
        seed = self.project.settings.seed
        gold, gold_label = self._gold(len(query), round)
        count = len(gold)
        places = stream(seed, "golden places", round).integers(0, len(query) + 1, count)
        image = np.insert(query.rows, places, gold)
        label = np.insert(query.cols, places, gold_label)
        seen = self._files.probabilities() if about.model else None
        is_gold = np.insert(np.zeros(len(query), np.bool_), places, True)
        why = self.project.settings.strategy if about.model else "random"
        return Questions(
            image,
            label,
            np.insert(query.scores, places, np.nan),
            None if seen is None else np.asarray(seen[image, label], np.float64),
            is_gold,
            about.model,
            ["gold" if gold else why for gold in is_gold],
        )

    def _gold(self, asked: int, round: int) -> tuple[Rows, Rows]:
        """Entries of clean images with known truth: half of them present, as near as can be."""
        clean, settings = self._split.clean, self.project.settings
        initial = self.project.store.initial()[clean]
        # Streams keep their old name, so that a seed still means the same draws.
        rng = stream(settings.seed, "golden", round)
        count = round_up(settings.gold * asked)
        chosen: list[NDArray[np.intp]] = []
        for value, many in ((PRESENT, count // 2), (1 - PRESENT, count - count // 2)):
            entries = np.argwhere(initial == value)
            chosen.append(entries[rng.permutation(len(entries))[:many]])
        rows, cols = np.concatenate(chosen).T
        return clean[rows], cols


def round_up(number: float) -> int:
    """The next whole number, so that a small share of something is at least one."""
    return int(np.ceil(number))
