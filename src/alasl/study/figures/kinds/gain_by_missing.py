"""What asking gains over runs that ask nothing, over the share missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alasl.drawing import GREY
from alasl.errors import DataError
from alasl.figures import set_title
from alasl.study.checks import final_map
from alasl.study.figures.base import figure
from alasl.study.figures.charts import WIDTH
from alasl.study.figures.charts.along import AXES, along
from alasl.study.figures.charts.bars import bars
from alasl.study.figures.charts.names import name_ends
from alasl.study.figures.lines import chosen, lines_of, mark, shades
from alasl.study.figures.title import title
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure("gain-by-missing")
def gain_by_missing(results: Results, plot: Plot) -> Figure:
    """mAP after the last round over the share missing; below it, the gain over asking nothing."""
    from matplotlib.figure import Figure

    lines = lines_of(chosen(results, plot), "missing")
    shares = {run.settings.missing for line in lines for run in line.runs}
    bases = lines_of(_unasked(results, shares), "missing", alone=False)
    if not bases:
        raise DataError(
            "there is nothing to gain upon",
            where=f"figure {plot.file}",
            do="give the study a grid with rounds = 0",
        )
    figure = Figure(figsize=(WIDTH, 5.2))
    above, below = figure.subplots(2, 1, height_ratios=(3, 2), sharex=True)
    drawn = along(above, [*lines, *bases], "missing")
    above.set_xlabel("")
    asked = [line for line in lines if not line.random] or lines
    colours = shades([*lines, *bases])
    pairs = [(line, base) for line in asked for base in bases]
    for place, (line, base) in enumerate(pairs):
        shift = 0.8 * (place - (len(pairs) - 1) / 2)
        found = []
        for missing in sorted(shares):
            ours, theirs = (one.at("missing", missing).by_seed(final_map) for one in (line, base))
            found.append(interval([ours[seed] - theirs[seed] for seed in ours if seed in theirs]))
        places = [100 * missing + shift for missing in sorted(shares)]
        bars(below, places, found, colours[line], mark(base, bases))
    below.axhline(0, color=GREY, linewidth=1)
    below.set_xlabel(AXES["missing"])
    below.set_ylabel("gain on these\n(mAP points, paired)")
    says = "mAP after the last round, and its gain on what asks nothing"
    set_title(above, title(results, plot, [*lines, *bases], says, "bar", "missing"))
    return name_ends(figure, [above, below], drawn)


def _unasked(results: Results, shares: set[float]) -> list[RunResult]:
    """The runs that ask nothing, at these shares."""
    return [r for r in results.runs if not r.settings.rounds and r.settings.missing in shares]
