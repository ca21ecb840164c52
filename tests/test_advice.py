"""Stop advice: the forecast against plain algebra, what it must not depend on, and its coverage."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats

from alasl import advice
from alasl.advice import LEAST, Advice, advise
from alasl.errors import DataError, UsageError

COSTS = (0, 480, 1010, 1490, 2020, 2500)
MAPS = (40.1, 44.0, 46.2, 46.9, 48.3, 48.9)


def plainly(costs, maps, batch, wanted, judged):
    """Gain, low, high and chance by generalised least squares with whole covariance matrices."""
    c, m = np.array(costs, float), np.array(maps, float)
    n, each = len(c), (c[-1] - c[0]) / (len(c) - 1)
    laws = [lambda x: x]
    for reach, power in product(advice._REACHES, advice._POWERS):
        if power == 0:
            laws.append(lambda x, r=reach * each: math.log(1 + x / r))
        else:
            laws.append(lambda x, r=reach * each, p=power: 1 - (1 + x / r) ** -p)
    degrees = n - 2 + advice._WORTH
    found = []
    for alike, law in product(advice._ALIKE, laws):
        covariance = [[alike ** abs(i - j) if i != j else 1.0 for j in range(n)] for i in range(n)]
        inverse = np.linalg.inv(covariance)
        top = law(c[-1] - c[0])
        x = np.array([[1, law(v - c[0]) / top] for v in c])
        after = np.array([1, law(c[-1] + batch - c[0]) / top])
        inner = np.linalg.inv(x.T @ inverse @ x)
        theta = inner @ x.T @ inverse @ m
        rest = m - x @ theta
        size = (rest @ inverse @ rest + advice._WORTH * advice._ERROR**2 / judged) / degrees
        to_next = np.array([alike ** (n - i) if alike else 0.0 for i in range(n)])
        mean = after @ theta + to_next @ inverse @ rest
        lever = after - x.T @ inverse @ to_next
        noise = 1 - to_next @ inverse @ to_next + lever @ inner @ lever
        evidence = (
            np.linalg.det(covariance) ** -0.5
            * np.linalg.det(x.T @ inverse @ x) ** -0.5
            * size ** (-degrees / 2)
        )
        rise = (after - x[-1]) @ theta
        doubt = math.sqrt(size * (after - x[-1]) @ inner @ (after - x[-1]))
        found.append((evidence, rise, doubt, mean - m[-1], math.sqrt(noise * size)))
    total = sum(f[0] for f in found)

    def below(value, mean, scale):
        t = stats.t(degrees)
        return sum(f[0] / total * t.cdf((value - f[mean]) / f[scale]) for f in found)

    def quantile(share):
        return optimize.brentq(lambda value: below(value, 3, 4) - share, -100, 100)

    return (
        sum(f[0] * f[1] for f in found) / total,
        quantile(0.1),
        quantile(0.9),
        below(wanted, 1, 2),
    )


@pytest.mark.parametrize("points", [4, 6])
@pytest.mark.parametrize("batch", [100, 900])
def test_the_forecast_is_that_of_plain_algebra(points: int, batch: float) -> None:
    costs, maps = COSTS[:points], MAPS[:points]
    told = advise(costs, maps, batch, stop_below=0.5, judged=250)
    expected = plainly(costs, maps, batch, 0.5 * batch / 1000, 250)
    np.testing.assert_allclose(
        [told.gain, told.low, told.high, told.chance], expected, rtol=1e-6, atol=1e-9
    )


curves = st.lists(st.tuples(st.integers(1, 500), st.floats(0, 100)), min_size=LEAST, max_size=12)


@settings(max_examples=50)
@given(curves, st.integers(1, 500), st.floats(-5, 5), st.sampled_from([1.0, 60.0, 1e3]))
def test_units_of_cost_and_a_constant_change_nothing(curve, batch, shift, unit) -> None:
    costs, maps = np.cumsum([c for c, _ in curve]), np.array([m for _, m in curve])
    one = advise(costs, maps, batch, stop_below=1.0)
    other = advise(costs * unit, maps + shift, batch * unit, stop_below=1.0 / unit)
    assert one.low <= one.high
    assert 0 <= one.chance <= 1
    assert (one.verdict == "stop") == (one.chance >= advice.SURE)
    for name in ("gain", "low", "high", "chance", "stop_below"):
        assert getattr(other, name) == pytest.approx(getattr(one, name), rel=1e-5, abs=1e-6)


@settings(max_examples=30)
@given(curves, st.integers(1, 500), st.floats(0, 5), st.floats(0, 5))
def test_a_higher_threshold_never_makes_stopping_less_likely(curve, batch, low, more) -> None:
    costs, maps = np.cumsum([c for c, _ in curve]), [m for _, m in curve]
    lower, higher = (advise(costs, maps, batch, stop_below=t).chance for t in (low, low + more))
    assert higher >= lower - 1e-12


def law(costs, top, drop, reach, power):
    return top - drop * (1 + np.asarray(costs, float) / reach) ** -power


@pytest.mark.parametrize(("reach", "power"), [(300, 0.4), (2000, 1.0), (5000, 2.0)])
def test_an_inverse_power_law_is_carried_on(reach: float, power: float) -> None:
    rng = np.random.default_rng(0)
    costs = np.arange(13) * 500
    truth = law(costs, 70, 30, reach, power)
    gains = [advise(costs[:-1], truth[:-1] + rng.normal(0, 0.3, 12), 500).gain for _ in range(40)]
    assert np.mean(gains) == pytest.approx(truth[-1] - truth[-2], abs=0.15)


@pytest.mark.slow
def test_four_of_five_next_gains_are_in_the_interval_and_the_curves_gain_is_unbiased() -> None:
    rng = np.random.default_rng(0)
    held, errors = [], []
    for _ in range(400):
        points = rng.integers(LEAST, 12)
        costs = np.arange(points + 1) * 500
        reach, power, drop = 10 ** rng.uniform(2, 4), rng.uniform(0.3, 2), rng.uniform(0, 30)
        truth = law(costs, 70, drop, reach, power)
        seen = truth + rng.normal(0, rng.uniform(0.1, 0.6), points + 1)
        told = advise(costs[:-1], seen[:-1], 500, judged=3000)
        held.append(told.low <= seen[-1] - seen[-2] <= told.high)
        errors.append(told.gain - (truth[-1] - truth[-2]))
    assert 0.8 - 0.06 < np.mean(held) < 0.8 + 0.12  # three standard errors; wider is no lie
    assert abs(np.mean(errors)) < 0.1


def test_the_fewer_images_it_was_judged_on_the_less_is_said() -> None:
    few, many = (advise(COSTS, MAPS, 500, stop_below=1, judged=n) for n in (50, 5000))
    assert few.high - few.low > 2 * (many.high - many.low)
    assert abs(few.chance - 0.5) < abs(many.chance - 0.5)


def test_a_flat_curve_is_left_and_a_rising_one_is_not() -> None:
    costs = np.arange(8) * 500
    flat = advise(
        costs, [50, 50.2, 49.9, 50.1, 50, 50.2, 50.1, 50], 500, stop_below=0.5, judged=9000
    )
    assert flat.verdict == "stop"
    assert "Stop: less than 0.25" in str(flat)
    rising = advise(costs, 40 + costs / 500, 500, stop_below=0.5, judged=9000)
    assert rising.verdict == "go on"
    assert str(rising).startswith("Expected of the next 500 answers: +0.9")
    assert "Go on" in str(rising)
    assert advise(costs, 40 + costs / 500, 500).verdict is None
    assert "Go on" not in str(advise(costs, 40 + costs / 500, 500))


@pytest.mark.parametrize(
    ("costs", "maps"),
    [
        ((), ()),
        (COSTS[:3], MAPS[:3]),
        (COSTS[:4], (*MAPS[:3], math.nan)),
        ((0, 100, 100, 100, 200), MAPS[:5]),
    ],
)
def test_too_few_points_cannot_tell(costs: tuple[int, ...], maps: tuple[float, ...]) -> None:
    told = advise(costs, maps, 500, stop_below=1)
    assert told == Advice(500, stop_below=0.5, verdict="cannot tell")
    assert "cannot be told" in str(told)
    assert advise(costs, maps, 500).verdict is None


def test_of_evaluations_at_one_cost_the_last_stands() -> None:
    twice = advise((0, *COSTS), (99.0, *MAPS), 500, stop_below=1)
    assert twice == advise(COSTS, MAPS, 500, stop_below=1)


def test_what_is_no_curve_is_refused() -> None:
    with pytest.raises(DataError, match="one cost for each mAP"):
        advise(COSTS, MAPS[:-1], 500)
    with pytest.raises(DataError, match="do not fall"):
        advise(COSTS[::-1], MAPS, 500)
    with pytest.raises(UsageError, match="one at least"):
        advise(COSTS, MAPS, 0)
