"""mAP after the last round, by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alasl.study.checks import final_map
from alasl.study.figures.base import figure
from alasl.study.figures.charts.dots import dots
from alasl.study.figures.lines import chosen, lines_of
from alasl.study.results import Results
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure("map-final")
def map_final(results: Results, plot: Plot) -> Figure:
    """mAP after the last round."""
    lines = lines_of(chosen(results, plot))
    return dots(results, plot, lines, final_map, "mAP after the last round", "mAP (%)")
