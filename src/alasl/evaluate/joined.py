"""Two estimates of a figure joined into one, for the mean over labels and for each label.

One is of completed tables, the other of corrected guesses; see `estimate`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.complete import Sampled
from alasl.evaluate.intervals import Figure, log_odds, share_interval
from alasl.labels import PRESENT

Floats = NDArray[np.float64]

# Settled by benchmarks/audits.py: how far the completed tables may be off in a mean over labels, as
# a share; how far the two estimates err together; how many standard errors a label's interval
# reaches, and that of the mean of a figure, with so many more, over the answers a label, as few
# answers make the errors less normal. Calibration's gaps err together more than is seen of them.
_DOUBT, _TOGETHER = 0.01, 0.9
# How far a mean may be off, in log-odds, for each wrong answer of people's, as a share: they may
# err more often where it matters than elsewhere.
_ERRING = 0.4
_WIDE_LABEL = 2.5
_WIDE = {"map": (2.05, 8.0), "calibration": (3.0, 0.0)}
_WIDE_OTHER = (2.0, 20.0)
# How many more that of mAP reaches if all labels have so few known presents: their guess rests on
# what labels have in common, and is wrong in common.
_FEW, _WIDE_FEW = 2, 1.5


def reach(audit: Audit, figure: str = "map") -> float:
    """How many standard errors the interval of a mean over labels reaches to either side."""
    wide, more = _WIDE.get(figure, _WIDE_OTHER)
    if figure == "map":
        wide += _WIDE_FEW * ((audit.told == PRESENT).sum(axis=0) <= _FEW).mean()
    return float(wide + more * audit.entries.shape[1] / max(audit.audited.sum(), 1))


def figures(sampled: Sampled, wide: float) -> tuple[Figure, Figure]:
    """The mean over labels and each label (L,), of one figure; wide: from `reach`."""
    mean, error = joined(sampled)
    mean = min(max(mean, 0.0), 1.0)
    return share_interval(mean, error, wide), _labels(sampled.completed[0], mean)


def joined(sampled: Sampled) -> tuple[float, float]:
    """The mean over labels of one figure, or of a difference of two, and its standard error."""
    labels = sampled.corrected.shape[2]
    tables = sampled.completed[0].mean(axis=1)
    with np.errstate(invalid="ignore"):
        error = sampled.error[0][:, ~np.isnan(sampled.error[0]).all(axis=0)]
        bias = float(np.nanmean(error, axis=0).mean()) if error.size else 0.0
        varies = float(np.nanvar(error, axis=0).sum()) / labels**2 if error.size else 1.0
    corrected = sampled.corrected[0].mean(axis=1)
    if len(corrected) > 1:
        # What the answers' errors add, of which labels have some in common.
        varies += float(corrected.var(ddof=1))
    spread = float(tables.var(ddof=1))
    weight = (spread + _DOUBT**2) / (spread + _DOUBT**2 + varies)
    mean = weight * (float(corrected.mean()) - bias) + (1 - weight) * float(tables.mean())
    error_of = (
        (1 - weight) ** 2 * (spread + (_DOUBT / 2) ** 2)
        + weight**2 * varies
        + 2 * weight * (1 - weight) * _TOGETHER * np.sqrt(spread * varies)
    )
    if sampled.erring:
        share = min(max(mean, 0.0), 1.0)
        error_of += (_ERRING * float(np.mean(sampled.erring)) * share * (1 - share)) ** 2
    return mean, float(np.sqrt(error_of))


def _labels(completed: Floats, mean: float) -> Figure:
    """The figure (L,) of each label: its completed tables' (M, L), moved to have this mean.

    The less sure a label is, the more it moves.
    """
    odds = log_odds(completed)
    spread = odds.std(axis=0, ddof=1)

    def moved(by: float) -> Floats:
        return np.asarray(expit(odds + by * spread**2))

    def off(by: float) -> float:
        return float(moved(by).mean()) - mean

    far = 50.0
    by = brentq(off, -far, far) if off(-far) < 0 < off(far) else 0.0
    centre = (odds + by * spread**2).mean(axis=0)
    value = moved(by).mean(axis=0)
    low, high = expit(centre - _WIDE_LABEL * spread), expit(centre + _WIDE_LABEL * spread)
    return Figure(value, np.minimum(low, value), np.maximum(high, value))
