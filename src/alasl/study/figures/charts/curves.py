"""Curves of mAP with bands over seeds; below, what they are above Random's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from alasl.figures import DASHES, plain, span
from alasl.study.figures.charts import MAP, WIDTH
from alasl.study.figures.lines import Line, baselines, identical, mark, shades
from alasl.study.results import RunResult
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def curves(
    lines: Sequence[Line],
    xs: Mapping[Line, Sequence[float]],
    lead: Callable[[RunResult, RunResult], list[float]],
) -> tuple[Figure, list[Axes], list[Any]]:
    """Lines with bands of mAP and, where Random is there, of the lead over it in the same seed.

    xs: where each line's evaluations stand. lead(run, random) of each evaluation, in mAP points.
    Returns the figure, its charts from above, and what is drawn of the lines in the first.
    """
    from matplotlib.figure import Figure

    shown = {"mAP": {line: [run.maps for run in line.runs] for line in lines}}
    leads = {}
    for line, random in baselines(lines).items():
        base = {run.settings.seed: run for run in random.runs}
        leads[line] = [lead(r, base[r.settings.seed]) for r in line.runs if r.settings.seed in base]
    if leads:
        shown["lead"] = {line: leads.get(line, []) for line in lines}
    figure = Figure(figsize=(WIDTH, 5.2 if len(shown) > 1 else 3.3))
    axes = list(figure.subplots(len(shown), 1, sharex=True, squeeze=False)[:, 0])
    drawn = [
        _panel(panel, lines, xs, values) for panel, values in zip(axes, shown.values(), strict=True)
    ]
    axes[0].set_ylabel(MAP)
    axes[0].set_ylim(*span(list(axes[0].dataLim.intervaly)))
    if len(axes) > 1:
        axes[1].set_ylabel("less Random's\n(mAP points, paired)")
    return figure, axes, drawn[0]


def _panel(
    axes: Axes,
    lines: Sequence[Line],
    xs: Mapping[Line, Sequence[float]],
    values: Mapping[Line, Sequence[Sequence[float]]],
) -> list[Any]:
    """A line with a band for each, over seeds; identical lines take turns in dashes and marks."""
    drawn = []
    colours = shades(lines)
    dashes: Counter[str] = Counter()
    for group in identical(lines):
        for turn, line in enumerate(group):
            shade = colours[line]
            found = [interval(seeds) for seeds in zip(*values[line], strict=True)]
            x = xs[line][: len(found)]
            if turn == 0:
                low, high = [f.low for f in found], [f.high for f in found]
                axes.fill_between(x, low, high, color=shade, alpha=0.13, lw=0)
            dash: Any = DASHES[dashes[shade] % len(DASHES)]
            every: Any = None
            if len(group) > 1:
                dash = (4.0 * turn, (4.0, 4.0 * (len(group) - 1)))
                every = (turn, len(group))
            drawn += axes.plot(
                x,
                [f.mean for f in found],
                linestyle=dash,
                marker=mark(line, lines),
                markevery=every,
                color=shade,
                zorder=2 if line.random else 3,
            )
            drawn[-1].set_label(plain(line.name, 60))
            dashes[shade] += 1
    axes.margins(x=0.03)
    return drawn
