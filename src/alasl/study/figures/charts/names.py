"""The names of a chart's lines beside it, each as near to its line's end as there is room."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

# In inches: from a chart's edge to a name's mark, on to the name, and between two names.
_LEADER, _MARK, _GAP = 0.25, 0.1, 0.03
# The most signs in a row of a name.
_LONGEST = 24


def name_ends(figure: Figure, axes: Sequence[Axes], lines: Sequence[Any]) -> Figure:
    """The figure with the lines of its first chart named to the right, in the order of their ends.

    axes: the charts from above; names may reach down beside all of them. A lone line gets no name.
    """
    if len(lines) < 2:
        return figure
    chart = axes[0]
    names = [_text(figure, chart, str(line.get_label())) for line in lines]
    sizes = _sizes(figure, names)
    width, height = figure.get_size_inches()
    whole = width + _LEADER + _MARK + sizes[:, 0].max() + _GAP
    figure.set_layout_engine("constrained", rect=(0, 0, width / whole, 1))
    figure.set_size_inches(whole, height)
    low, high = _extent(figure, axes)
    if (lacking := sizes[:, 1].sum() - (high - low)) > 0:
        figure.set_size_inches(whole, height + lacking)
        low, high = _extent(figure, axes)
    base, top = _extent(figure, axes[:1])
    ends = np.array([_end(chart, line) for line in lines])
    order = np.argsort(-ends[:, 1], kind="stable")
    best = base + (top - base) * ends[order, 1]
    places = (spread(best, sizes[order, 1], low, high) - base) / (top - base)
    for number, place in zip(order, places, strict=True):
        names[number].set_y(place)
        _lead(figure, chart, lines[number], ends[number], float(place))
    return figure


def spread(
    best: NDArray[np.float64], sizes: NDArray[np.float64], low: float, high: float
) -> NDArray[np.float64]:
    """Where to put the centres of labels between low and high, so that none lies on another.

    best: (n,) where each had best be, the highest first; they end as near to it, by least
    squares, and in the same order. sizes: (n,), which together have room.
    """
    from scipy.optimize import isotonic_regression

    # How far each is at least below the first: on a scale that takes this off, labels that just
    # touch are at one place.
    below = np.cumsum(sizes) - (sizes + sizes[0]) / 2
    fitted = isotonic_regression(best + below, increasing=False).x
    highest, lowest = high - sizes[0] / 2, low + sizes[-1] / 2 + below[-1]
    return np.asarray(np.clip(fitted, min(lowest, highest), highest) - below)


def _text(figure: Figure, axes: Axes, name: str) -> Text:
    rows = "\n".join(textwrap.wrap(name, _LONGEST))
    text = axes.text(1, 0, rows, va="center", linespacing=0.95, parse_math=False)
    text.set_transform(_beside(figure, axes, _LEADER + _MARK))
    # Room is made for names by the width of the figure: the layout would push charts apart.
    text.set_in_layout(False)
    return text


def _sizes(figure: Figure, texts: Sequence[Text]) -> NDArray[np.float64]:
    """Width and height of texts, in inches, (n, 2)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    renderer = FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in texts]
    return np.array([(box.width, box.height + _GAP * figure.dpi) for box in boxes]) / figure.dpi


def _extent(figure: Figure, axes: Sequence[Axes]) -> tuple[float, float]:
    """From where to where charts reach in the figure once it is laid out, in inches from below."""
    figure.draw_without_rendering()
    height = figure.get_size_inches()[1]
    return height * axes[-1].get_position().y0, height * axes[0].get_position().y1


def _end(axes: Axes, line: Any) -> tuple[float, float]:
    """The last point of a line, as shares of the chart; the lower right corner if it has none."""
    points = np.column_stack([line.get_xdata(), line.get_ydata()]).astype(float)
    points = points[~np.isnan(points).any(axis=1)]
    if not len(points):
        return 1.0, 0.0
    x, y = axes.transAxes.inverted().transform(axes.transData.transform(points[-1]))
    return float(x), float(y)


def _lead(figure: Figure, axes: Axes, line: Any, end: NDArray[np.float64], place: float) -> None:
    """A thin line from a line's end to its mark, beside its name at a height of the chart."""
    from matplotlib.lines import Line2D

    beside = _beside(figure, axes, _LEADER)
    leader = {"arrowstyle": "-", "color": line.get_color(), "linewidth": 0.8}
    leader |= {"shrinkA": 0, "shrinkB": 0}
    axes.annotate(
        "",
        (float(end[0]), float(end[1])),
        (1, place),
        xycoords="axes fraction",
        textcoords=beside,
        arrowprops=leader,
        zorder=1,
    ).set_in_layout(False)
    mark = Line2D([1], [place], color=line.get_color(), marker=line.get_marker(), clip_on=False)
    mark.set_transform(beside)
    mark.set_in_layout(False)
    axes.add_artist(mark)


def _beside(figure: Figure, axes: Axes, inches: float) -> Any:
    """Shares of a chart, moved to the right."""
    from matplotlib.transforms import ScaledTranslation

    return axes.transAxes + ScaledTranslation(inches, 0, figure.dpi_scale_trans)
