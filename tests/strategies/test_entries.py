"""Strategies of single entries against plain loops, and the balance over labels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alasl.query import Budget, select
from alasl.seeds import spread
from alasl.strategies import Pool, resolve
from alasl.strategies.balance import balanced
from alasl.strategies.blocks import in_blocks


def entropy(p):
    return -sum(q * math.log(q) for q in (p, 1 - p) if q > 0)


VALUES = {
    "entry-entropy": entropy,
    "entry-margin": lambda p: 1 - abs(2 * p - 1),
    "entry-positive": lambda p: p,
}
values = pytest.mark.parametrize(("name", "value"), VALUES.items())


def best(scores, pool, answers):
    query = select(pool.askable, scores, pool.ties, "entries", Budget(answers=answers))
    return set(zip(query.rows.tolist(), query.cols.tolist(), strict=True))


@values
def test_over_all_labels_the_score_is_the_formula(name, value, kind, make_pool):
    pool = make_pool(kind)
    scores = resolve(f"{name}:within=all")(pool)
    for i, j in zip(*np.nonzero(pool.askable), strict=True):
        assert scores[i, j] == pytest.approx(value(float(pool.probabilities[i, j])), abs=1e-6)


@values
def test_within_a_label_the_score_is_one_over_the_rank(name, value, kind, make_pool):
    pool = make_pool(kind)
    scores = resolve(name)(pool)
    draws = spread(pool.ties, pool.entries.shape[1])
    for j in range(pool.entries.shape[1]):
        rows = np.flatnonzero(pool.askable[:, j])
        # Rounded, for the formulas' last bits would order equals; the draws do.
        rank = {i: (round(value(float(pool.probabilities[i, j])), 12), draws[i, j]) for i in rows}
        ordered = sorted(rows, key=rank.__getitem__, reverse=True)
        for place, i in enumerate(ordered, 1):
            assert scores[i, j] == np.float32(1 / place)


@pytest.mark.parametrize("spec", [*VALUES, "random-entry:within=label"])
def test_as_many_of_each_label_are_asked_first(spec):
    """Of 40 images one label is rare and one surely absent: 30 answers are 6 of each of 5."""
    rng = np.random.default_rng(0)
    p = rng.random((40, 5), dtype=np.float32)
    p[:, 1] *= 0.01
    p[:, 3] *= 1e-6
    pool = Pool(np.full(p.shape, -1, np.int8), rng.random(40), p)
    asked = best(resolve(spec)(pool), pool, 30)
    assert np.bincount([j for _, j in asked], minlength=5).tolist() == [6] * 5
    if spec in VALUES:
        over_all = best(resolve(f"{spec}:within=all")(pool), pool, 30)
        assert not {j for _, j in over_all} & {1, 3}


def test_a_label_with_less_to_ask_leaves_its_share_to_the_others():
    p = np.random.default_rng(0).random((40, 3), dtype=np.float32)
    entries = np.full(p.shape, -1, np.int8)
    entries[2:, 0] = 0
    pool = Pool(entries, np.random.default_rng(1).random(40), p)
    asked = best(resolve("entry-entropy")(pool), pool, 20)
    assert np.bincount([j for _, j in asked]).tolist() == [2, 9, 9]


@pytest.mark.slow
@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 40), st.integers(1, 35)),
        elements=st.sampled_from([0.0, -0.0, 5e-324, 0.1, 0.25, 1.0, 3e38]),
    ),
    st.integers(0, 3),
)
def test_ranks_equal_a_sort_by_worth_and_draw(worth, seed):
    rng = np.random.default_rng(seed)
    entries = np.where(rng.random(worth.shape) < 0.7, -1, 0).astype(np.int8)
    pool = Pool(entries, rng.random(len(worth)))
    scores = balanced(worth, pool, "label")
    draws = spread(pool.ties, worth.shape[1])
    single = worth.astype(np.float32)
    for j in range(worth.shape[1]):
        rows = np.flatnonzero(pool.askable[:, j])
        order = rows[np.lexsort((draws[rows, j], single[rows, j]))[::-1]]
        expected = 1 / np.arange(1, len(order) + 1)
        assert (scores[order, j] == expected.astype(np.float32)).all()


def test_margin_and_entropy_agree_within_a_label(kind, make_pool):
    pool = make_pool(kind)
    assert (resolve("entry-margin")(pool) == resolve("entry-entropy")(pool)).all()


def test_the_least_probabilities_keep_their_order():
    """1 - |2 p - 1| as it stands would round them all to 0 in single precision."""
    p = np.float32([[1e-9], [3e-9], [2e-9]])
    pool = Pool(np.full((3, 1), -1, np.int8), np.zeros(3), p)
    assert resolve("entry-margin")(pool)[:, 0].argsort()[::-1].tolist() == [1, 2, 0]


@pytest.mark.slow
def test_random_entries_are_uniform():
    """Each of 24 entries is among the 6 asked in a quarter of 2 000 draws, and alone there."""
    draws, entries = 2000, np.full((4, 6), -1, np.int8)
    count, pairs = np.zeros((4, 6)), 0
    for ties in np.random.default_rng(0).random((draws, 4)):
        pool = Pool(entries, ties)
        asked = best(resolve("random-entry")(pool), pool, 6)
        for i, j in asked:
            count[i, j] += 1
        pairs += len(asked) - len({i for i, _ in asked})
    deviation = (draws * 0.25 * 0.75) ** 0.5
    assert (np.abs(count - draws / 4) < 4 * deviation).all()
    # Of 4 images, 6 random entries leave out 4 x C(18, 6) / C(24, 6) = 0.55 on average.
    expected = 6 - 4 * (1 - math.comb(18, 6) / math.comb(24, 6))
    assert pairs / draws == pytest.approx(expected, abs=0.05)


def test_random_entries_of_a_long_pool_are_those_of_its_rows(make_pool):
    """Longer than a block, so that blocks are put together rightly."""
    pool = make_pool()
    rows = np.random.default_rng(0).integers(len(pool), size=5000)
    for spec in ("random-entry", "entry-entropy:within=all"):
        assert (resolve(spec)(pool.take(rows)) == resolve(spec)(pool)[rows]).all()


def test_asking_images_sums_what_their_entries_are_worth(make_pool):
    pool = make_pool("even")
    summed = resolve("entry-entropy:within=all")(pool)
    summed = np.where(pool.askable, summed, 0).sum(axis=1)
    whole = resolve("entropy:form=binary:over=unknown")(pool)
    some = pool.askable.any(axis=1)
    np.testing.assert_allclose(summed[some], whole[some], rtol=1e-5)


def test_every_block_is_worked_on_once_and_errors_come_out():
    seen = np.zeros(1000, int)

    def add(part):
        seen[part] += 1

    in_blocks(add, 1000, 7)
    assert (seen == 1).all()
    in_blocks(add, 0)
    with pytest.raises(ZeroDivisionError):
        in_blocks(lambda part: part.start / (part.start - 7), 1000, 7)


def test_known_entries_take_no_rank(make_pool):
    """What a known entry's probability is changes no score."""
    pool = make_pool("wide")
    p = np.where(pool.askable, pool.probabilities, 0.5).astype(np.float32)
    for name in VALUES:
        assert (resolve(name)(pool) == resolve(name)(replace(pool, probabilities=p))).all()
