"""mAP at a cost, by line."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated

from alasl.figures import thousands
from alasl.parameters import Between
from alasl.study.checks import final_cost, map_at
from alasl.study.figures.base import figure
from alasl.study.figures.charts.dots import dots
from alasl.study.figures.lines import asking
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure("map-at-cost")
def map_at_cost(
    results: Results, plot: Plot, *, answers: Annotated[int, Between(0, 10**9)] = 0
) -> Figure:
    """mAP at a number of answers; at 0, in each seed, the lowest last cost of the lines."""
    lines = asking(results, plot)
    lowest: dict[int, float] = {}
    for line in lines:
        for seed, last in line.by_seed(final_cost).items():
            lowest[seed] = min(last, lowest.get(seed, math.inf))
    if answers:
        lowest = dict.fromkeys(lowest, float(answers))
        says = f"mAP at {thousands(answers)} answers"
    else:
        mean = interval(list(lowest.values())).mean
        says = f"mAP at the cost that all reach, {thousands(mean)} answers"

    def value(run: RunResult) -> float:
        return map_at(run, lowest[run.settings.seed])

    return dots(results, plot, lines, value, says, "mAP (%)", "not reached in every seed")
