"""mAP at a cost, by line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from alasl.figures import thousands
from alasl.study.checks import final_cost, map_at
from alasl.study.figures.base import kind
from alasl.study.figures.charts.dots import dots
from alasl.study.figures.lines import asking
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@kind("map-at-cost", r"map-at-cost(?::(\d+))?", example="map-at-cost:8000")
def map_at_cost(results: Results, plot: Plot, cost: str) -> Figure:
    """mAP at a cost: one given, or in each seed the lowest last cost of the lines."""
    lines = asking(results, plot)
    lowest: dict[int, float] = {}
    for line in lines:
        for seed, last in line.by_seed(final_cost).items():
            lowest[seed] = min(last, lowest.get(seed, math.inf))
    if cost:
        lowest = dict.fromkeys(lowest, float(cost))
        says = f"mAP at {thousands(float(cost))} answers"
    else:
        mean = interval(list(lowest.values())).mean
        says = f"mAP at the cost that all reach, {thousands(mean)} answers"

    def value(run: RunResult) -> float:
        return map_at(run, lowest[run.settings.seed])

    return dots(results, plot, lines, value, says, "mAP (%)", "not reached in every seed")
