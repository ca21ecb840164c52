"""A large pool, scored some labels at a time, is asked what a whole one is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.errors import NothingToDo, UsageError
from alasl.learner import asking, labelwise, scoring, size
from alasl.learner.labelwise import Labelwise
from alasl.models.prepare import prepare
from alasl.query import Budget, Price, Query, select
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.sparse import Sparse
from alasl.strategies import Pool, available, resolve
from alasl.strategies.streamed import Streamed

RANKED = [one.spec for one in available() if one.ranker is not None]
SPECS = [*RANKED, "entry-entropy:within=all", "random-entry:within=label", "variance:target=all"]


def cases(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Every strategy that goes label by label, on every kind of pool."""
    return [(spec, kind) for spec in SPECS for kind in kinds]


def streamed(pool: Pool) -> Streamed:
    p = pool.probabilities
    assert p is not None
    closed = np.zeros(pool.shape, np.bool_) if pool.closed is None else pool.closed
    return Streamed(
        Sparse.of(pool.entries),
        Sparse.of(closed, False),
        pool.ties,
        lambda _, labels: p[:, labels],
        np.zeros((len(pool), 0)) if pool.features is None else pool.features,
        pool.labelled,
        pool.spread,
        pool.batch,
        pool.ask,
    )


def test_some_labels_are_scored_as_in_the_whole_pool(
    make_pool: Callable[..., Pool], kind: str, spec: str
) -> None:
    pool = make_pool(kind)
    pool = replace(pool, ask="entries")
    pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    labels, images = pool.shape[1], np.argsort(pool.ties)
    for some in (pool, pool.take(images)):
        whole = resolve(spec)(some)
        score = resolve(spec).by_label(streamed(some))
        for start in range(0, labels, 5):
            part = slice(start, min(start + 5, labels))
            np.testing.assert_array_equal(score(part), whole[:, part])


@pytest.mark.parametrize("budget", [Budget(answers=7), Budget(seconds=9.0), Budget(answers=10**6)])
@pytest.mark.parametrize("seed", range(3))
def test_labels_in_any_order_are_picked_as_from_one_table(seed: int, budget: Budget) -> None:
    rng = np.random.default_rng(seed)
    # Many scores are equal: the draws decide.
    scores = rng.integers(0, 4, (30, 11)).astype(np.float32)
    askable, ties = rng.random(scores.shape) < 0.6, rng.random(30)
    whole = select(askable, scores, ties, "entries", budget, Price(1.7))
    chosen = Labelwise(scores.shape, ties, budget, (Price(1.7), Price()))
    for start in (8, 0, 4):
        part = slice(start, min(start + 4, 11))
        chosen.add(part, np.where(askable, scores, -np.inf)[:, part])
    query, found = chosen.query()
    np.testing.assert_array_equal(query.rows, whole.rows)
    np.testing.assert_array_equal(query.cols, whole.cols)
    np.testing.assert_array_equal(found, scores[query.rows, query.cols])


def test_labels_of_which_nothing_can_be_asked_or_paid_are_refused() -> None:
    chosen = Labelwise((3, 2), np.array([0.1, 0.2, 0.3]), Budget(answers=2), (Price(), Price()))
    chosen.add(slice(0, 2), np.full((3, 2), -np.inf))
    with pytest.raises(NothingToDo):
        chosen.query()
    chosen = Labelwise((3, 2), np.array([0.1, 0.2, 0.3]), Budget(seconds=0.5), (Price(), Price()))
    chosen.add(slice(0, 2), np.ones((3, 2)))
    with pytest.raises(UsageError, match="does not buy"):
        chosen.query()


@pytest.mark.parametrize(
    "rules", [{}, {"implies": ((0, 2), (3, 2)), "excludes": ((1, 4),)}], ids=len
)
@pytest.mark.parametrize("way", [{"by": "label"}, {"by": "image"}, {"grid_seconds": 9.0}], ids=str)
@pytest.mark.parametrize("strategy", ["variance", "entry-entropy", "random-entry"])
def test_a_learner_asks_the_same_both_ways(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    strategy: str,
    way: dict[str, Any],
    rules: dict[str, Any],
) -> None:
    dataset = make_dataset(120)
    run_settings = RunSettings(data="made", missing=0.7, answers=30, strategy=strategy, **way)
    split = make_split(dataset, run_settings)
    prepared = prepare(dataset, split.seen, run_settings)
    run = Simulation(dataset.labels, split, run_settings, prepared)
    run.evaluate()
    closed = run.known.closed.put(split.pool[:3], [0, 1, 2], True)
    known = replace(run.known, closed=closed, **rules)
    whole = run.learner.ask(known)
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(asking.Asking, "_pool", None)  # which is not made
    found = run.learner.ask(known)
    np.testing.assert_array_equal(found.rows, whole.rows)
    np.testing.assert_array_equal(found.cols, whole.cols)
    np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-5)


@given(
    kind=st.sampled_from(["uneven", "even", "wide", "sure", "in vain", "nothing known"]),
    spec=st.sampled_from(SPECS),
    seed=st.integers(0, 2**16),
    answers=st.integers(1, 80),
    some=st.integers(1, 16),
    opening=st.sampled_from([0.0, 0.5, 2.0, 9.0]),
    by_time=st.booleans(),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_picked_is_what_the_whole_pool_would_have_picked(
    make_pool: Callable[..., Pool],
    kind: str,
    spec: str,
    seed: int,
    answers: int,
    some: int,
    opening: float,
    by_time: bool,
) -> None:
    pool = replace(make_pool(kind, seed), ask="entries", batch=answers)
    pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    strategy, prices = resolve(spec), (Price(1.7), Price(1.0, opening))
    budget = Budget(seconds=10.0 + answers) if by_time else Budget(answers=answers)
    given = pool.askable, strategy(pool), pool.ties
    whole, by_image = (select(*given, "entries", budget, price) for price in prices)
    score = strategy.by_label(streamed(pool))
    parts = [slice(at, min(at + some, pool.shape[1])) for at in range(0, pool.shape[1], some)]

    def taken(least: float | None = None) -> tuple[Labelwise, Labelwise]:
        """All labels, one after the other; and what those who score a few each hand in."""
        kept = pool.shape, pool.ties, budget, prices, least
        chosen, merged = Labelwise(*kept), Labelwise(*kept)
        for part in parts:
            chosen.add(part, score(part))
            alone = Labelwise(*kept)
            alone.add(part, score(part))
            merged.merge(*alone.candidates())
        return chosen, merged

    def check(found: tuple[Query, np.ndarray] | None, expected: Query) -> None:
        assert found is not None
        np.testing.assert_array_equal(found[0].rows, expected.rows)
        np.testing.assert_array_equal(found[0].cols, expected.cols)
        np.testing.assert_array_equal(found[1], given[1][expected.rows, expected.cols])

    for each in taken():
        check(each.query(), whole)
        for again in taken(each.least()):
            check(again.query_by_image(), by_image)


def test_too_many_entries_are_not_weighed_by_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labelwise, "HELD", 5)
    for images, few in ((2, True), (3, False)):
        given = (images, 2), np.arange(images) / 9, Budget(answers=1), (Price(), Price(1.0, 2.0))
        chosen = Labelwise(*given)
        chosen.add(slice(0, 2), np.full((images, 2), 0.5))
        least = chosen.least()
        assert least == pytest.approx(0.5 / 3)
        chosen = Labelwise(*given, least)
        chosen.add(slice(0, 2), np.full((images, 2), 0.5))
        assert (chosen.query_by_image() is not None) == few


def test_rules_cut_labels_into_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = scoring.Rules(((1, 6), (2, 6)), ((8, 7),), np.full(10, 0.5))
    assert [group.tolist() for group in rules.groups(2)] == [
        [0], [3, 4], [5], [9], [1, 2, 6], [7, 8],
    ]  # fmt: skip
    none = scoring.Rules((), (), np.full(5, 0.5))
    assert [group.tolist() for group in none.groups(2)] == [[0, 1], [2, 3], [4]]
    monkeypatch.setattr(scoring, "WHOLE", 60)
    assert rules.fit(10)
    assert not rules.fit(11)
    assert none.fit(100)
    # Both ask for the groups; they are found once.
    monkeypatch.setattr(scoring, "connected_components", None)
    assert len(rules.groups(1)) == 7
