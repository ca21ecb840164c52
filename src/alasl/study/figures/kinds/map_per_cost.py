"""mAP over the answers it took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from alasl.figures import set_title, thousands
from alasl.study.checks import map_at
from alasl.study.figures.base import figure
from alasl.study.figures.charts.curves import curves
from alasl.study.figures.charts.names import name_ends
from alasl.study.figures.lines import chosen, lines_of
from alasl.study.figures.title import title
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@figure("map-per-cost")
def map_per_cost(
    results: Results, plot: Plot, *, axis: Literal["linear", "log"] = "linear"
) -> Figure:
    """mAP over the answers it took, and what it is above Random's there; a point is a round."""

    def lead(run: RunResult, random: RunResult) -> list[float]:
        return [m - map_at(random, c) for m, c in zip(run.maps, run.costs, strict=True)]

    lines = lines_of(chosen(results, plot))
    costs = {
        line: [interval(c).mean for c in zip(*(r.costs for r in line.runs), strict=True)]
        for line in lines
    }
    figure, axes, drawn = curves(lines, costs, lead)
    _scale(axes[-1], [cost for line in lines for cost in costs[line]], axis)
    set_title(axes[0], title(results, plot, lines, "mAP over cost", "band"))
    return name_ends(figure, axes, drawn)


def _scale(axes: Axes, costs: Sequence[float], scale: str) -> None:
    """The axis of costs. On a logarithmic one, 0 stands at a little distance from the least."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

    unit = "cost (answers: entries filled), mean over seeds"
    least = min((cost for cost in costs if cost > 0), default=1.0)
    if scale == "log":
        most = 1.1 * max(*costs, least)
        axes.set_xscale("symlog", linthresh=least, linscale=0.3)
        axes.set_xlim(-0.1 * least, most)
        # None between 0 and the least, where there is no room for their numbers.
        steps = [k * 10**n for n in range(math.ceil(math.log10(most))) for k in (1, 2, 5)]
        axes.minorticks_off()
        axes.xaxis.set_major_locator(FixedLocator([0, *(t for t in steps if least <= t <= most)]))
        unit += f"; logarithmic from {thousands(least)} on"
    else:
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel(unit)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: thousands(x)))
