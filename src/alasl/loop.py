"""Algorithm 1, one step at a time: what to train on, what to ask, what the answers change.

The loop trains nothing and asks nobody itself, so that one classifier, a stack of them, or a
person who answers next week can drive it; and every step is an event that can be replayed.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.data.hide import MECHANISMS, hide
from alasl.data.split import Split
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries, Labels
from alasl.measures import Measure, Pool, resolve
from alasl.oracles import SimulatedOracle
from alasl.query import Query, select_images
from alasl.runs import Asked, Round
from alasl.seeds import stream
from alasl.settings import RunSettings

Rows = NDArray[np.intp]


class Loop:
    """One experiment's state: the table as known so far, who is clean, what it has cost.

    truth: the complete table, which only the oracle and the evaluation see.
    split: rows of the clean set, the pool and the test set.
    """

    def __init__(self, truth: Labels, split: Split, settings: RunSettings) -> None:
        self.settings = settings
        self.split = split
        self.measure: Measure = resolve(settings.measure)
        pool_truth = truth.entries[split.pool]
        hidden = np.zeros(truth.shape, np.bool_)
        way = MECHANISMS.get(settings.hide)
        share = settings.noise if way is None or way.takes_share else 0.0
        hidden[split.pool] = hide(pool_truth, settings.hide, share, settings.seed)
        self.labels = truth.forget(hidden)
        self.test_entries: Entries = truth.entries[split.test]
        self.cost = 0
        self.round = 0
        self._asked = np.zeros(len(split.pool), np.bool_)
        self._oracle = SimulatedOracle(
            pool_truth, stream(settings.seed, "oracle"), settings.oracle_error
        )
        self._refuse_a_test_without_positives()
        self._refuse_too_large_a_budget()

    @property
    def images(self) -> int:
        """Images asked so far."""
        return int(self._asked.sum())

    @property
    def budget(self) -> int:
        """Images the whole run may ask."""
        return self.settings.rounds * self.settings.images

    def training_set(self) -> tuple[Rows, Entries]:
        """The rows (n,) to train on now, and their targets (n, L)."""
        pool, entries = self.split.pool, self.labels.entries
        full = (entries[pool] != UNKNOWN).all(axis=1) | self._asked
        if self.settings.train == "clean":
            rows = np.concatenate([self.split.clean, pool[full]])
        else:
            rows = np.concatenate([self.split.clean, pool])
        # In the order of the table, so that the order of asking leaves no trace.
        rows = np.sort(rows)
        targets = entries[rows]
        if self.settings.assume == "absent":
            targets = np.where(targets == UNKNOWN, np.int8(ABSENT), targets)
        known = (targets != UNKNOWN).any(axis=1)
        return rows[known], targets[known]

    def askable(self) -> Rows:
        """The rows (n,) of the pool that may be asked now: something unknown, not asked yet."""
        return self.split.pool[self._askable()]

    def ask(
        self,
        probabilities: NDArray[np.floating] | None = None,
        features: NDArray[np.floating] | None = None,
    ) -> Round:
        """The next round: pick images by the measure, have them answered, take the answers.

        probabilities: (n, L), features: (n, D), of the images `askable`, where the measure needs
        them.
        Raises `NothingToDo` where no image can be asked.
        """
        places = np.flatnonzero(self._askable())
        if len(places) == 0:
            raise NothingToDo("no image of the pool has an unknown entry left to ask")
        ties = stream(self.settings.seed, "ties", self.round + 1).random(len(self.split.pool))
        entries = self.labels.entries[self.split.pool[places]]
        pool = Pool(
            entries,
            ties[places],
            probabilities,
            features,
            asked=self.images,
            budget=self.budget,
            batch=self.settings.images,
        )
        scores = self.measure(pool)
        query = select_images(entries, scores, self.settings.images, ties[places])
        answers = self._oracle.answer(Query(places[query.rows], query.cols))
        event = self._event(places, scores, query, answers)
        self.take(event)
        return event

    def take(self, event: Round) -> None:
        """Take a round's answers into the table and the ledger; replaying a run is just this."""
        row_of = {self.labels.images[row]: place for place, row in enumerate(self.split.pool)}
        col_of = {name: col for col, name in enumerate(self.labels.names)}
        places = [row_of[asked.image] for asked in event.asked]
        rows, cols, values = [], [], []
        for place, asked in zip(places, event.asked, strict=True):
            for name, value in asked.answers.items():
                rows.append(self.split.pool[place])
                cols.append(col_of[name])
                values.append(value)
        self.labels = self.labels.merge(rows, cols, values, source=f"oracle, round {event.round}")
        self.cost += sum(value != UNKNOWN for value in values)
        self._asked[places] = True
        self.round = event.round

    def _askable(self) -> NDArray[np.bool_]:
        entries = self.labels.entries[self.split.pool]
        return np.asarray((entries == UNKNOWN).any(axis=1) & ~self._asked)

    def _event(
        self, places: Rows, scores: NDArray[np.floating], query: Query, answers: NDArray[np.int8]
    ) -> Round:
        names, images = self.labels.names, self.labels.images
        asked = []
        for row in query.images:
            mine = query.rows == row
            told = {
                names[col]: int(value)
                for col, value in zip(query.cols[mine], answers[mine], strict=True)
            }
            asked.append(
                Asked(
                    image=images[self.split.pool[places[row]]],
                    score=float(scores[row]),
                    known=len(names) - len(told),
                    unknown=len(told),
                    answers=told,
                )
            )
        return Round(self.round + 1, tuple(asked))

    def _refuse_a_test_without_positives(self) -> None:
        if not (self.test_entries == PRESENT).any():
            raise DataError(
                "no label has a known positive in the test set, so mAP is undefined",
                seen=f"{len(self.test_entries)} images",
                do="give a larger --test, or a --split with positives in its test part",
            )

    def _refuse_too_large_a_budget(self) -> None:
        available = int(self._askable().sum())
        if available == 0 and self.settings.rounds:
            raise NothingToDo(
                "no entry of the pool is unknown, so there is nothing to ask",
                do="hide some with --noise",
            )
        if self.budget > available:
            raise UsageError(
                "the budget is beyond the pool",
                seen=f"{self.settings.rounds} rounds of {self.settings.images} images, "
                f"{available} images to ask",
                do="lower --rounds or --images",
            )
