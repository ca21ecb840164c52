"""Answers for the same mAP: how many each method of a study needs, and how many times fewer.

A method is a grid at one share of unknown entries. Its curve is the mean over seeds of mAP after
each round over the mean of the answers by then; what it needs for a mAP is where its curve first
reaches it. Intervals come from resampling seeds, the same ones for all methods, for runs of one
seed are paired; of ten seeds they cover about 90 % where 95 are meant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.files import csv_text
from alasl.seeds import stream
from alasl.settings import RunSettings
from alasl.study.results import Results, RunResult
from alasl.study.stats import LEVEL, Interval

RESAMPLES = 4000
# The strategy whose runs show what the same training makes of entries asked by chance.
CHANCE = "random-entry"

# (B, R + 1): a curve for each resample; the first is that of the seeds as they are.
Curves = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """The runs of a grid at one share of unknown entries, a run for each seed."""

    name: str
    unknown: float
    settings: RunSettings
    runs: tuple[RunResult, ...]


@dataclass(frozen=True)
class Needed:
    """The answers that a method needs for the mAP of a baseline, and how many times fewer.

    unknown: share of the pool's entries. target: mAP in per cent that `baseline` reaches at its
    `budget` of answers. comparison: `whole`, with the study's baseline, or `selection`, with
    entries asked by chance under the method's own training. answers: 0 where the mAP is there
    before any answer, infinite where it is not reached. ratio: the baseline's answers over them.
    """

    unknown: float
    comparison: str
    baseline: str
    budget: float
    target: float
    method: str
    answers: Interval
    ratio: Interval


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


def reached(costs: Curves, maps: Curves, target: NDArray[np.float64]) -> NDArray[np.float64]:
    """(B,): where each curve first reaches its target, on the straight line between two points.

    costs, maps: (B, R + 1). 0 where it starts there, infinite where it never gets there.
    """
    answers = np.full(len(maps), np.inf)
    for row, (cost, height, level) in enumerate(zip(costs, maps, target, strict=True)):
        above = np.flatnonzero(height >= level)
        if not len(above):
            continue
        at = above[0]
        if at == 0:
            answers[row] = cost[0]
            continue
        share = (level - height[at - 1]) / (height[at] - height[at - 1])
        answers[row] = cost[at - 1] + share * (cost[at] - cost[at - 1])
    return answers


def efficiency_csv(results: Results) -> str:
    """A line for each evaluation: data, share unknown, method, seed, answers, mAP in per cent."""
    rows: list[Sequence[object]] = [["data", "share_unknown", "method", "seed", "answers", "map"]]
    for run in results.runs:
        point = [results.data, run.settings.missing, run.grid, run.settings.seed]
        rows += [[*point, c, f"{m:.4f}"] for c, m in zip(run.costs, run.maps, strict=True)]
    return csv_text(rows)


def ratios_csv(results: Results, found: Sequence[Needed]) -> str:
    """A line for each method and baseline: the answers for the same mAP and their ratio.

    `inf` answers: the mAP is not reached; an `inf` ratio: it is there before any answer.
    """
    rows: list[Sequence[object]] = [
        [
            "data",
            "share_unknown",
            "comparison",
            "target_map",
            "baseline",
            "baseline_answers",
            "method",
            *(f"{what}{end}" for what in ("answers", "ratio") for end in ("", "_low", "_high")),
            "seeds",
        ]
    ]
    for n in found:
        figures = [f"{v:.1f}" for v in (n.answers.mean, n.answers.low, n.answers.high)]
        figures += [f"{v:.2f}" for v in (n.ratio.mean, n.ratio.low, n.ratio.high)]
        first = [results.data, n.unknown, n.comparison, f"{n.target:.4f}", n.baseline]
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
    draws = stream(0, "resample").integers(len(seeds), size=(RESAMPLES, len(seeds)))
    draws = np.concatenate([np.arange(len(seeds))[None], draws])
    costs, maps = _curves([mine[seed] for seed in seeds], draws)
    base_costs, base_maps = _curves([theirs[seed] for seed in seeds], draws)
    most = np.minimum(base_costs[:, -1], budget)
    target = np.array([np.interp(*each) for each in zip(most, base_costs, base_maps, strict=True)])
    answers = reached(costs, maps, target)
    base = reached(base_costs, base_maps, target)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(answers == base, 1.0, base / answers)
    return Needed(
        unknown=method.unknown,
        comparison=comparison,
        baseline=baseline.name,
        budget=float(most[0]),
        target=float(target[0]),
        method=method.name,
        answers=_interval(answers, len(seeds)),
        ratio=_interval(ratio, len(seeds)),
    )


def _by_seed(method: Method) -> dict[int, RunResult]:
    return {run.settings.seed: run for run in method.runs}


def _curves(runs: Sequence[RunResult], draws: NDArray[np.intp]) -> tuple[Curves, Curves]:
    """(B, R + 1) mean costs and mAPs of each resample of the runs."""
    costs = np.array([run.costs for run in runs], np.float64)
    maps = np.array([run.maps for run in runs], np.float64)
    return costs[draws].mean(axis=1), maps[draws].mean(axis=1)


def _interval(values: NDArray[np.float64], seeds: int) -> Interval:
    """The first value and the percentile interval of the rest; none for a single seed."""
    if seeds < 2:
        return Interval(float(values[0]), math.nan, math.nan, seeds)
    tails = [(1 - LEVEL) / 2, (1 + LEVEL) / 2]
    # An order statistic, for some resamples may be infinite.
    low, high = np.quantile(values[1:], tails, method="inverted_cdf")
    return Interval(float(values[0]), float(low), float(high), seeds)
