"""mAP after the last round along a setting that is a number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from alasl.errors import UsageError
from alasl.figures import DASHES, plain, span
from alasl.study.checks import final_map
from alasl.study.figures.charts import MAP
from alasl.study.figures.charts.bars import bars
from alasl.study.figures.lines import Line, mark, shades
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

AXES = {"missing": "missing (% of the pool's entries)"}


def along(axes: Axes, lines: Sequence[Line], setting: str) -> list[Any]:
    """A line with a bar at each value of a setting, of the last mAP; returns what is drawn."""
    scale = 100 if setting == "missing" else 1
    dashes: Counter[str] = Counter()
    heights: list[float] = []
    drawn = []
    for line, shade in shades(lines).items():
        values = sorted({getattr(run.settings, setting) for run in line.runs})
        if any(value is None for value in values):
            raise UsageError(f"{setting} is not set in every run, so it is no axis")
        found = [interval(list(line.at(setting, v).by_seed(final_map).values())) for v in values]
        xs = [scale * value for value in values]
        heights += [h for f in found for h in (f.mean, f.low, f.high)]
        bars(axes, xs, found, shade, "")
        drawn += axes.plot(
            xs,
            [f.mean for f in found],
            linestyle=DASHES[dashes[shade] % len(DASHES)],
            marker=mark(line, lines),
            color=shade,
            zorder=2 if line.random else 3,
        )
        drawn[-1].set_label(plain(line.name, 60))
        dashes[shade] += 1
    axes.set_ylabel(MAP)
    axes.set_ylim(*span(heights))
    axes.set_xlabel(AXES.get(setting, setting))
    return drawn
