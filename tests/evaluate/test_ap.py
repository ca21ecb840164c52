"""AP from known and from estimated entries, against plain loops and scikit-learn."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from alasl.errors import DataError
from alasl.evaluate.ap import exact, jackknife, ratio
from alasl.evaluate.order import Order, Ranking


def ranked(scores: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, Ranking]:
    ranking = Order.of(scores[:, None]).label(0)
    return values[ranking.images], ranking


tied = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1)), min_size=2, max_size=30)


@pytest.mark.slow
@given(tied)
def test_of_complete_entries_is_scikit_learns(rows: list[tuple[int, int]]) -> None:
    scores, y = np.array(rows, float).T
    values, ranking = ranked(scores, y)
    if not y.any():
        assert np.isnan(exact(values[:, None], ranking)[0])
        return
    wanted = average_precision_score(y, scores)
    assert exact(values[:, None], ranking)[0] == pytest.approx(wanted)
    assert ratio(values[:, None], ranking, y.sum())[0] == pytest.approx(wanted)


def plain_ratio(scores: np.ndarray, estimated: np.ndarray) -> float:
    hits = 0.0
    for i, s in enumerate(scores):
        level = scores >= s
        others = estimated[level].sum() - estimated[i]
        hits += estimated[i] * (1 + others) / level.sum()
    return float(np.clip(hits / estimated.sum(), 0, 1))


@given(tied)
def test_of_estimated_entries_is_the_plain_loops(rows: list[tuple[int, int]]) -> None:
    scores, y = np.array(rows, float).T
    estimated = 0.1 + 0.7 * y + 0.01 * np.arange(len(y))
    values, ranking = ranked(scores, estimated)
    assert ratio(values[:, None], ranking, 0.0)[0] == pytest.approx(plain_ratio(scores, estimated))


def test_the_numerator_has_no_bias_over_all_draws() -> None:
    """Every outcome of a small audit, by its chance: hits and presents come out right."""
    y = np.array([1.0, 0, 1, 0, 1])
    scores = np.array([5.0, 4, 4, 2, 1])
    guess, pi = np.array([0.9, 0.5, 0.3, 0.4, 0.1]), np.array([0.8, 0.5, 0.3, 0.4, 0.6])
    hits = presents = 0.0
    for outcome in product((0, 1), repeat=5):
        xi = np.array(outcome)
        chance = np.where(xi == 1, pi, 1 - pi).prod()
        estimated = guess + xi / pi * (y - guess)
        values, ranking = ranked(scores, estimated)
        level = ranking.others(values[:, None])[:, 0] + 1
        hits += chance * (values * level / ranking.ranks()).sum()
        presents += chance * values.sum()
    assert presents == pytest.approx(3)
    assert hits / 3 == pytest.approx(average_precision_score(y, scores))


def test_presents_are_never_fewer_than_are_known() -> None:
    estimated = np.array([1.0, -0.9, 0.0])
    values, ranking = ranked(np.array([3.0, 2, 1]), estimated)
    assert ratio(values[:, None], ranking, 1.0)[0] == pytest.approx(1 - 0.9 * 2 / 2)


def weighted(scores: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """AP with a weight for each image, by plain loops; an image itself counts fully."""
    hits = 0.0
    for i in range(len(y)):
        others = (scores >= scores[i]) & (np.arange(len(y)) != i)
        hits += w[i] * y[i] * (1 + (w * y)[others].sum()) / (1 + w[others].sum())
    return float(hits / (w * y).sum())


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 1)), min_size=2).filter(
        lambda rows: all(any(row[k] for row in rows) for k in (1, 2))
    )
)
def test_the_jackknife_moves_by_the_derivative_by_an_images_weight(
    rows: list[tuple[int, int, int]],
) -> None:
    table = np.array(rows)
    scores = np.stack([table[:, 0], -table[:, 0]], axis=1).astype(float)
    present = table[:, 1:] == 1
    ap, moves = jackknife(present, Order.of(scores))
    for label in range(2):
        s, y = scores[:, label], present[:, label]
        assert ap[label] == pytest.approx(average_precision_score(y, s))
        slopes = np.empty(len(y))
        for image in range(len(y)):
            up, down = np.ones(len(y)), np.ones(len(y))
            up[image] += 1e-5
            down[image] -= 1e-5
            slopes[image] = (weighted(s, y, up) - weighted(s, y, down)) / 2e-5
        assert moves[:, label] == pytest.approx(slopes - slopes.mean(), abs=1e-6)


def test_without_a_present_there_is_no_ap() -> None:
    ap, moves = jackknife(np.array([[True, False], [False, False]]), Order.of(np.eye(2)))
    assert ap[0] == 1
    assert np.isnan(ap[1])
    assert np.isnan(moves[:, 1]).all()


def test_equal_scores_share_their_mean_rank() -> None:
    scores = np.array([[1.0, 7], [3, 7], [3, 7], [2, 7]])
    assert Order.of(scores).mean_rank().tolist() == [[4, 2.5], [1.5, 2.5], [1.5, 2.5], [3, 2.5]]


def test_a_score_that_is_nan_is_named() -> None:
    with pytest.raises(DataError, match="row 1, column 0"):
        Order.of(np.array([[1.0], [np.nan]]))
