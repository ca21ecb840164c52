"""A study's figures: what its runs came to over seeds, with intervals; Random always there.

A kind of figure is one file in `kinds/`, made of the charts in `charts/`.
"""

from alasl.study.figures.base import KINDS, Kind, figure
from alasl.study.figures.lines import Line, lines_of
from alasl.study.figures.making import (
    MOST_LINES,
    check_plots,
    draw,
    draw_all,
    plots_of,
    write_figures,
)

__all__ = [
    "KINDS",
    "MOST_LINES",
    "Kind",
    "Line",
    "check_plots",
    "draw",
    "draw_all",
    "figure",
    "lines_of",
    "plots_of",
    "write_figures",
]
