"""A study's figures: what its runs came to over seeds, with intervals; Random always there."""

from __future__ import annotations

import dataclasses
import difflib
import math
import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alasl.errors import DataError, UsageError
from alasl.figures import (
    DASHES,
    GREY,
    INK,
    colour,
    marker,
    name_lines,
    plain,
    save,
    set_title,
    span,
    style,
    thousands,
)
from alasl.settings import RunSettings
from alasl.study.checks import final_cost, final_map, increase, map_at
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot, Study
from alasl.study.stats import Interval, interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of a figure, in inches.
WIDTH = 5.4
MAP = "mAP on the test set (%)"
# Marks of lines that ask nothing, so are of no measure.
_UNASKED = "d8p>"
# The most lines that a figure made without being asked for has.
MOST_LINES = 12

# A figure of a run.
Value = Callable[[RunResult], float]


@dataclass(frozen=True, eq=False)
class Line:
    """Runs that are equal but for the seed, and but for what a figure has along its axis.

    settings: what they share; what differs stands at its default.
    """

    name: str
    settings: RunSettings
    runs: tuple[RunResult, ...]

    @property
    def asks(self) -> bool:
        """Whether its runs ask anything; if not, their measure means nothing."""
        return self.settings.rounds > 0

    @property
    def random(self) -> bool:
        """Whether it is the baseline."""
        return self.asks and self.settings.measure == "random"

    @property
    def shade(self) -> str:
        """Its colour: the measure's."""
        return colour(self.settings.measure) if self.asks else INK

    def by_seed(self, value: Value) -> dict[int, float]:
        """A figure of each seed's run."""
        return {run.settings.seed: value(run) for run in self.runs}


def draw(results: Results, plot: Plot) -> Figure:
    """One figure of a study. Raises `DataError` where none of its runs is done."""
    name, _, parameter = plot.kind.partition(":")
    kind = _kind(plot)
    if not _chosen(results, plot):
        raise DataError("no run of this figure is done", where=f"figure {plot.file}")
    with style():
        return kind(results, plot, parameter or name.removeprefix("map-by-"))


def draw_all(results: Results) -> list[tuple[Plot, Figure]]:
    """Every figure of a study of which a run is done, in the study's order."""
    return [(p, draw(results, p)) for p in plots_of(results.study) if _chosen(results, p)]


def write_figures(drawn: Iterable[tuple[Plot, Figure]], folder: Path) -> list[Path]:
    """Write figures as PNG and as SVG, named by their plots; equal results, equal bytes."""
    paths = []
    for plot, figure in drawn:
        for kind in ("png", "svg"):
            paths.append(folder / f"{plot.file}.{kind}")
            save(figure, paths[-1])
    return paths


def check_plots(study: Study) -> None:
    """Raise `UsageError` unless every figure of a study can be drawn once its runs are done."""
    settings = [item.name for item in dataclasses.fields(RunSettings)]
    for number, plot in enumerate(study.plots, 1):
        where = f"{study.name}: [[figure]] {number}"
        _kind(plot, where)
        if Path(plot.file).name != plot.file or not plot.file:
            raise UsageError(
                "a figure's file is a name, without folder", where=where, seen=plot.file
            )
        for key in plot.where:
            if key not in settings:
                raise _unknown("setting", key, settings, where)
        if len({p.file for p in study.plots}) < len(study.plots):
            raise UsageError("two figures have one file", where=where, seen=plot.file)


def plots_of(study: Study) -> Sequence[Plot]:
    """The study's figures; where it asks for none, the last mAP and the curve over cost of each
    grid."""
    if study.plots:
        return study.plots
    found = []
    for grid in study.grids:
        found.append(Plot(f"{grid.name}-map-final", "map-final", grid.name, "", {}))
        asks = grid.values.get("rounds", (study.base.get("rounds", RunSettings.rounds),))
        if any(asks) and math.prod(map(len, grid.values.values())) <= MOST_LINES:
            found.append(Plot(f"{grid.name}-map-per-cost", "map-per-cost", grid.name, "", {}))
    return found


def _map_per_round(results: Results, plot: Plot, _: str) -> Figure:
    """mAP after each round; below, what it is above Random's."""
    from matplotlib.ticker import MaxNLocator

    def lead(run: RunResult, random: RunResult) -> list[float]:
        both = min(len(run.maps), len(random.maps))
        return [a - b for a, b in zip(run.maps[:both], random.maps[:both], strict=True)]

    lines = lines_of(_chosen(results, plot))
    rounds = {line: [float(e.round) for e in line.runs[0].evaluations] for line in lines}
    figure, axes, drawn = _curves(lines, rounds, lead)
    axes[-1].set_xlabel("round (0: before any answer)")
    axes[-1].xaxis.set_major_locator(MaxNLocator(integer=True))
    set_title(axes[0], _text(results, plot, lines, "mAP after each round", "band"))
    return name_lines(figure, drawn)


def _map_per_cost(results: Results, plot: Plot, _: str) -> Figure:
    """mAP over the answers it took, and what it is above Random's there; a point is a round."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def lead(run: RunResult, random: RunResult) -> list[float]:
        return [m - map_at(random, c) for m, c in zip(run.maps, run.costs, strict=True)]

    lines = lines_of(_chosen(results, plot))
    costs = {
        line: [interval(c).mean for c in zip(*(r.costs for r in line.runs), strict=True)]
        for line in lines
    }
    figure, axes, drawn = _curves(lines, costs, lead)
    axes[-1].set_xlabel("cost (answers: entries filled), mean over seeds")
    axes[-1].xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes[-1].xaxis.set_major_formatter(FuncFormatter(lambda x, _: thousands(x)))
    set_title(axes[0], _text(results, plot, lines, "mAP over cost", "band"))
    return name_lines(figure, drawn)


def _map_at_cost(results: Results, plot: Plot, cost: str) -> Figure:
    """mAP at a cost: one given, or in each seed the lowest last cost of the lines."""
    lines = _asking(results, plot)
    lowest: dict[int, float] = {}
    for line in lines:
        for seed, last in line.by_seed(final_cost).items():
            lowest[seed] = min(last, lowest.get(seed, math.inf))
    if cost.isdecimal():
        lowest = dict.fromkeys(lowest, float(cost))
        says = f"mAP at {thousands(float(cost))} answers"
    else:
        mean = interval(list(lowest.values())).mean
        says = f"mAP at the cost that all reach, {thousands(mean)} answers"

    def value(run: RunResult) -> float:
        return map_at(run, lowest[run.settings.seed])

    return _dots(results, plot, lines, value, says, "mAP (%)", "not reached in every seed")


def _increase(results: Results, plot: Plot, _: str) -> Figure:
    """I of eq. 7."""
    lines = _asking(results, plot)
    says = "I: what answers raise mAP by (eq. 7)"
    unit = f"mAP points per {thousands(1000)} answers"
    return _dots(results, plot, lines, increase, says, unit)


def _map_final(results: Results, plot: Plot, _: str) -> Figure:
    """mAP after the last round."""
    lines = lines_of(_chosen(results, plot))
    return _dots(results, plot, lines, final_map, "mAP after the last round", "mAP (%)")


def _map_by(results: Results, plot: Plot, along: str) -> Figure:
    """mAP after the last round over a setting that is a number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.3))
    axes = figure.subplots()
    lines = lines_of(_chosen(results, plot), along)
    drawn = _along(axes, lines, along)
    says = f"mAP after the last round, by {along}"
    set_title(axes, _text(results, plot, lines, says, "bar", along))
    return name_lines(figure, drawn)


def _gain_by_noise(results: Results, plot: Plot, _: str) -> Figure:
    """mAP after the last round over noise, above; below, what it is above runs that ask nothing."""
    from matplotlib.figure import Figure

    lines = lines_of(_chosen(results, plot), "noise")
    noises = {run.settings.noise for line in lines for run in line.runs}
    bases = lines_of(_unasked(results, noises), "noise")
    if not bases:
        raise DataError(
            "there is nothing to gain upon",
            where=f"figure {plot.file}",
            do="give the study a grid with rounds = 0",
        )
    figure = Figure(figsize=(WIDTH, 5.2))
    above, below = figure.subplots(2, 1, height_ratios=(3, 2), sharex=True)
    drawn = _along(above, [*lines, *bases], "noise")
    above.set_xlabel("")
    chosen = [line for line in lines if not line.random] or lines
    pairs = [(line, base) for line in chosen for base in bases]
    for place, (line, base) in enumerate(pairs):
        shift = 0.8 * (place - (len(pairs) - 1) / 2)
        found = []
        for noise in sorted(noises):
            ours, theirs = (_at(one, "noise", noise).by_seed(final_map) for one in (line, base))
            found.append(interval([ours[seed] - theirs[seed] for seed in ours if seed in theirs]))
        places = [100 * noise + shift for noise in sorted(noises)]
        _bars(below, places, found, line.shade, _marker(base, bases))
    below.axhline(0, color=GREY, linewidth=1)
    below.set_xlabel(_AXES["noise"])
    below.set_ylabel("gain on these\n(mAP points, paired)")
    says = "mAP after the last round, and its gain on what asks nothing"
    set_title(above, _text(results, plot, [*lines, *bases], says, "bar", "noise"))
    return name_lines(figure, drawn)


Kind = Callable[[Results, Plot, str], "Figure"]
KINDS: Mapping[str, Kind] = {
    "map-per-round": _map_per_round,
    "map-per-cost": _map_per_cost,
    "map-at-cost": _map_at_cost,
    "map-final": _map_final,
    "increase": _increase,
    "gain-by-noise": _gain_by_noise,
    "map-by-noise": _map_by,
}
_AXES = {"noise": "noise (% of the pool's entries hidden)"}


def _kind(plot: Plot, where: str | None = None) -> Kind:
    """What draws a plot. Raises `UsageError` naming the nearest kind that there is."""
    name, colon, parameter = plot.kind.partition(":")
    where = where or f"figure {plot.file}"
    numbers = [i.name for i in dataclasses.fields(RunSettings) if "str" not in str(i.type)]
    if name.startswith("map-by-") and name.removeprefix("map-by-") in numbers and not colon:
        return _map_by
    if name not in KINDS:
        raise _unknown("kind of figure", name, KINDS, where)
    if colon and not (name == "map-at-cost" and parameter.isdecimal()):
        raise UsageError(
            "only map-at-cost takes a number, of answers: map-at-cost:8000",
            where=where,
            seen=plot.kind,
        )
    return KINDS[name]


def _unknown(what: str, name: str, known: Iterable[str], where: str) -> UsageError:
    near = difflib.get_close_matches(name, list(known), n=1)
    return UsageError(
        f"unknown {what} {name!r}",
        where=where,
        do=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}",
    )


def _chosen(results: Results, plot: Plot) -> list[RunResult]:
    """The runs that a figure shows, and Random's that go with them."""
    where = dict(plot.where)
    found = results.select(plot.grid, **where)
    shown = {run.settings for run in found}
    baseline = {replace(run, measure="random") for run in shown if run.rounds} - shown
    for run in results.runs:
        if run.settings in baseline:
            found.append(run)
            baseline.remove(run.settings)
    return found


def _asking(results: Results, plot: Plot) -> list[Line]:
    lines = [line for line in lines_of(_chosen(results, plot)) if line.asks]
    if not lines:
        raise DataError("no run of this figure asks anything", where=f"figure {plot.file}")
    return lines


def _unasked(results: Results, noises: set[float]) -> list[RunResult]:
    """The runs that ask nothing, at these noises."""
    return [r for r in results.runs if not r.settings.rounds and r.settings.noise in noises]


def lines_of(runs: Sequence[RunResult], along: str | None = None) -> list[Line]:
    """Runs by all their settings but the seed and what is along the axis, named by what varies.

    Random comes first, where there is one.
    """
    apart = {"seed", along}
    groups: dict[RunSettings, list[RunResult]] = {}
    for run in runs:
        fixed: dict[str, Any] = {key: getattr(RunSettings, key) for key in apart if key}
        groups.setdefault(replace(run.settings, **fixed), []).append(run)
    varied = [
        item.name
        for item in dataclasses.fields(RunSettings)
        if len({getattr(settings, item.name) for settings in groups}) > 1
    ]
    lines = [Line(_name(key, varied), key, tuple(group)) for key, group in groups.items()]
    alone = sum(line.random for line in lines) == 1
    return sorted(lines, key=lambda line: alone and not line.random)


def _name(settings: RunSettings, varied: Sequence[str]) -> str:
    others = [f"{key} {getattr(settings, key)}" for key in varied if key != "measure"]
    if not settings.rounds:
        return ", ".join(["nothing asked", *(o for o in others if not o.startswith("rounds "))])
    return ", ".join(others if others and "measure" not in varied else [settings.measure, *others])


def _baselines(lines: Sequence[Line]) -> dict[Line, Line]:
    """For each line the one of Random that is equal in all else, where there are others as well."""
    randoms = {line.settings: line for line in lines if line.random}
    if len(randoms) == len(lines):
        return {}
    return {
        line: randoms[key]
        for line in lines
        if line.asks and (key := replace(line.settings, measure="random")) in randoms
    }


def _at(line: Line, key: str, value: object) -> Line:
    runs = tuple(run for run in line.runs if getattr(run.settings, key) == value)
    return replace(line, runs=runs)


def _identical(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines in groups whose runs have the same mAPs and costs in every seed."""
    groups: dict[object, list[Line]] = {}
    for line in lines:
        runs = frozenset(
            (run.settings.seed, run.settings.noise, *run.maps, *run.costs) for run in line.runs
        )
        groups.setdefault((runs, line.asks), []).append(line)
    return list(groups.values())


def _curves(
    lines: Sequence[Line],
    xs: Mapping[Line, Sequence[float]],
    lead: Callable[[RunResult, RunResult], list[float]],
) -> tuple[Figure, list[Axes], list[Any]]:
    """Lines with bands of mAP and, where Random is there, of the lead over it in the same seed."""
    from matplotlib.figure import Figure

    shown = {"mAP": {line: [run.maps for run in line.runs] for line in lines}}
    leads = {}
    for line, random in _baselines(lines).items():
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
    axes[0].set_ylim(*span([h for line in axes[0].get_lines() for h in line.get_ydata()]))
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
    dashes: Counter[str] = Counter()
    for group in _identical(lines):
        for turn, line in enumerate(group):
            found = [interval(seeds) for seeds in zip(*values[line], strict=True)]
            x = xs[line][: len(found)]
            if turn == 0:
                low, high = [f.low for f in found], [f.high for f in found]
                axes.fill_between(x, low, high, color=line.shade, alpha=0.13, lw=0)
            dash: Any = DASHES[dashes[line.shade] % len(DASHES)]
            every: Any = None
            if len(group) > 1:
                dash = (4.0 * turn, (4.0, 4.0 * (len(group) - 1)))
                every = (turn, len(group))
            drawn += axes.plot(
                x,
                [f.mean for f in found],
                linestyle=dash,
                marker=_marker(line, lines),
                markevery=every,
                color=line.shade,
                zorder=2 if line.random else 3,
            )
            drawn[-1].set_label(plain(line.name, 60))
            dashes[line.shade] += 1
    axes.margins(x=0.03)
    return drawn


def _along(axes: Axes, lines: Sequence[Line], along: str) -> list[Any]:
    """A line with a bar at each value of a setting, of the last mAP."""
    scale = 100 if along == "noise" else 1
    dashes: Counter[str] = Counter()
    heights: list[float] = []
    drawn = []
    for line in lines:
        values = sorted({getattr(run.settings, along) for run in line.runs})
        if any(value is None for value in values):
            raise UsageError(f"{along} is not set in every run, so it is no axis")
        found = [interval(list(_at(line, along, v).by_seed(final_map).values())) for v in values]
        xs = [scale * value for value in values]
        heights += [h for f in found for h in (f.mean, f.low, f.high)]
        _bars(axes, xs, found, line.shade, "")
        drawn += axes.plot(
            xs,
            [f.mean for f in found],
            linestyle=DASHES[dashes[line.shade] % len(DASHES)],
            marker=_marker(line, lines),
            color=line.shade,
            zorder=2 if line.random else 3,
        )
        drawn[-1].set_label(plain(line.name, 60))
        dashes[line.shade] += 1
    axes.set_ylabel(MAP)
    axes.set_ylim(*span(heights))
    axes.set_xlabel(_AXES.get(along, along))
    return drawn


def _dots(
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
    told = {line: mine for line, mine in found.items() if not any(map(math.isnan, mine.values()))}
    leads = {
        line: [told[line][seed] - told[random][seed] for seed in told[line] if seed in told[random]]
        for line, random in _baselines(lines).items()
        if line in told and random in told
    }
    figure = Figure(figsize=(WIDTH + bool(leads), 1.5 + 0.27 * len(lines)))
    panels = figure.subplots(1, 1 + bool(leads), sharey=True, squeeze=False)[0]
    for row, line in enumerate(lines):
        means = [list(told[line].values()) if line in told else None, leads.get(line)]
        for axes, values in zip(panels, means, strict=False):
            if values:
                mark = _marker(line, lines)
                _bars(axes, [row], [interval(values)], line.shade, mark, across=True)
        if line not in told:
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
    if leads:
        panels[1].axvline(0, color=GREY, linewidth=1, zorder=1)
        panels[1].set_xlabel("less Random's,\npaired by seed")
    text = _text(results, plot, lines, says, "bar")
    title = figure.suptitle(text, x=0.01, ha="left", fontsize=10)
    title.set_parse_math(False)
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + 0.17 * text.count("\n"))
    return figure


def _bars(
    axes: Axes,
    places: Sequence[float],
    found: Sequence[Interval],
    shade: str,
    mark: str,
    across: bool = False,
) -> None:
    """Means with their intervals as bars; without a bar where there is no interval."""
    means = [f.mean for f in found]
    ends: Any = [
        [0.0 if math.isnan(f.low) else f.mean - f.low for f in found],
        [0.0 if math.isnan(f.high) else f.high - f.mean for f in found],
    ]
    x, y = (means, places) if across else (places, means)
    axes.errorbar(
        x,
        y,
        **{"xerr" if across else "yerr": ends},
        fmt=mark or "none",
        color=shade,
        ecolor=shade,
        elinewidth=1.5,
        capsize=2.5,
        zorder=3,
    )


def _marker(line: Line, lines: Sequence[Line]) -> str:
    if line.asks:
        return marker(line.settings.measure)
    unasked = [one for one in lines if not one.asks]
    return _UNASKED[unasked.index(line) % len(_UNASKED)]


def _text(
    results: Results,
    plot: Plot,
    lines: Sequence[Line],
    says: str,
    what: str,
    along: str | None = None,
) -> str:
    """A title: what is shown, of which runs; the data; n and the interval; what is identical."""
    where = "".join(
        f", {key} {f'{100 * value:.0f} %' if key == 'noise' else value}"
        for key, value in plot.where.items()
        if key != "measure" and key != along
    )
    counts = sorted({len({run.settings.seed for run in line.runs}) for line in lines})
    n = " to ".join(dict.fromkeys(str(count) for count in (counts[0], counts[-1])))
    bars = f"mean of n = {n} seeds; {what}: 95 % interval" if counts[-1] > 1 else "n = 1 seed"
    size = f"{thousands(results.images)} images, {results.labels} labels"
    text = [
        plain(plot.title, 70) if plot.title else f"{says}{plain(where, 40)}",
        f"{plain(results.data, 30)}, {size}",
        bars if results.complete else f"{bars}; unfinished",
    ]
    for group in _identical(lines):
        if len(group) > 1:
            names = ", ".join(plain(line.name, 60) for line in group)
            text += textwrap.wrap(f"identical in every seed: {names}", 70)
    return "\n".join(text)
