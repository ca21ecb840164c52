"""Draws that are spread from a row to its columns."""

from __future__ import annotations

import numpy as np

from alasl.seeds import spread, spread_at, stream


def test_spread_draws_are_uniform_and_travel_with_their_row():
    ties = stream(0, "ties").random(2000)
    drawn = spread(ties, 50)
    assert drawn.shape == (2000, 50)
    assert ((drawn >= 0) & (drawn < 1)).all()
    counts = np.histogram(drawn, bins=20, range=(0, 1))[0]
    # 5 000 expected in each bin, with a standard deviation of 69.
    assert abs(counts - 5000).max() < 350
    assert abs(np.corrcoef(drawn.T) - np.eye(50)).max() < 0.12
    order = stream(0, "order").permutation(2000)
    assert (spread(ties[order], 50) == drawn[order]).all()
    assert (spread(ties, 7) == drawn[:, :7]).all()
    assert (spread(ties, 7, first=40) == drawn[:, 40:47]).all()


def test_some_draws_are_those_of_the_whole_table() -> None:
    rng = np.random.default_rng(0)
    ties, rows, cols = rng.random(9), rng.integers(0, 9, 40), rng.integers(0, 7, 40)
    whole = spread(ties, 7)
    np.testing.assert_array_equal(spread_at(ties[rows], cols), whole[rows, cols])
    np.testing.assert_array_equal(spread(ties, 3, first=4), whole[:, 4:])
