"""A sparse table is what the whole table is, by whatever one asks of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from alasl import sparse
from alasl.sparse import Sparse


@st.composite
def tables(draw: st.DrawFn) -> NDArray[np.int8]:
    rows, cols = draw(st.integers(0, 7)), draw(st.integers(1, 5))
    seed, share = draw(st.integers(0, 99)), draw(st.sampled_from([0.0, 0.2, 1.0]))
    rng = np.random.default_rng(seed)
    known = rng.random((rows, cols)) < share
    return np.where(known, rng.integers(0, 2, known.shape), -1).astype(np.int8)


@given(tables(), st.integers(0, 99), st.sampled_from([2, 2**22]))
def test_it_says_what_the_whole_table_says(table, seed, block) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sparse, "_BLOCK", block)
        found = Sparse.of(table)
    assert len(found) == (table != -1).sum()
    np.testing.assert_array_equal(found.dense(), table)
    np.testing.assert_array_equal(found.per_row(), (table != -1).sum(axis=1))
    np.testing.assert_array_equal(found.per_col(), (table != -1).sum(axis=0))
    np.testing.assert_array_equal(found.by_column().dense(), table.T)
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, len(table), 9) if len(table) else np.zeros(0, np.intp)
    cols = rng.integers(0, table.shape[1], len(rows))
    np.testing.assert_array_equal(found[rows], table[rows])
    np.testing.assert_array_equal(found.take(rows).dense(), table[rows])
    np.testing.assert_array_equal(found.at(rows, cols), table[rows, cols])
    some = np.flatnonzero(rng.random(len(table)) < 0.8)
    np.testing.assert_array_equal(found.take(some).dense(), table[some])
    np.testing.assert_array_equal(found[some], table[some])
    presents = found.where(lambda values: values == 1)
    np.testing.assert_array_equal(presents.dense() == 1, table == 1)
    assert len(presents) == (table == 1).sum()


@given(tables(), st.integers(0, 99))
def test_what_is_not_held_may_differ_by_column(table, seed) -> None:
    rng = np.random.default_rng(seed)
    empty = rng.integers(-1, 2, table.shape[1]).astype(np.int8)
    found = replace(Sparse.of(table), empty=empty)
    whole = np.where(table == -1, empty, table)
    np.testing.assert_array_equal(found.dense(), whole)
    rows = rng.integers(0, len(table), 9) if len(table) else np.zeros(0, np.intp)
    cols = rng.integers(0, table.shape[1], len(rows))
    np.testing.assert_array_equal(found[rows], whole[rows])
    np.testing.assert_array_equal(found.take(rows).dense(), whole[rows])
    np.testing.assert_array_equal(found.at(rows, cols), whole[rows, cols])
    some = rng.permutation(table.shape[1])[:3]
    np.testing.assert_array_equal(found.take_cols(some).dense(), whole[:, some])


def test_of_equal_places_the_last_stands() -> None:
    found = Sparse.at_places((3, 2), [2, 0, 2], [1, 0, 1], np.array([1, 1, 0], np.int8))
    np.testing.assert_array_equal(found.dense(), [[1, -1], [-1, -1], [-1, 0]])
    marked = Sparse.at_places((2, 2), [1], [0], True, 0)
    np.testing.assert_array_equal(marked.dense(), [[False, False], [True, False]])


def test_nobody_makes_a_whole_table_of_it_unasked() -> None:
    with pytest.raises(TypeError, match="dense"):
        np.zeros_like(Sparse.of(np.zeros((3, 2), np.int8)))
