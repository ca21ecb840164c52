"""A large pool, of which some images are looked at at a time, is asked what a whole one is."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.errors import DataError, UsageError
from alasl.learner import asking, size
from alasl.learner.implied import with_credit
from alasl.models.prepare import prepare
from alasl.query import Budget, Price, select
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.sparse import Made, Sparse
from alasl.strategies import Pool, adaptive, available, blocks, cardinality, resolve
from alasl.strategies.streamed import Streamed

EVERY = [one.spec for one in available() if one.by_image]
SPECS = [
    *EVERY,
    "entropy:over=unknown",
    "hard+entropy:combine=ranks",
    "hard+medium+entropy:combine=ties",
    "diverse:of=entropy",
    "diverse:of=hard+entropy",
]


def cases(kinds: Sequence[str]) -> list[tuple[str, str]]:
    """Every strategy that goes image by image, on every kind of pool."""
    return [(spec, kind) for spec in SPECS for kind in kinds]


def open_images(pool: Pool) -> Pool:
    """Those of which something can be asked, by their draws, as a learner shows them."""
    pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    return pool.take(np.argsort(pool.ties))


def streamed(pool: Pool) -> Streamed:
    p = pool.probabilities
    assert p is not None
    closed = np.zeros(pool.shape, np.bool_) if pool.closed is None else pool.closed
    return Streamed(
        Sparse.of(pool.entries),
        Sparse.of(closed, False),
        pool.ties,
        features=pool.features,
        labelled=pool.labelled,
        batch=pool.batch,
        ask=pool.ask,
        probabilities=Made(pool.shape, lambda rows: p[rows]),
        asked=pool.asked,
        budget=pool.budget,
        ids=pool.ids,
        memory=copy.deepcopy(pool.memory),
    )


def test_most_strategies_of_images_go_image_by_image() -> None:
    others = {one.name for one in available() if one.unit == "image" and not one.by_image}
    assert others == {"badge", "cvirs"}
    assert not resolve("diverse").by_image
    assert not resolve("diverse:of=cvirs").by_image


def test_some_images_are_scored_as_in_the_whole_pool(
    make_pool: Callable[..., Pool], monkeypatch: pytest.MonkeyPatch, kind: str, spec: str
) -> None:
    pool = open_images(make_pool(kind))
    strategy, some = resolve(spec), streamed(pool)
    whole = strategy(pool)
    # A few images at a time; the last bits of sums and products hang on how many they are.
    monkeypatch.setattr(blocks.in_blocks, "__defaults__", (5,))
    for module in (adaptive, cardinality):
        monkeypatch.setattr(module, "BLOCK", 5)
    found = strategy(some)
    assert some.memory == pool.memory
    if strategy.unit == "image":
        np.testing.assert_allclose(found, whole, rtol=1e-6)
        return
    assert isinstance(found, Made)
    for rows in (slice(0, 3), slice(3, None), slice(None)):
        np.testing.assert_allclose(found[rows], whole[rows], rtol=1e-6)
    rng = np.random.default_rng(0)
    rows, cols = rng.integers(0, len(pool), 9), rng.integers(0, pool.shape[1], 9)
    np.testing.assert_allclose(found[rows, cols], whole[rows, cols], rtol=1e-6)


@given(
    kind=st.sampled_from(["uneven", "even", "wide", "sure", "in vain", "nothing known"]),
    spec=st.sampled_from([spec for spec in SPECS if spec != "2dal"]),  # equals by rounding
    seed=st.integers(0, 2**16),
    budget=st.sampled_from([Budget(images=3), Budget(answers=7), Budget(seconds=23.0)]),
    price=st.sampled_from([Price(1.7), Price(1.0, 2.0), None]),
    ask=st.sampled_from(["images", "entries"]),
    weigh=st.booleans(),
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_what_is_picked_is_what_the_whole_pool_would_have_picked(
    make_pool: Callable[..., Pool],
    kind: str,
    spec: str,
    seed: int,
    budget: Budget,
    price: Price | None,
    ask: Any,
    weigh: bool,
) -> None:
    pool = open_images(replace(make_pool(kind, seed), ask=ask))
    strategy, some = resolve(spec), streamed(pool)
    # Without one, each label has its own.
    price = price or Price(np.linspace(1, 3, pool.shape[1]), 1.5)
    given = pool.ties, ask, budget, price
    try:
        whole = select(pool.askable, strategy(pool), *given, weigh=weigh)
    except UsageError as error:
        with pytest.raises(UsageError, match=re.escape(error.what)):
            select(some.askable, strategy(some), *given, weigh=weigh)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("alasl.ranking.BLOCK", 2 * pool.shape[1])
        found = select(some.askable, strategy(some), *given, weigh=weigh)
    np.testing.assert_array_equal(found.rows, whole.rows)
    np.testing.assert_array_equal(found.cols, whole.cols)


WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"by": "image"},
    {"by": "label"},
    {"ask": "entries"},
    {"ask": "images"},
    {"ask": "tags"},
    {"ask": "entries", "implies": ((0, 1), (2, 1))},
)


@pytest.mark.parametrize("of", WAYS, ids=str)
@pytest.mark.parametrize("strategy", ["random", "hard", "hard+entropy", "mmc", "k-center", "audi"])
def test_a_learner_asks_the_same_both_ways(
    make_dataset: Callable[..., Dataset],
    monkeypatch: pytest.MonkeyPatch,
    strategy: str,
    of: dict[str, Any],
) -> None:
    dataset = make_dataset(120)
    own = {name: value for name, value in of.items() if name != "implies"}
    own = {"images": 9, "answers": 30, "rounds": 1, **own}
    settings = RunSettings(data="made", missing=0.7, strategy=strategy, **own)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    run.evaluate()
    closed = run.known.closed.put(split.pool[:3], [0, 1, 2], True)
    known = replace(run.known, closed=closed, implies=of.get("implies", ()))
    whole = run.learner.ask(known)
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(asking, "Pool", None)  # which is not made
    found = run.learner.ask(known)
    np.testing.assert_array_equal(found.rows, whole.rows)
    np.testing.assert_array_equal(found.cols, whole.cols)
    np.testing.assert_allclose(found.scores, whole.scores, rtol=1e-5)
    assert found.memory == whole.memory


def test_rules_count_scores_from_the_least_of_all(make_pool: Callable[..., Pool]) -> None:
    pool = open_images(make_pool("even"))
    some, scores = streamed(pool), pool.ties - 0.5
    known = SimpleNamespace(sparse=some.entries, implies=((0, 1), (2, 1)), excludes=((3, 4),))
    whole, now = with_credit(scores, pool, known)  # type: ignore[arg-type]
    made, then = with_credit(scores, some, known)  # type: ignore[arg-type]
    for rows in (slice(0, 5), slice(5, None)):
        np.testing.assert_array_equal(then[rows], now[rows])
        np.testing.assert_allclose(made[rows][now[rows]], whole[rows][now[rows]])


def test_what_does_not_go_image_by_image_is_refused(make_pool: Callable[..., Pool]) -> None:
    pool = streamed(open_images(make_pool()))
    with pytest.raises(UsageError, match="scores whole pools only"):
        resolve("badge")(pool)
    with pytest.raises(UsageError, match="needs the pool's probabilities"):
        resolve("entropy")(replace(pool, probabilities=None))


@pytest.mark.parametrize("unit", ["image", "entry"])
def test_a_score_that_is_not_finite_is_refused(make_pool: Callable[..., Pool], unit: str) -> None:
    def wrong(pool: Streamed) -> object:
        if unit == "image":
            return pool.ties * np.nan
        return Made(pool.shape, lambda rows: np.full((len(rows), pool.shape[1]), np.nan))

    pool = streamed(open_images(make_pool()))
    strategy = replace(resolve("random"), function=wrong, declared_unit=unit)
    with pytest.raises(DataError, match="must give one finite score"):
        strategy(pool)[:]
