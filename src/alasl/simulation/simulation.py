"""Algorithm 1, one step at a time, on a table whose truth is known: a driver of `ActiveLearner`.

Every step is an event that can be replayed, so a run that was killed goes on from its journal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alasl.data.missingness import MECHANISMS, hide
from alasl.data.split import Split
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.learner import ActiveLearner, Judged, Known, Query
from alasl.models.base import Context, Probabilities
from alasl.models.prepare import Prepared
from alasl.record import Asked, AutoAnswers, Evaluation, OutOfFold, Round
from alasl.seeds import stream
from alasl.settings import RunSettings
from alasl.simulation.oracle import Oracle
from alasl.simulation.sure import interval
from alasl.sparse import Sparse


class Simulation:
    """One experiment's state: what is known so far, what it has cost, and who answers.

    truth: the complete table, which only the oracle and the evaluation see. split: rows of the
    clean set, the pool and the test set.
    cost: answers that filled an entry. time: seconds of people's time.
    """

    def __init__(
        self,
        truth: Labels,
        split: Split,
        settings: RunSettings,
        prepared: Prepared,
        context: Context | None = None,
    ) -> None:
        self.settings, self.split = settings, split
        self._refuse_to_calibrate_on_what_was_marked()
        self.learner = ActiveLearner(prepared, split, settings, truth.entries[split.test], context)
        given = truth.forget(_missing(truth, split, settings))
        unknown, nothing = np.zeros((2, *truth.shape), np.bool_)
        unknown[split.pool] = given.unknown[split.pool]
        self.known = Known.by_masks(given, unknown, nothing, nothing)
        self._truth = truth
        chance = stream(settings.seed, "oracle")
        self._oracle = Oracle(truth.entries, chance, settings.oracle_error, settings.oracle_missed)
        self.cost = 0
        self.time = 0.0
        self._refuse_a_test_that_judges_nothing()
        self._refuse_too_large_a_budget()

    @property
    def round(self) -> int:
        """Rounds asked so far."""
        return self.known.round

    @property
    def images(self) -> int:
        """Images asked so far."""
        return len(np.unique(self.known.asked.rows))

    @property
    def unknown(self) -> int:
        """Entries of the pool that were unknown before anybody answered."""
        return self.known.initially_unknown.count

    # Steps

    def evaluate(self) -> Evaluation:
        """Train on what is known now, and evaluate on the test set after each epoch."""
        return self.evaluation(self.learner.train(self.known))

    def evaluation(self, judged: Judged) -> Evaluation:
        """A training's outcome as a step of this run."""
        return Evaluation(
            round=self.round,
            images=self.images,
            cost=self.cost,
            epochs=judged.epochs,
            ap=tuple(float(v) for v in 100 * judged.ap),
            seconds=judged.seconds,
            time=self.time,
        )

    def out_of_fold(self) -> OutOfFold:
        """Have images judged by models that did not see them, and new automatic answers put in."""
        begun = time.perf_counter()
        probabilities = self.learner.out_of_fold(self.known)
        clean = probabilities[self.split.clean]
        judged = self.learner.judged_out_of_fold(self.known, clean)
        value, sure = judged.epochs[0], interval(judged.probabilities, judged.entries)
        sides = (None, None) if self.settings.auto is None else self._auto_answers(probabilities)
        seconds = time.perf_counter() - begun
        worth = None if math.isnan(value) else value
        event = OutOfFold(self.round, worth, seconds, sides[0], sides[1], sure)
        self.take_out_of_fold(event)
        return event

    def ask(self) -> Round:
        """The next round: pick entries by the strategy, have them answered, take the answers.

        Raises `NothingToDo` where nothing can be asked.
        """
        try:
            query = self.learner.ask(self.known)
        except NothingToDo:
            if self.settings.auto is None:
                raise
            # All that is open has an automatic answer; after the next training it may lose it.
            event = Round(self.round + 1, (), self.known.memory)
        else:
            event = self._event(query)
        self.take(event)
        return event

    def take(self, event: Round) -> None:
        """Take a round's answers into the table and the ledger; replaying a run is just this."""
        labels = self.known.human_labels
        row_of = {image: row for row, image in enumerate(labels.images)} if event.asked else {}
        col_of = {name: col for col, name in enumerate(labels.names)}
        rows, cols, values = [], [], []
        for asked in event.asked:
            for name, value in asked.answers.items():
                rows.append(row_of[asked.image])
                cols.append(col_of[name])
                values.append(value)
        asked_now = self.known.asked.put(rows, cols, True)
        source = f"oracle, round {event.round}"
        labels = labels.merge(rows, cols, values, source=source)
        self.known = replace(
            self.known,
            human_labels=labels,
            asked=asked_now,
            closed=asked_now,
            round=event.round,
            memory=event.memory,
        )
        self.cost += sum(value != UNKNOWN for value in values)
        self.time += self._takes(len(event.asked), values)

    def take_out_of_fold(self, event: OutOfFold) -> None:
        """Put a training's automatic answers in the place of the last one's."""
        if event.absent is None or event.present is None:
            return
        automatic = np.full(self._truth.shape, UNKNOWN, np.int8)
        pool = self.split.pool
        for value, side in ((ABSENT, event.absent), (PRESENT, event.present)):
            places, cols = np.nonzero(side.mask((len(pool), self._truth.shape[1])))
            automatic[pool[places], cols] = value
        self.known = replace(self.known, automatic=Sparse.of(automatic))

    # How the steps are made

    def _takes(self, images: int, values: Sequence[int]) -> float:
        """Seconds of people's time for a round's answers, in the way that it is asked."""
        takes = self.learner.seconds
        if self.settings.ask == "tags":
            return takes.by_tags(images, sum(value == PRESENT for value in values))
        if takes.way(self.settings.by, images, len(values)) == "label":
            return takes.by_label(len(values))
        return takes.by_image(images, len(values))

    def _auto_answers(self, probabilities: Probabilities) -> tuple[AutoAnswers, AutoAnswers]:
        """The automatic answers, absent and present, with how many are wrong in truth."""
        found, pool = self.learner.auto_answers(self.known, probabilities), self.split.pool
        truth = self._truth.entries[pool]
        absent, present = (
            AutoAnswers.of(found.entries[pool] == value, threshold, truth == 1 - value)
            for value, threshold in ((ABSENT, found.low), (PRESENT, found.high))
        )
        return absent, present

    def _event(self, query: Query) -> Round:
        labels, entries = self.known.human_labels, self.known.entries
        answers = self._oracle.answer(query.rows, query.cols)
        starts = np.flatnonzero(np.diff(query.rows, prepend=-1))
        asked = []
        for part in np.split(np.arange(len(query)), starts[1:]):
            row = query.rows[part[0]]
            unknown = int((entries[row] == UNKNOWN).sum())
            asked.append(
                Asked(
                    image=labels.images[row],
                    score=float(query.scores[part].max()),
                    known=len(labels.names) - unknown,
                    unknown=unknown,
                    answers={labels.names[query.cols[i]]: int(answers[i]) for i in part},
                )
            )
        return Round(self.round + 1, tuple(asked), query.memory)

    # What makes no sense

    def _refuse_a_test_that_judges_nothing(self) -> None:
        test = self.learner.test_entries
        if not self.learner.can_judge:
            raise DataError(
                "no label has a known present and a known absent entry in the test set, so nothing "
                "can be judged",
                seen=f"{len(test)} images, {(test == PRESENT).sum()} known present and "
                f"{(test == ABSENT).sum()} known absent entries",
                do="give a larger --test, a --split with both in its test part, or, where a "
                "missing tag means absent, --empty absent",
            )

    def _refuse_to_calibrate_on_what_was_marked(self) -> None:
        settings = self.settings
        if settings.calibrate == "audit":
            raise UsageError(
                "a run has no audit: what it judges on is known",
                seen="--calibrate audit",
                do="take --calibrate clean, or make a project: alasl init",
            )
        if settings.auto is None or settings.calibrate != "known":
            return
        if settings.mechanism in ("positives", "single"):
            raise UsageError(
                "the pool's known entries are known because they are present, not by chance, "
                "so automatic answers cannot be calibrated on them",
                seen=f"--mechanism {settings.mechanism} --calibrate known",
                do="take --calibrate clean",
            )

    def _refuse_too_large_a_budget(self) -> None:
        settings, learner = self.settings, self.learner
        available = learner.available(self.known)
        if not available and settings.rounds:
            raise NothingToDo(
                "no entry of the pool is unknown, so there is nothing to ask",
                do="make some unknown with --missing",
            )
        if settings.seconds is None and learner.rounds.whole > available:
            what = learner.asks if learner.asks == "images" else "answers"
            each = f"{learner.rounds.planned(0)} {what}{' and more' if settings.growth > 1 else ''}"
            raise UsageError(
                "the budget is beyond the pool",
                seen=f"{settings.rounds} rounds of {each}, {available} {what} to ask",
                do=f"lower --rounds or --{what}",
            )


def _missing(truth: Labels, split: Split, settings: RunSettings) -> NDArray[np.bool_]:
    """(N, L): the entries of the pool that are made unknown."""
    mechanism = MECHANISMS.resolve(settings.mechanism).part
    share = settings.missing if mechanism.takes_share else 0.0
    mask = np.zeros(truth.shape, np.bool_)
    mask[split.pool] = hide(truth.entries[split.pool], settings.mechanism, share, settings.seed)
    return mask
