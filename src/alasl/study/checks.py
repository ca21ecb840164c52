"""A check of a claim: comparisons over paired seeds, corrected together, and the verdict."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.metrics import area_under_cost, increase_per_answer, map_at_cost
from alasl.study.results import Results, RunResult
from alasl.study.stats import MORE, Effect, Region, holm, paired

Verdict = Literal["holds", "does not hold", "undecided"]
# A figure of a run for each seed, (S,); NaN where it is undefined.
PerSeed = NDArray[np.float64]
# The chance, at most, that any comparison of a claim is decided where it should not be.
ALPHA = 0.05

POINTS = "mAP points"
RATE = "mAP points per 1000 answers"


@dataclass(frozen=True)
class Check:
    """What one part of a claim says of some differences: that the mean of each lies in `region`.

    claim: its id. paper: its words. measured: what is compared, and when it holds, in words.
    subject: the difference in words, with {} for what is compared with. differences: by what is
        compared with, for each seed.
    reading: where the claim can be read in several ways, which of them this is.
    """

    claim: str
    paper: str
    measured: str
    subject: str
    unit: str
    differences: Mapping[str, PerSeed]
    region: Region = MORE
    reading: str = ""


@dataclass(frozen=True)
class Claim:
    """A check with its outcome: the comparison that decides it, with adjusted p, and a verdict."""

    claim: str
    check: str
    reading: str
    paper: str
    measured: str
    effect: float
    low: float
    high: float
    unit: str
    p: float
    n: int
    verdict: Verdict
    sentence: str


class Seeds:
    """The runs of a study's finished seeds, so that all figures are paired."""

    def __init__(self, results: Results) -> None:
        expected = len(results.study.runs(results.study.seed_range[0]))
        by_seed: dict[int, list[RunResult]] = {}
        for run in results.runs:
            by_seed.setdefault(run.settings.seed, []).append(run)
        self._runs = {s: runs for s, runs in by_seed.items() if len(runs) == expected}
        self.seeds = sorted(self._runs)

    def each(self, grid: str, figure: Callable[..., float], *by: PerSeed, **where: Any) -> PerSeed:
        """figure(run) of a grid's first run with these settings, for each seed; NaN without one.

        by: further arguments of the figure, a value for each seed.
        """
        found = []
        for seed, *values in zip(self.seeds, *by, strict=True):
            fits = (
                run
                for run in self._runs[seed]
                if run.grid == grid and all(getattr(run.settings, k) == v for k, v in where.items())
            )
            run = next(fits, None)
            found.append(math.nan if run is None else figure(run, *values))
        return np.array(found, np.float64)


def final_map(run: RunResult) -> float:
    """mAP after the last round, in per cent."""
    return run.maps[-1]


def final_cost(run: RunResult) -> float:
    """Answers after the last round."""
    return float(run.costs[-1])


def increase(run: RunResult) -> float:
    """I of eq. 7, in mAP points per 1000 answers."""
    return 1000 * increase_per_answer(run.maps, run.costs)


def map_at(run: RunResult, cost: float) -> float:
    """mAP in per cent at a cost, by linear interpolation; NaN off the curve."""
    return map_at_cost(run.costs, run.maps, cost)


def area_until(run: RunResult, cost: float) -> float:
    """The mean height in per cent of the mAP-cost curve up to a cost; NaN off the curve."""
    before = [(c, m) for c, m in zip(run.costs, run.maps, strict=True) if c < cost]
    costs, maps = zip(*before, (cost, map_at(run, cost)), strict=True)
    return area_under_cost(costs, maps)


def against(values: Mapping[str, PerSeed], name: str) -> dict[str, PerSeed]:
    """One's figure less each other's, by the other's name."""
    return {other: values[name] - v for other, v in values.items() if other != name}


def pairs(values: Mapping[str, PerSeed]) -> dict[str, PerSeed]:
    """The difference of each two, by their names."""
    return {f"{a} and {b}": values[a] - values[b] for a, b in combinations(values, 2)}


def settle(checks: Iterable[Check]) -> list[Claim]:
    """The checks' outcomes; Holm's correction is over all comparisons of a claim."""
    families: dict[str, list[Check]] = {}
    for check in checks:
        families.setdefault(check.claim, []).append(check)
    found = []
    for family in families.values():
        effects = [
            {name: paired(d, region=check.region) for name, d in check.differences.items()}
            for check in family
        ]
        tested = [effect for named in effects for effect in named.values()]
        adjusted = iter(holm([math.nan if effect.same else effect.p for effect in tested]))
        for number, (check, named) in enumerate(zip(family, effects, strict=True), 1):
            outcome = {name: (effect, next(adjusted)) for name, effect in named.items()}
            found.append(_decided(check, number, outcome))
    return found


def overall(claims: Sequence[Claim]) -> Verdict:
    """The verdict on one claim from its checks.

    It holds if all checks hold, does not if one does not, else is undecided. Where there are
    several readings, the one that does best counts.
    """
    readings = dict.fromkeys(c.reading for c in claims if c.reading) or {"": None}
    verdicts = {_all([c for c in claims if c.reading in ("", r)]) for r in readings}
    return next(v for v in _VERDICTS if v in verdicts)


_VERDICTS: tuple[Verdict, ...] = ("holds", "undecided", "does not hold")


def _all(claims: Sequence[Claim]) -> Verdict:
    verdicts = {claim.verdict for claim in claims}
    if "does not hold" in verdicts:
        return "does not hold"
    return "holds" if verdicts == {"holds"} else "undecided"


def _decided(check: Check, number: int, outcome: Mapping[str, tuple[Effect, float]]) -> Claim:
    """The verdict: any comparison against the claim refutes it, all for it confirm it."""
    same = [name for name, (effect, _) in outcome.items() if effect.same]
    alike = check.region[0] < 0 < check.region[1]
    tested = [name for name in outcome if name not in same]
    counter = [n for n in tested if outcome[n][1] < ALPHA and not outcome[n][0].inside]
    support = [n for n in tested if outcome[n][1] < ALPHA and outcome[n][0].inside]
    verdict: Verdict = "undecided"
    if counter or not (tested or alike):
        verdict = "does not hold"
    elif len(support) == len(tested):
        verdict = "holds"
    undecided = [name for name in tested if name not in support]
    shown = _worst(check, outcome, counter or undecided or tested or same)
    effect, p = outcome[shown]
    return Claim(
        claim=check.claim,
        check=f"{check.claim}.{number}",
        reading=check.reading,
        paper=check.paper,
        measured=check.measured,
        effect=effect.difference,
        low=effect.low,
        high=effect.high,
        unit=check.unit,
        p=p,
        n=effect.n,
        verdict=verdict,
        sentence=_sentence(check, shown, effect)
        + (
            f" Of {len(tested)} comparisons {len(support)} speak for the claim, "
            f"{len(counter)} against it."
            if len(tested) > 1
            else ""
        )
        + (f" Identical in every seed: {', '.join(same)}." if same and shown not in same else ""),
    )


def _worst(check: Check, outcome: Mapping[str, tuple[Effect, float]], names: Sequence[str]) -> str:
    """The comparison that speaks least for the claim."""
    low, high = check.region

    def distance(name: str) -> float:
        difference = outcome[name][0].difference
        if math.isnan(difference):
            return -math.inf
        if math.isinf(high):
            return -difference
        return difference if math.isinf(low) else abs(difference - (low + high) / 2)

    return max(names, key=distance)


def _sentence(check: Check, shown: str, effect: Effect) -> str:
    subject = check.subject.format(shown)
    if not subject.startswith("mAP"):
        subject = subject[0].upper() + subject[1:]
    if not effect.n:
        return f"{subject}: not measured: no finished seed has the figures for it."
    if effect.same:
        return f"{subject} is exactly 0 in each of {effect.n} seeds: identical by construction."
    text = f"{subject} is {effect.difference:+.2f} {check.unit}"
    if effect.n == 1:
        return f"{text}: one seed, so no interval."
    return f"{text} ({effect.low:+.2f} to {effect.high:+.2f}, {effect.n} seeds)."
