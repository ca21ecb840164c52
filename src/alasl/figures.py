"""A run's curves and bars as figures for people: one colour per strategy everywhere, units, n."""

from __future__ import annotations

import io
import math
import zlib
from collections import Counter
from collections.abc import Sequence
from itertools import count, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alasl.drawing import DPI, GREY, INK, drawn_by, style
from alasl.errors import DataError, UsageError
from alasl.files import replacing, write_text
from alasl.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Chosen by search: under normal sight and the three colour deficiencies any two of these and GREY
# are at least 24 apart in CIELAB, and each has a contrast of 3:1 to white and to a dark page.
COLOURS = {
    "hard": "#cc0a22",
    "medium": "#4ba661",
    "hard+medium": "#b209b2",
    "entropy": "#7384ff",
    "hard+entropy": "#7040ff",
    "medium+entropy": "#e5780b",
    "hard+medium+entropy": "#e567c6",
}
DASHES = ("-", "--", ":", "-.")
_MARKERS = {"random": "o", **dict(zip(COLOURS, "s^DPvX*", strict=True))}
# Markers of lines that would have the colour and the marker of one before.
_AGAIN = "<>dp8"

# The least height of a mAP axis, in points: less would show chance as a cliff.
LEAST_SPAN = 10.0
# How strongly a band of intervals is drawn, and one where there is no interval.
BAND, NO_INTERVAL = 0.15, (math.nan, math.nan)
# The most labels a chart of AP shows.
MOST_LABELS = 40


def colour(strategy: str) -> str:
    """The colour of a strategy, by its name without parameters; Random is grey."""
    name = _name(strategy)
    if name == "random":
        return GREY
    palette = list(COLOURS.values())
    return COLOURS.get(name, palette[zlib.crc32(name.encode("utf-8", "replace")) % len(palette)])


def run_colours(records: Sequence[Record]) -> list[str]:
    """The colour of each run: its strategy's, or the next that is free where another has that."""
    taken: dict[str, str] = {}
    names = dict.fromkeys(_name(record.settings.strategy) for record in records)
    for name in sorted(names, key=lambda name: name != "random" and name not in COLOURS):
        own = colour(name)
        choice = (shade for shade in (own, *COLOURS.values()) if shade not in taken.values())
        taken[name] = next(choice, own)
    return [taken[_name(record.settings.strategy)] for record in records]


def marker(strategy: str) -> str:
    """The marker of a strategy, by its name without parameters."""
    return _MARKERS.get(_name(strategy), "h")


def next_marker(own: str, place: int) -> str:
    """The marker of the line at a place, from 0, among those that would have one and a colour."""
    return _AGAIN[(place - 1) % len(_AGAIN)] if place else own


def run_names(records: Sequence[Record]) -> list[str]:
    """What to call each run: its strategy, and, where that is not enough, what else sets it apart.

    Runs of equal settings are numbered.
    """
    settings = [record.settings.to_dict() for record in records]
    apart = [k for k in differing(records) if k != "strategy"]
    apart.sort(key=lambda key: key != "seed")
    names = [record.settings.strategy for record in records]
    for key in apart:
        if len(set(names)) == len(names):
            break
        shared = Counter(names)
        names = [
            f"{name}, {key} {values.get(key, 'unset')}" if shared[name] > 1 else name
            for name, values in zip(names, settings, strict=True)
        ]
    shared, number = Counter(names), {name: count(1) for name in names}
    return [f"{name} ({next(number[name])})" if shared[name] > 1 else name for name in names]


def differing(records: Sequence[Record]) -> list[str]:
    """The settings in which the runs differ, in the settings' order."""
    settings = [record.settings.to_dict() for record in records]
    keys = dict.fromkeys(key for values in settings for key in values)
    return [key for key in keys if len({repr(values.get(key)) for values in settings}) > 1]


def plot(*records: Record) -> Figure:
    """mAP over the answers that it took, a line for each run, as a figure that a notebook shows.

    Raises `UsageError` where no run is given.
    """
    if not records:
        raise UsageError("there is no run to draw")
    return map_per_cost(records)


def map_per_round(records: Sequence[Record]) -> Figure:
    """mAP in per cent after each round, one line a run; round 0 is before any answer."""
    from matplotlib.ticker import MaxNLocator

    with style():
        figure, axes = canvas()
        _lines(axes, records, [[e.round for e in r.evaluations] for r in records])
        axes.set_xlabel("round (0: before any answer)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        return name_lines(figure, axes.get_lines())


def map_per_cost(records: Sequence[Record]) -> Figure:
    """mAP in per cent over the answers that it took, one line a run."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with style():
        figure, axes = canvas()
        _lines(axes, records, [r.costs for r in records])
        axes.set_xlabel("cost (answers: entries filled)")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: thousands(x)))
        return name_lines(figure, axes.get_lines())


def curve(
    xs: Sequence[float],
    maps: Sequence[float],
    xlabel: str,
    title: str,
    intervals: Sequence[tuple[float, float] | None] = (),
    breaks: Sequence[int] = (),
) -> Figure:
    """mAP in per cent over something, as a line; intervals, where there are any, as bars.

    breaks: the points before which the line breaks, as they cannot be compared with those before;
    a dotted line stands between.
    """
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    with style():
        figure, axes = canvas()
        for first, end in pairwise((0, *breaks, len(xs))):
            axes.plot(xs[first:end], maps[first:end], "o-", color=COLOURS["entropy"])
        for first in breaks:
            axes.axvline((xs[first - 1] + xs[first]) / 2, color=GREY, linestyle=":", linewidth=1)
        ends = [(x, *pair) for x, pair in zip(xs, intervals, strict=False) if pair is not None]
        if ends:
            axes.vlines(
                *zip(*ends, strict=True), color=COLOURS["entropy"], linewidth=1.2, alpha=0.6
            )
        axes.set_xlabel(xlabel)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(
            FuncFormatter(lambda x, _: thousands(x) if x == round(x) else f"{x:g}")
        )
        axes.set_ylabel("mAP (%)")
        axes.set_ylim(*span([*maps, *(end for one in ends for end in one[1:])]))
        axes.margins(x=0.03)
        set_title(axes, "\n".join(plain(line, 60) for line in title.split("\n")))
        return figure


def ap_per_label(record: Record) -> Figure:
    """AP of each label before any answer (line) and after the last round (bar), best first.

    A thin line is the bar's 95 % interval, where there is one.

    Of many labels, the 40 whose AP changed most. Raises `DataError` before the first evaluation.
    """
    if not record.evaluations:
        raise DataError("the run has no evaluation yet, so no label has an AP")
    first, last = (np.array(record.evaluations[i].ap) for i in (0, -1))
    defined = np.flatnonzero(~np.isnan(last))
    shown = defined
    if len(defined) > MOST_LABELS:
        change = np.nan_to_num(np.abs(last - first)[defined])
        shown = defined[np.argsort(-change, kind="stable")[:MOST_LABELS]]
    shown = shown[np.argsort(last[shown], kind="stable")]
    these = f"{len(shown)} of {len(last)} labels"
    if len(shown) < len(defined):
        these = f"the {these} that changed most"
    with style():
        figure, axes = canvas(1.3 + 0.2 * max(len(shown), 1))
        places = np.arange(len(shown))
        axes.barh(places, last[shown], 0.72, color=colour(record.settings.strategy), alpha=0.75)
        axes.vlines(first[shown], places - 0.36, places + 0.36, color=INK, linewidth=1.6)
        sure = record.evaluations[-1].ap_intervals
        if sure:
            low, high = np.array([sure[i] or NO_INTERVAL for i in shown]).reshape(-1, 2).T
            axes.hlines(places, low, high, color=INK, linewidth=0.8)
        axes.set_yticks(places, [plain(record.start.names[i], 24) for i in shown])
        for tick in axes.get_yticklabels():
            tick.set_parse_math(False)
        axes.tick_params(axis="y", length=0)
        axes.grid(False, axis="y")
        axes.grid(True, axis="x")
        axes.set_xlim(0, 100)
        axes.set_ylim(-0.6, max(len(shown), 1) - 0.4)
        after = record.evaluations[-1].round
        held = "\nthin line, the bar's 95 % interval" if sure else ""
        axes.set_xlabel(f"AP (%): bar, after round {after}; line, before any answer{held}")
        set_title(
            axes,
            f"{plain(record.start.data)}: {these}\n"
            f"{plain(record.settings.strategy)}, {_tested(record)}",
        )
        return figure


def write_figures(records: Sequence[Record], folder: Path) -> list[Path]:
    """Write every figure of the runs into a folder, as PNG and as SVG; return the files."""
    figures = {"map-per-round": map_per_round(records), "map-per-cost": map_per_cost(records)}
    if len(records) == 1 and records[0].evaluations:
        figures["ap-per-label"] = ap_per_label(records[0])
    paths = [folder / f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    for path in paths:
        save(figures[path.stem], path)
    return paths


def save(figure: Figure, path: Path) -> None:
    """Write a figure as .png (150 dpi) or .svg, by the file's ending; equal runs, equal bytes."""
    if path.suffix == ".svg":
        write_text(path, svg(figure))
    elif path.suffix == ".png":
        from matplotlib.backends.backend_agg import FigureCanvasAgg

        with replacing(path) as beside, drawn_by(FigureCanvasAgg, figure, "white") as canvas:
            figure.set_dpi(DPI)
            canvas.print_png(beside, metadata={"Software": None})
    else:
        raise UsageError("a figure is written as .png or .svg", seen=str(path))


def svg(figure: Figure, background: str = "white") -> str:
    """The figure as an SVG document; its text stays text."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    file = io.StringIO()
    with drawn_by(FigureCanvasSVG, figure, background) as canvas:
        canvas.print_svg(file, metadata={"Date": None})
    return file.getvalue()


def thousands(value: float) -> str:
    """A count in groups of three digits that stay on one line: 16 012."""
    return f"{round(value):,}".replace(",", "\u00a0")


def canvas(height: float = 3.3) -> tuple[Figure, Axes]:
    """A figure of a column's width, in inches, with one chart."""
    # Not pyplot: it keeps every figure, and picks a display.
    from matplotlib.figure import Figure

    class Chart(Figure):
        """A figure that a notebook shows by itself."""

        def _repr_svg_(self) -> str:
            return svg(self)

    figure = Chart(figsize=(4.4, height))
    return figure, figure.subplots()


def _lines(axes: Axes, records: Sequence[Record], xs: Sequence[Sequence[float]]) -> None:
    dashes: Counter[str] = Counter()
    names, shades = run_names(records), run_colours(records)
    for name, shade, record, x in zip(names, shades, records, xs, strict=True):
        (line,) = axes.plot(
            x,
            record.maps,
            DASHES[dashes[shade] % len(DASHES)],
            color=shade,
            marker=next_marker(marker(record.settings.strategy), dashes[shade]),
            label="run",
            zorder=2 if shade == GREY else 3,
        )
        # matplotlib hides a name that begins with an underscore if it is given right away.
        line.set_label(plain(name, 60))
        dashes[shade] += 1
        low, high = np.array([pair or NO_INTERVAL for pair in record.intervals]).reshape(-1, 2).T
        axes.fill_between(x, low, high, color=shade, alpha=BAND, linewidth=0, zorder=1)
    metrics = dict.fromkeys(record.metric for record in records)
    axes.set_ylabel(f"{' or '.join(metrics)} on the test set (%)")
    ends = [end for record in records for pair in record.intervals if pair for end in pair]
    axes.set_ylim(*span([*ends, *(m for record in records for m in record.maps)]))
    set_title(axes, _about(records))
    axes.margins(x=0.03)


def name_lines(figure: Figure, lines: Sequence[Any]) -> Figure:
    """The figure with its lines named below it, where there are several; the highest first."""

    def end(line: Any) -> float:
        heights = [h for h in line.get_ydata() if not math.isnan(h)]
        return -heights[-1] if heights else math.inf

    lines = sorted(lines, key=end)
    if len(lines) > 1:
        names = [str(line.get_label()) for line in lines]
        columns = 1 if max(map(len, names)) > 19 else 2
        legend = figure.legend(lines, names, loc="outside lower center", ncols=columns)
        for text in legend.get_texts():
            text.set_parse_math(False)
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + 0.2 * math.ceil(len(lines) / columns))
    return figure


def span(maps: Sequence[float]) -> tuple[float, float]:
    """The limits of the mAP axis: the data and a little room, never less than `LEAST_SPAN`."""
    values = [value for value in maps if not math.isnan(value)]
    low, high = (min(values), max(values)) if values else (0.0, 100.0)
    room = max(0.06 * (high - low), (LEAST_SPAN - (high - low)) / 2)
    low, high = low - room, high + room
    if low < 0:
        low, high = 0.0, min(high - low, 100.0)
    if high > 100:
        low, high = max(0.0, low - (high - 100)), 100.0
    return low, high


def _about(records: Sequence[Record]) -> str:
    """A title: data, strategy or runs, and n."""
    data = dict.fromkeys(record.start.data for record in records)
    shown = plain(", ".join(data), 40)
    runs = plain(records[0].settings.strategy, 40) if len(records) == 1 else f"{len(records)} runs"
    sizes = {(len(r.start.names), _tested(r)) for r in records}
    n = "data sets that differ in size"
    if len(sizes) == 1:
        labels, tested = sizes.pop()
        n = f"{labels} labels, {tested}"
    return f"{shown}: {runs}\n{n}"


def _name(strategy: str) -> str:
    """A strategy's name without its parameters, and without the file that it is in."""
    first, *rest = strategy.split(":")
    return rest[0] if rest and first.endswith(".py") else first


def _tested(record: Record) -> str:
    return f"{thousands(record.start.sizes.get('test', 0))} test images"


def set_title(axes: Axes, text: str) -> None:
    """A title that may hold any sign, `$` among them."""
    axes.set_title(text, parse_math=False)


def plain(text: str, longest: int = 40) -> str:
    """One printable line of a name that may hold anything."""
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"
