"""Training on what people said so far, and asking what to get next: one round of a project.

Both read the store, compute, and write their outcome whole: a kill at any point leaves the model
and the queue that stood before.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.errors import NothingToDo
from alasl.experiment import make_classifier
from alasl.files import replacing, write_text
from alasl.labels import PRESENT, UNKNOWN, Labels
from alasl.loop import Rows
from alasl.measures import Labelled, Pool, resolve
from alasl.metrics import average_precision, mean_ap
from alasl.models.classifier import Classifier
from alasl.project.beliefs import Targets, targets
from alasl.project.folder import Project
from alasl.project.records import SOURCES, Training, Wanted
from alasl.query import Ask, Budget, Price, Query, select
from alasl.seeds import stream, torch_seed

Progress = Callable[[int, int], None]

FOLDS = 5
# In the model's folder; weights and probabilities are named after their model, and count once
# about.json names it.
ABOUT, FEATURES = "about.json", "features.npy"


@dataclass(frozen=True)
class About:
    """What the files of the model are: its name, the last event it knew, and the measure's notes.

    seen: what the features were made from; others are made anew.
    """

    model: str = ""
    event: int = 0
    seen: tuple[Any, ...] = ()
    memory: dict[str, Any] | None = None


class Learner:
    """Trains a project's classifier and fills its queue; one at a time, see `Project.training`."""

    def __init__(self, project: Project, progress: Progress | None = None) -> None:
        self.project = project
        self._split = project.split()
        self._progress = progress
        self._classifier: Classifier | None = None

    def train(self) -> Training | None:
        """Train on everything known outside the test set, judge, keep the model and its worth.

        None where nothing is known yet, so that there is nothing to train on.
        """
        begun = time.perf_counter()
        store = self.project.store
        event = store.last_event()
        labels, given = store.labels(), store.given()
        wanted = targets(labels, given, store.votes())
        rows = self._split.seen
        rows = rows[(wanted.chances[rows] != UNKNOWN).any(axis=1)]
        if not len(rows):
            return None
        ap, judged = self._fit(labels, wanted, rows)
        classifier = self._made()
        model = f"{self.project.settings.run.model}-{event}"
        about = self._about()
        classifier.save(self._weights(model))
        self._save(f"{model}.npy", classifier.predict(np.arange(len(store.images))))
        self._note(replace(about, model=model, event=event))
        if about.model != model:
            self._weights(about.model).unlink(missing_ok=True)
            (self.project.model / f"{about.model}.npy").unlink(missing_ok=True)
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
        store.note_training(training)
        return training

    def suggest(self) -> int:
        """Make the queue of the next round by the model as it stands; how many entries it asks.

        Raises `NothingToDo`, and leaves the queue empty but for what people hold, where no entry
        of the pool is left to ask.
        """
        project, store = self.project, self.project.store
        labels = store.labels()
        about, round = self._about(), store.progress().round + 1
        pool = self._split.pool
        closed = store.untold()[pool]
        askable = ((labels.entries[pool] == UNKNOWN) & ~closed).any(axis=1)
        if not askable.any():
            store.fill(round, Wanted([], []))
            raise NothingToDo(
                "nothing is left to ask: every entry of the pool is known, or nobody could tell",
                where=str(project.folder),
            )
        rows = pool[askable]
        shown = self._pool(labels, rows, closed[askable], round, about)
        run = project.settings.run
        measure = resolve(run.measure if about.model else "random")
        scores = measure(shown)
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
        self._note(replace(about, memory=shown.memory))
        return len(query)

    def _fit(self, labels: Labels, wanted: Targets, rows: Rows) -> tuple[NDArray[np.float64], str]:
        """Train on `rows`; AP (L,) of each label in [0, 1], and what it was judged on."""
        test = self._split.test
        classifier = self._made()
        truth = labels.entries[test]
        ap = np.full(len(labels.names), np.nan)

        def judge(_: int, logits: NDArray[np.float32]) -> None:
            ap[:] = average_precision(logits, truth)

        if not (truth == PRESENT).any():
            ap, judged = self._cross_validated(labels, wanted, rows)
            self._train(classifier, wanted, rows)
            return ap, judged
        self._train(classifier, wanted, rows, watch=test, on_epoch=judge)
        return ap, f"the {len(test)} images of the test set"

    def _cross_validated(
        self, labels: Labels, wanted: Targets, rows: Rows
    ) -> tuple[NDArray[np.float64], str]:
        """AP of the clean images, each seen by a model that was not trained on it."""
        clean = np.intersect1d(self._split.clean, rows)
        seed = self.project.settings.run.seed
        fold = stream(seed, "folds").permutation(len(clean)) % FOLDS
        seen = np.zeros((len(clean), len(labels.names)), np.float32)
        classifier = self._made()
        for number in range(min(FOLDS, len(clean))):
            away = clean[fold == number]
            self._train(classifier, wanted, np.setdiff1d(rows, away))
            seen[fold == number] = classifier.predict(away)
        ap = average_precision(seen, labels.entries[clean])
        return ap, f"the {len(clean)} clean images, cross-validated"

    def _train(self, classifier: Classifier, wanted: Targets, rows: Rows, **watch: Any) -> None:
        run = self.project.settings.run
        values: NDArray[Any] = wanted.chances[rows]
        weights = wanted.weights[rows]
        if run.model != "logistic":  # which alone takes chances
            hard, sure = wanted.hard()
            values, weights = hard[rows], sure[rows]
        classifier.fit(
            rows,
            values,
            seed=torch_seed(run.seed, "train", 0),
            weights=None if (weights == 1).all() else weights,
            **watch,
        )

    def _pool(
        self,
        labels: Labels,
        rows: Rows,
        closed: NDArray[np.bool_],
        round: int,
        about: About,
    ) -> Pool:
        """What the measure is shown: the images `rows`, which have something to ask."""
        run = self.project.settings.run
        needs = resolve(run.measure).needs if about.model else frozenset()
        done = np.setdiff1d(self._split.seen, rows)
        classifier = self._trained() if needs & {"features", "members"} else None
        seen = self._load(f"{about.model}.npy") if "probabilities" in needs else None
        if "members" in needs:
            self._fit_members(labels)

        def features(of: Rows) -> NDArray[np.float32] | None:
            return classifier.features(of) if classifier and "features" in needs else None

        ties = stream(run.seed, "ties", round).random(len(labels.images))[rows]
        batch = run.images if self._asks == "images" else run.answers
        asked = int((labels.source[self._split.pool] != 0).sum())
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
            # Nobody knows how long people go on; a measure that plans is told: as long again.
            budget=2 * (asked + batch),
            batch=batch,
            ask=self._asks,
            ids=rows,
            memory=dict(about.memory or {}),
        )

    def _fit_members(self, labels: Labels) -> None:
        run, rows = self.project.settings.run, self._split.seen
        rows = rows[(labels.entries[rows] != UNKNOWN).any(axis=1)]
        self._trained().fit_members(
            rows,
            labels.entries[rows],
            seed=torch_seed(run.seed, "members", 0),
            members=run.members,
        )

    @property
    def _asks(self) -> Ask:
        run = self.project.settings.run
        return run.ask or resolve(run.measure).asks  # type: ignore[return-value]

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
    ) -> Wanted:
        """The query by rows of the table, with entries of the golden set mixed in."""
        image, label = rows[query.rows], query.cols
        score = scores[query.rows] if scores.ndim == 1 else scores[query.rows, query.cols]
        golden, golden_label = self._golden(len(query), round)
        count = len(golden)
        places = stream(self.project.settings.run.seed, "golden places", round).integers(
            0, len(query) + 1, count
        )
        image, label = np.insert(image, places, golden), np.insert(label, places, golden_label)
        seen = self._load(f"{about.model}.npy") if about.model else None
        return Wanted(
            image,
            label,
            np.insert(score.astype(np.float64), places, np.nan),
            None if seen is None else np.asarray(seen[image, label], np.float64),
            np.insert(np.zeros(len(query), np.bool_), places, True),
            about.model,
        )

    def _golden(self, asked: int, round: int) -> tuple[Rows, Rows]:
        """Entries of clean images with known truth: half of them present, as near as can be."""
        clean = self._split.clean
        given = self.project.store.given()[clean]
        rng = stream(self.project.settings.run.seed, "golden", round)
        count = round_up(self.project.settings.golden * asked)
        chosen: list[NDArray[np.intp]] = []
        for value, many in ((PRESENT, count // 2), (1 - PRESENT, count - count // 2)):
            entries = np.argwhere(given == value)
            chosen.append(entries[rng.permutation(len(entries))[:many]])
        rows, cols = np.concatenate(chosen).T
        return clean[rows], cols

    # The model's files

    def _made(self) -> Classifier:
        """The classifier over all images; features are computed once and kept in the project."""
        if self._classifier is None:
            project, run = self.project, self.project.settings.run
            dataset = project.dataset()
            kept = dataset.features is None and run.model != "finetune"
            seen = (run.backbone, run.weights or "")
            about = self._about()
            if kept and tuple(about.seen) == seen and (project.model / FEATURES).exists():
                dataset = replace(dataset, features=self._load(FEATURES))
            elif kept:
                from alasl.models.features import features_of

                weights = Path(run.weights) if run.weights else None
                features = features_of(dataset, run.backbone, weights, self._progress)
                self._save(FEATURES, features)
                self._note(replace(about, seen=seen))
                dataset = replace(dataset, features=self._load(FEATURES))
            self._classifier = make_classifier(dataset, self._split, run, progress=self._progress)
        return self._classifier

    def _trained(self) -> Classifier:
        if self._classifier is None:
            self._made().load(self._weights(self._about().model))
        return self._made()

    def _about(self) -> About:
        path = self.project.model / ABOUT
        return About(**json.loads(path.read_text())) if path.exists() else About()

    def _note(self, about: About) -> None:
        write_text(self.project.model / ABOUT, json.dumps(vars(about)) + "\n")

    def _weights(self, model: str) -> Path:
        return self.project.model / f"{model}.safetensors"

    def _save(self, name: str, array: NDArray[np.floating]) -> None:
        with replacing(self.project.model / name) as beside, beside.open("wb") as file:
            np.save(file, np.asarray(array, np.float32))

    def _load(self, name: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.load(self.project.model / name, mmap_mode="r")
        return found


def filled(labels: Labels, given: NDArray[np.int8], pool: Rows) -> int:
    """Entries of the pool that were not given and that people have filled by now."""
    told = (labels.entries[pool] != UNKNOWN) & (given[pool] == UNKNOWN)
    return int((told & (labels.source[pool] != SOURCES.index("machine"))).sum())


def round_up(number: float) -> int:
    """The next whole number, so that a small share of something is at least one."""
    return int(np.ceil(number))
