"""What every measure must do, run over the registry with every choice of every parameter."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.measures import available, resolve
from alasl.query import Budget, select

SPECS = [measure.spec for measure in available()] + [
    f"{measure.name}:{parameter.name}={choice}"
    for measure in available()
    for parameter in measure.parameters
    for choice in (
        parameter.choices
        or ([parameter.between.low, parameter.between.high] if parameter.between else [])
    )
    if choice != parameter.default
]
every = pytest.mark.parametrize("spec", SPECS)


def pick(pool, measure, images=3):
    return select(pool.askable, measure(pool), pool.ties, "images", Budget(images=images))


@every
def test_asks_unknown_entries_within_the_budget(spec, kind, make_pool):
    pool, measure = make_pool(kind), resolve(spec)
    query = pick(pool, measure)
    assert (pool.entries[query.rows, query.cols] == -1).all()
    assert len(query.images) == min(3, np.count_nonzero(pool.unknown_per_image))
    assert len(query) == pool.unknown_per_image[query.images].sum()
    assert len(set(zip(query.rows.tolist(), query.cols.tolist(), strict=True))) == len(query)
    scores = measure(pool)
    assert scores.dtype == np.float64
    assert (np.isneginf(scores) == (pool.unknown_per_image == 0)).all()


@every
def test_the_order_of_images_decides_nothing(spec, kind, make_pool):
    measure = resolve(spec)
    for seed in range(5):
        pool = make_pool(kind, seed)
        order = np.random.default_rng(seed).permutation(len(pool))
        moved = pick(pool.take(order), measure)
        still = pick(pool, measure)
        assert order[moved.images].tolist() == still.images.tolist()
        assert (order[moved.rows] == still.rows).all()
        assert (moved.cols == still.cols).all()


@every
def test_same_pool_same_answer_and_the_pool_is_left_alone(spec, kind, make_pool):
    pool, measure = make_pool(kind), resolve(spec)
    first = pick(pool, measure)
    again = pick(make_pool(kind), measure)
    assert (first.rows == again.rows).all()
    assert (first.cols == again.cols).all()
    fresh = make_pool(kind)
    for name in ("entries", "ties", "probabilities", "features"):
        assert (getattr(pool, name) == getattr(fresh, name)).all()


@every
def test_hidden_truth_changes_nothing(spec, kind, make_pool):
    measure = resolve(spec)
    one, other = (measure(make_pool(kind, truth_seed=seed)) for seed in (1, 2))
    assert (one == other).all()


@every
def test_float32_and_float64_agree(spec, kind, make_pool):
    pool, measure = make_pool(kind), resolve(spec)
    exact = replace(pool, probabilities=pool.probabilities.astype(np.float64))
    assert (pick(pool, measure).rows == pick(exact, measure).rows).all()
    askable = pool.unknown_per_image > 0
    np.testing.assert_allclose(measure(pool)[askable], measure(exact)[askable], rtol=1e-6)


@every
def test_asks_all_in_the_end(spec, kind, make_pool):
    pool = make_pool(kind)
    query = pick(pool, resolve(spec), images=10**6)
    assert len(query) == (pool.entries == -1).sum()


@every
def test_a_pool_without_unknown_entries_is_nothing_to_do(spec, make_pool):
    pool = make_pool()
    full = replace(pool, entries=np.ones_like(pool.entries))
    assert np.isneginf(resolve(spec)(full)).all()
    with pytest.raises(NothingToDo):
        pick(full, resolve(spec))


@every
def test_what_is_needed_and_missing_is_an_error(spec, make_pool):
    measure = resolve(spec)
    bare = replace(make_pool(), probabilities=None, features=None)
    if measure.needs:
        with pytest.raises(UsageError, match="needs the pool's"):
            measure(bare)
    else:
        assert (measure(bare) == measure(make_pool())).all()


@every
def test_spec_is_read_back(spec):
    found = resolve(spec)
    assert resolve(found.spec).spec == found.spec
    assert resolve(found.spec).settings == found.settings


def test_every_measure_is_told_in_a_line():
    for measure in available():
        assert measure.paper
        assert 10 < len(measure.about) < 100
        assert measure.about.endswith(".")


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
