"""From a study to its figures: which it has, whether they can be drawn, drawing, writing."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alasl.config import unknown
from alasl.drawing import style
from alasl.errors import DataError, UsageError
from alasl.figures import save
from alasl.settings import RunSettings
from alasl.study.figures.base import resolve
from alasl.study.figures.lines import chosen
from alasl.study.results import Results
from alasl.study.spec import Plot, Study

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The most lines that a figure made without being asked for has.
MOST_LINES = 12


def draw(results: Results, plot: Plot) -> Figure:
    """One figure of a study. Raises `DataError` where none of its runs is done."""
    kind = resolve(plot)
    if not chosen(results, plot):
        raise DataError("no run of this figure is done", where=f"figure {plot.file}")
    with style():
        return kind.part.draw(results, plot, **kind.values)


def draw_all(results: Results) -> list[tuple[Plot, Figure]]:
    """Every figure of a study of which a run is done, in the study's order."""
    return [(p, draw(results, p)) for p in plots_of(results.study) if chosen(results, p)]


def write_figures(drawn: Iterable[tuple[Plot, Figure]], folder: Path) -> list[Path]:
    """Write figures as PNG and as SVG, named by their plots; equal results, equal bytes."""
    paths = []
    for plot, figure in drawn:
        for ending in ("png", "svg"):
            paths.append(folder / f"{plot.file}.{ending}")
            save(figure, paths[-1])
    return paths


def check_plots(study: Study) -> None:
    """Raise `UsageError` unless every figure of a study can be drawn once its runs are done."""
    settings = [item.name for item in dataclasses.fields(RunSettings)]
    for number, plot in enumerate(study.plots, 1):
        where = f"{study.name}: [[figure]] {number}"
        resolve(plot, where)
        if Path(plot.file).name != plot.file or not plot.file:
            raise UsageError(
                "a figure's file is a name, without folder", where=where, seen=plot.file
            )
        for key in plot.where:
            if key not in settings:
                raise unknown(key, settings, where)
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
