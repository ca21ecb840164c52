"""What a study leaves to look at: one self-contained page, its tables, its figures."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alasl.files import write_text
from alasl.report.html import inline, render
from alasl.settings import RunSettings
from alasl.study.checks import ALPHA, Claim, Seeds, final_cost, final_map, increase
from alasl.study.claims import check, claims_csv, verdicts
from alasl.study.efficiency import efficiency_csv, needed, ratios_csv
from alasl.study.figures import Line, draw_all, lines_of, write_figures
from alasl.study.results import Results, results_csv
from alasl.study.spec import Grid, Plot
from alasl.study.stats import interval

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_study(results: Results, folder: Path) -> list[Claim]:
    """Write study.html, results.csv, figures/, and claims.csv and ratios.csv where it has them.

    Returns the claims. A study that lacks runs is shown as far as it is done, and says so.
    """
    claims = check(results)
    drawn = draw_all(results)
    write_text(folder / "results.csv", results_csv(results))
    if results.study.claims:
        write_text(folder / "claims.csv", claims_csv(claims))
    if results.study.efficiency:
        write_text(folder / "efficiency.csv", efficiency_csv(results))
        write_text(folder / "ratios.csv", ratios_csv(results, needed(results)))
    write_figures(drawn, folder / "figures")
    write_text(folder / "study.html", page(results, claims, drawn))
    return claims


def page(results: Results, claims: Sequence[Claim], drawn: Iterable[tuple[Plot, Figure]]) -> str:
    """The page's HTML."""
    study = results.study
    whole = verdicts(claims)
    return render(
        "alasl.study",
        "study.html.j2",
        title=f"{study.name}: {results.data}",
        study=study,
        results=results,
        planned=sum(len(study.runs(seed)) for seed in study.seed_range),
        finished=len(Seeds(results).seeds),
        claims=[
            (name, verdict, [c for c in claims if c.claim == name])
            for name, verdict in whole.items()
        ],
        counts=Counter(whole.values()),
        goals=_goals(results),
        alpha=ALPHA,
        figures=[
            (plot.file, inline(figure, f"figure{number}", f"{plot.file}: {plot.kind}"))
            for number, (plot, figure) in enumerate(drawn)
        ],
        grids=[found for grid in study.grids if (found := _grid(results, grid))],
        settings=[
            (item.name, study.base[item.name], item.metadata["about"])
            for item in dataclasses.fields(RunSettings)
            if item.name in study.base
        ],
    )


def _goals(results: Results) -> list[dict[str, Any]]:
    """The mAP of each baseline at each share, and what the other methods need for it."""
    goals: dict[tuple[float, str], dict[str, Any]] = {}
    for one in needed(results):
        shared = {key: getattr(one, key) for key in ("unknown", "baseline", "budget")}
        maps = {"start": one.start, "target": one.target}
        goal = goals.setdefault((one.unknown, one.baseline), {**shared, **maps, "found": {}})
        if one.method != one.baseline:
            goal["found"][one.method] = one
    ordered = sorted(goals.values(), key=lambda goal: -goal["unknown"])
    return [{**goal, "found": list(goal["found"].values())} for goal in ordered if goal["found"]]


def _grid(results: Results, grid: Grid) -> dict[str, Any] | None:
    """A grid's table: what its runs share, what varies; None before a run of it is done."""
    varied = [key for key, values in grid.values.items() if len(values) > 1]
    rows = _rows(results, grid, varied)
    if not rows:
        return None
    return {
        "name": grid.name,
        "same": [(key, values[0]) for key, values in grid.values.items() if key not in varied],
        "varied": [(key, isinstance(grid.values[key][0], str)) for key in varied],
        "rows": rows,
    }


def _rows(results: Results, grid: Grid, varied: Sequence[str]) -> list[dict[str, Any]]:
    """What each point of a grid came to over its seeds."""
    return [
        {
            "values": [getattr(line.settings, key) for key in varied],
            "shade": line.shade,
            "first": interval([run.maps[0] for run in line.runs]),
            "final": _over_seeds(line, final_map),
            "cost": _over_seeds(line, final_cost),
            "increase": _over_seeds(line, increase),
        }
        for line in lines_of(results.select(grid.name))
    ]


def _over_seeds(line: Line, value: Any) -> Any:
    return interval(list(line.by_seed(value).values()))
