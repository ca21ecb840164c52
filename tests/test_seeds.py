"""Draws that are spread from a row to its columns."""

from __future__ import annotations

import numpy as np

from alasl.seeds import spread, stream


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
