"""Training on what people said so far, and asking what to get next: a driver of `ActiveLearner`.

Both read the store, compute, and write their outcome whole: a kill at any point leaves the model
and the queue that were there before.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.clusters import Workers
from alasl.errors import ConflictError, NothingToDo
from alasl.evaluate.draw import FLOOR, FLOOR_AUTOMATIC
from alasl.evaluate.suspects import Ranked
from alasl.labels import PRESENT
from alasl.learner import ActiveLearner, Known, NotGiven, Query
from alasl.learner.size import require_whole
from alasl.models.model import Model
from alasl.models.prepare import Prepared, context_of
from alasl.project.about import About
from alasl.project.auditing import ProjectAudit
from alasl.project.automatic import decide, due, standing
from alasl.project.calibration import may_be_by_chance, require_ground
from alasl.project.doubts import doubts, second_looks
from alasl.project.folder import SETTINGS, Project
from alasl.project.inference import closed
from alasl.project.looks import Look
from alasl.project.mixing import Part, mix
from alasl.project.model_files import ModelFiles
from alasl.project.rechecking import doubted, first_of, undoubted
from alasl.project.records import AGAIN, RECHECK, Mask, Questions, Training
from alasl.project.targets import answered_by_machine, targets
from alasl.project.timing import measured, quickest
from alasl.seeds import stream
from alasl.sparse import Sparse
from alasl.trust import require_trust

Progress = Callable[[int, int], None]

_log = logging.getLogger(__name__)


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
        # What was given of the test images, (T, L), as the audit last saw it.
        self._tested = np.zeros((0, 0), np.int8)
        self._files = ModelFiles(project, progress, trust=trust)

    @cached_property
    def prepared(self) -> Prepared:
        """All images as the model sees them."""
        return self._files.prepared()

    @cached_property
    def _learner(self) -> ActiveLearner:
        settings, takes = self.project.settings, measured(self.project.store)
        nothing = np.full((len(self._split.test), len(self.project.store.names)), -1, np.int8)
        context, prepared = context_of(settings), self.prepared
        split = replace(self._split, groups=self._files.groups())
        return ActiveLearner(prepared, split, settings, nothing, context, takes)

    def known(self, memory: dict[str, object] | None = None) -> Known:
        """All that is known by now, as a learner takes it."""
        return self._known(memory)[1]

    def _known(self, memory: dict[str, object] | None = None) -> tuple[Sparse, Known]:
        """What was given, int8 (N, L), and `known`: reading a large table takes seconds."""
        store, split = self.project.store, self._split
        initial, labels = store.initial_and_labels()
        # How often people err is told without the test set, so that nothing hangs on the audit.
        votes = store.votes().without(split.test)
        by_machine, human, automatic = answered_by_machine(labels), labels, None
        if by_machine.any():
            human = labels.only(~by_machine)
            if self.project.settings.audited_answers:
                # They hang on the audit, which must not reach what a model learns or asks.
                labels = human
            else:
                automatic = labels.sparse.only(by_machine)
        learned = targets(
            labels, undoubted(store, initial), votes, self.project.settings.auto_weight
        )
        pool = np.zeros(labels.shape[0], np.bool_)
        pool[split.pool] = True
        unknown = NotGiven(pool, initial)
        said = votes.rows, votes.cols, votes.unsure[0], votes.unsure[1]
        rows, cols = np.concatenate([said[0], said[2]]), np.concatenate([said[1], said[3]])
        mine = unknown.at(rows, cols)
        asked = Sparse.at_places(labels.shape, rows[mine], cols[mine], True, False)
        rules = store.scheme.placed_rules
        known = Known(
            human_labels=human,
            initially_unknown=unknown,
            asked=asked,
            closed=store.untold(),
            automatic=automatic,
            targets=learned.chances,
            weights=learned.weights,
            round=store.progress().round,
            memory=dict(memory or {}),
            implies=tuple(closed(rules.implies)),
            excludes=rules.excludes,
        )
        return initial, known

    def audit(self, known: Known, initial: Sparse) -> ProjectAudit:
        """The audit as it is now; initial: int8 (N, L), what was given."""
        test, seed = self._split.test, self.project.settings.seed
        doubt = self.project.settings.audit_given > 0
        self._tested = initial[test]
        return ProjectAudit.of(self.project.store, test, known, self._tested, seed, doubt)

    def doubts(self, training: Training) -> list[str]:
        """Why what is said of a training may be wrong, once `train` or `suggest` is done."""
        store = self.project.store
        now = self._tested, self.project.settings, training.ground, second_looks(store.queue())
        return [str(one) for one in doubts(store, *now)]

    def train(self) -> Training | None:
        """Train on everything known outside the test set, judge, keep the model and its worth.

        None where nothing is known yet, so that there is nothing to train on.
        """
        begun = time.perf_counter()
        store = self.project.store
        event = store.last_event()
        initial, known = self._known()
        require_ground(self.project.settings, self._split, initial)
        learner, audit = self._learner, self.audit(known, initial)
        del initial
        learner.test_entries = audit.entries
        try:
            learner.job(known)
        except NothingToDo:
            return None
        about = self._files.about()
        if self.project.settings.warm_start and about.model and about.table == store.scheme.version:
            learner.estimator.restore(self._files.judged().estimator.tensors(), trust=True)
        automatic, seen, look = self._auto_answers(known, audit)
        judged = learner.train(known, by_folds=False)
        before = self._files.logits() if about.table == store.scheme.version else None
        precision = self.project.settings.precision()
        value, ap, ground = audit.judge(judged.logits, before, precision)
        ground = replace(ground, copies=learner.split.shared())
        judged = replace(
            judged,
            ap=np.array([np.nan if a is None else a / 100 for a in ap]),
            on=ground.on,
            weights=audit.weights,
        )
        if value is None and len(self._split.clean) and learner.can_fold(known):
            # Thresholds need no more than images that the model did not see.
            seen_clean = learner.folded(known).of(self._split.clean)
            folded = learner.judged_out_of_fold(known, seen_clean)
            judged = replace(
                judged, probabilities=folded.probabilities, entries=folded.entries, weights=None
            )
        answers = store.filled()
        notes: dict[str, Any] = {
            "data": self.project.settings.name,
            "answers": answers,
            "map": value,
            "ground": asdict(ground),
        }
        model, judged_model = learner.model(known, judged, store.names, **notes), None
        if self.project.settings.refit and not audit.complete:
            judged_model, model = model, learner.refit(model, known)
        name = f"{self.prepared.kind.source.__name__.lower()}-{event}"
        self._files.keep(name, event, model, judged_model, judged.logits)
        training = Training(
            at=time.time(),
            event=event,
            answers=answers,
            seconds=sum(person.seconds for person in store.progress().people.values()),
            took=time.perf_counter() - begun,
            map=value,
            ap=ap,
            model=name,
            judged=ground.on,
            ground=ground,
            over=tuple(
                n for n, a in zip(store.scheme.cols.tolist(), ap, strict=True) if a is not None
            ),
        )
        with store.together():
            store.machine(name, automatic, seen)
            if look:
                store.note_look(look)
            store.note_training(training)
        return training

    def renew(self) -> Training | None:
        """The last training, or a new one if people said anything since, or settings changed."""
        noted = self.project.store.trainings()
        # A kill may have come between the model and its note.
        is_noted = noted and noted[-1].model == self._files.about().model
        return noted[-1] if is_noted and self._files.current() else self.train()

    def suggest(self, workers: Workers | None = None) -> int:
        """Make the queue of the next round by the model there is; how many entries it asks.

        workers: see `ActiveLearner.ask`; the queue is the same.
        Nothing is asked of an image whose file is not there. Raises `NothingToDo`, and leaves the
        queue empty but for what people hold, where no entry of the pool is left to ask.
        """
        store, settings, learner = self.project.store, self.project.settings, self._learner
        about = self._files.about()
        initial, known = self._known(about.memory)
        self._take_model(about)
        audit = self.audit(known, initial)
        share = 0.0 if audit.complete else settings.audit
        recheck = settings.recheck if about.model else 0.0
        new = 1 - share - recheck
        lost = self._lost()
        try:
            self._require_questions(known, lost)
            by = None if about.model else "random"
            query = learner.ask(known, by=by, share=new, without=lost, workers=workers)
            each = len(query) / new
        except NothingToDo:
            nothing = np.zeros(0, np.intp)
            query = Query(nothing, nothing, np.zeros(0))
            each = settings.answers / ((share + recheck) or 1)
        chances, parts = audit.ended, []
        logits = self._files.logits() if share and about.model else None
        if share:
            floor = FLOOR_AUTOMATIC if settings.audited_answers else FLOOR
            drawn = audit.draw(logits, round(each * share), floor, settings.audit_given)
            chances = drawn.chances
            parts.append(Part("audit places", drawn.why, drawn.rows, drawn.cols, drawn.pi))
        if recheck:
            suspected = first_of(self.suspects(known), round(each * recheck))
            parts.append(Part("recheck places", RECHECK, *suspected))
        if logits is not None and settings.audit_again:
            # At last, as they hang on the audit's answers: the others' places must not.
            asked = audit.against(logits)
            parts.append(Part("second looks", AGAIN, *asked))
        parts = [part.without(lost) for part in parts]
        if not len(query) and not any(map(len, parts)):
            store.fill(known.round + 1, Questions([], []), chances=audit.ended)
            raise NothingToDo(
                "nothing is left to ask: every entry of the pool is known or answered "
                "automatically, or nobody could tell",
                where=str(self.project.folder),
            )
        gold = self._gold(len(query), known.round + 1, lost, initial)
        why = settings.strategy if about.model else "random"
        questions = mix(query, why, [gold, *parts], known.round + 1, settings.seed)
        if about.model:
            at = np.asarray(questions.rows, np.intp), np.asarray(questions.cols, np.intp)
            seen = self._files.probabilities(*at)
            questions = replace(questions, model=about.model, probabilities=seen)
        questions = replace(questions, again=settings.audit_again)
        store.fill(
            known.round + 1,
            questions,
            repeats=settings.repeats,
            seed=settings.seed,
            chances=chances,
            way=quickest(learner.seconds, questions, settings),
        )
        self._files.note(replace(about, memory=query.memory))
        return len(query) + sum(map(len, parts))

    def _take_model(self, about: About) -> None:
        """Let the learner ask by the model that there is.

        Raises `ConflictError` where the project is not what it was when that was trained.
        """
        if not about.model:
            return
        changed = ""
        if about.table != self.project.store.scheme.version:
            changed = "labels or images were changed since the model was trained"
        elif self._learner.strategy.needs:
            model = self._files.judged()
            if model.predictions != self.prepared.predictions:
                changed = "the model was trained with other predictions than there are now"
            else:
                self._learner.estimator.restore(model.estimator.tensors(), trust=True)
        if changed:
            folder = self.project.folder
            do = f"train it anew: alasl train {folder}"
            raise ConflictError(changed, where=str(folder), do=do)

    def suspects(self, known: Known | None = None) -> tuple[Ranked, Ranked]:
        """Given presents and absents that are likely wrong, the likeliest first; see `doubted`.

        Raises `NothingToDo` where too little is known to train models that do not see them.
        """
        known = self.known() if known is None else known
        if not self._learner.can_fold(known):
            raise NothingToDo(
                "too little is known to doubt any of it: no model can be trained without it",
                where=str(self.project.folder),
            )
        return doubted(self.project.store, self._split, self._learner.folded(known).at)

    def model(self) -> Model:
        """The model that there is. Raises `DataError` before the first training."""
        return self._files.model()

    def _auto_answers(
        self, known: Known, audit: ProjectAudit
    ) -> tuple[Sparse, NDArray[np.float32] | None, Look | None]:
        """Automatic answers (N, L), -1 where there is none; probabilities (N, L) they are by; the
        look at the audit that they took."""
        learner, settings = self._learner, self.project.settings
        none = known.sparse.only(np.zeros(len(known.sparse), np.bool_)), None, None
        if settings.auto is None or not learner.can_fold(known):
            return none
        require_whole("automatic answers", known.sparse.shape)
        if settings.audited_answers:
            store = self.project.store
            if not due(store, audit, settings):
                return standing(store), None, None
            seen = learner.out_of_fold(known, with_test=True)
            said, look = decide(store, self._split, known, audit, seen, settings)
            return said, seen, look
        if settings.calibrate_on == "known" and not may_be_by_chance(audit.audit):
            return none
        seen = learner.out_of_fold(known)
        return Sparse.of(learner.auto_answers(known, seen).entries), seen, None

    def _require_questions(self, known: Known, lost: Mask) -> None:
        """Raise `NothingToDo` where all that could be asked of the pool is answered automatically.

        Before that, what is asked does not hang on such answers.
        """
        if not self.project.settings.audited_answers:
            return
        now = replace(known, human_labels=self.project.store.labels(), automatic=None)
        pool = self._split.pool[~lost[self._split.pool]]
        if not now.open_per_image[pool].any():
            raise NothingToDo("every entry of the pool is known or answered automatically")

    def _lost(self) -> Mask:
        """(N,): the images whose files are not there, of which a warning tells."""
        lost = self.project.lost()
        if lost.any():
            folder = self.project.folder
            _log.warning(
                "%d of %d images have no file, the first %r: nothing is asked of them. To take "
                "them out: alasl suggest %s --skip-bad",
                *(lost.sum(), len(lost), self.project.store.images[int(lost.argmax())], folder),
            )
        return lost

    def _gold(self, asked: int, round: int, lost: Mask, initial: Sparse) -> Part:
        """Entries known from the start: half of them present, as near as can be.

        Of clean images, where there are any.
        """
        settings = self.project.settings
        clean = self._split.clean if len(self._split.clean) else self._split.pool
        clean = clean[~lost[clean]]
        initial = initial.take(clean)
        # Streams keep their old name, so that a seed still means the same draws.
        rng = stream(settings.seed, "golden", round)
        count = int(np.ceil(settings.gold * asked))
        chosen: list[NDArray[np.intp]] = []
        for value, many in ((PRESENT, count // 2), (1 - PRESENT, count - count // 2)):
            known = initial.only(initial.values == value)
            entries = np.stack([known.rows, known.cols], axis=1)
            chosen.append(entries[rng.permutation(len(entries))[:many]])
        rows, cols = np.concatenate(chosen).T
        return Part("golden places", "gold", clean[rows], cols)
