"""Algorithm 1, one step at a time: what to train on, what to ask, what the answers change.

The loop trains nothing and asks nobody itself, so that one classifier, a stack of them, or a
person who answers next week can drive it; and every step is an event that can be replayed.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from alasl.data.missingness import MECHANISMS, hide
from alasl.data.split import Split
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labeller import Automatic, Bound, answer
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries, Labels
from alasl.oracles import SimulatedOracle
from alasl.query import Ask, Budget, Price, Query, select
from alasl.runs import Asked, HeldOut, Round, Side
from alasl.seeds import stream
from alasl.settings import RunSettings
from alasl.strategies import Labelled, Pool, Strategy, resolve

Rows = NDArray[np.intp]


class Sight(Protocol):
    """What a strategy may see of images by the model: each a function of rows (n,)."""

    def predict(self, rows: Rows) -> NDArray[np.floating]:
        """(n, L): the probability that each label is present."""

    def features(self, rows: Rows) -> NDArray[np.floating]:
        """(n, D): what the model sees before its last layer."""

    def members(self, rows: Rows) -> NDArray[np.floating]:
        """(E, n, L): the probabilities by each member of an ensemble."""


def answer_automatically(
    settings: RunSettings,
    split: Split,
    told: Labels,
    probabilities: NDArray[np.floating],
    hidden: NDArray[np.bool_],
    closed: NDArray[np.bool_],
) -> Automatic:
    """The automatic answers, calibrated and bounded as the settings say; see `labeller.answer`.

    told: what was given and what people have answered, and nothing automatic.
    """
    assert settings.auto is not None
    bound = Bound(settings.auto, settings.auto_delta, settings.auto_share)  # type: ignore[arg-type]  # RunSettings checked it
    drawn = split.clean if settings.calibrate == "clean" else split.seen
    return answer(told, probabilities, drawn, hidden, bound, closed)


class Loop:
    """One experiment's state: the table as known so far, who is clean, what it has cost.

    labels: what was given, what people answered, and above them the automatic answers.
    truth: the complete table, which only the oracle and the evaluation see.
    split: rows of the clean set, the pool and the test set.
    cost: answers that filled an entry. time: seconds of people's time.
    """

    def __init__(self, truth: Labels, split: Split, settings: RunSettings) -> None:
        self.settings = settings
        self.split = split
        self.strategy: Strategy = resolve(settings.strategy)
        self.asks: Ask = settings.ask or self.strategy.asks  # type: ignore[assignment]
        pool_truth = truth.entries[split.pool]
        hidden = np.zeros(truth.shape, np.bool_)
        way = MECHANISMS.get(settings.mechanism)
        share = settings.missing if way is None or way.takes_share else 0.0
        hidden[split.pool] = hide(pool_truth, settings.mechanism, share, settings.seed)
        self._told = truth.forget(hidden)
        self._pool_truth = pool_truth
        self._was_unknown = self._told.unknown[split.pool]
        self._held: HeldOut | None = None
        self.labels = self._told
        self.test_entries: Entries = truth.entries[split.test]
        self.cost = 0
        self.time = 0.0
        self.round = 0
        self._asked = np.zeros(pool_truth.shape, np.bool_)
        self._memory: dict[str, Any] = {}
        self._price = Price(settings.answer_seconds, settings.open_seconds)
        self._oracle = SimulatedOracle(
            pool_truth, stream(settings.seed, "oracle"), settings.oracle_error
        )
        self._refuse_a_test_without_positives()
        self._refuse_to_calibrate_on_what_was_marked()
        self._refuse_too_large_a_budget()

    @property
    def images(self) -> int:
        """Images asked so far."""
        return int(self._asked.any(axis=1).sum())

    def training_set(self, learns_from_unknown: bool = False) -> tuple[Rows, Entries]:
        """The rows (n,) to train on now, and their targets (n, L).

        learns_from_unknown: whether unknown entries teach something; images of which nothing is
        known are then among them.
        """
        pool, entries = self.split.pool, self.labels.entries
        if self.settings.train == "clean":
            rows = np.concatenate([self.split.clean, pool[self._finished()]])
        else:
            rows = np.concatenate([self.split.clean, pool])
        # In the order of the table, so that the order of asking leaves no trace.
        rows = np.sort(rows)
        targets = entries[rows]
        if self.settings.assume == "absent":
            targets = np.where(targets == UNKNOWN, np.int8(ABSENT), targets)
        if learns_from_unknown:
            return rows, targets
        known = (targets != UNKNOWN).any(axis=1)
        return rows[known], targets[known]

    def ask(self, sight: Sight | None = None) -> Round:
        """The next round: pick entries by the strategy, have them answered, take the answers.

        sight: what the model sees, where the strategy needs it.
        Raises `NothingToDo` where nothing can be asked.
        """
        places = np.flatnonzero(~self._finished())
        if len(places) == 0:
            if self.settings.auto is None:
                raise NothingToDo("no image of the pool has an unknown entry left to ask")
            # All that is open has an automatic answer; after the next training it may lose it.
            event = Round(self.round + 1, (), self._memory)
            self.take(event)
            return event
        ties = stream(self.settings.seed, "ties", self.round + 1).random(len(self.split.pool))
        pool = self._pool(places, ties[places], sight)
        scores = self.strategy(pool)
        query = select(
            pool.askable,
            scores,
            pool.ties,
            self.asks,
            self._budget(),
            self._price,
        )
        answers = self._oracle.answer(Query(places[query.rows], query.cols))
        event = self._event(places, scores, query, answers, pool.memory)
        self.take(event)
        return event

    def take(self, event: Round) -> None:
        """Take a round's answers into the table and the ledger; replaying a run is just this."""
        row_of = {self.labels.images[row]: place for place, row in enumerate(self.split.pool)}
        col_of = {name: col for col, name in enumerate(self.labels.names)}
        places, cols, values = [], [], []
        for asked in event.asked:
            place = row_of[asked.image]
            for name, value in asked.answers.items():
                places.append(place)
                cols.append(col_of[name])
                values.append(value)
        rows = self.split.pool[places]
        self._told = self._told.merge(rows, cols, values, source=f"oracle, round {event.round}")
        self._overlay()
        self._asked[places, cols] = True
        self.cost += sum(value != UNKNOWN for value in values)
        self.time += len(event.asked) * self.settings.open_seconds
        self.time += len(values) * self.settings.answer_seconds
        self._memory = event.memory
        self.round = event.round

    def label(self, probabilities: NDArray[np.floating]) -> tuple[Side, Side]:
        """The automatic answers, absent and present, that these probabilities allow.

        probabilities: (N, L), each image's by a model that did not see it; the test set's unused.
        """
        pool = self.split.pool
        hidden, closed = np.zeros((2, *self._told.shape), np.bool_)
        hidden[pool], closed[pool] = self._was_unknown, self._asked
        told = answer_automatically(
            self.settings, self.split, self._told, probabilities, hidden, closed
        )
        absent, present = (
            Side.of(told.entries[pool] == value, threshold, self._pool_truth == 1 - value)
            for value, threshold in ((ABSENT, told.low), (PRESENT, told.high))
        )
        return absent, present

    def take_held(self, event: HeldOut) -> None:
        """Put a training's automatic answers in the place of the last one's."""
        self._held = event
        self._overlay()

    def weights(self, rows: Rows) -> NDArray[np.float32] | None:
        """(n, L): how much each entry of the images `rows` counts in training; None for 1."""
        automatic = self.labels.known[rows] & self._told.unknown[rows]
        if not automatic.any():
            return None
        return np.where(automatic, self.settings.auto_weight, 1).astype(np.float32)

    def _overlay(self) -> None:
        """Fill what nobody has told by the automatic answers; a person's goes before them."""
        self.labels, held = self._told, self._held
        if held is None or held.absent is None or held.present is None:
            return
        for value, side in ((ABSENT, held.absent), (PRESENT, held.present)):
            places, cols = np.nonzero(side.mask(self._was_unknown.shape))
            rows, values = self.split.pool[places], np.full(len(places), value)
            source = f"automatic, round {held.round}"
            self.labels = self.labels.merge(rows, cols, values, source, on_conflict="keep")

    def _askable(self) -> NDArray[np.bool_]:
        entries = self.labels.entries[self.split.pool]
        return np.asarray((entries == UNKNOWN) & ~self._asked)

    def _finished(self) -> NDArray[np.bool_]:
        """The pool's images of which nothing is left to ask."""
        return np.asarray(~self._askable().any(axis=1))

    def _budget(self) -> Budget:
        settings, grown = self.settings, self.settings.growth**self.round
        if settings.seconds is not None:
            return Budget(seconds=settings.seconds * grown)
        if self.asks == "images":
            return Budget(images=round(settings.images * grown))
        return Budget(answers=round(settings.answers * grown))

    def _batch(self, number: int) -> int:
        """What round `number`, from 0 on, may ask: images or answers; most where it has seconds."""
        settings = self.settings
        by_images = self.asks == "images"
        each: float = settings.images if by_images else settings.answers
        if settings.seconds is not None:
            opening = settings.open_seconds if by_images else 0.0
            each = settings.seconds / (settings.answer_seconds + opening)
        return max(1, round(each * settings.growth**number))

    def _whole_budget(self) -> int:
        return sum(self._batch(number) for number in range(self.settings.rounds))

    def _pool(self, places: Rows, ties: NDArray[np.float64], sight: Sight | None) -> Pool:
        """What the strategy is shown of the images at `places` of the pool, and beside them."""
        needs, split = self.strategy.needs, self.split
        rows = split.pool[places]
        known = np.sort(np.concatenate([split.clean, split.pool[self._finished()]]))

        def seen(need: str, rows: Rows) -> NDArray[np.floating] | None:
            if need not in needs or sight is None:
                return None
            return {
                "probabilities": sight.predict,
                "features": sight.features,
                "members": sight.members,
            }[need](rows)

        return Pool(
            self.labels.entries[rows],
            ties,
            seen("probabilities", rows),
            seen("features", rows),
            seen("members", rows),
            labelled=Labelled(
                self.labels.entries[known],
                seen("probabilities", known),
                seen("features", known),
                ids=known,
            )
            if "labelled" in needs
            else None,
            closed=self._asked[places],
            asked=self.images if self.asks == "images" else int(self._asked.sum()),
            budget=self._whole_budget(),
            batch=self._batch(self.round),
            ask=self.asks,
            ids=rows,
            memory=dict(self._memory),
        )

    def _event(
        self,
        places: Rows,
        scores: NDArray[np.floating],
        query: Query,
        answers: NDArray[np.int8],
        memory: dict[str, Any],
    ) -> Round:
        names, images = self.labels.names, self.labels.images
        entries = self.labels.entries[self.split.pool]
        starts = np.flatnonzero(np.diff(query.rows, prepend=-1))
        asked = []
        for cols, told in zip(
            np.split(np.arange(len(query)), starts[1:]),
            np.split(answers, starts[1:]),
            strict=True,
        ):
            row, chosen = query.rows[cols[0]], query.cols[cols]
            place = places[row]
            unknown = int((entries[place] == UNKNOWN).sum())
            asked.append(
                Asked(
                    image=images[self.split.pool[place]],
                    score=float(scores[row] if scores.ndim == 1 else scores[row, chosen].max()),
                    known=len(names) - unknown,
                    unknown=unknown,
                    answers={names[c]: int(v) for c, v in zip(chosen, told, strict=True)},
                )
            )
        return Round(self.round + 1, tuple(asked), memory)

    def _refuse_a_test_without_positives(self) -> None:
        if not (self.test_entries == PRESENT).any():
            raise DataError(
                "no label has a known positive in the test set, so mAP is undefined",
                seen=f"{len(self.test_entries)} images",
                do="give a larger --test, or a --split with positives in its test part",
            )

    def _refuse_to_calibrate_on_what_was_marked(self) -> None:
        settings = self.settings
        if settings.auto is None or settings.calibrate == "clean":
            return
        if settings.mechanism in ("positives", "single"):
            raise UsageError(
                "the pool's known entries are known because they are present, not by chance, "
                "so automatic answers cannot be calibrated on them",
                seen=f"--mechanism {settings.mechanism} --calibrate known",
                do="take --calibrate clean",
            )

    def _refuse_too_large_a_budget(self) -> None:
        askable, settings = self._askable(), self.settings
        if not askable.any() and settings.rounds:
            raise NothingToDo(
                "no entry of the pool is unknown, so there is nothing to ask",
                do="hide some with --missing",
            )
        by_images = self.asks == "images"
        available = int(askable.any(axis=1).sum() if by_images else askable.sum())
        if settings.seconds is None and self._whole_budget() > available:
            what = "images" if by_images else "answers"
            each = f"{self._batch(0)} {what}{' and more' if settings.growth > 1 else ''}"
            raise UsageError(
                "the budget is beyond the pool",
                seen=f"{settings.rounds} rounds of {each}, {available} {what} to ask",
                do=f"lower --rounds or --{what}",
            )
