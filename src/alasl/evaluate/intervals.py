"""95 % intervals of shares, on the log-odds scale, and from resampling images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, expit, logit

Floats = NDArray[np.float64]

LEVEL, NORMAL = 0.95, 1.96
# Keeps log-odds finite; an AP this near 0 or 1 is printed as 0.0 or 100.0.
_EDGE = 5e-4


@dataclass(frozen=True, eq=False)
class Figure:
    """A share in [0, 1], and the 95 % interval it lies in; each a number or an array alike.

    NaN where there is nothing to judge by.
    """

    value: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def log_odds(share: ArrayLike) -> NDArray[np.float64]:
    """Log-odds of shares, kept finite at 0 and 1."""
    return np.asarray(logit(np.clip(np.asarray(share, np.float64), _EDGE, 1 - _EDGE)))


def share_interval(value: ArrayLike, error: ArrayLike, wide: ArrayLike = NORMAL) -> Figure:
    """The interval of a share with a standard error, symmetric in its log-odds.

    wide: how many standard errors it reaches to either side.
    """
    share = np.asarray(value, np.float64)
    centre = log_odds(share)
    inside = expit(centre)
    reach = np.asarray(wide) * np.asarray(error, np.float64) / (inside * (1 - inside))
    low, high = expit(centre - reach), expit(centre + reach)
    return Figure(share, np.minimum(low, share), np.maximum(high, share))


def clopper_pearson(hits: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    """Clopper and Pearson's 95 % interval of shares, of numbers that need not be whole."""
    hit, trial = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    none, all_ = hit <= 0, hit >= trial
    tail = (1 - LEVEL) / 2
    with np.errstate(invalid="ignore"):
        low = betaincinv(np.where(none, 1, hit), trial - hit + 1, tail)
        high = betaincinv(hit + 1, np.where(all_, 1, trial - hit), 1 - tail)
    return np.where(none, 0.0, low), np.where(all_, 1.0, high)


def exact_interval(hits: int, trials: int, level: float = LEVEL) -> tuple[float, float]:
    """Clopper and Pearson's interval of a share: it holds the truth at least `level` of times."""
    if trials == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest  # a second, which most commands need not wait for

    found = binomtest(hits, trials).proportion_ci(level, method="exact")
    return float(found.low), float(found.high)
