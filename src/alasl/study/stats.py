"""Statistics over paired seeds: intervals, effects and their tests, Holm's correction."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

LEVEL = 0.95
# The differences that a claim allows, open at both ends; (0, inf) is "more".
Region = tuple[float, float]
MORE: Region = (0.0, math.inf)
LESS: Region = (-math.inf, 0.0)


@dataclass(frozen=True)
class Interval:
    """A mean over n seeds and its 95 % interval; low and high are NaN for fewer than two seeds."""

    mean: float
    low: float
    high: float
    n: int


@dataclass(frozen=True)
class Effect:
    """A mean difference over n paired seeds, its 95 % interval, and a test of where it lies.

    p: two-sided, of the mean difference being in the region asked about or out of it.
    inside: which of the two the seeds speak for. same: every difference is exactly 0, in two seeds
    or more.
    """

    difference: float
    low: float
    high: float
    p: float
    n: int
    inside: bool
    same: bool


def interval(values: ArrayLike) -> Interval:
    """Student's t interval of the mean over seeds, (n,); undefined (NaN) values are left out."""
    found = _defined(values)
    if not len(found):
        return Interval(math.nan, math.nan, math.nan, 0)
    mean = float(found.mean())
    if len(found) == 1:
        return Interval(mean, math.nan, math.nan, 1)
    if _constant(found):
        return Interval(mean, mean, mean, len(found))
    from scipy.stats import ttest_1samp

    low, high = ttest_1samp(found, 0.0).confidence_interval(LEVEL)
    return Interval(mean, float(low), float(high), len(found))


def student_t(n: int) -> float:
    """The standard errors on either side of a mean of n seeds, 2 or more, in its 95 % interval."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, n - 1))


def paired(a: ArrayLike, b: ArrayLike = 0.0, region: Region = MORE) -> Effect:
    """The mean of a - b over paired seeds, (n,) each, and whether it lies in `region`.

    For MORE and LESS, p is that of the paired t test. For a bounded region, being inside is tested
    by two one-sided t tests (TOST), being outside by the one-sided test at the nearer bound; p is
    twice the smaller, so that p < 0.05 and inside means that the 95 % interval is inside. Pairs
    with an undefined (NaN) side are left out; with fewer than two, p is NaN.
    """
    differences = _defined(np.asarray(a, np.float64) - np.asarray(b, np.float64))
    mean = interval(differences)
    p_in, p_out = _p_inside(differences, region), _p_outside(differences, region)
    return Effect(
        difference=mean.mean,
        low=mean.low,
        high=mean.high,
        p=min(1.0, 2 * min(p_in, p_out)) if mean.n > 1 else math.nan,
        n=mean.n,
        inside=p_in < p_out,
        same=mean.n > 1 and not differences.any(),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's adjusted p values, in the order given; NaN (not tested) stays, and is not counted."""
    p = np.asarray(p_values, np.float64)
    adjusted = np.full(len(p), np.nan)
    order = [i for i in np.argsort(p, kind="stable") if not math.isnan(p[i])]
    highest = 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p[i]))
        adjusted[i] = highest
    return [float(value) for value in adjusted]


def _p_inside(differences: NDArray[np.float64], region: Region) -> float:
    low, high = region
    return max(_p(differences, low, "greater"), _p(differences, high, "less"))


def _p_outside(differences: NDArray[np.float64], region: Region) -> float:
    low, high = region
    return min(_p(differences, low, "less"), _p(differences, high, "greater"))


def _p(differences: NDArray[np.float64], bound: float, alternative: str) -> float:
    """One-sided p of the mean being `greater` or `less` than a bound, which may be infinite."""
    if len(differences) < 2:
        return 1.0
    if math.isinf(bound) or _constant(differences):
        mean = float(differences.mean())
        return float(not (mean > bound if alternative == "greater" else mean < bound))
    from scipy.stats import ttest_1samp

    return float(ttest_1samp(differences, bound, alternative=alternative).pvalue)


def _defined(values: ArrayLike) -> NDArray[np.float64]:
    found = np.atleast_1d(np.asarray(values, np.float64))
    return found[~np.isnan(found)]


def _constant(values: NDArray[np.float64]) -> bool:
    """Whether values differ by rounding only, so that no spread can be estimated."""
    return bool(np.ptp(values) <= 1e-12 * max(1.0, np.abs(values).max()))
