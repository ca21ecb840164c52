"""Statistics: against SciPy's own tests, plain loops, and the coverage of seeded simulations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from alasl.study.stats import LESS, MORE, holm, interval, paired

A = np.array([30.1, 31.4, 29.8, 30.9, 32.0])
B = np.array([29.0, 30.9, 29.9, 29.7, 30.8])


def test_interval_is_students_t():
    found = interval(A)
    low, high = stats.t.interval(0.95, 4, loc=A.mean(), scale=stats.sem(A))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((A.mean(), low, high, 5))


@pytest.mark.parametrize(("region", "inside"), [(MORE, True), (LESS, False)])
def test_paired_is_the_paired_t_test(region, inside):
    found, known = paired(A, B, region), stats.ttest_rel(A, B)
    assert found.p == pytest.approx(known.pvalue)
    assert (found.low, found.high) == pytest.approx(tuple(known.confidence_interval(0.95)))
    assert found.inside is inside
    assert found.n == 5
    assert not found.same
    assert paired(B, A, region).inside is not inside


@pytest.mark.parametrize("centre", [-3.0, -1.0, 0.0, 0.4, 1.0, 3.0])
@pytest.mark.parametrize("spread", [0.2, 2.0])
def test_a_bounded_region_is_decided_as_the_interval_lies(centre, spread):
    """p < 0.05 and inside: interval in the region; p < 0.05 and not: interval beyond it."""
    values = np.random.default_rng(1).normal(centre, spread, 12)
    found = paired(values, region=(-1.0, 1.0))
    assert (found.p < 0.05 and found.inside) == (found.low > -1 and found.high < 1)
    assert (found.p < 0.05 and not found.inside) == (found.low > 1 or found.high < -1)


def test_two_one_sided_tests_by_hand():
    values = A - B
    t_low = (values.mean() + 3) / stats.sem(values)
    t_high = (values.mean() - 3) / stats.sem(values)
    worse = max(stats.t.sf(t_low, 4), stats.t.cdf(t_high, 4))
    assert paired(A, B, (-3.0, 3.0)).p == pytest.approx(2 * worse)


@pytest.mark.parametrize(
    ("values", "region", "p", "inside", "same"),
    [
        ([0.0] * 5, MORE, 1.0, False, True),
        ([0.0] * 5, (-1.0, 1.0), 0.0, True, True),
        ([2.0] * 5, MORE, 0.0, True, False),
        ([-2.0] * 5, MORE, 0.0, False, False),
        ([0.1 + 0.2, 0.3, 0.3], MORE, 0.0, True, False),
        ([1.0] * 3, (-1.0, 1.0), 1.0, False, False),
    ],
)
def test_no_spread(values, region, p, inside, same):
    found = paired(values, region=region)
    assert (found.p, found.inside, found.same) == (p, inside, same)
    assert (found.low, found.high) == pytest.approx((values[-1], values[-1]))


@pytest.mark.parametrize(
    ("values", "n", "mean"), [([], 0, math.nan), ([3.0], 1, 3.0), ([3.0, math.nan], 1, 3.0)]
)
def test_fewer_than_two_seeds_have_no_interval_and_no_test(values, n, mean):
    found = paired(values)
    assert found.n == n
    assert found.difference == pytest.approx(mean, nan_ok=True)
    assert all(math.isnan(v) for v in (found.low, found.high, found.p, interval(values).low))


def test_a_pair_with_an_undefined_side_is_left_out():
    gap = np.append(A, math.nan), np.append(B, 5.0)
    assert paired(*gap) == paired(A, B)


def test_the_interval_agrees_with_the_paired_bootstrap():
    values = np.random.default_rng(3).normal(1.0, 2.0, 40)
    found = interval(values)
    other = stats.bootstrap((values,), np.mean, method="BCa", rng=np.random.default_rng(0))
    assert found.low == pytest.approx(other.confidence_interval.low, abs=0.12)
    assert found.high == pytest.approx(other.confidence_interval.high, abs=0.12)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [3, 20])
def test_intervals_cover_and_tests_err_as_often_as_they_say(seeds):
    """Of 1000 studies without a difference, 95 % of intervals hold 0: 922 to 978 by four sigma."""
    rng = np.random.default_rng(7)
    found = [paired(rng.normal(0, 1, seeds)) for _ in range(1000)]
    covered = sum(effect.low <= 0 <= effect.high for effect in found)
    assert 922 <= covered <= 978
    assert covered == sum(effect.p >= 0.05 for effect in found)


@pytest.mark.slow
def test_at_the_margin_equivalence_is_claimed_at_most_as_often_as_it_says():
    rng = np.random.default_rng(8)
    found = [paired(rng.normal(1, 1, 20), region=(-1.0, 1.0)) for _ in range(1000)]
    for inside in (True, False):
        assert sum(e.p < 0.05 and e.inside is inside for e in found) <= 45


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, math.nan, 0.7]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_closed_bonferroni_test(p):
    """Adjusted p of i: the largest Bonferroni p over all sets of hypotheses that hold i.

    Among the sets of one size, the one of the largest p values is the worst.
    """
    for i, adjusted in enumerate(holm(p)):
        others = sorted(p[:i] + p[i + 1 :], reverse=True)
        worst = max((k + 1) * min([p[i], *others[:k]]) for k in range(len(p)))
        assert adjusted == pytest.approx(min(1.0, worst))
        assert adjusted >= p[i]


@pytest.mark.slow
def test_holm_keeps_the_family_wise_error():
    rng = np.random.default_rng(9)
    wrong = sum(
        min(holm([paired(rng.normal(0, 1, 10)).p for _ in range(4)])) < 0.05 for _ in range(400)
    )
    assert wrong <= 38  # 20 expected, four sigma above
