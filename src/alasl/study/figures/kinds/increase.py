"""I of eq. 7, by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alasl.figures import thousands
from alasl.study import checks
from alasl.study.figures.base import figure
from alasl.study.figures.charts.dots import dots
from alasl.study.figures.lines import asking
from alasl.study.results import Results
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@figure("increase")
def increase(results: Results, plot: Plot) -> Figure:
    """I of eq. 7."""
    lines = asking(results, plot)
    says = "I: what answers raise mAP by (eq. 7)"
    unit = f"mAP points per {thousands(1000)} answers"
    return dots(results, plot, lines, checks.increase, says, unit)
