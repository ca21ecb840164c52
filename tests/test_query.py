"""The selector against a full sort, and its use of ties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from alasl.errors import DataError, NothingToDo, UsageError
from alasl.query import Query, select_images

tables = hnp.arrays(
    np.int8, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-1, 1)
)


@given(tables, st.integers(1, 35), st.integers(0, 5), st.booleans())
def test_equals_a_full_sort(entries, images, levels, infinite):
    rng = np.random.default_rng([len(entries), images])
    scores = rng.integers(0, levels + 1, len(entries)).astype(float)
    if infinite:
        scores[rng.random(len(entries)) < 0.3] = np.inf
    ties = rng.random(len(entries))
    rows = [i for i in range(len(entries)) if -1 in entries[i]]
    if not rows:
        with pytest.raises(NothingToDo):
            select_images(entries, scores, images, ties)
        return
    best = sorted(rows, key=lambda i: (scores[i], ties[i]), reverse=True)[:images]
    query = select_images(entries, scores, images, ties)
    expected = [(i, j) for i in best for j in range(entries.shape[1]) if entries[i, j] == -1]
    assert list(zip(query.rows.tolist(), query.cols.tolist(), strict=True)) == expected
    assert query.images.tolist() == best
    assert len(query) == len(expected)


def test_ties_are_fair():
    """Each of 6 equal images is among the 2 asked in a third of 3 000 draws."""
    entries, draws = np.full((6, 1), -1, np.int8), 3000
    count = np.zeros(6)
    for ties in np.random.default_rng(0).random((draws, 6)):
        count[select_images(entries, np.zeros(6), 2, ties).images] += 1
    spread = (draws * (1 / 3) * (2 / 3)) ** 0.5
    assert (np.abs(count - draws / 3) < 4 * spread).all()


def test_images_keep_the_order_asked():
    query = Query(np.array([5, 5, 2, 9, 9]), np.array([0, 1, 0, 0, 2]))
    assert query.images.tolist() == [5, 2, 9]


def test_bad_input_is_refused():
    entries, good = np.full((3, 2), -1, np.int8), np.zeros(3)
    with pytest.raises(UsageError, match="at least one image"):
        select_images(entries, good, 0, good)
    for bad in (np.zeros(2), np.zeros((3, 1)), np.array([0, np.nan, 1])):
        with pytest.raises(DataError, match="scores must be one number"):
            select_images(entries, bad, 1, good)
        with pytest.raises(DataError, match="ties must be one number"):
            select_images(entries, good, 1, bad)
    with pytest.raises(NothingToDo):
        select_images(np.zeros((0, 4), np.int8), np.zeros(0), 1, np.zeros(0))
