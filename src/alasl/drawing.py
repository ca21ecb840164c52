"""How a figure is drawn: our style alone, once, on a background."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#22262b"
GREY = "#7f7f7f"
# Dots an inch of a PNG.
DPI = 150

_STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": GREY,
    "grid.alpha": 0.3,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "legend.handlelength": 3,
    "lines.linewidth": 1.8,
    "lines.markersize": 4.5,
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "alasl",
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK
    ),
}


@contextmanager
def style() -> Iterator[None]:
    """Our style alone, whatever the user's own matplotlibrc says."""
    import matplotlib.style

    with matplotlib.style.context(["default", _STYLE]), warnings.catch_warnings():
        # A PNG shows a box for a letter that the font lacks; the SVG leaves it to the viewer.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


@contextmanager
def drawn_by(kind: Any, figure: Figure, background: str) -> Iterator[Any]:
    """A canvas that draws a figure on a background, in our style; after it all is as it was.

    `Figure.savefig` does the same, but lays out and draws everything twice.
    """
    before, dpi, own = figure.canvas, figure.dpi, figure.get_facecolor()
    try:
        with style():
            figure.set_facecolor(background)
            yield kind(figure)
    finally:
        figure.set_canvas(before)
        figure.set_dpi(dpi)
        figure.set_facecolor(own)
