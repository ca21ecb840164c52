"""Entries in any order, more than are held, as a plain table has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alasl.data import spool
from alasl.data.spool import Spool
from alasl.errors import DataError
from alasl.sparse import Sparse


@pytest.mark.parametrize("held", [10, 10**6])
@pytest.mark.parametrize("share", [0.02, 0.9])
def test_they_are_put_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int, share: float
) -> None:
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(spool, "HELD", held)
    rng = np.random.default_rng(1)
    shape = (60, 30)
    expected = np.where(rng.random(shape) < share, rng.random(shape), np.nan).astype(np.float32)
    places = rng.permutation(np.flatnonzero(~np.isnan(expected)))
    # One twice, the same; and one of which nothing is said.
    places = np.append(places, places[0])
    found = Spool(tmp_path / "f", shape)
    for some in np.array_split(places, 9):
        found.add(some, expected.ravel()[some], some)
    found.add([0], [np.nan], 0)
    table = found.table()
    np.testing.assert_array_equal(table[:], expected)
    assert isinstance(table.base, Sparse) == (share < 0.1)
    in_file = held == 10
    arrays = (table.base.values,) if isinstance(table.base, Sparse) else (table.base,)
    assert all(isinstance(array, np.memmap) == in_file for array in arrays)
    assert not list((tmp_path / "cache").iterdir()) if in_file else True

    found.add(places[:1], [2.0], 7)
    with pytest.raises(
        DataError, match=rf"1 entries are predicted twice(.|\n)*:{places[0]} and .*:7"
    ):
        found.table()


def test_of_nothing_a_table_is_made(tmp_path: Path) -> None:
    assert np.isnan(Spool(tmp_path / "f", (2, 3)).table()[:]).all()
