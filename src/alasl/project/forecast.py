"""How many answers it takes to reach a mAP, from curves simulated on entries that are known.

mAP rises with the entries known as an inverse power law, a - b n^-c. What another way of asking is
worth is told by how many answers of chance one of its answers does the work of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

CHANCE, WHOLE = "chance", "whole images"
# Powers tried: by larger ones, chance would often tell that hardly more can be reached.
_POWERS = np.linspace(0.05, 0.6, 23)
# Answers that are looked at, as shares of the entries known.
_ANSWERS = np.append(0, np.geomspace(1e-3, 1e4, 700))
# The least and the most that an answer may be worth: a few seeds say no more.
_WORTH = (0.05, 50.0)
_DRAWS = 400


@dataclass(frozen=True)
class Curves:
    """What S seeds of simulations came to; mAP in per cent.

    known: entries known in truth, and `now`: mAP with them. askable: entries unknown. entries:
    (C,), of the parts of what is known that chance kept, ascending, and chance: (S, C), mAP with
    each. Every other way of asking began with the one at `start`; asked: answers it got, and
    reached: by way, (S,) mAP after them.
    """

    known: int
    askable: int
    now: float
    entries: Floats
    chance: Floats
    start: int
    asked: int
    reached: Mapping[str, Floats]


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

    Seeds are drawn anew, the same for all ways, and the curve is fitted to each draw. To come, it
    goes on from where mAP is now, and strays from the law as it does in the simulations. What the
    law of the parts alone misses of mAP now, it goes on to miss, up to twice as much for each time
    that the entries are multiplied. As many seeds are drawn as make means vary as those of S seeds
    do: one fewer.
    """
    rng = np.random.default_rng(seed)
    ways, begun = [*curves.reached, CHANCE], float(curves.entries[curves.start])
    many, strays, more = len(curves.chance), _strays(curves), curves.known * _ANSWERS
    # Of what will be known then, so much is not known now.
    share = more / (curves.known + more)
    times = np.log1p(more / curves.known) / np.log(curves.known / curves.entries[-1])
    found: dict[str, list[float]] = {way: [] for way in ways}
    worths: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(_DRAWS):
        drawn = rng.integers(0, many, max(1, many - 1))
        luck, goes_on = float(rng.standard_normal()), float(rng.uniform(0, 2))
        chance = curves.chance[drawn].mean(axis=0)
        law = fit(np.append(curves.entries, curves.known), np.append(chance, curves.now))
        rises = law.fall * (curves.known**-law.power - (curves.known + more) ** -law.power)
        rises += goes_on * times * (curves.now - fit(curves.entries, chance).at(curves.known))
        enough = curves.now + rises + strays * luck * np.sqrt(share) >= target
        wanted = float(more[enough.argmax()]) if enough.any() else float("inf")
        for way in ways:
            worth = 1.0
            if way != CHANCE:
                # From where the law stands, as all seeds began there.
                rise = float(curves.reached[way][drawn].mean() - chance[curves.start])
                like = law.entries(law.at(begun) + rise) - begun
                worth = float(np.clip(like / curves.asked, *_WORTH))
            worths[way].append(worth)
            found[way].append(_answers(wanted, worth, curves.askable))
    return [_forecast(way, found[way], worths[way], curves.askable) for way in ways]


def _answers(by_chance: float, worth: float, askable: int) -> float:
    """Answers that do the work of so many by chance: each brings `worth` times its share of what
    is left, as who asks for everything gains what chance does."""
    left = 1 - by_chance / askable
    return askable * (1 - left ** (1 / worth)) if left >= 0 else float("inf")


def _strays(curves: Curves) -> float:
    """How far mAP strays by which entries are known, as if no two seeds had any in common.

    Two draws of a share of the entries have as large a share in common, which varies less.
    """
    if len(curves.chance) == 1:
        return 0.0
    apart = 1 - curves.entries / curves.known
    return float(np.sqrt((curves.chance.var(axis=0, ddof=1) / apart).mean()))


def _forecast(way: str, answers: list[float], worth: list[float], askable: int) -> Forecast:
    low, median, high = np.quantile(answers, [0.1, 0.5, 0.9], method="lower").tolist()

    def reached(value: float) -> float | None:
        return value if value <= askable else None

    low = min(low, float(askable))
    return Forecast(way, reached(median), low, reached(high), float(np.median(worth)))


@dataclass(frozen=True)
class Law:
    """mAP = top - fall n^-power with n entries known."""

    top: float
    fall: float
    power: float

    def at(self, entries: float) -> float:
        """mAP with so many entries known."""
        return float(self.top - self.fall * entries**-self.power)

    def entries(self, target: float) -> float:
        """Entries that must be known for a mAP; infinite at the top and above."""
        if target >= self.top or self.fall <= 0:
            return float("inf")
        # A power near 0 may ask for more than a float holds.
        logarithm = np.log(self.fall / (self.top - target)) / self.power
        return float(np.exp(min(logarithm, 700.0)))


def fit(n: Floats, maps: Floats) -> Law:
    """The law with least squares; its top lies between the largest mAP and 100."""
    x = n[:, None] ** -_POWERS
    middle, mean = x.mean(axis=0), maps.mean()
    away = x - middle
    slope = (away * (maps - mean)[:, None]).sum(axis=0) / (away**2).sum(axis=0)
    top = np.clip(mean - slope * middle, maps.max() + 1e-6, 100.0)
    # Through the mean, where the top was moved.
    fall = (top - mean) / middle
    best = int(((top - fall * x - maps[:, None]) ** 2).sum(axis=0).argmin())
    return Law(float(top[best]), float(fall[best]), float(_POWERS[best]))
