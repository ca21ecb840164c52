"""Average precision against scikit-learn and plain loops; the figures of the mAP-cost curve."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import average_precision_score

from alasl.errors import DataError
from alasl.metrics import (
    area_under_cost,
    average_precision,
    increase_per_answer,
    map_at_cost,
    mean_ap,
    undefined,
)

FLOATS = [np.float16, np.float32, np.float64]


def reference(scores, entries):
    """scikit-learn, label by label, on the rows whose entry is known."""
    ap = np.full(entries.shape[1], np.nan)
    for label in range(entries.shape[1]):
        known = entries[:, label] >= 0
        if (entries[:, label] == 1).any() and (entries[:, label] == 0).any():
            ap[label] = average_precision_score(entries[known, label], scores[known, label])
    return ap


def plain(scores, entries):
    """The definition in loops: the sum over thresholds of (rise in recall) x precision."""
    ap = []
    for label in range(entries.shape[1]):
        pairs = [(s, e) for s, e in zip(scores[:, label], entries[:, label], strict=True) if e >= 0]
        present = sum(e for _, e in pairs)
        total, recall = 0.0, 0.0
        for threshold in sorted({s for s, _ in pairs}, reverse=True):
            taken = [e for s, e in pairs if s >= threshold]
            now = sum(taken) / present if present else math.nan
            total += (now - recall) * sum(taken) / len(taken)
            recall = now
        ap.append(total if 0 < present < len(pairs) else math.nan)
    return np.array(ap)


@st.composite
def tables(draw, unknown=True):
    """Scores with many ties (eighths within +-100) and entries of one small shape."""
    shape = (draw(st.integers(1, 25)), draw(st.integers(1, 4)))
    eighths = draw(hnp.arrays(np.int16, shape, elements=st.integers(-800, 800) | st.integers(0, 3)))
    entries = hnp.arrays(np.int8, shape, elements=st.integers(-1 if unknown else 0, 1))
    return (eighths / 8).astype(draw(st.sampled_from(FLOATS))), draw(entries)


@pytest.mark.slow
@given(tables(unknown=False))
def test_complete_tables_agree_with_scikit_learn(table):
    scores, entries = table
    assert_allclose(average_precision(scores, entries), reference(scores, entries), atol=1e-12)


@pytest.mark.slow
@given(tables())
def test_unknown_entries_are_left_out(table):
    scores, entries = table
    ap = average_precision(scores, entries)
    assert_allclose(ap, reference(scores, entries), atol=1e-12)
    assert_allclose(ap, plain(scores, entries), atol=1e-12)
    assert ((ap > 0) & (ap <= 1) | np.isnan(ap)).all()
    both = (entries == 1).any(axis=0) & (entries == 0).any(axis=0)
    assert_array_equal(np.isnan(ap), ~both)


@pytest.mark.slow
@given(tables(), st.randoms(use_true_random=False))
def test_the_order_of_the_images_does_not_matter(table, random):
    scores, entries = table
    order = random.sample(range(len(scores)), len(scores))
    assert_array_equal(
        average_precision(scores, entries), average_precision(scores[order], entries[order])
    )


@given(tables(), st.integers(1, 3))
def test_stacked_runs_equal_runs_alone(table, runs):
    scores, entries = table
    stack = np.stack([np.roll(scores, r, axis=0) for r in range(runs)])
    alone = [average_precision(s, entries) for s in stack]
    assert_array_equal(average_precision(stack, entries), np.stack(alone))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_a_table_of_a_studys_size(dtype, share):
    rng = np.random.default_rng(1)
    entries = (rng.random((400, 80)) < 0.04).astype(np.int8)
    scores = (rng.normal(size=entries.shape) + entries).astype(dtype)
    entries[rng.random(entries.shape) < share] = -1
    before = scores.copy(), entries.copy()
    assert_allclose(
        average_precision(scores, entries), reference(scores, entries), rtol=0, atol=1e-12
    )
    assert_array_equal(scores, before[0])
    assert_array_equal(entries, before[1])


def test_by_hand():
    # Ranked: present, absent, present and absent tied -> (1/1 + 2/4) / 2.
    assert average_precision(np.array([[9.0], [5], [1], [1]]), np.array([[1], [0], [1], [0]])) == (
        0.75
    )


@pytest.mark.parametrize("first", [0, 5])
def test_trap_all_scores_tied(first):
    """A constant score is worth the share of present entries, wherever the present ones stand."""
    entries = np.zeros((10, 1), np.int8)
    entries[first : first + 3] = 1
    assert average_precision(np.full((10, 1), 0.5, np.float32), entries) == pytest.approx(0.3)


def test_trap_saturated_sigmoids_tie_and_logits_do_not():
    logits = np.array([[100.0], [99.0], [98.0], [-100.0]], np.float32)
    entries = np.array([[1], [0], [0], [0]], np.int8)
    with np.errstate(over="ignore"):
        probabilities = 1 / (1 + np.exp(-logits))
    assert average_precision(logits, entries) == 1.0
    assert average_precision(probabilities, entries) == pytest.approx(1 / 3)


def test_trap_signs_and_infinities_rank():
    entries = np.array([[1], [0], [0], [-1]], np.int8)
    assert average_precision(np.array([[0.0], [-0.0], [-1], [5]]), entries) == 0.5
    assert average_precision(np.array([[-np.inf], [1], [np.inf], [5]]), entries) == (
        pytest.approx(1 / 3)
    )


def test_trap_labels_without_a_known_present():
    """Only unknown, only absent, no images: NaN and named, never 0, and out of the mean."""
    entries = np.array([[-1, 0, 1], [-1, 0, 0], [-1, -1, 1]], np.int8)
    ap = average_precision(np.array([[1.0] * 3, [2.0] * 3, [3.0] * 3]), entries)
    assert undefined(ap, ("a", "b", "c")) == ("a", "b")
    assert mean_ap(ap) == pytest.approx(100 * (1 + 2 / 3) / 2)
    assert math.isnan(mean_ap(ap[:2]))
    assert np.isnan(average_precision(np.zeros((0, 2)), np.zeros((0, 2), np.int8))).all()


@pytest.mark.parametrize(
    ("scores", "entries", "says"),
    [
        (np.array([[0.0], [np.nan]]), np.array([[0], [-1]]), "row 1, column 0"),
        (np.zeros((2, 2, 1)) * [[[np.nan], [1]]], np.zeros((2, 1)), "2 NaN in 4"),
        (np.zeros((2, 1)), np.zeros((1, 2)), r"\(2, 1\) and \(1, 2\)"),
        (np.zeros(2), np.zeros(2), r"\(2,\)"),
        (np.zeros((2, 2, 1)), np.zeros((2, 2, 1)), r"entries \(N, L\)"),
    ],
)
def test_bad_scores_are_refused(scores, entries, says):
    with pytest.raises(DataError, match=says):
        average_precision(scores, entries.astype(np.int8))


CURVE = st.lists(st.tuples(st.integers(0, 50), st.floats(0, 100)), min_size=1, max_size=8).map(
    lambda steps: ([sum(s[0] for s in steps[: i + 1]) for i in range(len(steps))], steps)
)


@given(CURVE)
@example(([0, 0, 5], [(0, 10.0), (0, 20.0), (5, 30.0)]))
def test_curves_against_plain_sums(curve):
    costs, maps = curve[0], [step[1] for step in curve[1]]
    area = sum(
        (c1 - c0) * (m0 + m1) / 2
        for c0, c1, m0, m1 in zip(costs, costs[1:], maps, maps[1:], strict=False)
    )
    height = area_under_cost(costs, maps)
    if costs[-1] == costs[0]:
        assert math.isnan(height)
    else:
        assert height == pytest.approx(area / (costs[-1] - costs[0]))
        assert min(maps) - 1e-9 <= height <= max(maps) + 1e-9
    gain = increase_per_answer(maps, costs)
    assert (
        math.isnan(gain) if not costs[-1] else gain * costs[-1] == pytest.approx(maps[-1] - maps[0])
    )
    assert map_at_cost(costs, maps, costs[-1]) == maps[-1]
    assert math.isnan(map_at_cost(costs, maps, costs[0] - 1))
    assert math.isnan(map_at_cost(costs, maps, costs[-1] + 0.5))


def test_map_between_two_costs():
    assert map_at_cost([0, 100, 300], [20, 30, 40], 200) == 35
    assert map_at_cost([0, 100, 100, 300], [20, 30, 32, 40], 100) == 32


@pytest.mark.parametrize(
    ("costs", "maps"), [([], []), ([0, 1], [5.0]), ([0, 5, 4], [1, 2, 3]), ([-1, 0], [1, 2])]
)
def test_a_curve_that_is_none_is_refused(costs, maps):
    for figure in (area_under_cost, lambda c, m: increase_per_answer(m, c)):
        with pytest.raises(DataError):
            figure(costs, maps)
