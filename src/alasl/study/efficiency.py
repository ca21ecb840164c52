"""The same mAP: how many answers and seconds each method of a study needs, how many times fewer.

A method is a grid at one share of unknown entries. Its curve is the mean over seeds of mAP by
answers, or by people's time, on straight lines between rounds; what it needs for a mAP is where its
curve first reaches it. An interval holds every number of answers at which the method is neither
surely below the baseline nor surely above it, by a t-test on the differences of runs of one seed,
which are paired.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.files import csv_text
from alasl.settings import RunSettings
from alasl.study.results import Results, RunResult
from alasl.study.stats import Interval, student_t

# Places between two rounds at which a curve is looked at.
BETWEEN = 64
# The strategy whose runs show what the same training makes of entries asked by chance.
CHANCE = "random-entry"

Floats = NDArray[np.float64]
# What a run has paid at each evaluation: its answers, or people's seconds.
Paid = Callable[[RunResult], Sequence[float]]


@dataclass(frozen=True)
class Method:
    """The runs of a grid at one share of unknown entries, a run for each seed."""

    name: str
    unknown: float
    settings: RunSettings
    runs: tuple[RunResult, ...]


@dataclass(frozen=True)
class Needed:
    """What a method needs for the mAP of a baseline, and how many times fewer.

    unknown: share of the pool's entries. target: mAP in per cent that `baseline` reaches at its
    `budget` of answers, from `start` before any. comparison: `whole`, with the study's baseline, or
    `selection`, with entries asked by chance under the method's own training. answers: 0 where the
    mAP is there before any answer, infinite where it is not reached. ratio: the baseline's answers
    over them. seconds, time_ratio: the same of people's time.
    """

    unknown: float
    comparison: str
    baseline: str
    budget: float
    start: float
    target: float
    method: str
    answers: Interval
    ratio: Interval
    seconds: Interval
    time_ratio: Interval


def needed(results: Results) -> list[Needed]:
    """What each method needs, at each share and against each baseline, in the study's order.

    Empty where the study counts no answers. Seeds that a method or its baseline lacks are left out.
    """
    efficiency = results.study.efficiency
    if efficiency is None:
        return []
    found = []
    methods = methods_of(results)
    for method in methods:
        alike = [other for other in methods if other.unknown == method.unknown]
        baselines = {
            "whole": next((m for m in alike if m.name == efficiency.baseline), None),
            "selection": next((m for m in alike if _by_chance(m, method)), None),
        }
        for comparison, baseline in baselines.items():
            if baseline is not None and method.settings.rounds:
                found.append(_compared(method, baseline, comparison, efficiency.answers))
    return found


def methods_of(results: Results) -> list[Method]:
    """Every grid at each of its shares of unknown entries."""
    found: dict[tuple[str, float], list[RunResult]] = {}
    for run in results.runs:
        found.setdefault((run.grid, run.settings.missing), []).append(run)
    return [
        Method(name, unknown, runs[0].settings, tuple(runs))
        for (name, unknown), runs in found.items()
    ]


def reached(costs: Floats, heights: Floats) -> float:
    """Where a curve first reaches 0; 0 where it starts there, infinite where it never gets there.

    costs, heights: (P,), joined by straight lines.
    """
    above = np.flatnonzero(heights >= 0)
    if not len(above):
        return math.inf
    at = above[0]
    if at == 0:
        return float(costs[0])
    share = -heights[at - 1] / (heights[at] - heights[at - 1])
    return float(costs[at - 1] + share * (costs[at] - costs[at - 1]))


def efficiency_csv(results: Results) -> str:
    """A line for each evaluation: data, share unknown, method, seed, answers, mAP in per cent."""
    rows: list[Sequence[object]] = [["data", "share_unknown", "method", "seed", "answers", "map"]]
    for run in results.runs:
        point = [results.data, run.settings.missing, run.grid, run.settings.seed]
        rows += [[*point, c, f"{m:.4f}"] for c, m in zip(run.costs, run.maps, strict=True)]
    return csv_text(rows)


def ratios_csv(results: Results, found: Sequence[Needed]) -> str:
    """A line for each method and baseline: answers and seconds for the same mAP, and their ratios.

    `inf` answers: the mAP is not reached; an `inf` ratio: it is there before any answer.
    """
    kinds = ("answers", "ratio", "seconds", "time_ratio")
    rows: list[Sequence[object]] = [
        [
            "data",
            "share_unknown",
            "comparison",
            "start_map",
            "target_map",
            "baseline",
            "baseline_answers",
            "method",
            *(f"{kind}{end}" for kind in kinds for end in ("", "_low", "_high")),
            "seeds",
        ]
    ]
    for n in found:
        figures = [
            f"{value:.{digits}f}"
            for one, digits in ((n.answers, 1), (n.ratio, 2), (n.seconds, 1), (n.time_ratio, 2))
            for value in (one.mean, one.low, one.high)
        ]
        maps = [f"{n.start:.4f}", f"{n.target:.4f}"]
        first = [results.data, n.unknown, n.comparison, *maps, n.baseline]
        rows.append([*first, f"{n.budget:.0f}", n.method, *figures, n.ratio.n])
    return csv_text(rows)


def _by_chance(baseline: Method, method: Method) -> bool:
    one, other = baseline.settings, method.settings
    return (
        one.strategy == CHANCE
        and one.rounds > 0
        and one.training() == other.training()
        and (one.model, one.train, one.assume) == (other.model, other.train, other.assume)
    )


def _compared(method: Method, baseline: Method, comparison: str, budget: int) -> Needed:
    mine, theirs = _by_seed(method), _by_seed(baseline)
    seeds = sorted(mine.keys() & theirs.keys())
    base = [theirs[seed] for seed in seeds]
    most = min(float(np.mean([run.costs[-1] for run in base])), budget)
    target = np.array([np.interp(most, run.costs, run.maps) for run in base])
    runs = [mine[seed] for seed in seeds]
    answers, ratio = _fewer(runs, base, target, most, lambda run: run.costs)
    while_asked = float(np.mean([np.interp(most, run.costs, run.times) for run in base]))
    seconds, time_ratio = _fewer(runs, base, target, while_asked, lambda run: run.times)
    return Needed(
        unknown=method.unknown,
        comparison=comparison,
        baseline=baseline.name,
        budget=most,
        start=float(np.mean([run.maps[0] for run in base])),
        target=float(target.mean()),
        method=method.name,
        answers=answers,
        ratio=ratio,
        seconds=seconds,
        time_ratio=time_ratio,
    )


def _fewer(
    runs: Sequence[RunResult], base: Sequence[RunResult], target: Floats, most: float, paid: Paid
) -> tuple[Interval, Interval]:
    """What runs pay until their targets (n,), and how many times as much the baseline pays.

    most: what the baseline pays in all.
    """
    needs = crossing(*_above(runs, target, paid))
    # Where the baseline's own curve is not even, it may be there before.
    first = min(crossing(*_above(base, target, paid)).mean, most)
    ends = (needs.mean, needs.high, needs.low)
    mean, low, high = (1.0 if end == first else first / end if end else math.inf for end in ends)
    return needs, Interval(mean, low, high, needs.n)


def _by_seed(method: Method) -> dict[int, RunResult]:
    return {run.settings.seed: run for run in method.runs}


def _above(runs: Sequence[RunResult], target: Floats, paid: Paid) -> tuple[Floats, Floats]:
    """What is paid (P,), at the mean rounds and between them, and how far each run's mAP is above
    its target there, (n, P).
    """
    rounds = np.mean([paid(run) for run in runs], axis=0)
    parts = np.arange(BETWEEN) / BETWEEN
    between = rounds[:-1, None] + np.diff(rounds)[:, None] * parts
    costs = np.append(between.ravel(), rounds[-1])
    maps = np.array([np.interp(costs, paid(run), run.maps) for run in runs])
    return costs, maps - target[:, None]


def crossing(costs: Floats, above: Floats) -> Interval:
    """Where curves reach 0 in the mean, and from where on that is not, and is, sure.

    costs: (P,). above: (n, P), a curve for each seed. No interval for a single seed.
    """
    seeds = len(above)
    mean = above.mean(axis=0)
    if seeds < 2:
        return Interval(reached(costs, mean), math.nan, math.nan, seeds)
    half = student_t(seeds) * above.std(axis=0, ddof=1) / math.sqrt(seeds)
    ends = (reached(costs, mean), reached(costs, mean + half), reached(costs, mean - half))
    return Interval(*ends, seeds)
