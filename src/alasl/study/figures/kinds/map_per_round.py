"""mAP after each round."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alasl.figures import set_title
from alasl.study.figures.base import figure
from alasl.study.figures.charts.curves import curves
from alasl.study.figures.charts.names import name_ends
from alasl.study.figures.lines import chosen, lines_of
from alasl.study.figures.title import title
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure("map-per-round")
def map_per_round(results: Results, plot: Plot) -> Figure:
    """mAP after each round; below, what it is above Random's."""
    from matplotlib.ticker import MaxNLocator

    def lead(run: RunResult, random: RunResult) -> list[float]:
        both = min(len(run.maps), len(random.maps))
        return [a - b for a, b in zip(run.maps[:both], random.maps[:both], strict=True)]

    lines = lines_of(chosen(results, plot))
    rounds = {line: [float(e.round) for e in line.runs[0].evaluations] for line in lines}
    figure, axes, drawn = curves(lines, rounds, lead)
    axes[-1].set_xlabel("round (0: before any answer)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    set_title(axes[0], title(results, plot, lines, "mAP after each round", "band"))
    return name_ends(figure, axes, drawn)
