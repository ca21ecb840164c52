"""mAP over the answers it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alasl.figures import name_lines, set_title, thousands
from alasl.study.checks import map_at
from alasl.study.figures.base import kind
from alasl.study.figures.charts.curves import curves
from alasl.study.figures.lines import chosen, lines_of
from alasl.study.figures.title import title
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@kind("map-per-cost")
def map_per_cost(results: Results, plot: Plot, _: str) -> Figure:
    """mAP over the answers it took, and what it is above Random's there; a point is a round."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def lead(run: RunResult, random: RunResult) -> list[float]:
        return [m - map_at(random, c) for m, c in zip(run.maps, run.costs, strict=True)]

    lines = lines_of(chosen(results, plot))
    costs = {
        line: [interval(c).mean for c in zip(*(r.costs for r in line.runs), strict=True)]
        for line in lines
    }
    figure, axes, drawn = curves(lines, costs, lead)
    axes[-1].set_xlabel("cost (answers: entries filled), mean over seeds")
    axes[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda x, _: thousands(x)))
    set_title(axes[0], title(results, plot, lines, "mAP over cost", "band"))
    return name_lines(figure, drawn)
