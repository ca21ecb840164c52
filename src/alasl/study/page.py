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
        needed=needed(results),
        alpha=ALPHA,
        figures=[
            (plot.file, inline(figure, f"figure{number}", f"{plot.file}: {plot.kind}"))
            for number, (plot, figure) in enumerate(drawn)
        ],
        grids=[(grid, _rows(results, grid)) for grid in study.grids],
        settings=[
            (item.name, study.base[item.name], item.metadata["about"])
            for item in dataclasses.fields(RunSettings)
            if item.name in study.base
        ],
    )


def _rows(results: Results, grid: Grid) -> list[dict[str, Any]]:
    """What each point of a grid came to over its seeds."""
    return [
        {
            "values": [getattr(line.settings, key) for key in grid.values],
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
