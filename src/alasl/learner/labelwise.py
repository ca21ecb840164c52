"""What is bought of entries whose scores come some labels at a time, and are not held."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.errors import NothingToDo
from alasl.query import Budget, Flat, Price, Query, buys_nothing, in_order, looked_at, select
from alasl.ranking import Best, entry_chance
from alasl.sparse import Made, Sparse

# Entries that are weighed by image at most, of a pool that is scored some labels at a time.
HELD = 2**23


class Labelwise:
    """`select` of entries whose scores come some labels at a time, in whatever order; all answers
    take the same. Few scores are held at a time.

    shape: (N, L). ties: (N,), as for `select`. budget: not in images. prices: by label, where
    opening an image costs nothing; and by image. least: see the method of this name.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        ties: NDArray[np.float64],
        budget: Budget,
        prices: tuple[Price, Price],
        least: float | None = None,
    ) -> None:
        self.labels, self._ties, self._budget = shape[1], ties, budget
        self._each, self._by_image = np.full(shape[1], prices[0].answer), prices[1]
        answer = np.minimum(self._each, self._by_image.answer)
        # How many of the highest are looked at.
        self.most = looked_at(budget, answer, shape[0] * shape[1]) if least is None else HELD + 1
        self._best = Best(entry_chance(ties, shape[1]), self.most)
        if least is not None:
            self._best.border = least

    def add(self, labels: slice, scores: NDArray[np.floating]) -> None:
        """Take the scores (N, n) of some labels; -inf is what cannot be asked."""
        wide = labels.stop - labels.start

        def place(high: Flat) -> Flat:
            rows, cols = np.divmod(high, wide)
            return np.asarray(rows * self.labels + labels.start + cols)

        self._best.add(scores, scores > -np.inf, place)

    def candidates(self) -> tuple[Flat, NDArray[np.float64]]:
        """Places, in (N, L) read row by row, and scores of the best so far: all that may be asked
        of what was taken."""
        return self._best.found()

    def merge(self, places: Flat, scores: NDArray[np.float64]) -> None:
        """Take the `candidates` of other labels: as exact as taking the scores of them all."""
        self._best.add(scores, np.ones(len(scores), np.bool_), lambda high: places[high])

    def query(self) -> tuple[Query, NDArray[np.float64]]:
        """What the budget buys, and the score of each entry. Raises as `select` does."""
        chosen, scores = self._best.found()
        if not len(chosen):
            raise NothingToDo("no entry of the pool can be asked")
        rows, cols = np.divmod(chosen, self.labels)
        order = in_order(rows, cols, self._budget, 0.0, self._each)
        if not len(order):
            raise buys_nothing(self._budget)
        return Query(rows[order], cols[order]), scores[order]

    def least(self) -> float:
        """The least score with which an entry can be bought by image, once all scores are taken.

        By the second an entry brings at least what it does alone, and at most what it does where
        its image is open. As many entries as are bought do the former; so one that scores too
        little for the latter is not bought, nor changes what a better one of its image brings.
        """
        scores, price = self._best.found()[1], self._by_image
        if len(scores) < self.most:
            return -np.inf
        # Scores below 0 decide alone.
        return float(min(scores[-1], scores[-1] * price.answer / (price.answer + price.open)))

    def query_by_image(self) -> tuple[Query, NDArray[np.float64]] | None:
        """As `query` by image, of all scores of the `least` or more; None of more than `HELD`."""
        places, scores = self._best.found()
        if not len(places):
            raise NothingToDo("no entry of the pool can be asked")
        if len(places) > HELD:
            return None
        rows, at = np.unique(places // self.labels, return_inverse=True)
        shape = len(rows), self.labels
        table = Sparse.at_places(shape, at, places % self.labels, scores, -np.inf)
        askable = Made(shape, lambda some: table[some] > -np.inf)
        budget, price, weigh = self._budget, self._by_image, bool(scores.min() >= 0)
        found = select(askable, table, self._ties[rows], "entries", budget, price, weigh=weigh)
        return Query(rows[found.rows], found.cols), table.at(found.rows, found.cols)
