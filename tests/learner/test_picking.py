"""What is asked, by how people answer and what that takes of their time."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from alasl.learner.picking import asked_of, picked
from alasl.query import Budget, Price, Query, select
from alasl.seconds import Seconds
from alasl.settings import LearnerSettings
from alasl.sparse import Sparse

RNG = np.random.default_rng(0)
ASKABLE = RNG.random((12, 5)) < 0.7
SCORES = RNG.random((12, 5))
TIES = RNG.random(12)
KNOWN = RNG.integers(-1, 2, (30, 5)).astype(np.int8)


def pick(budget: Budget, seconds: Seconds, scores: np.ndarray = SCORES, **own: object) -> Query:
    settings = LearnerSettings(**own)  # type: ignore[arg-type]
    asks = asked_of(settings, "entries")
    return picked(ASKABLE, scores, TIES, budget, settings, seconds, asks, Sparse.of(KNOWN))


def pairs(query: Query) -> set[tuple[int, int]]:
    return set(zip(query.rows.tolist(), query.cols.tolist(), strict=True))


def plain(budget: Budget) -> set[tuple[int, int]]:
    return pairs(select(ASKABLE, SCORES, TIES, "entries", budget))


def test_by_label_the_scores_alone_decide() -> None:
    budget = Budget(answers=9)
    assert pairs(pick(budget, Seconds(), by="label")) == plain(budget)
    # By default too, as nine entries of nearly as many images are answered sooner by label.
    assert pairs(pick(budget, Seconds())) == plain(budget)


def test_by_image_the_opening_is_weighed() -> None:
    budget = Budget(seconds=11.0)
    seconds = Seconds(answer=1.0, open=2.0)
    found = pairs(pick(budget, seconds, by="image"))

    def worth(entries: set[tuple[int, int]]) -> float:
        return sum(SCORES[entry] for entry in entries)

    def takes(entries: set[tuple[int, int]]) -> float:
        return len(entries) + 2 * len({row for row, _ in entries})

    # The best of all sets of the three images with the highest sums, in plain loops, is hardly
    # better; nine single entries of the highest scores take longer.
    assert takes(found) <= 11
    rows = np.argsort(-np.where(ASKABLE, SCORES, 0).sum(axis=1))[:3].tolist()
    some = [(row, col) for row in rows for col in np.flatnonzero(ASKABLE[row]).tolist()]
    best = max(
        worth(set(each))
        for many in range(1, 8)
        for each in itertools.combinations(some, many)
        if takes(set(each)) <= 11
    )
    assert worth(found) >= 0.9 * best
    assert len({row for row, _ in found}) < len(found)


def test_where_by_image_is_quicker_it_is_picked_for_it() -> None:
    seconds = Seconds(answer=1.0, open=2.0, grid=9.0)
    budget = Budget(answers=9)
    expected = select(ASKABLE, SCORES, TIES, "entries", budget, Price(1.0, 2.0))
    assert pairs(pick(budget, seconds)) == pairs(expected) != plain(budget)
    assert pairs(pick(budget, seconds, by="label")) == plain(budget)


def test_scores_below_0_are_no_gains_and_rank_alone() -> None:
    budget, below = Budget(answers=9), SCORES - 2
    assert pairs(pick(budget, Seconds(), below, by="image")) == plain(budget)
    # The price still says what the seconds buy.
    query = pick(Budget(seconds=11), Seconds(), below, by="image")
    assert len(query) + 2 * len(query.images) <= 11
    shut = np.where(ASKABLE, SCORES, -np.inf)
    weighed = pick(budget, Seconds(), shut, by="image")
    assert pairs(weighed) == pairs(pick(budget, Seconds(), by="image")) != plain(budget)


def test_tags_ask_whole_images_at_the_price_of_what_is_there() -> None:
    seconds = Seconds(open=2.0, tag=3.0)
    query = pick(Budget(seconds=20), seconds, SCORES.sum(axis=1), ask="tags")
    expected = 0.0
    for row in query.images:
        expected += 2.0
        for col in np.flatnonzero(ASKABLE[row]):
            known = [value for value in KNOWN[:, col].tolist() if value >= 0]
            expected += 3.0 * (sum(known) + 1) / (len(known) + 2)
            assert (row, col) in pairs(query)
    assert len(query) == ASKABLE[query.images].sum()
    assert 10 < expected <= 20


def test_tags_are_of_images() -> None:
    assert asked_of(LearnerSettings(ask="tags"), "entries") == "images"
    assert asked_of(LearnerSettings(ask="entries"), "images") == "entries"
    assert asked_of(LearnerSettings(), "images") == "images"


@pytest.mark.parametrize("by", [None, "label", "image"])
def test_nothing_is_asked_twice_or_beyond_the_budget(by: str | None) -> None:
    query = pick(Budget(answers=20), Seconds(), by=by)
    assert len(query) == len(pairs(query)) == 20
    assert ASKABLE[query.rows, query.cols].all()
