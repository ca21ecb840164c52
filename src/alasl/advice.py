"""When to stop: what the next answers are expected to bring, read off the curve of mAP so far."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, UsageError

Floats = NDArray[np.float64]
Verdict = Literal["stop", "go on", "cannot tell"]

# With fewer evaluations than this, at costs of their own, no curve can be told from chance.
LEAST = 4
# The share of next measurements that the interval is to hold.
LEVEL = 0.8
# A recommendation to stop is at least this likely to be right: stopping cannot be taken back.
SURE = 0.9

# The curves tried: mAP = top - drop * (1 + cost / reach)^-power, an inverse power law of the
# answers; power 0 stands for the logarithm, which has no top. Reaches in steps between evaluations.
_REACHES = (0.25, 1.0, 4.0, 16.0, 64.0)
_POWERS = (0.0, 0.5, 1.0, 2.0, 4.0)
# How alike the errors of neighbouring evaluations may be.
_ALIKE = (0.0, 0.5, 0.9)
# What an evaluation's error is taken for before any is seen: points, for mAP judged on one image,
# falling with the root of their number; and how many evaluations that is worth.
_ERROR, _WORTH = 20.0, 2.0


@dataclass(frozen=True)
class Advice:
    """What the next `batch` answers are expected to bring, in points, and whether to ask them.

    gain: the expected rise of the curve, chance left out. low, high: the interval that holds the
    gain as it will be measured, chance included, in 4 of 5 cases. All None where nothing can be
    told. stop_below: what the batch is to bring at least, None where no threshold is set.
    chance: the probability that the curve rises by less than that.
    verdict: `stop` where this is likely; None without a threshold. points: of what.
    """

    batch: float
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    stop_below: float | None = None
    chance: float | None = None
    verdict: Verdict | None = None
    points: str = "mAP points"

    def __str__(self) -> str:
        """One plain sentence, or two."""
        batch = f"the next {self.batch:,.0f} answers".replace(",", "\u00a0")
        if self.gain is None or self.low is None or self.high is None:
            return f"What {batch} would bring cannot be told from fewer than {LEAST} evaluations."
        says = (
            f"Expected of {batch}: {self.gain:+.2f} {self.points} "
            f"({self.low:+.2f} to {self.high:+.2f} as measured, an 80 % interval)."
        )
        if self.stop_below is None:
            return says
        chance = min(max(self.chance or 0.0, 0.01), 0.99)
        return (
            f"{says} {'Stop' if self.verdict == 'stop' else 'Go on'}: "
            f"less than {self.stop_below:.2f} with a chance of {chance:.0%}."
        )


def advise(
    costs: Sequence[float],
    maps: Sequence[float],
    batch: float,
    stop_below: float | None = None,
    *,
    judged: int = 400,
) -> Advice:
    """What `batch` more answers are expected to bring, from the mAP measured at costs so far.

    costs: answers, or seconds, at each evaluation, never falling. maps: mAP in per cent there.
    stop_below: mAP points per 1 000 answers, below which more answers are not worth having.
    judged: images that mAP was measured on; the fewer, the more of the curve is taken for chance.
    Several inverse power laws are fitted, and each counts by how well it explains the curve, so
    that few points give a wide interval. Of evaluations at one cost the last stands.
    Raises `DataError` where the two do not fit, `UsageError` for a batch of nothing.
    """
    cost, height = np.asarray(costs, np.float64), np.asarray(maps, np.float64)
    if cost.ndim != 1 or cost.shape != height.shape or (np.diff(cost) < 0).any():
        raise DataError(
            "a curve needs one cost for each mAP, and costs that do not fall",
            seen=f"{cost.shape} costs, {height.shape} mAPs",
        )
    if not batch > 0:
        raise UsageError("advice is on the next answers: one at least", seen=str(batch))
    least = None if stop_below is None else stop_below * batch / 1000
    kept = np.append(np.diff(cost) > 0, True)[: len(cost)] & np.isfinite(height)
    cost, height = cost[kept], height[kept]
    if len(cost) < LEAST:
        return Advice(batch, stop_below=least, verdict=None if least is None else "cannot tell")
    rise, measured = _forecast(cost, height, batch, _ERROR / np.sqrt(max(judged, 1)))
    low, high = (measured.quantile((1 + sign * LEVEL) / 2) for sign in (-1, 1))
    chance = None if least is None else rise.below(least)
    verdict: Verdict | None = None
    if chance is not None:
        verdict = "stop" if chance >= SURE else "go on"
    return Advice(batch, rise.mean, low, high, least, chance, verdict)


@dataclass(frozen=True)
class _Mixture:
    """Student's t distributions of one number of degrees of freedom, with weights that sum to 1."""

    weights: Floats
    means: Floats
    scales: Floats
    freedom: float

    @property
    def mean(self) -> float:
        return float(self.weights @ self.means)

    def below(self, value: float) -> float:
        """The probability of less than a value."""
        from scipy.special import stdtr

        return float(self.weights @ stdtr(self.freedom, (value - self.means) / self.scales))

    def quantile(self, share: float) -> float:
        from scipy.optimize import brentq

        width = 1.0
        centre, reach = self.mean, float(self.scales.max() + np.ptp(self.means))
        while not self.below(centre - width * reach) < share < self.below(centre + width * reach):
            width *= 2
        ends = centre - width * reach, centre + width * reach
        return float(brentq(lambda value: self.below(value) - share, *ends))


def _forecast(
    cost: Floats, height: Floats, batch: float, error: float
) -> tuple[_Mixture, _Mixture]:
    """How far the curve rises by the next batch, and the next measurement above the last one.

    Each curve is a regression on one shape, with errors of which neighbours are alike (AR(1)),
    under flat priors for level and rise and a weak one, about `error`, for the errors' size; it
    counts by its marginal likelihood. All shapes go from 0 to 1 over the costs seen, so like is
    compared with like.
    """
    shapes = _shapes(cost, batch)
    seen, step = shapes[:, :-1], shapes[:, -1] - 1
    freedom = len(cost) - 2 + _WORTH
    parts = []
    for alike in _ALIKE:
        white = _whitened(alike)
        fresh = 1 - alike**2
        level, y = white(np.ones(len(cost))), white(height)
        # Least squares of y on the level and each shape; `slope` is the rise over the costs seen.
        x = white(seen)
        across = x - np.outer(x @ level / (level @ level), level)
        spread = (across**2).sum(axis=1)
        slope = across @ y / spread
        rest = y - y @ level / (level @ level) * level - slope[:, None] * across
        size = ((rest**2).sum(axis=1) + _WORTH * error**2) / freedom
        evidence = -0.5 * (
            np.log(level @ level) + np.log(spread) + freedom * np.log(size)
        ) - 0.5 * (len(cost) - 1) * np.log(fresh)
        # The last measurement's error carries on by the share `alike`; the rest of it does not.
        last = height[-1] - (
            y @ level / (level @ level) + slope * (1 - x @ level / (level @ level))
        )
        mean = slope * step - (1 - alike) * last
        pull = (1 - alike) / np.sqrt(level @ level)
        push = step + (1 - alike) * (1 - x @ level / (level @ level))
        noise = fresh + pull**2 + push**2 / spread
        parts.append((evidence, slope * step, step * np.sqrt(size / spread), mean, noise * size))
    evidence, rise, rise_scale, gain, variance = map(np.concatenate, zip(*parts, strict=True))
    weights = np.exp(evidence - evidence.max())
    weights /= weights.sum()
    return (
        _Mixture(weights, rise, rise_scale, freedom),
        _Mixture(weights, gain, np.sqrt(variance), freedom),
    )


def _shapes(cost: Floats, batch: float) -> Floats:
    """(S, n + 1): curves that rise from 0 at the first cost to 1 at the last, and go on beyond."""
    paid = np.append(cost, cost[-1] + batch) - cost[0]
    each = paid[-2] / (len(cost) - 1)
    curves = [paid]
    for reach in _REACHES:
        grown = 1 + paid / (reach * each)
        curves += [np.log(grown) if power == 0 else 1 - grown**-power for power in _POWERS]
    return np.array([curve / curve[-2] for curve in curves])


def _whitened(alike: float) -> Callable[[Floats], Floats]:
    """Takes (..., n) values whose neighbours' errors are alike to ones whose errors are not."""

    def white(values: Floats) -> Floats:
        first, rest = values[..., :1], values[..., 1:] - alike * values[..., :-1]
        return np.concatenate([first, rest / np.sqrt(1 - alike**2)], axis=-1)

    return white
