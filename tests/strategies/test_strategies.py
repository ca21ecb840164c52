"""What every strategy must do, run over the registry with every choice of every parameter."""

from __future__ import annotations

import copy
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.query import Budget, select
from alasl.strategies import available, resolve

STRATEGIES = [strategy.spec for strategy in available()]
CHOICES = [
    f"{strategy.name}:{parameter.name}={choice}"
    for strategy in available()
    for parameter in strategy.parameters
    for choice in (
        parameter.choices
        or ([parameter.between.low, parameter.between.high] if parameter.between else [])
    )
    if choice != parameter.default
]
every = pytest.mark.parametrize("spec", STRATEGIES + CHOICES)


def cases(kinds):
    """Each strategy on every kind of pool; with another choice of a parameter on three of them."""
    few = ("uneven", "nothing known", "sure")
    return [*itertools.product(STRATEGIES, kinds), *itertools.product(CHOICES, few)]


ASKS = ("images", "entries")
ARRAYS = ("entries", "ties", "probabilities", "features", "members", "closed")


def fresh(pool, **changes):
    """The pool with a memory of its own, so that what a strategy notes stays with one call."""
    return replace(pool, **{"memory": copy.deepcopy(pool.memory), **changes})


def picks(pool, strategy, most=3):
    """What is asked by the same scores: whole images, and single entries."""
    scores = strategy(fresh(pool))
    budgets = {"images": Budget(images=most), "entries": Budget(answers=most)}
    return [select(pool.askable, scores, pool.ties, ask, budgets[ask]) for ask in ASKS]


def in_float64(pool):
    """The same pool in double precision."""
    double = {
        name: getattr(pool, name).astype(np.float64)
        for name in ("probabilities", "features", "members")
    }
    labelled = replace(
        pool.labelled,
        probabilities=pool.labelled.probabilities.astype(np.float64),
        features=pool.labelled.features.astype(np.float64),
    )
    return replace(pool, **double, labelled=labelled)


def test_asks_unknown_entries_within_the_budget(spec, kind, make_pool):
    pool, strategy = make_pool(kind), resolve(spec)
    for ask, query in zip(ASKS, picks(pool, strategy), strict=True):
        assert pool.askable[query.rows, query.cols].all()
        assert len(set(zip(query.rows.tolist(), query.cols.tolist(), strict=True))) == len(query)
        if ask == "images":
            assert len(query.images) == min(3, np.count_nonzero(pool.askable.any(axis=1)))
            assert len(query) == pool.askable[query.images].sum()
        else:
            assert len(query) == min(3, pool.askable.sum())


def test_scores_stand_where_something_can_be_asked(spec, kind, make_pool):
    pool, strategy = make_pool(kind), resolve(spec)
    scores = strategy(fresh(pool))
    assert np.issubdtype(scores.dtype, np.floating)
    if strategy.unit == "entry":
        assert scores.shape == pool.entries.shape
        assert (np.isneginf(scores) == ~pool.askable).all()
        assert not np.isposinf(scores).any()
        # So that they can be summed over an image, and set against what answers cost.
        assert (scores[pool.askable] >= 0).all()
    else:
        assert scores.dtype == np.float64
        assert scores.shape == (len(pool),)
        assert (np.isfinite(scores) == pool.askable.any(axis=1)).all()


def test_the_order_of_images_decides_nothing(spec, kind, make_pool):
    strategy = resolve(spec)
    for seed in range(3):
        pool = make_pool(kind, seed)
        order = np.random.default_rng(seed).permutation(len(pool))
        both = picks(pool.take(order), strategy), picks(pool, strategy)
        for moved, still in zip(*both, strict=True):
            assert order[moved.images].tolist() == still.images.tolist()
            assert (order[moved.rows] == still.rows).all()
            assert (moved.cols == still.cols).all()


def test_same_pool_same_answer_and_the_pool_is_left_alone(spec, kind, make_pool):
    pool, strategy = make_pool(kind), resolve(spec)
    both = picks(pool, strategy), picks(make_pool(kind), strategy)
    for first, again in zip(*both, strict=True):
        assert (first.rows == again.rows).all()
        assert (first.cols == again.cols).all()
    other = make_pool(kind)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(pool, name), getattr(other, name))
    for name in ("entries", "probabilities", "features"):
        mine, theirs = getattr(pool.labelled, name), getattr(other.labelled, name)
        np.testing.assert_array_equal(mine, theirs)


def test_arrays_may_be_read_only(spec, kind, make_pool):
    """As a memory-mapped file is."""
    pool, strategy = make_pool(kind), resolve(spec)
    free = strategy(fresh(pool))
    for name in ARRAYS:
        if getattr(pool, name) is not None:
            getattr(pool, name).flags.writeable = False
    assert (strategy(fresh(pool)) == free).all()


def test_hidden_truth_changes_nothing(spec, kind, make_pool):
    strategy = resolve(spec)
    one, other = (strategy(make_pool(kind, truth_seed=seed)) for seed in (1, 2))
    assert (one == other).all()


def test_float32_and_float64_agree(spec, kind, make_pool):
    pool, strategy = make_pool(kind), resolve(spec)
    exact = in_float64(pool)
    for one, other in zip(picks(pool, strategy), picks(exact, strategy), strict=True):
        assert (one.rows == other.rows).all()
        assert (one.cols == other.cols).all()
    where = pool.askable if strategy.unit == "entry" else pool.askable.any(axis=1)
    one, other = strategy(fresh(pool))[where], strategy(fresh(exact))[where]
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-9)


def test_asks_all_in_the_end(spec, kind, make_pool):
    pool, strategy = make_pool(kind), resolve(spec)
    for query in picks(pool, strategy, most=10**6):
        assert len(query) == pool.askable.sum()


def test_what_it_notes_is_json_and_serves_the_next_round(spec, kind, make_pool):
    """A round is scored, answered, and scored again with the memory as the journal keeps it."""
    pool, strategy = make_pool(kind), resolve(spec)
    query = select(pool.askable, strategy(pool), pool.ties, "entries", Budget(answers=4))
    memory = json.loads(json.dumps(pool.memory, allow_nan=False))
    assert memory == pool.memory
    entries = pool.entries.copy()
    entries[query.rows, query.cols] = 1
    after = replace(pool, entries=entries, memory=memory, asked=pool.asked + len(query))
    if after.askable.any():
        query, _ = picks(after, strategy)
        assert after.askable[query.rows, query.cols].all()


@every
def test_a_pool_without_unknown_entries_is_nothing_to_do(spec, make_pool):
    pool = make_pool()
    full = replace(pool, entries=np.ones_like(pool.entries))
    assert np.isneginf(resolve(spec)(full)).all()
    for ask, budget in zip(ASKS, (Budget(images=3), Budget(answers=3)), strict=True):
        with pytest.raises(NothingToDo):
            select(full.askable, resolve(spec)(full), full.ties, ask, budget)


@every
def test_what_is_needed_and_missing_is_an_error(spec, make_pool):
    strategy = resolve(spec)
    pool = make_pool()
    needed = {name: getattr(pool, name) for name in strategy.needs}
    everything = {"probabilities": None, "features": None, "members": None, "labelled": None}
    bare = replace(pool, **{**everything, **needed})
    assert (strategy(fresh(bare)) == strategy(fresh(pool))).all()
    for name in strategy.needs:
        with pytest.raises(UsageError, match=f"needs the pool's {name}"):
            strategy(replace(bare, **{name: None}))


@every
def test_spec_is_read_back(spec):
    found = resolve(spec)
    assert resolve(found.spec).spec == found.spec
    assert resolve(found.spec).settings == found.settings


def test_every_strategy_is_told_in_a_line():
    for strategy in available():
        assert strategy.paper
        assert 10 < len(strategy.about) < 100
        assert strategy.about.endswith(".")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": lambda p: p * np.nan}, r"must lie in \[0, 1\]"),
        ({"probabilities": lambda p: p + 0.5}, r"must lie in \[0, 1\]"),
        ({"probabilities": lambda p: p - 0.5}, r"must lie in \[0, 1\]"),
        ({"probabilities": lambda p: p[:, 1:]}, "probabilities do not fit"),
        ({"features": lambda f: f[1:]}, "features do not fit"),
        ({"ties": lambda t: t[1:]}, "ties do not fit"),
    ],
)
def test_a_pool_that_does_not_fit_is_refused(change, message, make_pool):
    pool = make_pool()
    changed = {name: alter(getattr(pool, name)) for name, alter in change.items()}
    with pytest.raises(DataError, match=message):
        replace(pool, **changed)
