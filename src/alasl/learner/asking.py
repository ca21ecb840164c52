"""What to ask next: the pool that a strategy is shown, and the entries that are picked.

A pool of many entries is scored some labels, or some images, at a time where the strategy and the
model can, so that no table of all scores or probabilities is made.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from threading import Lock
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.clusters import Workers
from alasl.data.inputs import Inputs, Rows
from alasl.data.split import Split
from alasl.errors import NothingToDo
from alasl.learner.implied import with_credit
from alasl.learner.known import Known
from alasl.learner.picking import picked, shares_present
from alasl.learner.rounds import Rounds
from alasl.learner.scoring import Rules, Search, part_of, scored
from alasl.learner.size import WHOLE, is_large
from alasl.models.base import Estimator, Job
from alasl.query import Ask, Budget, Price
from alasl.seconds import Seconds
from alasl.seeds import stream
from alasl.settings import LearnerSettings
from alasl.sparse import Made
from alasl.strategies import Labelled, Pool, Strategy, resolve
from alasl.strategies.streamed import Streamed

Floats = NDArray[np.float64]

_log = logging.getLogger(__name__)

# Numbers of features that are held of a pool that goes label by label, 1 GB.
SEEN = 2**28


@dataclass(frozen=True, eq=False)
class Query:
    """Entries to ask, by row and column of the table, an image's together, best image first.

    scores: (n,) each entry's, or its image's. memory: what the strategy noted for later rounds.
    """

    rows: Rows
    cols: Rows
    scores: Floats
    memory: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)


class Asking:
    """The part of a learner that asks; see `ActiveLearner`, which has the attributes."""

    settings: LearnerSettings
    split: Split
    strategy: Strategy
    asks: Ask
    inputs: Inputs
    rounds: Rounds
    estimator: Estimator
    seconds: Seconds

    @abstractmethod
    def job(self, known: Known, purpose: str = "train", *, with_test: bool = False) -> Job:
        """See `ActiveLearner.job`."""

    def ask(
        self,
        known: Known,
        *,
        by: str | None = None,
        share: float = 1.0,
        without: NDArray[np.bool_] | None = None,
        workers: Workers | None = None,
    ) -> Query:
        """The entries to ask next, within a share of the round's budget.

        by: another strategy than the settings', as before there is a model. without: (N,), images
        of which nothing is asked. workers: who scores a pool that goes label by label; the answer
        is the same.
        Raises `NothingToDo` where nothing can be asked.
        """
        strategy = self.strategy if by is None else resolve(by)
        rows = self.split.pool[known.open_per_image[self.split.pool] > 0]
        if without is not None:
            rows = rows[~without[rows]]
        if not len(rows):
            raise NothingToDo("no image of the pool has an unknown entry left to ask")
        budget = self.rounds.budget(known.round).part(share)
        if by is None and (found := self._by_label(known, rows, budget, workers)) is not None:
            return found
        if workers is not None:
            _log.warning(
                "this process scores alone: workers divide only a large pool, scored label by label"
            )
        pool = self._pool(known, rows, strategy)
        scores: Any = strategy(pool)
        askable: Any = pool.askable
        if by is None and self.asks == "entries" and (known.implies or known.excludes):
            scores, askable = with_credit(scores, pool, known)
        way = self.settings, self.seconds, self.asks, known.sparse
        picks = picked(askable, scores, pool.ties, budget, *way)
        chosen = scores[picks.rows] if scores.ndim == 1 else scores[picks.rows, picks.cols]
        asked = np.asarray(pool.ids)[picks.rows]
        return Query(asked, picks.cols, np.asarray(chosen, np.float64), dict(pool.memory))

    def _by_label(
        self, known: Known, rows: Rows, budget: Budget, workers: Workers | None
    ) -> Query | None:
        """As `ask`, of a large pool, scored some labels at a time; None where that cannot be.

        That is where the model or the strategy has no form that goes label by label, or rules tie
        too many labels together, or by image too many entries are to be weighed.
        """
        settings, strategy, seconds = self.settings, self.strategy, self.seconds
        if strategy.ranker is None or self.asks != "entries" or budget.images is not None:
            return None
        if not is_large(len(rows), known.sparse.shape[1]):
            return None
        if "probabilities" in strategy.needs and not self._by_features:
            return None
        rules = Rules(known.implies, known.excludes, shares_present(known.sparse))
        told = self.inputs.evidence is not None
        if not rules.fit(len(rows)) or (told and (known.implies or known.excludes)):
            return None
        if told and workers is not None:
            _log.warning("this process scores alone: other models' predictions are not divided")
            workers = None
        pool = self._streamed(known, rows, strategy, by_label=True)
        if pool.others is not None and self.estimator.smooth:
            # To find the neighbours of all takes a minute for each million images.
            pool = part_of(pool, strategy)
        search = Search(budget, (Price(seconds.grid), Price(seconds.answer, seconds.open)), rules)
        chosen = scored(strategy, pool, search, workers)
        found = None if settings.by == "image" else chosen.query()
        if (
            found is None
            or seconds.way(settings.by, len(found[0].images), len(found[0])) != "label"
        ):
            if pool.others is not None:
                pool = part_of(pool, strategy)
                chosen = scored(strategy, pool, search, workers)
            chosen = scored(strategy, pool, replace(search, least=chosen.least()), workers)
            found = chosen.query_by_image()
        if found is None:
            return None
        picks, scores = found
        return Query(pool.need("ids")[picks.rows], picks.cols, scores, dict(known.memory))

    def _streamed(
        self, known: Known, rows: Rows, strategy: Strategy, *, by_label: bool = False
    ) -> Streamed:
        """What a strategy sees of the images `rows` some labels at a time, or some images.

        Where features of more would be held than fit, those of a part are, drawn.
        """
        needs, features = strategy.needs, self.inputs.features
        (draws, of_all), likely = self._drawn(known, rows), "probabilities" in needs
        holds, held, others = "features" in needs or (by_label and likely), len(of_all), None
        if features is not None and holds:
            # They stand by their draws, so that the first are as good as any; others as in files.
            held = min(held, max(1, SEEN // features.shape[1]))
        rows = np.concatenate([of_all[:held], np.sort(of_all[held:])])
        if held < len(rows):
            others = partial(_embedded, self.estimator, self.inputs, rows)
        beside = chances = None
        if by_label and likely:
            evidence = self.inputs.take(rows).others()
            beside = None if evidence is None else self.estimator.beside(evidence)
            chances = self.estimator.chances() if beside is None else beside.chances
        pool = Streamed(
            known.sparse.take(rows),
            known.closed.take(rows),
            draws[rows],
            chances,
            self.estimator.embed(self.inputs.take(rows[:held])) if holds else None,
            self._labelled(known, of_all, needs) if "labelled" in needs else None,
            self.estimator.spread,
            probabilities=None if by_label or not likely else self._said(rows),
            evidence=beside,
            ids=rows,
            others=others,
            **self._counts(known),
        )
        return pool if by_label or others is None else part_of(pool, strategy)

    @property
    def _by_features(self) -> bool:
        """Whether probabilities follow from features, and what other models say beside them."""
        estimator, evidence = self.estimator, self.inputs.evidence
        by = estimator.chances() if evidence is None else estimator.beside(evidence)
        return by is not None

    def _said(self, rows: Rows) -> Made:
        """(N, L): the probabilities of the images `rows`, made when they are looked at."""
        lock = Lock()

        def make(some: Rows) -> NDArray[np.float32]:
            with lock:
                return self.estimator.predict_proba(self.inputs.take(rows[some]))

        return Made((len(rows), self.estimator.labels), make)

    def _counts(self, known: Known) -> dict[str, Any]:
        """What a pool says of the run."""
        asked, cols = known.asked.rows, known.asked.cols
        asked = asked[known.initially_unknown.at(asked, cols)]
        many = len(np.unique(asked)) if self.asks == "images" else len(asked)
        batch = self.rounds.planned(known.round)
        # People may go on beyond what was planned.
        budget = max(self.rounds.whole, many + batch)
        memory = dict(known.memory)
        found = {"asked": many, "budget": budget, "batch": batch, "ask": self.asks}
        return {**found, "memory": memory}

    def available(self, known: Known) -> int:
        """Images, or entries, that can be asked at all."""
        found = known.open_per_image[self.split.pool]
        return int(np.count_nonzero(found) if self.asks == "images" else found.sum())

    def _drawn(self, known: Known, rows: Rows) -> tuple[Floats, Rows]:
        """A draw for each image, (N,), and the images `rows` by their draws.

        Strategies take them so, and need not copy what comes so.
        """
        images = len(known.human_labels.images)
        draws = stream(self.settings.seed, "ties", known.round + 1).random(images)
        return draws, rows[np.argsort(draws[rows], kind="stable")]

    def _seen(
        self,
        need: Literal["probabilities", "features", "members", "evidence"],
        of: Rows,
        needs: frozenset[str],
    ) -> Any:
        """What the model says of the images `of`, where it is needed."""
        # Evidence is to a label what features are to all of them.
        if ("features" if need == "evidence" else need) not in needs:
            return None
        look: Callable[[Inputs], Any] = {
            "probabilities": self.estimator.predict_proba,
            "features": self.estimator.embed,
            "members": self.estimator.members_proba,
            "evidence": self.estimator.evidence,
        }[need]
        return look(self.inputs.take(of))

    def _labelled(self, known: Known, rows: Rows, needs: frozenset[str]) -> Labelled:
        """What a strategy is shown of the images beside `rows` of which all is known."""
        finished = self.split.seen[np.isin(self.split.seen, rows, invert=True)]
        return Labelled(
            known.of(finished),
            self._seen("probabilities", finished, needs),
            self._seen("features", finished, needs),
            ids=finished,
            evidence=self._seen("evidence", finished, needs),
        )

    def _pool(self, known: Known, rows: Rows, strategy: Strategy) -> Pool | Streamed:
        """What a strategy is shown of the images `rows`, and of those beside them.

        Of more than fit in a table, of as many as do, drawn, unless it goes image by image.
        """
        needs, of_all = strategy.needs, rows
        labels = known.sparse.shape[1]
        most = max(1, WHOLE // labels)
        # What only a whole network can say is said once, where there is room for it.
        quick = "probabilities" not in needs or self._by_features
        large = is_large(len(rows), labels) if quick else len(rows) > most
        if large and strategy.by_image and "members" not in needs:
            return self._streamed(known, rows, strategy)
        if len(rows) > most:
            rng = stream(self.settings.seed, "shown", known.round + 1)
            rows = np.sort(rng.permutation(rows)[:most])
            if needs:
                _log.warning(
                    "%s weighs tables of all that can be asked: it is shown %d of %d images, drawn",
                    *(strategy.spec, len(rows), len(of_all)),
                )
        draws, rows = self._drawn(known, rows)
        if "members" in needs:
            self._fit_members(known)
        return Pool(
            known.of(rows),
            draws[rows],
            self._seen("probabilities", rows, needs),
            self._seen("features", rows, needs),
            self._seen("members", rows, needs),
            labelled=self._labelled(known, of_all, needs) if "labelled" in needs else None,
            closed=known.closed[rows] if len(known.closed) else None,
            ids=rows,
            evidence=self._seen("evidence", rows, needs),
            spread=self.estimator.spread,
            **self._counts(known),
        )

    def _fit_members(self, known: Known) -> None:
        job = self.job(known, "members")
        self.estimator.fit_members(
            self.inputs.take(job.rows),
            job.targets,
            job.weights,
            seed=job.seed,
            members=self.settings.members,
        )


def _embedded(estimator: Estimator, inputs: Inputs, rows: Rows, places: Rows) -> Any:
    """Features of some of the images `rows`."""
    return estimator.embed(inputs.take(rows[places]))
