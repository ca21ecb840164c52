"""Rows and columns of another table, as plain indexing gives them."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from alasl.data import placed
from alasl.data.placed import Placed
from alasl.sparse import Sparse

rng = np.random.default_rng(0)
BASE = np.where(rng.random((7, 5)) < 0.4, np.nan, rng.random((7, 5))).astype(np.float32)
FEW = Sparse.at_places(
    (7, 5), *np.nonzero(~np.isnan(BASE)), BASE[~np.isnan(BASE)], empty=float("nan")
)


def plain(table: np.ndarray, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    found = np.full((len(rows), len(cols)), np.nan, np.float32)
    for i, row in enumerate(rows):
        for j, col in enumerate(cols):
            if row >= 0 and col >= 0:
                found[i, j] = table[row, col]
    return found


@pytest.mark.parametrize("base", [BASE, FEW, BASE.astype(np.float16)], ids=["whole", "few", "half"])
def test_it_is_the_part_that_indexing_takes(base, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placed, "BLOCK", 8)
    rows, cols = np.array([4, -1, 0, 6]), np.array([3, 2, -1])
    whole = base[:].astype(np.float32) if isinstance(base, np.ndarray) else BASE
    table, expected = Placed(base).take(rows).take_cols(cols), plain(whole, rows, cols)
    assert table.shape == (4, 3)
    np.testing.assert_array_equal(table[:], expected)
    np.testing.assert_array_equal(table[[3, 1]], expected[[3, 1]])
    np.testing.assert_array_equal(table.at([0, 3, 1], [1, 0, 2]), expected[[0, 3, 1], [1, 0, 2]])
    np.testing.assert_array_equal(table.columns([2, 0]), expected[:, [2, 0]])
    np.testing.assert_array_equal(table.columns([0, 1]), expected[:, [0, 1]])
    np.testing.assert_array_equal(np.concatenate([b for _, b in table.blocks()]), expected)
    # A part of a part, and in another process: these entries alone.
    np.testing.assert_array_equal(table.take([2, -1])[:], plain(expected, [2, -1], [0, 1, 2]))
    again = pickle.loads(pickle.dumps(table.take([0])))
    assert again.base.shape == (1, 3)
    np.testing.assert_array_equal(again[:], expected[:1])
