"""A row for each line: its mean over seeds and, where Random is there, its lead over Random."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from alasl.drawing import GREY
from alasl.figures import plain
from alasl.study.figures.charts import WIDTH
from alasl.study.figures.charts.bars import bars
from alasl.study.figures.lines import Line, Value, baselines, mark
from alasl.study.figures.title import title
from alasl.study.results import Results
from alasl.study.spec import Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def dots(
    results: Results,
    plot: Plot,
    lines: Sequence[Line],
    value: Value,
    says: str,
    unit: str,
    gap: str = "undefined",
) -> Figure:
    """A row for each line: its mean over seeds and, where Random is there, its lead over Random.

    gap: said of a line whose figure is undefined in some seed.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    found = {line: line.by_seed(value) for line in lines}
    # A mean over some seeds only would be of other seeds than the rest.
    defined = {
        line: mine for line, mine in found.items() if not any(map(math.isnan, mine.values()))
    }
    leads = {
        line: [
            defined[line][seed] - defined[random][seed]
            for seed in defined[line]
            if seed in defined[random]
        ]
        for line, random in baselines(lines).items()
        if line in defined and random in defined
    }
    figure = Figure(figsize=(WIDTH + bool(leads), 1.5 + 0.27 * len(lines)))
    panels = figure.subplots(1, 1 + bool(leads), sharey=True, squeeze=False)[0]
    for row, line in enumerate(lines):
        means = [list(defined[line].values()) if line in defined else None, leads.get(line)]
        for axes, values in zip(panels, means, strict=False):
            if values:
                bars(axes, [row], [interval(values)], line.shade, mark(line, lines), across=True)
        if line not in defined:
            panels[0].annotate(gap, (0.03, row), xycoords=("axes fraction", "data"), va="center")
    first = panels[0]
    first.set_yticks(range(len(lines)), [plain(line.name, 60) for line in lines])
    for tick in first.get_yticklabels():
        tick.set_parse_math(False)
    first.set_ylim(len(lines) - 0.5, -0.5)
    first.set_xlabel(unit)
    for axes in panels:
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", length=0)
    if not defined:
        first.set_xticks([])
    if leads:
        panels[1].axvline(0, color=GREY, linewidth=1, zorder=1)
        panels[1].set_xlabel("less Random's,\npaired by seed")
    text = title(results, plot, lines, says, "bar")
    heading = figure.suptitle(text, x=0.01, ha="left", fontsize=10)
    heading.set_parse_math(False)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.17 * text.count("\n"))
    return figure
