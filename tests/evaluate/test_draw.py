"""The audit's draws: chances that add up to the budget, nest, and are kept to."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.errors import DataError
from alasl.evaluate.draw import claim_weights, inclusion, permanent_numbers, to_ask, weights


@given(
    st.lists(st.floats(0.01, 50), min_size=1, max_size=40),
    st.floats(0, 60),
    st.integers(0, 5),
)
def test_chances_add_up_to_the_budget(values: list[float], budget: float, shut: int) -> None:
    w = np.array(values)[:, None]
    open_ = np.arange(len(values))[:, None] >= shut
    chance = inclusion(w, open_, budget)
    assert chance.sum() == pytest.approx(min(budget, open_.sum()))
    assert (chance[~open_] == 0).all()
    assert (chance <= 1).all()
    below = (chance < 1 - 1e-9) & open_
    # Below 1, chances are in proportion to the weights; at 1 stand the largest.
    if below.any() and budget:
        scale = chance[below] / w[below]
        assert scale == pytest.approx(np.full(below.sum(), scale[0]))
        assert ((w * scale[0])[open_ & ~below] >= 1 - 1e-6).all()


def test_the_top_of_a_ranking_is_likelier_drawn_and_the_floor_holds() -> None:
    scores = np.arange(100.0)[:, None]
    w = weights(scores, floor=0.2)
    assert w.mean() == pytest.approx(1)
    assert (np.diff(w[:, 0]) > 0).all()
    assert w.min() > 0.2
    assert weights(np.zeros((7, 2))) == pytest.approx(np.ones((7, 2)))
    assert weights(scores, floor=1.0) == pytest.approx(np.ones((100, 1)))


@given(
    st.lists(st.tuples(st.floats(0.01, 50), st.floats(0.01, 50)), min_size=1, max_size=40),
    st.floats(0, 30),
    st.floats(0, 30),
)
def test_chances_add_up_to_the_budget_whatever_another_model_says(
    pairs: list[tuple[float, float]], first: float, more: float
) -> None:
    """Else each round of a model that has changed its mind would ask for more than it should."""
    one, other = np.array(pairs).T[:, :, None]
    open_ = np.ones(one.shape, np.bool_)
    before = inclusion(one, open_, first)
    chance = inclusion(other, open_, first + more, before)
    assert (chance >= before).all()
    assert chance.sum() == pytest.approx(min(first + more, len(pairs)))
    # What grew did so in proportion to the weights, but for what is certain.
    grew = (chance > before + 1e-9) & (chance < 1 - 1e-9)
    scale = chance[grew] / other[grew]
    assert scale == pytest.approx(np.full(len(scale), scale[0] if len(scale) else 0))


def test_draws_nest_and_nothing_is_asked_twice() -> None:
    numbers = permanent_numbers(300, 4, seed=3)
    w = weights(np.random.default_rng(0).random((300, 4)))
    open_ = np.random.default_rng(1).random((300, 4)) < 0.9
    chance, asked, count = np.zeros((300, 4)), np.zeros((300, 4), bool), 0
    for budget in (10, 25, 20, 60):
        grown = inclusion(w, open_, budget, chance)
        assert (grown >= chance).all()
        now = to_ask(numbers, grown, asked)
        assert not (now & asked).any()
        asked |= now
        count += now.sum()
        chance = grown
    assert (asked == (numbers < chance)).all()
    assert asked.sum() == count
    assert not asked[~open_].any()
    assert abs(count - 240) < 4 * np.sqrt(240)


def test_an_entry_is_drawn_as_often_as_its_chance_says() -> None:
    w = np.array([[1.0], [2], [4], [0.5]])
    chance = inclusion(w, np.ones((4, 1), bool), 1.5)
    drawn = sum(
        to_ask(permanent_numbers(4, 1, seed), chance, np.zeros((4, 1), bool)).astype(int)
        for seed in range(2000)
    )
    assert drawn / 2000 == pytest.approx(chance, abs=0.04)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="one shape"):
        inclusion(np.ones((2, 1)), np.ones((3, 1), bool), 1)
    with pytest.raises(DataError, match="negative"):
        inclusion(-np.ones((2, 1)), np.ones((2, 1), bool), 1)


def test_a_number_is_the_same_whatever_other_images_are_asked_for() -> None:
    every, rows = permanent_numbers(9000, 50, seed=3), np.array([2, 70, 8999])
    for some in (rows, rows[[2, 0, 0, 1]], np.arange(9000), rows[:0]):
        np.testing.assert_array_equal(permanent_numbers(9000, 50, 3, some), every[some])
    tracemalloc.start()
    permanent_numbers(9000, 50, 3, rows)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < every.nbytes / 10


def test_half_of_the_checks_go_to_presents_that_rank_low_half_to_absents_that_rank_high() -> None:
    scores = np.arange(100.0)[::-1, None].repeat(3, 1)
    claims = np.full((100, 3), -1, np.int8)
    claims[::2, 0] = 1
    claims[1::2, 0] = 0
    claims[:10, 1] = 1
    found = claim_weights(scores, claims)
    assert (found[claims == -1] == 0).all()
    assert found[claims[:, 0] == 1, 0].sum() == pytest.approx(1)
    assert found[claims[:, 0] == 0, 0].sum() == pytest.approx(1)
    assert (np.diff(found[claims[:, 0] == 1, 0]) > 0).all()
    assert (np.diff(found[claims[:, 0] == 0, 0]) < 0).all()
    assert found[:10, 1].sum() == pytest.approx(1), "a table of presents alone"
