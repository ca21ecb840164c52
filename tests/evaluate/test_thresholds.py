"""Thresholds are those that trying every one finds."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import f1_score

from alasl.errors import UsageError
from alasl.evaluate.thresholds import PARTS, called_by_others, choose_thresholds
from alasl.seeds import stream
from alasl.settings import RunSettings


def every_threshold(
    probabilities: list[float], entries: list[int], precision: float | None
) -> tuple[set[int], float] | None:
    """The images that the best threshold calls present, by trying each probability; plain loops."""
    known = [
        (p, e, i) for i, (p, e) in enumerate(zip(probabilities, entries, strict=True)) if e != -1
    ]
    present = sum(e for _, e, _ in known)
    if present in (0, len(known)):
        return None
    best: tuple[float, set[int]] | None = None
    for t in sorted({p for p, _, _ in known}, reverse=True):
        called = {i for p, _, i in known if p >= t}
        right = sum(e for p, e, _ in known if p >= t)
        if precision is None:
            worth = 2 * right / (len(called) + present)
            if best is None or worth > best[0]:
                best = worth, called
        elif right >= precision * len(called):
            best = len(called), called
    return None if best is None else (best[1], best[0])


# Few values, so that many probabilities are equal.
SCORES = st.sampled_from([0.0, 1e-7, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])


@pytest.mark.slow
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            arrays(np.float32, (n, 3), elements=SCORES.map(lambda v: float(np.float32(v)))),
            arrays(np.int8, (n, 3), elements=st.sampled_from([-1, 0, 1])),
        )
    ),
    st.sampled_from([None, 0.5, 0.75, 0.9, 1.0]),
)
def test_no_other_threshold_does_better(
    table: tuple[np.ndarray, np.ndarray], precision: float | None
) -> None:
    probabilities, entries = table
    found = choose_thresholds(probabilities, entries, precision)
    assert found.dtype == np.float32
    for label in range(3):
        said, known = probabilities[:, label], entries[:, label]
        expected = every_threshold(said.tolist(), known.tolist(), precision)
        if expected is None:
            assert math.isnan(found[label])
            continue
        called = {i for i in range(len(said)) if known[i] != -1 and said[i] >= found[label]}
        assert called == expected[0]


@pytest.mark.slow
def test_f1_is_scikit_learns() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.random((200, 1), dtype=np.float32)
    entries = (probabilities + 0.3 * rng.standard_normal((200, 1)) > 0.6).astype(np.int8)
    (found,) = choose_thresholds(probabilities, entries)
    best = max(f1_score(entries, probabilities >= t) for t in np.unique(probabilities))
    assert f1_score(entries, probabilities >= found) == best


def test_a_threshold_is_halfway_so_that_the_last_digit_does_not_matter() -> None:
    probabilities = np.array([[0.9], [0.7], [0.3], [0.1]], np.float32)
    entries = np.array([[1], [1], [0], [0]], np.int8)
    (found,) = choose_thresholds(probabilities, entries)
    assert found == pytest.approx(0.5)


def test_nan_probabilities_count_for_nothing() -> None:
    probabilities = np.array([[np.nan], [0.8], [0.4]], np.float32)
    entries = np.array([[0], [1], [0]], np.int8)
    assert choose_thresholds(probabilities, entries)[0] == pytest.approx(0.6)


@pytest.mark.parametrize(
    "wrong", ["F1", "precision", "precision=", "precision=0", "precision=1.1", "recall=0.9", ""]
)
def test_other_ways_are_refused(wrong: str) -> None:
    with pytest.raises(UsageError, match="--thresholds must be f1, or precision="):
        RunSettings(thresholds=wrong)


def test_a_precision_is_read() -> None:
    assert RunSettings(thresholds="precision=0.9").precision() == 0.9
    assert RunSettings().precision() is None


@given(st.integers(0, 10_000))
def test_an_entry_that_stands_for_several_counts_as_if_repeated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    probabilities = rng.integers(0, 8, (12, 2)) / 8
    entries = rng.integers(-1, 2, (12, 2)).astype(np.int8)
    many = rng.integers(1, 4, 12)
    weights = np.repeat(many[:, None], 2, axis=1).astype(float)
    for precision in (None, 0.7):
        np.testing.assert_array_equal(
            choose_thresholds(probabilities, entries, precision, weights),
            choose_thresholds(
                probabilities.repeat(many, axis=0), entries.repeat(many, axis=0), precision
            ),
        )


def test_no_image_is_called_by_a_threshold_that_saw_its_entry() -> None:
    rng = np.random.default_rng(0)
    p = rng.random((60, 5))
    entries = (rng.random(p.shape) < p).astype(np.int8)
    called = called_by_others(p, entries, seed=3)
    assert set(np.unique(called)) <= {0, 1}
    for row in range(60):
        changed = entries.copy()
        changed[row] = 1 - changed[row]
        assert (called_by_others(p, changed, seed=3)[row] == called[row]).all()


def test_each_image_is_called_by_the_thresholds_of_the_other_parts() -> None:
    rng = np.random.default_rng(1)
    p = rng.random((50, 5))
    entries = (rng.random(p.shape) < p).astype(np.int8)
    entries[:, 1], entries[:, 3] = -1, 1
    many = rng.random(p.shape) + 0.5
    called = called_by_others(p, entries, 0.8, many, seed=4)
    part = stream(4, "parts for thresholds").permutation(50) % PARTS
    for row in range(50):
        others = part != part[row]
        found = choose_thresholds(p[others], entries[others], 0.8, many[others])
        for label in range(5):
            expected = -1 if np.isnan(found[label]) else int(p[row, label] >= found[label])
            assert called[row, label] == expected


def test_a_label_whose_only_present_is_left_out_is_not_called() -> None:
    p, entries = np.linspace(0, 1, 40)[:, None], np.zeros((40, 1), np.int8)
    entries[-1] = 1
    called = called_by_others(p, entries)
    assert called[-1, 0] == -1
    assert (called == -1).sum() == 4, "the present's whole part"
