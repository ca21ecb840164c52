"""What a figure shows of a study's runs, as lines: runs that differ in the seed alone."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from typing import Any

from alasl.drawing import INK
from alasl.errors import DataError
from alasl.figures import COLOURS, DASHES, colour, marker, next_marker
from alasl.settings import RunSettings
from alasl.study.results import Results, RunResult
from alasl.study.spec import Plot

# A figure of a run.
Value = Callable[[RunResult], float]
# Marks of lines that ask nothing, so are of no strategy.
_UNASKED = "d8p>"


@dataclass(frozen=True, eq=False)
class Line:
    """Runs that differ in the seed alone, and in what a figure has along its axis.

    settings: what they share; what differs stands at its default. own: a colour of its own.
    """

    name: str
    settings: RunSettings
    runs: tuple[RunResult, ...]
    own: str | None = None

    @property
    def asks(self) -> bool:
        """Whether its runs ask anything; if not, their strategy means nothing."""
        return self.settings.rounds > 0

    @property
    def random(self) -> bool:
        """Whether it is the baseline."""
        return self.asks and self.settings.strategy == "random"

    @property
    def shade(self) -> str:
        """Its colour: its own, or the strategy's."""
        if self.own:
            return self.own
        return colour(self.settings.strategy) if self.asks else INK

    def by_seed(self, value: Value) -> dict[int, float]:
        """A figure of each seed's run."""
        return {run.settings.seed: value(run) for run in self.runs}

    def at(self, key: str, value: object) -> Line:
        """The line of those of its runs that have a setting at a value."""
        runs = tuple(run for run in self.runs if getattr(run.settings, key) == value)
        return replace(self, runs=runs)


def chosen(results: Results, plot: Plot) -> list[RunResult]:
    """The runs that a figure shows, and Random's that go with them."""
    where = dict(plot.where)
    found = results.select(plot.grid, **where)
    shown = {run.settings for run in found}
    baseline = {replace(run, strategy="random") for run in shown if run.rounds} - shown
    grids = {run.grid for run in found}
    for run in results.runs:
        if run.settings in baseline:
            # It stands among the runs of the one grid that is shown as if it were of it.
            found.append(replace(run, grid=min(grids)) if len(grids) == 1 else run)
            baseline.remove(run.settings)
    return found


def asking(results: Results, plot: Plot) -> list[Line]:
    """A figure's lines that ask. Raises `DataError` where none does."""
    lines = [line for line in lines_of(chosen(results, plot)) if line.asks]
    if not lines:
        raise DataError("no run of this figure asks anything", where=f"figure {plot.file}")
    return lines


def lines_of(
    runs: Sequence[RunResult], along: str | None = None, *, alone: bool = True
) -> list[Line]:
    """Runs by all their settings but the seed and what is along the axis, named by what varies.

    Random comes first, where there is one. alone: whether these are all lines of the figure. Runs
    of several grids are named by their grid, and by what varies in it.
    """
    grids = list(dict.fromkeys(run.grid for run in runs))
    if len(grids) > 1:
        within = {
            grid: lines_of([run for run in runs if run.grid == grid], along, alone=False)
            for grid in grids
        }
        # A grid of Random alone takes no colour from the others.
        coloured = [grid for grid in grids if not all(line.random for line in within[grid])]
        own = dict(zip(coloured, cycle((*COLOURS.values(), INK)), strict=False))
        return [
            replace(
                line,
                name=grid if len(found) == 1 else f"{grid}: {line.name}",
                own=None if line.random else own[grid],
            )
            for grid, found in within.items()
            for line in found
        ]
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
    unasked = alone and not any(settings.rounds for settings in groups)
    lines = [Line(_name(key, varied, unasked), key, tuple(group)) for key, group in groups.items()]
    one = sum(line.random for line in lines) == 1
    return sorted(lines, key=lambda line: one and not line.random)


def baselines(lines: Sequence[Line]) -> dict[Line, Line]:
    """For each line the one of Random that is equal in all else, where there are others as well."""
    randoms = {line.settings: line for line in lines if line.random}
    found = {
        line: randoms[key]
        for line in lines
        if line.asks and (key := replace(line.settings, strategy="random")) in randoms
    }
    return found if len(found) > len(randoms) else {}


def identical(lines: Sequence[Line]) -> list[list[Line]]:
    """The lines in groups whose runs have the same mAPs and costs in every seed."""
    groups: dict[object, list[Line]] = {}
    for line in lines:
        runs = frozenset(
            (run.settings.seed, run.settings.missing, *run.maps, *run.costs) for run in line.runs
        )
        groups.setdefault((runs, line.asks), []).append(line)
    return list(groups.values())


def shades(lines: Sequence[Line]) -> dict[Line, str]:
    """The colours of a figure's lines: their strategies', where dashes can tell apart those of one.

    More lines than that of one colour get the colours in turn that no other line has.
    """
    own = Counter(line.shade for line in lines)
    crowded = {shade for shade, count in own.items() if count > len(DASHES)}
    taken = own.keys() - crowded
    free = cycle([c for c in (INK, *COLOURS.values()) if c not in taken] or [INK])
    return {line: next(free) if line.shade in crowded else line.shade for line in lines}


def mark(line: Line, lines: Sequence[Line]) -> str:
    """The marker of one of a figure's lines: its strategy's, and others for more lines of that."""
    if line.asks:
        own = marker(line.settings.strategy)
        alike = [
            one
            for one in lines
            if one.asks and (one.shade, marker(one.settings.strategy)) == (line.shade, own)
        ]
        return next_marker(own, alike.index(line))
    unasked = [one for one in lines if not one.asks]
    return _UNASKED[unasked.index(line) % len(_UNASKED)]


def _name(settings: RunSettings, varied: Sequence[str], unasked: bool) -> str:
    """What sets a line apart. unasked: whether it goes without saying that it asks nothing."""
    others = [f"{key} {_value(getattr(settings, key))}" for key in varied if key != "strategy"]
    if not settings.rounds:
        others = [other for other in others if not other.startswith("rounds ")]
        return ", ".join(others if others and unasked else ["nothing asked", *others])
    return ", ".join(
        others if others and "strategy" not in varied else [settings.strategy, *others]
    )


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
