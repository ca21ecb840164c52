"""The selector: from scores, costs and a budget to the entries that are asked.

Whole images and single entries are two ends of one problem: opening an image costs something once,
each answer costs something, and the budget is to buy the most score. Where opening costs nothing
single entries are best; the dearer it is, the more of an image is asked at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.seeds import spread

Ask = Literal["images", "entries"]
Flat = NDArray[np.intp]


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
    askable: NDArray[np.bool_],
    scores: NDArray[np.floating],
    ties: NDArray[np.float64],
    ask: Ask,
    budget: Budget,
    price: Price | None = None,
) -> Query:
    """The entries that bring the most score for the budget.

    askable: bool (N, L). scores: (N,) of images or (N, L) of entries, higher = ask first. ties:
    (N,) draws, one for each image, that decide between equal scores (higher = first); they travel
    with the images, so that the images' order in the pool decides nothing.
    ask: `images` asks all askable entries of the highest-scored ones; entries' scores are summed,
    and by the second where the budget is not in images. `entries` asks those of the highest score
    by the second; an image's score counts for each of its entries.
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
    some = askable.any(axis=1)
    if not some.any():
        raise NothingToDo("no entry of the pool can be asked")
    if np.isnan(scores[some]).any():
        raise DataError("a score is NaN, so nothing can be ranked")
    if ask == "images":
        query = _images(askable, scores, ties, budget, price)
    else:
        query = _entries(askable, scores, ties, budget, price)
    if not len(query):
        raise UsageError("the budget of a round does not buy one answer", seen=str(budget))
    return query


def _images(
    askable: NDArray[np.bool_],
    scores: NDArray[np.floating],
    ties: NDArray[np.float64],
    budget: Budget,
    price: Price,
) -> Query:
    candidates = np.flatnonzero(askable.any(axis=1))
    seconds = price.open + askable[candidates] @ np.broadcast_to(price.answer, askable.shape[1])
    if scores.ndim == 2:
        worth = np.where(askable[candidates], scores[candidates], 0).sum(axis=1)
        if budget.images is None:
            worth = _by_the_second(worth, seconds)
    else:
        worth = scores[candidates]
    most = len(candidates) if budget.images is None else budget.images
    chosen = _highest(worth, lambda places: ties[candidates[places]], most)
    answers = np.count_nonzero(askable[candidates[chosen]], axis=1)
    rows = candidates[chosen[_within(budget, answers, seconds[chosen])]]
    where, cols = np.nonzero(askable[rows])
    return Query(rows[where], cols)


def _entries(
    askable: NDArray[np.bool_],
    scores: NDArray[np.floating],
    ties: NDArray[np.float64],
    budget: Budget,
    price: Price,
) -> Query:
    labels = askable.shape[1]
    worth = _worth(askable, scores, price)
    flat = np.flatnonzero(askable)

    def draws(places: Flat) -> NDArray[np.float64]:
        rows, back = np.unique(flat[places] // labels, return_inverse=True)
        return np.asarray(spread(ties[rows], labels)[back, flat[places] % labels])

    seconds = np.broadcast_to(price.answer, labels)
    most = len(flat) if budget.answers is None else budget.answers
    if budget.seconds is not None:
        most = min(most, int(budget.seconds / seconds.min()) + 1)
    chosen = flat[_highest(worth.ravel()[flat], draws, most)]
    rows, cols = chosen // labels, chosen % labels
    _, first = np.unique(rows, return_index=True)
    takes = seconds[cols].copy()
    takes[first] += price.open
    opened = np.zeros(len(rows), np.intp)
    opened[first] = 1
    kept = _within(budget, np.ones(len(rows), np.intp), takes, opened)
    rows, cols = rows[kept], cols[kept]
    # Together, as a person answers them: the images in the order in which they were first wanted.
    _, first, group = np.unique(rows, return_index=True, return_inverse=True)
    order = np.lexsort((cols, first[group]))
    return Query(rows[order], cols[order])


def _worth(
    askable: NDArray[np.bool_], scores: NDArray[np.floating], price: Price
) -> NDArray[np.floating]:
    """(N, L): the score that each entry brings by the second, where its image is opened for it.

    For each image the best set to ask is a prefix of its entries by score over cost: that of the
    largest score over cost with the opening. All of the prefix get this ratio, and what comes
    after it its own, which is never above: so one ranking of all entries buys best.
    """
    if scores.ndim == 1:
        scores = np.broadcast_to(scores[:, None], askable.shape)
    seconds = np.broadcast_to(price.answer, askable.shape[1])
    if not price.open:
        return scores if np.ptp(seconds) == 0 else _by_the_second(scores, seconds)
    ratio = np.where(askable, _by_the_second(scores, seconds), -np.inf)
    order = np.argsort(-ratio, axis=1, kind="stable")
    ranked = np.take_along_axis(ratio, order, axis=1)
    there = np.isfinite(ranked)
    took = np.where(there, seconds[order], 0)
    bought = np.where(there, ranked, 0) * took
    whole = bought.cumsum(axis=1) / (price.open + took.cumsum(axis=1))
    best = whole.argmax(axis=1)
    in_prefix = np.arange(askable.shape[1]) <= best[:, None]
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
            do="take another measure, or one price for all",
        )
    return np.asarray(worth / seconds)


def _within(
    budget: Budget,
    answers: NDArray[np.intp],
    seconds: NDArray[np.floating],
    images: NDArray[np.intp] | None = None,
) -> slice:
    """The longest start of a ranking that the budget pays."""
    images = np.ones(len(answers), np.intp) if images is None else images
    fits = np.ones(len(answers), np.bool_)
    for limit, amounts in (
        (budget.images, images),
        (budget.answers, answers),
        (budget.seconds, seconds),
    ):
        if limit is not None:
            fits &= np.cumsum(amounts) <= limit * (1 + 1e-9)
    return slice(0, len(fits) if fits.all() else int(np.argmin(fits)))


def _highest(
    scores: NDArray[np.floating], draws: Callable[[Flat], NDArray[np.float64]], count: int
) -> Flat:
    """The `count` highest, in order; `draws(places)` is asked only for those that need it."""
    found = np.arange(len(scores))
    if count < len(scores):
        border = np.partition(scores, -count)[-count]
        found = np.flatnonzero(scores > border)
        level = np.flatnonzero(scores == border)
        short = count - len(found)
        if short < len(level):
            level = level[np.argpartition(draws(level), -short)[-short:]]
        found = np.concatenate([found, level])
    return np.asarray(found[np.lexsort((draws(found), scores[found]))[::-1]])
