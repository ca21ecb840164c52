"""Known entries that are likely wrong: their order, and how many are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.evaluate.suspects import error_rate, suspects

entries = st.sampled_from((-1, 0, 1))
chances = st.one_of(st.just(float("nan")), st.floats(0, 1, width=32))


@pytest.mark.slow
@given(st.lists(st.tuples(entries, chances, st.booleans()), min_size=1, max_size=30))
def test_presents_rise_and_absents_fall_as_in_a_plain_loop(cells) -> None:
    values, p, among = (np.array(part).reshape(1, -1) for part in zip(*cells, strict=True))
    presents, absents = suspects(values.astype(np.int8), p, among)
    for side, value, sign in ((presents, 1, 1), (absents, 0, -1)):
        expected = sorted(
            (sign * chance, col)
            for col, (entry, chance, may) in enumerate(cells)
            if entry == value and may and chance == chance
        )
        assert side.value == value
        assert side.cols.tolist() == [col for _, col in expected]
        assert [(row, col, chance) for row, col, chance in side] == [
            (0, col, sign * key) for key, col in expected
        ]
        assert list(side.first(2)) == list(side)[:2]


@pytest.mark.slow
def test_the_interval_of_a_share_of_errors_covers() -> None:
    rng = np.random.default_rng(0)
    drawn = rng.binomial(40, 0.1, 2000).tolist()
    of = {wrong: error_rate(1, 40, wrong) for wrong in {*drawn}}
    rates = [of[wrong] for wrong in drawn]
    assert np.mean([rate.low <= 0.1 <= rate.high for rate in rates]) >= 0.95
    assert np.mean([rate.share for rate in rates]) == pytest.approx(0.1, abs=0.01)
    nothing = error_rate(0, 0, 0)
    assert (nothing.low, nothing.high) == (0, 1)
    assert np.isnan(nothing.share)
