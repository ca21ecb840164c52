"""The selector: from scores, costs and a budget to the entries that are asked.

Whole images and single entries are two ends of one problem: opening an image costs something once,
each answer costs something, and the budget is to buy the most score. Where opening costs nothing
single entries are best; the dearer it is, the more of an image is asked at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.ranking import Best, entry_chance, highest, row_blocks

Ask = Literal["images", "entries"]
Flat = NDArray[np.intp]
# (N, L), an array or what gives some rows of one when they are asked for (`alasl.sparse`).
Table = Any

# Sums of seconds may miss a budget that they meet by their rounding.
TOLERANCE = 1 + 1e-9


@dataclass(frozen=True)
class Budget:
    """What one query may take: images, answers, or seconds of people's time; None is no limit."""

    images: int | None = None
    answers: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        given = {k: v for k, v in vars(self).items() if v is not None}
        if not given or min(given.values()) <= 0:
            raise UsageError("a query needs a budget of more than nothing", seen=str(given))

    def part(self, share: float) -> Budget:
        """A share of it, above 0 and at most 1: one image or answer at least."""

        def whole(number: int | None) -> int | None:
            return None if number is None else max(1, round(share * number))

        seconds = None if self.seconds is None else share * self.seconds
        return Budget(whole(self.images), whole(self.answers), seconds)


@dataclass(frozen=True)
class Price:
    """Seconds that people take: for an answer, one number or one for each label (L,), and for
    opening an image, once in a query."""

    answer: float | NDArray[np.floating] = 1.0
    open: float = 0.0

    def __post_init__(self) -> None:
        if not (np.asarray(self.answer) > 0).all() or not self.open >= 0:
            raise UsageError(
                "an answer must take more than 0 seconds, and opening an image no less than 0",
                seen=f"{self.answer}, {self.open}",
            )


@dataclass(frozen=True, eq=False)
class Query:
    """Entries to ask, by row and column of the pool; its length is what the answer costs.

    rows, cols: (n,) each; an image's entries stand together, the image wanted most first.
    """

    rows: Flat
    cols: Flat

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def images(self) -> Flat:
        """The distinct rows, in the order asked."""
        rows, first = np.unique(self.rows, return_index=True)
        return np.asarray(rows[np.argsort(first)])


def select(
    askable: Table,
    scores: Table,
    ties: NDArray[np.float64],
    ask: Ask,
    budget: Budget,
    price: Price | None = None,
    *,
    weigh: bool = True,
) -> Query:
    """The entries that bring the most score for the budget.

    askable: bool (N, L). scores: (N,) of images or (N, L) of entries, higher = ask first; some rows
    of the tables are looked at at a time. ties: (N,) draws, one for each image, that decide between
    equal scores (higher = first); they travel with the images, so that the images' order in the
    pool decides nothing.
    ask: `images` asks all askable entries of the highest-scored ones; entries' scores are summed,
    and by the second where the budget is not in images. `entries` asks those of the highest score
    by the second; an image's score counts for each of its entries.
    weigh: False ranks by the scores alone, and the price only says what the budget buys.
    Raises `NothingToDo` where nothing is askable, `UsageError` where the budget buys nothing.
    """
    price = price or Price()
    entrywise = scores.ndim == 2
    expected = askable.shape if entrywise else askable.shape[:1]
    if scores.shape != expected or ties.shape != askable.shape[:1]:
        raise DataError(
            "scores and ties must fit the entries",
            seen=f"scores {scores.shape}, ties {ties.shape}, entries {askable.shape}",
        )
    counts = np.zeros(len(ties), np.intp)
    for block in row_blocks(askable.shape):
        counts[block] = np.count_nonzero(askable[block], axis=1)
    if not counts.any():
        raise NothingToDo("no entry of the pool can be asked")
    if not entrywise:
        _refuse_nan(scores, counts)
    weighed = price if weigh else Price()
    choose = _images if ask == "images" else _entries
    query = choose(askable, counts, scores, ties, budget, price, weighed)
    if not len(query):
        raise buys_nothing(budget)
    return query


def _refuse_nan(scores: NDArray[np.floating], counts: NDArray[np.intp]) -> None:
    """Raise a `DataError` where a score is NaN, of an image (n,) of which something can be asked.

    scores: (n,) or (n, L). counts: (n,), how many entries of each image can be asked.
    """
    # A NaN is passed on to the least.
    if len(scores) and np.isnan(scores.min()) and np.isnan(scores[counts > 0]).any():
        raise DataError("a score is NaN, so nothing can be ranked")


def buys_nothing(budget: Budget) -> UsageError:
    """The error for a budget of which nothing comes."""
    return UsageError("the budget of a round does not buy one answer", seen=str(budget))


def _images(
    askable: Table,
    counts: NDArray[np.intp],
    scores: Table,
    ties: NDArray[np.float64],
    budget: Budget,
    price: Price,
    weighed: Price,
) -> Query:
    candidates = np.flatnonzero(counts)
    worth: NDArray[np.floating]
    if scores.ndim == 2:
        worth = np.empty(len(counts))
        for block in row_blocks(askable.shape):
            there, score = askable[block], scores[block]
            _refuse_nan(score, counts[block])
            worth[block] = np.where(there, score, 0).sum(axis=1)
        worth = worth[candidates]
        if budget.images is None and weighed is price:
            takes = _seconds_of(askable, counts, price, candidates)
            worth = _by_the_second(worth, price.open + takes)
    else:
        worth = scores[candidates]
    # Where images alone count none is passed over; in answers or seconds one may be too dear.
    alone = budget.answers is None and budget.seconds is None
    most = budget.images if alone and budget.images else len(candidates)
    rows = candidates[highest(worth, lambda places: ties[candidates[places]], most)]
    takes = _seconds_of(askable, counts, price, rows)
    rows = rows[_paid(budget, price.open, rows, counts[rows], takes)]
    where, cols = np.nonzero(askable[rows])
    return Query(rows[where], cols)


def _seconds_of(
    askable: Table, counts: NDArray[np.intp], price: Price, rows: Flat
) -> NDArray[np.float64]:
    """(n,): what all answers of some images take."""
    if np.ptp(price.answer) == 0:
        return np.asarray(counts[rows] * np.max(price.answer))
    parts = [
        askable[rows[block]] @ price.answer for block in row_blocks((len(rows), *askable.shape[1:]))
    ]
    return np.concatenate([np.zeros(0), *parts])


def _entries(
    askable: Table,
    counts: NDArray[np.intp],
    scores: Table,
    ties: NDArray[np.float64],
    budget: Budget,
    price: Price,
    weighed: Price,
) -> Query:
    labels = askable.shape[1]
    each = np.asarray(np.broadcast_to(price.answer, labels), np.float64)
    most, within_means = looked_at(budget, each, int(counts.sum())), np.ones(labels, np.bool_)
    if budget.seconds is not None:
        within_means = price.open + each <= budget.seconds * TOLERANCE
    draws = entry_chance(ties, labels)

    def chance(places: Flat) -> NDArray[np.floating]:
        if not weighed.open:
            return draws(places)
        # Entries of one prefix are worth the same: they stay together, the best of them first.
        rows, cols = np.divmod(places, labels)
        alone = (scores[rows, cols] if scores.ndim == 2 else scores[rows]) / each[cols]
        rank = np.empty(len(places))
        rank[np.lexsort((draws(places), alone, ties[rows]))] = np.arange(len(places))
        return rank

    best = Best(chance, most)
    for rows in _blocks_of(scores, counts, best, weighed, labels):
        there, score = askable[rows] & within_means, scores[rows]
        _refuse_nan(score, counts[rows])
        score = score if score.ndim == 2 else np.broadcast_to(score[:, None], there.shape)

        def place(high: Flat, rows: Flat | slice = rows) -> Flat:
            if isinstance(rows, slice):
                return np.asarray(high + rows.start * labels)
            at, cols = np.divmod(high, labels)
            return np.asarray(rows[at] * labels + cols)

        best.add(_worth(there, score, weighed), there, place)
    rows, cols = np.divmod(best.found()[0], labels)
    order = in_order(rows, cols, budget, price.open, each)
    return Query(rows[order], cols[order])


def _blocks_of(
    scores: Table, counts: NDArray[np.intp], best: Best, price: Price, labels: int
) -> Iterator[Flat | slice]:
    """The images of which something can be asked, some at a time; of images that are scored whole
    only those that may come among the best so far."""
    # By the second an entry is worth its score over its price at most.
    each = 1.0 if _one_for_all(price) else float(np.min(price.answer))
    for block in row_blocks((len(counts), labels)):
        rows = block.start + np.flatnonzero(counts[block])
        if scores.ndim == 1:
            rows = rows[scores[rows] >= best.border * each]
        if len(rows):
            yield block if len(rows) == block.stop - block.start else rows


def _one_for_all(price: Price) -> bool:
    """Whether all entries take the same, so that scores need not be set against what they take."""
    return not price.open and np.ptp(price.answer) == 0


def looked_at(budget: Budget, each: NDArray[np.float64], entries: int) -> int:
    """How many of the highest entries the budget may look at; each: (L,) seconds of an answer."""
    # Where images count as well, entries of images that may not be opened are passed over.
    if budget.images is None and budget.answers is not None:
        entries = min(entries, budget.answers)
    if budget.images is None and budget.seconds is not None:
        entries = min(entries, int(budget.seconds / each.min()) + 1)
    return entries


def in_order(
    rows: Flat, cols: Flat, budget: Budget, open: float, each: NDArray[np.float64]
) -> Flat:
    """Which of the highest entries (n,), best first, the budget pays, in the order to ask."""
    kept = np.flatnonzero(_paid(budget, open, rows, np.ones(len(rows), np.intp), each[cols]))
    # Together, as a person answers them: the images in the order in which they were first wanted.
    _, first, group = np.unique(rows[kept], return_index=True, return_inverse=True)
    return np.asarray(kept[np.lexsort((cols[kept], first[group]))])


def _worth(
    askable: NDArray[np.bool_], scores: NDArray[np.floating], price: Price
) -> NDArray[np.floating]:
    """(n, L): the score that each entry brings by the second, where its image is opened for it.

    For each image the best set to ask is a prefix of its entries by score over cost: that of the
    largest score over cost with the opening. All of the prefix get this ratio, and what comes
    after it its own, which is never above: so one ranking of all entries buys best.
    """
    if _one_for_all(price):
        return scores
    seconds = np.broadcast_to(price.answer, askable.shape[1])
    scores = np.where(askable, scores, 0)
    if not price.open:
        return _by_the_second(scores, seconds)
    ratio = np.where(askable, _by_the_second(scores, seconds), -np.inf)
    order = np.argsort(-ratio, axis=1, kind="stable")
    ranked = np.take_along_axis(ratio, order, axis=1)
    there = np.isfinite(ranked)
    took = np.where(there, seconds[order], 0)
    bought = np.where(there, ranked, 0) * took
    whole = bought.cumsum(axis=1) / (price.open + took.cumsum(axis=1))
    best = whole.argmax(axis=1)
    in_prefix = there & (np.arange(askable.shape[1]) <= best[:, None])
    ranked = np.where(in_prefix, whole.max(axis=1, keepdims=True), ranked)
    worth = np.empty(askable.shape)
    np.put_along_axis(worth, order, ranked, axis=1)
    return worth


def _by_the_second(
    worth: NDArray[np.floating], seconds: NDArray[np.floating]
) -> NDArray[np.floating]:
    if (worth[np.isfinite(worth)] < 0).any():
        raise UsageError(
            "where costs differ, scores must be 0 or more to be set against them",
            seen=f"a score of {worth[np.isfinite(worth)].min():g}",
            do="take another strategy, or one price for all",
        )
    return np.asarray(worth / seconds)


def _paid(
    budget: Budget,
    open: float,
    rows: Flat,
    answers: NDArray[np.intp],
    seconds: NDArray[np.floating],
) -> NDArray[np.bool_]:
    """(n,): which of a ranking the budget pays, from the first on; what is too dear is passed over.

    rows: (n,) the image of each. answers, seconds: (n,) what each takes; the first of an image
    taken also opens it.
    """
    limits = (budget.images, budget.answers, budget.seconds)
    left = np.array([np.inf if limit is None else limit * TOLERANCE for limit in limits])
    taken = np.zeros(len(rows), np.bool_)
    opened = np.zeros(rows.max(initial=0) + 1, np.bool_)
    rest = np.arange(len(rows))

    def costs(closed: NDArray[np.bool_]) -> NDArray[np.floating]:
        return np.stack([closed, answers[rest], seconds[rest] + open * closed])

    while len(rest):
        closed = ~opened[rows[rest]]
        rest = rest[(costs(closed) <= left[:, None]).all(axis=0)]
        first = np.zeros(len(rest), np.bool_)
        first[np.unique(rows[rest], return_index=True)[1]] = True
        spent = costs(first & ~opened[rows[rest]]).cumsum(axis=1)
        fits: NDArray[np.bool_] = np.asarray((spent <= left[:, None]).all(axis=0))
        count = len(fits) if fits.all() else int(np.argmin(fits))
        if count:
            left -= spent[:, count - 1]
        taken[rest[:count]] = True
        opened[rows[rest[:count]]] = True
        rest = rest[count + 1 :]
    return taken
