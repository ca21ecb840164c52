"""Training on what people said so far, and asking what to get next: one round of a project.

Both read the store, compute, and write their outcome whole: a kill at any point leaves the model
and the queue that stood before.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.errors import NothingToDo
from alasl.labels import PRESENT, UNKNOWN, Entries, Labels
from alasl.loop import Rows, answer_automatically
from alasl.metrics import average_precision, mean_ap
from alasl.models.classifier import Classifier
from alasl.models.crossfit import deal, out_of_fold
from alasl.project.folder import Project
from alasl.project.model import About, Model, Progress
from alasl.project.records import Questions, Training, Votes
from alasl.project.targets import Targets, answered_by_machine, targets
from alasl.query import Ask, Budget, Price, Query, select
from alasl.seeds import stream, torch_seed
from alasl.strategies import Labelled, Pool, resolve


class Learner:
    """Trains a project's classifier and fills its queue; one at a time, see `Project.training`."""

    def __init__(self, project: Project, progress: Progress | None = None) -> None:
        self.project = project
        self._split = project.split()
        self._model = Model(project, progress)

    def train(self) -> Training | None:
        """Train on everything known outside the test set, judge, keep the model and its worth.

        None where nothing is known yet, so that there is nothing to train on.
        """
        begun = time.perf_counter()
        store = self.project.store
        event = store.last_event()
        labels, given, votes = store.labels(), store.initial(), store.votes()
        told = labels.forget(answered_by_machine(labels))
        wanted = targets(labels, given, votes, self.project.settings.run.auto_weight)
        rows = self._split.seen
        rows = rows[(wanted.chances[rows] != UNKNOWN).any(axis=1)]
        if not len(rows):
            return None
        automatic, seen = self._automatic(told, given, votes, wanted, rows)
        ap, judged = self._fit(told, wanted, rows)
        model = f"{self.project.settings.run.model}-{event}"
        self._model.keep(model, event)
        known = np.isfinite(ap)
        training = Training(
            at=time.time(),
            event=event,
            answers=filled(labels, given, self._split.pool),
            seconds=sum(person.seconds for person in store.progress().people.values()),
            took=time.perf_counter() - begun,
            map=mean_ap(ap) if known.any() else None,
            ap=tuple(100 * float(v) if k else None for v, k in zip(ap, known, strict=True)),
            model=model,
            judged=judged,
        )
        with store.together():
            store.machine(model, automatic, seen)
            store.note_training(training)
        return training

    def renew(self) -> Training | None:
        """The last training, or a new one if people said anything since, or settings changed."""
        noted = self.project.store.trainings()
        # A kill may have come between the model and its note.
        told = noted and noted[-1].model == self._model.about().model
        return noted[-1] if told and self._model.stands() else self.train()

    def suggest(self) -> int:
        """Make the queue of the next round by the model as it stands; how many entries it asks.

        Raises `NothingToDo`, and leaves the queue empty but for what people hold, where no entry
        of the pool is left to ask.
        """
        project, store = self.project, self.project.store
        labels = store.labels()
        about, round = self._model.about(), store.progress().round + 1
        pool = self._split.pool
        closed = store.untold()[pool]
        askable = ((labels.entries[pool] == UNKNOWN) & ~closed).any(axis=1)
        if not askable.any():
            store.fill(round, Questions([], []))
            raise NothingToDo(
                "nothing is left to ask: every entry of the pool is known or answered "
                "automatically, or nobody could tell",
                where=str(project.folder),
            )
        rows = pool[askable]
        shown = self._pool(labels, rows, closed[askable], round, about)
        run = project.settings.run
        strategy = resolve(run.strategy if about.model else "random")
        scores = strategy(shown)
        query = select(
            shown.askable,
            scores,
            shown.ties,
            self._asks,
            self._budget(),
            Price(run.answer_seconds, run.open_seconds),
        )
        store.fill(
            round,
            self._wanted(rows, query, scores, about, round),
            repeats=project.settings.repeats,
            seed=run.seed,
        )
        self._model.note(replace(about, memory=shown.memory))
        return len(query)

    def _automatic(
        self, told: Labels, given: Entries, votes: Votes, wanted: Targets, rows: Rows
    ) -> tuple[Entries, NDArray[np.float32] | None]:
        """Automatic answers (N, L), -1 where there is none; the probabilities (N, L) they are by.

        told: the table without automatic answers, which never are taken for the truth.
        """
        run, split = self.project.settings.run, self._split
        nothing = np.full(told.shape, UNKNOWN, np.int8), None
        if run.auto is None:
            return nothing
        part = deal(split, len(told.images), run.folds, run.seed)
        if len(np.unique(part[rows])) < 2:  # then a part would be left without any other
            return nothing
        values, weights = self._learned(wanted, rows)
        seed = torch_seed(run.seed, "held out", 0)
        seen = out_of_fold(self._model.classifier(), rows, values, part, seed=seed, weights=weights)
        hidden = np.zeros(told.shape, np.bool_)
        hidden[split.pool] = given[split.pool] == UNKNOWN
        # What people answered and is unknown all the same is theirs to settle.
        closed = self.project.store.untold()
        closed[votes.rows, votes.cols] = True
        return answer_automatically(run, split, told, seen, hidden, closed).entries, seen

    def _fit(self, told: Labels, wanted: Targets, rows: Rows) -> tuple[NDArray[np.float64], str]:
        """Train on `rows`; AP (L,) of each label in [0, 1], and what it was judged on."""
        test = self._split.test
        classifier = self._model.classifier()
        truth = told.entries[test]
        ap = np.full(len(told.names), np.nan)

        def judge(_: int, logits: NDArray[np.float32]) -> None:
            ap[:] = average_precision(logits, truth)

        if not (truth == PRESENT).any():
            ap, judged = self._cross_validated(told, wanted, rows)
            self._train(classifier, wanted, rows)
            return ap, judged
        self._train(classifier, wanted, rows, watch=test, on_epoch=judge)
        return ap, f"the {len(test)} images of the test set"

    def _cross_validated(
        self, told: Labels, wanted: Targets, rows: Rows
    ) -> tuple[NDArray[np.float64], str]:
        """AP of the clean images, each seen by a model that was not trained on it."""
        clean = np.intersect1d(self._split.clean, rows)
        run = self.project.settings.run
        fold = stream(run.seed, "folds").permutation(len(clean)) % run.folds
        seen = np.zeros((len(clean), len(told.names)), np.float32)
        classifier = self._model.classifier()
        for number in range(min(run.folds, len(clean))):
            away = clean[fold == number]
            self._train(classifier, wanted, np.setdiff1d(rows, away))
            seen[fold == number] = classifier.predict(away)
        ap = average_precision(seen, told.entries[clean])
        return ap, f"the {len(clean)} clean images, cross-validated"

    def _train(self, classifier: Classifier, wanted: Targets, rows: Rows, **watch: Any) -> None:
        values, weights = self._learned(wanted, rows)
        seed = torch_seed(self.project.settings.run.seed, "train", 0)
        classifier.fit(rows, values, seed=seed, weights=weights, **watch)

    def _learned(
        self, wanted: Targets, rows: Rows
    ) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
        """Targets and weights (n, L) of the images `rows` as the model takes them; None for 1."""
        values: NDArray[Any] = wanted.chances[rows]
        weights = wanted.weights[rows]
        if self.project.settings.run.model != "logistic":  # which alone takes chances
            hard, sure = wanted.hard()
            values, weights = hard[rows], sure[rows]
        return values, None if (weights == 1).all() else weights

    def _pool(
        self,
        labels: Labels,
        rows: Rows,
        closed: NDArray[np.bool_],
        round: int,
        about: About,
    ) -> Pool:
        """What the strategy is shown: the images `rows`, which have something to ask."""
        run = self.project.settings.run
        needs = resolve(run.strategy).needs if about.model else frozenset()
        done = np.setdiff1d(self._split.seen, rows)
        classifier = self._model.trained() if needs & {"features", "members"} else None
        seen = self._model.probabilities() if "probabilities" in needs else None
        if "members" in needs:
            self._fit_members(labels)

        def features(of: Rows) -> NDArray[np.float32] | None:
            return classifier.features(of) if classifier and "features" in needs else None

        ties = stream(run.seed, "ties", round).random(len(labels.images))[rows]
        batch = run.images if self._asks == "images" else run.answers
        asked = filled(labels, self.project.store.initial(), self._split.pool)
        return Pool(
            labels.entries[rows],
            ties,
            None if seen is None else seen[rows],
            features(rows),
            classifier.members(rows) if classifier and "members" in needs else None,
            labelled=Labelled(
                labels.entries[done],
                None if seen is None else seen[done],
                features(done),
                ids=done,
            )
            if "labelled" in needs
            else None,
            closed=closed,
            asked=asked,
            # Nobody knows how long people go on; a strategy that plans is told: as long again.
            budget=2 * (asked + batch),
            batch=batch,
            ask=self._asks,
            ids=rows,
            memory=dict(about.memory or {}),
        )

    def _fit_members(self, labels: Labels) -> None:
        run, rows = self.project.settings.run, self._split.seen
        rows = rows[(labels.entries[rows] != UNKNOWN).any(axis=1)]
        automatic = answered_by_machine(labels)[rows]
        self._model.trained().fit_members(
            rows,
            labels.entries[rows],
            seed=torch_seed(run.seed, "members", 0),
            members=run.members,
            weights=np.where(automatic, np.float32(run.auto_weight), np.float32(1))
            if automatic.any()
            else None,
        )

    @property
    def _asks(self) -> Ask:
        run = self.project.settings.run
        return run.ask or resolve(run.strategy).asks  # type: ignore[return-value]

    def _budget(self) -> Budget:
        run = self.project.settings.run
        if run.seconds is not None:
            return Budget(seconds=run.seconds)
        return Budget(images=run.images) if self._asks == "images" else Budget(answers=run.answers)

    def _wanted(
        self,
        rows: Rows,
        query: Query,
        scores: NDArray[np.floating],
        about: About,
        round: int,
    ) -> Questions:
        """The query by rows of the table, with gold questions mixed in."""
        image, label = rows[query.rows], query.cols
        score = scores[query.rows] if scores.ndim == 1 else scores[query.rows, query.cols]
        gold, gold_label = self._gold(len(query), round)
        count = len(gold)
        places = stream(self.project.settings.run.seed, "golden places", round).integers(
            0, len(query) + 1, count
        )
        image, label = np.insert(image, places, gold), np.insert(label, places, gold_label)
        seen = self._model.probabilities() if about.model else None
        return Questions(
            image,
            label,
            np.insert(score.astype(np.float64), places, np.nan),
            None if seen is None else np.asarray(seen[image, label], np.float64),
            np.insert(np.zeros(len(query), np.bool_), places, True),
            about.model,
        )

    def _gold(self, asked: int, round: int) -> tuple[Rows, Rows]:
        """Entries of clean images with known truth: half of them present, as near as can be."""
        clean = self._split.clean
        given = self.project.store.initial()[clean]
        # Streams keep their old name, so that a seed still means the same draws.
        rng = stream(self.project.settings.run.seed, "golden", round)
        count = round_up(self.project.settings.gold * asked)
        chosen: list[NDArray[np.intp]] = []
        for value, many in ((PRESENT, count // 2), (1 - PRESENT, count - count // 2)):
            entries = np.argwhere(given == value)
            chosen.append(entries[rng.permutation(len(entries))[:many]])
        rows, cols = np.concatenate(chosen).T
        return clean[rows], cols


def filled(labels: Labels, given: NDArray[np.int8], pool: Rows) -> int:
    """Entries of the pool that were not given and that people have filled by now."""
    told = (labels.entries[pool] != UNKNOWN) & (given[pool] == UNKNOWN)
    return int((told & ~answered_by_machine(labels)[pool]).sum())


def round_up(number: float) -> int:
    """The next whole number, so that a small share of something is at least one."""
    return int(np.ceil(number))
