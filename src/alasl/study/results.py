"""What the runs of a study came to, and the table of every round of every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from alasl.files import csv_text
from alasl.record import Evaluation
from alasl.settings import RunSettings
from alasl.study.spec import ALL, Study


@dataclass(frozen=True)
class RunResult:
    """One run: the grid it is of, its settings, its evaluations (rounds + 1 of them)."""

    grid: str
    settings: RunSettings
    evaluations: tuple[Evaluation, ...]

    @property
    def maps(self) -> list[float]:
        """mAP in per cent of each evaluation, by the run's setting `summary`."""
        return [e.map(self.settings.summary) for e in self.evaluations]

    @property
    def costs(self) -> list[int]:
        """Entries that the oracle had filled at each evaluation."""
        return [e.cost for e in self.evaluations]

    @property
    def times(self) -> list[float]:
        """Seconds of people's time at each evaluation."""
        return [e.time for e in self.evaluations]


@dataclass(frozen=True)
class Results:
    """A study's runs, in the study's order, as far as they are done.

    data: the data set's name. images, labels: its size. partly: whether some run was judged by
    known entries alone, as not every entry of its test set is known.
    """

    study: Study
    data: str
    images: int
    labels: int
    runs: tuple[RunResult, ...]
    partly: bool = False

    @property
    def metric(self) -> str:
        """What the figures are called: mAP only where every entry of the test sets is known."""
        return "AP of known entries" if self.partly else "mAP"

    def select(self, grid: str, **where: Any) -> list[RunResult]:
        """The runs of a grid, or of "*" for all, whose settings have these values, in order."""
        return [
            run
            for run in self.runs
            if grid in (ALL, run.grid)
            and all(getattr(run.settings, k) == v for k, v in where.items())
        ]

    @property
    def complete(self) -> bool:
        """Whether every run of the study is there."""
        return len(self.runs) == sum(len(self.study.runs(seed)) for seed in self.study.seed_range)


def results_csv(results: Results) -> str:
    """A line for each evaluation of each run: grid, what varies, seed, round, figures."""
    varied = list(dict.fromkeys(key for grid in results.study.grids for key in grid.values))
    what = "known" if results.partly else "map"
    figures = ["round", "images", "cost", "people_seconds", what, f"{what}_last", f"{what}_best"]
    rows: list[Sequence[object]] = [["grid", *varied, "seed", *figures]]
    for run in results.runs:
        settings = run.settings.to_dict()
        point = [run.grid, *(settings.get(key, "") for key in varied), run.settings.seed]
        for e, value in zip(run.evaluations, run.maps, strict=True):
            maps = [f"{v:.4f}" for v in (value, e.map_last, e.map_best)]
            rows.append([*point, e.round, e.images, e.cost, f"{e.time:.10g}", *maps])
    return csv_text(rows)
