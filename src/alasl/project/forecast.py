"""How many answers it takes to reach a mAP, from curves simulated on entries that are known.

The log-odds of mAP rise with the logarithm of the entries known, by a line that may bend. What
another way of asking is worth is told by how many answers of chance one of its answers does the
work of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logit

from alasl.project.ground import Ground
from alasl.project.records import Floats

CHANCE, WHOLE = "chance", "whole images"
# What simulations on ten data sets (docs/results/audit, Plans) say before a project's own do. Of
# the bend: its standard deviation, about none; of how steep the line is from now on, and of what an
# answer is worth: how far, in logarithms, they stray from what is simulated.
_BEND, _STEEP, _STRAYS = 0.3, 0.15, 0.3
# The usual worth of an answer of a strategy and to a whole image, and how much that counts beside
# the simulated one: simulations are small, and a few seeds say little.
_USUAL, _USUAL_WHOLE, _COUNTS = 1.8, 1.0, 0.75
_BENDS = np.linspace(-1.5, 2.5, 41)
# Answers that are looked at, as shares of the entries known.
_ANSWERS = np.append(0, np.geomspace(1e-3, 1e4, 400))
# The least and the most that an answer may be worth in simulations: a few seeds say no more.
_WORTH = (0.05, 12.0)
_DRAWS = 1000
# The least variance of log-odds: no curve is known better than by some tenths of a point.
_LEAST = 1e-4


@dataclass(frozen=True)
class Curves:
    """What S seeds of simulations came to; mAP in per cent.

    known: entries known in truth, and `now`: mAP with them, and ground: what that rests on.
    askable: entries unknown. entries: (C,), of the parts of what is known that chance kept,
    ascending, and chance: (S, C), mAP with each. Every other way of asking began with the one at
    `start`; asked: answers it got, and reached: by way, (S,) mAP after them.
    """

    known: int
    askable: int
    now: float
    entries: Floats
    chance: Floats
    start: int
    asked: int
    reached: Mapping[str, Floats]
    ground: Ground | None = None


@dataclass(frozen=True)
class Forecast:
    """Answers it takes by one way of asking: the median and the 80 % interval.

    None where there are not as many entries to ask. worth: answers of chance that one
    answer does the work of.
    """

    way: str
    answers: float | None
    low: float
    high: float | None
    worth: float

    def __str__(self) -> str:
        if self.answers is None:
            least = f"{self.low:,.0f}".replace(",", " ")
            return f"{self.way}: more than {least} answers, if ever"
        most = "?" if self.high is None else f"{self.high:,.0f}"
        told = f"{self.way}: {self.answers:,.0f} answers ({self.low:,.0f} to {most})"
        return told.replace(",", " ")


def forecasts(curves: Curves, target: float, seed: int = 0) -> list[Forecast]:
    """What it takes to reach `target`, in per cent, by each way, chance last.

    Lines are drawn as often as the simulations and mAP now make them credible, and so is how far
    mAP will stray from them; all ways have the same. What an answer is worth is drawn about what it
    is in the simulations and, nearer, what it usually is.
    """
    rng = np.random.default_rng(seed)
    lines, more = _Lines.drawn(curves, rng), curves.known * _ANSWERS
    enough = lines.ahead(more, rng) >= _log_odds(target)
    wanted = np.where(enough.any(axis=1), more[enough.argmax(axis=1)], np.inf)
    seeds = rng.integers(0, len(curves.chance), (_DRAWS, len(curves.chance)))
    astray = np.exp(_STRAYS * rng.standard_normal(_DRAWS))
    found = []
    for way, reached in curves.reached.items():
        # From where the line stands, as all seeds began there.
        rises = _log_odds(reached) - _log_odds(curves.chance[:, curves.start])
        worth = _worth(curves, lines.like(rises[seeds].mean(axis=1), curves.entries[curves.start]))
        usual = _USUAL_WHOLE if way == WHOLE else _USUAL
        worth = worth ** (1 - _COUNTS) * usual**_COUNTS * astray
        found.append(_forecast(way, _answers(wanted, worth, curves.askable), worth, curves.askable))
    once = np.ones(_DRAWS)
    by_chance = _answers(wanted, once, curves.askable)
    return [*found, _forecast(CHANCE, by_chance, once, curves.askable)]


@dataclass(frozen=True)
class _Lines:
    """D draws of the line: log-odds of mAP = height + slope (1 - exp(-bend x)) / bend.

    x: the logarithm of the entries known over those known now. height, slope, bend: (D,). known:
    entries now; apart: (D,) how far the log-odds of mAP now are from the line. variance: by which
    entries are known, the log-odds stray from the line; those of two draws of entries, one within
    the other, correlate by the root of the smaller one's share.
    """

    height: Floats
    slope: Floats
    bend: Floats
    known: int
    apart: Floats
    variance: float

    @classmethod
    def drawn(cls, curves: Curves, rng: np.random.Generator) -> _Lines:
        """Lines as often as they are credible by the curve of chance and mAP now."""
        parts, simulated = curves.entries / curves.known, _log_odds(curves.chance)
        seeds, variance = len(simulated), _LEAST
        if seeds > 1:
            # Of a part of what is known, as so much of it is common to all seeds.
            variance += float((simulated.var(axis=0, ddof=1) / (1 - parts)).mean())
        now = _log_odds(curves.now)
        shares, seen = np.append(parts, 1.0), np.append(simulated.mean(axis=0), now)
        # Of one seed, parts are nested; of two, they have in common what chance gives them.
        once = np.sqrt(np.minimum.outer(shares, shares) / np.maximum.outer(shares, shares))
        common = np.sqrt(np.outer(shares, shares))
        precision = np.linalg.inv(variance * (common + (once - common) / seeds))
        fits, credible = [], []
        for bend in _BENDS:
            design = np.stack([np.ones(len(shares)), _bent(bend, np.log(shares))], axis=1)
            spread = np.linalg.inv(design.T @ precision @ design)
            fitted = spread @ design.T @ precision @ seen
            off = seen - design @ fitted
            fits.append((fitted, np.linalg.cholesky(spread)))
            flat = np.linalg.slogdet(spread)[1]
            credible.append((flat - off @ precision @ off - (bend / _BEND) ** 2) / 2)
        weights = np.exp(np.array(credible) - max(credible))
        which = rng.choice(len(_BENDS), _DRAWS, p=weights / weights.sum())
        fitted, roots = (np.array([fit[part] for fit in fits])[which] for part in (0, 1))
        both = fitted + np.einsum("dij,dj->di", roots, rng.standard_normal((_DRAWS, 2)))
        # More entries are no worse.
        slope = np.abs(both[:, 1]) * np.exp(_STEEP * rng.standard_normal(_DRAWS))
        height = both[:, 0]
        return cls(height, slope, _BENDS[which], curves.known, now - height, variance)

    def ahead(self, more: Floats, rng: np.random.Generator) -> Floats:
        """Log-odds of mAP (D, M) with M numbers of entries known more than now."""
        times = 1 + more / self.known
        line = self.height[:, None] + self.slope[:, None] * _bent(self.bend[:, None], np.log(times))
        luck = rng.standard_normal((len(self.bend), 1)) * np.sqrt(self.variance * (1 - 1 / times))
        return np.asarray(line + self.apart[:, None] / np.sqrt(times) + luck)

    def like(self, rise: Floats, begun: float) -> Floats:
        """Entries (D,) more than `begun` with which the lines have risen so much, (D,)."""
        height = _bent(self.bend, np.log(begun / self.known)) + rise / self.slope
        # Where the line has bent to a level below that, infinitely many.
        left = np.maximum(1 - self.bend * height, 0)
        with np.errstate(divide="ignore"):
            curved = -np.log(left) / np.where(self.bend == 0, 1, self.bend)
        times = np.where(self.bend == 0, height, curved)
        return np.asarray(self.known * np.exp(np.clip(times, -700, 700)) - begun)


def _bent(bend: ArrayLike, x: ArrayLike) -> Floats:
    """The rise of a line of slope 1 that bends."""
    flat = np.equal(bend, 0)
    safe = np.where(flat, 1, bend)
    return np.asarray(np.where(flat, x, -np.expm1(-safe * np.asarray(x)) / safe))


def _log_odds(maps: ArrayLike) -> Floats:
    """Of mAP in per cent, not quite 0 or 100."""
    return np.asarray(logit(np.clip(np.asarray(maps) / 100, 1e-3, 1 - 1e-3)))


def _worth(curves: Curves, like: Floats) -> Floats:
    """What an answer is worth where the simulations' answers did the work of `like` by chance, by
    the rule of `_answers`."""
    hidden = curves.known - curves.entries[curves.start]
    share = np.clip(like / hidden, 0, 1 - 1e-6)
    return np.asarray(np.clip(np.log1p(-share) / np.log1p(-curves.asked / hidden), *_WORTH))


def _answers(by_chance: Floats, worth: Floats, askable: int) -> Floats:
    """Answers that do the work of so many by chance: each brings `worth` times its share of what
    is left, as who asks for everything gains what chance does."""
    left = 1 - by_chance / askable
    return np.where(left >= 0, askable * (1 - np.maximum(left, 0) ** (1 / worth)), np.inf)


def _forecast(way: str, answers: Floats, worth: Floats, askable: int) -> Forecast:
    low, median, high = np.quantile(answers, [0.1, 0.5, 0.9], method="lower").tolist()

    def reached(value: float) -> float | None:
        return value if value <= askable else None

    low = min(low, float(askable))
    return Forecast(way, reached(median), low, reached(high), float(np.median(worth)))
