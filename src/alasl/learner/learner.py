"""The one builder of training sets, ensembles, folds, pools and queries: one round of asking.

A learner knows nothing of disks, people or web pages. Where answers come from, and where it is
written down what happened, is its driver's affair: a simulation, a project, a study of many.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Inputs, Rows
from alasl.data.presence import known_by_presence
from alasl.data.split import Split
from alasl.errors import NothingToDo
from alasl.evaluate.thresholds import choose_thresholds
from alasl.labeller import Automatic, Bound, answer
from alasl.labels import ABSENT, PRESENT, Entries
from alasl.learner.asking import Asking
from alasl.learner.folds import Folded, assign_folds
from alasl.learner.hard import hardened
from alasl.learner.judging import Judge, Judged
from alasl.learner.known import Known
from alasl.learner.picking import asked_of
from alasl.learner.rounds import Rounds
from alasl.learner.size import FEW, is_large
from alasl.learner.weak import WeakAbsents
from alasl.metrics import average_precision, mean_ap
from alasl.models.base import Context, Estimator, Job, Probabilities
from alasl.models.model import Model
from alasl.models.prepare import Prepared
from alasl.ranking import row_blocks
from alasl.seconds import Seconds
from alasl.seeds import stream, torch_seed
from alasl.settings import LearnerSettings
from alasl.strategies import resolve

_log = logging.getLogger(__name__)

Floats = NDArray[np.float64]


class ActiveLearner(Asking):
    """Trains an estimator on what is known and says which entries to ask next.

    prepared: the images as the model sees them. split: rows of the clean set, pool and test set.
    test_entries: int8 (T, L) of the test set, to judge by. checkpoint: where a training of hours
    keeps what it needs to go on after a kill. seconds: people's, where settings do not name them.
    """

    def __init__(
        self,
        prepared: Prepared,
        split: Split,
        settings: LearnerSettings,
        test_entries: Entries,
        context: Context | None = None,
        seconds: Seconds | None = None,
    ) -> None:
        self.settings, self.split, self.test_entries = settings, split, test_entries
        self.strategy = resolve(settings.strategy)
        self.asks = asked_of(settings, self.strategy.asks)
        self.inputs: Inputs = prepared.inputs
        self.rounds = Rounds(settings, self.asks)
        self._prepared, self._context = prepared, context
        self.estimator = self.new_estimator()
        self.seconds = (seconds or Seconds()).but(settings)
        self._weak_absents = WeakAbsents(prepared, split, settings.seed, context)

    def new_estimator(self, context: Context | None = None) -> Estimator:
        """An untrained estimator of the kind that the settings name."""
        return self._prepared.kind.estimator(self.test_entries.shape[1], context or self._context)

    @property
    def can_judge(self) -> bool:
        """Whether the test set can judge anything."""
        return Judge(self.test_entries).can

    @property
    def recipe(self) -> str:
        """Names what a training hangs on beside its job: equal recipes, equal estimators."""
        return repr((self._prepared.kind.spec, self._prepared.kind.settings))

    # Training

    def job(self, known: Known, purpose: str = "train", *, with_test: bool = False) -> Job:
        """What there is to train on now. Raises `NothingToDo` where nothing is known.

        purpose: names the random stream. with_test: the images of the test set among it.
        """
        pool, rows = self.split.pool, self.split.clean
        if self.settings.train == "clean":
            pool = pool[known.open_per_image[pool] == 0]
        rows = np.concatenate([rows, pool])
        if with_test:
            rows = np.concatenate([rows, self.split.test])
        # In the order of the table, so that the order of asking leaves no trace.
        rows = np.sort(rows)
        seed = torch_seed(self.settings.seed, purpose, known.round)
        if (few := self._few(known, rows, seed)) is not None:
            return few
        if not self.estimator.learns_from_unknown:
            # In blocks: most images of a large table teach nothing.
            parts = [rows[block] for block in row_blocks((len(rows), known.human_labels.shape[1]))]
            rows = np.concatenate([rows[:0], *(part[self._teach(known, part)] for part in parts)])
        if not len(rows):
            raise NothingToDo("nothing is known yet, so there is nothing to train on")
        targets, weak = self._targets(known, rows), self._weak(known, rows)
        weights = self._weights(known, rows)
        if targets.dtype != np.int8 and not self.estimator.soft_targets:
            targets, weights = hardened(targets, weights)
        job = Job(rows, targets, weights, seed)
        return job if weak is None else self._weak_absents.put(job, weak, known.asked[rows])

    def _few(self, known: Known, rows: Rows, seed: int) -> Job | None:
        """What there is to train on of the images `rows`, as known entries alone; and what all
        others of a label are, where it has weak absents.

        None where a table of all entries is small, or an estimator learns from what is unknown.
        """
        estimator = self.estimator
        if not estimator.takes_few or estimator.learns_from_unknown:
            return None
        if self.settings.assume == "absent":
            return None
        if not is_large(len(rows), known.sparse.shape[1]):
            return None
        taught = known.taught
        weak = self.settings.assume == "auto" and self._weak_absents.some(known)
        if not weak:
            rows = rows[taught.per_row()[rows] > 0]
        targets = taught.take(rows)
        images, labels = targets.shape
        if not is_large(images, labels) or FEW * len(targets) > images * labels:
            return None
        weights = known.counted(taught, self.settings.auto_weight)
        weights = None if weights is None else weights.take(rows)
        if weak:
            targets, weights = self._weak_absents.around(known, rows, targets, weights)
        return Job(rows, targets, weights, seed)

    def _targets(self, known: Known, rows: Rows) -> Any:
        """(n, L): what the images `rows` teach, below 0 what is unknown."""
        targets = known.of(rows) if known.targets is None else known.targets[rows]
        if self.settings.assume == "absent":
            targets = np.where(targets < 0, targets.dtype.type(ABSENT), targets)
        return targets

    def _teach(self, known: Known, rows: Rows) -> NDArray[np.bool_]:
        """(n,): which of the images `rows` teach anything."""
        if known.targets is None and self.settings.assume != "absent":
            some = known.sparse.per_row()[rows] > 0
        else:
            some = (self._targets(known, rows) >= 0).any(axis=1)
        weak = self._weak(known, rows)
        return np.asarray(some if weak is None else some | weak.any(axis=1))

    def _weak(self, known: Known, rows: Rows) -> NDArray[np.bool_] | None:
        """(n, L): unknown entries of the images `rows` that count as weak absents; or None."""
        if self.settings.assume == "auto" and not self.estimator.learns_from_unknown:
            return self._weak_absents.among(known, rows)
        return None

    def _weights(self, known: Known, rows: Rows) -> NDArray[np.float32] | None:
        """(n, L): how much each entry of the images `rows` counts in training; None for 1."""
        if known.weights is not None:
            weights = known.weights[rows]
            return None if (weights == 1).all() else weights
        automatic = known.by_machine(rows)
        if automatic is None:
            return None
        return np.where(automatic, self.settings.auto_weight, 1).astype(np.float32)

    def train(self, known: Known, *, by_folds: bool = True) -> Judged:
        """Train on what is known, and judge on the test set after each epoch.

        by_folds: whether to judge on the clean set, by models that did not see it, where the test
        set can judge nothing.
        """
        begun = time.perf_counter()
        judge = Judge(self.test_entries)
        job = self.job(known)
        self.estimator.fit(
            self.inputs.take(job.rows),
            job.targets,
            job.weights,
            seed=job.seed,
            warm_start=self.settings.warm_start and known.round > 0,
            eval_on=self.inputs.take(self.split.test),
            on_epoch=judge,
        )
        if judge.can or not by_folds:
            return judge.outcome(time.perf_counter() - begun)
        folds = min(self.settings.folds, len(self.split.clean), len(self.split.pool))
        seen = self.folded(known, folds).of(self.split.clean) if folds > 1 else None
        judged = self.judged_out_of_fold(known, seen)
        return replace(judged, logits=judge.logits, seconds=time.perf_counter() - begun)

    def refit(self, model: Model, known: Known) -> Model:
        """A judged model, trained anew on all that is known: of the test set, too."""
        job = self.job(known, with_test=True)
        estimator = self.new_estimator()
        estimator.fit(self.inputs.take(job.rows), job.targets, job.weights, seed=job.seed)
        about = {**model.about, **known.counts(job.rows), "refit": True}
        return replace(model, estimator=estimator, about=about)

    def out_of_fold(self, known: Known, *, with_test: bool = False) -> Probabilities:
        """(N, L): probabilities by models that did not see the image; see `folded`."""
        every = np.arange(len(known.human_labels.images))
        return self.folded(known, with_test=with_test).of(every)

    def folded(self, known: Known, folds: int | None = None, *, with_test: bool = False) -> Folded:
        """Models that judge images they did not see; none those of the test set.

        folds: parts of the images, None for as many as the settings say. with_test: judge each
        image of the test set too, by the models of one of the parts.
        """
        settings = self.settings
        folds = folds or settings.folds
        part = assign_folds(self.split, len(known.human_labels.images), folds, settings.seed)
        if with_test:
            test = stream(settings.seed, "folds", "test").permutation(self.split.test)
            part[test] = np.arange(len(test)) % folds
        job = self.job(known, "held out")
        # Beside the run's own training: no checkpoint of these.
        context = Context(settings.backbone, self._context.weights if self._context else None)
        return Folded(lambda: self.new_estimator(context), self.inputs, job, part)

    def can_fold(self, known: Known) -> bool:
        """Whether something is known in more than one part, so that others can be judged."""
        settings = self.settings
        part = assign_folds(
            self.split, len(known.human_labels.images), settings.folds, settings.seed
        )
        return len(np.unique(part[self.job(known).rows])) > 1

    def judged_out_of_fold(self, known: Known, probabilities: Probabilities | None) -> Judged:
        """mAP on the clean set, by probabilities (n, L) of it; None: undefined.

        Each image's are by a model that did not see it.
        """
        clean = self.split.clean
        entries = known.human_labels.of(clean)
        if probabilities is None:
            seen, on = (
                np.full(entries.shape, np.nan, np.float32),
                f"nothing, of {len(clean)} clean images",
            )
            return Judged((math.nan,), np.full(entries.shape[1], np.nan), on, seen, entries)
        ap = average_precision(probabilities, entries)
        on = f"the {len(clean)} clean images, cross-validated"
        return Judged((mean_ap(ap),), ap, on, probabilities, entries)

    def model(
        self,
        known: Known,
        judged: Judged,
        names: Sequence[str],
        **about: Any,
    ) -> Model:
        """What was trained last, whole, with thresholds and how it was trained and judged.

        about: what else its file says, as JSON takes it.
        """
        settings, job = self.settings, self.job(known)
        value = mean_ap(judged.ap)
        parts = {item.name for item in fields(LearnerSettings)}
        return Model(
            tuple(names),
            self._prepared.kind,
            self.estimator,
            self._prepared.transform,
            self._prepared.source,
            choose_thresholds(
                judged.probabilities, judged.entries, settings.precision(), judged.weights
            ),
            {
                **known.counts(job.rows),
                "map": None if np.isnan(value) else value,
                "judged on": judged.on,
                "ap": [None if np.isnan(ap) else float(ap) for ap in judged.ap],
                "present": (judged.entries == PRESENT).sum(axis=0).tolist(),
                "absent": (judged.entries == ABSENT).sum(axis=0).tolist(),
                "settings": {k: v for k, v in settings.to_dict().items() if k in parts},
                **about,
            },
            weights=self._context.weights if self._context else None,
            predictions=self._prepared.predictions,
            neighbours=self._prepared.neighbours,
        )

    def auto_answers(self, known: Known, probabilities: Probabilities) -> Automatic:
        """The automatic answers that these probabilities (N, L) allow, calibrated and bounded.

        probabilities: each image's by a model that did not see it.
        """
        settings = self.settings
        bound = Bound(settings.auto or 0.0, settings.auto_delta, settings.auto_share)  # type: ignore[arg-type]  # the settings checked it
        drawn = self.split.seen if settings.calibrate == "known" else self.split.clean
        # What people were asked and is unknown all the same is theirs to settle.
        closed = known.closed.dense() | known.asked.dense()
        marked = known_by_presence(known.given(drawn))
        if marked.any():
            _log.warning(
                "no automatic answers for %d of %d labels: their given entries are known because "
                "they are present, not by chance, so nothing can be calibrated on them",
                *(marked.sum(), len(marked)),
            )
        hidden = known.initially_unknown.dense() & ~marked
        return answer(known.human_labels, probabilities, drawn, hidden, bound, closed)
