"""mAP after the last round over a setting."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

from alasl.figures import set_title
from alasl.parameters import OneOf
from alasl.settings import RunSettings
from alasl.study.figures.base import figure
from alasl.study.figures.charts import WIDTH
from alasl.study.figures.charts.along import along
from alasl.study.figures.charts.names import name_ends
from alasl.study.figures.lines import chosen, lines_of
from alasl.study.figures.title import title
from alasl.study.results import Results
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERS = tuple(
    i.name
    for i in dataclasses.fields(RunSettings)
    if not {"str", "bool"} & set(str(i.type).split())
)


@figure("map-by")
def map_by(
    results: Results, plot: Plot, *, setting: Annotated[str, OneOf(NUMBERS)] = "missing"
) -> Figure:
    """mAP after the last round over a setting that is a number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.3))
    axes = figure.subplots()
    lines = lines_of(chosen(results, plot), setting)
    drawn = along(axes, lines, setting)
    says = f"mAP after the last round, by {setting}"
    set_title(axes, title(results, plot, lines, says, "bar", setting))
    return name_ends(figure, [axes], drawn)
