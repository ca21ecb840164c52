"""The page on a project: mAP against answers and people's time, labels, people, when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alasl.errors import DataError
from alasl.figures import curve, span
from alasl.files import write_text
from alasl.project.ground import SPOKEN
from alasl.report.html import inline, render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from alasl.project.overview import Overview
    from alasl.project.records import Training


def write_project_report(state: Overview, out: Path) -> None:
    """Write the page on a project, whole or not at all."""
    write_text(out, project_page(state))


def project_page(state: Overview) -> str:
    """The page's HTML; see `write_project_report`."""
    return render(
        "alasl.report",
        "project.html.j2",
        title=state.name,
        state=state,
        hours=state.seconds / 3600,
        again=any(person.again for person in state.people),
        untimed=sum(max(0, person.answers - person.timed) for person in state.people),
        last=state.trainings[-1] if state.trainings else None,
        figures=[
            (says, inline(figure, f"figure{number}", says))
            for number, (says, figure) in enumerate(project_figures(state))
        ],
        width=_widths(state),
        shown=SPOKEN,
        breaks={one.training: one.why for one in state.breaks},
    )


def project_figures(state: Overview) -> list[tuple[str, Figure]]:
    """mAP against answers, and people's time if any, each with what it says; none before two."""
    places = [place for place, t in enumerate(state.trainings) if t.map is not None]
    told = [state.trainings[place] for place in places]
    if len(told) < 2:
        return []
    maps = [t.map for t in told if t.map is not None]
    sure = [t.ground.map if t.ground else None for t in told]
    ends = [end for pair in sure if pair for end in pair]
    says = " Bars are 95 % intervals." if ends else ""
    says += " The mAP axis does not start at 0." if span([*maps, *ends])[0] > 0 else ""
    if state.breaks:
        says += " Where the line breaks, mAP is of something else than before; see Trainings."
    # What more it rests on, in the sentences of the page, is too long for a title.
    on = told[-1].judged.partition(";")[0]
    title = f"{state.name}: {_counts(told)} labels\njudged on {on}"
    answers, minutes = [t.answers for t in told], [t.seconds / 60 for t in told]
    cuts = [places.index(one.training) for one in state.breaks]
    figures = [
        (
            f"mAP over the entries that people filled.{says}",
            curve(answers, maps, "answers (entries filled)", title, sure, cuts),
        )
    ]
    if any(minutes):
        figures.append(
            (
                f"mAP over the time that people spent.{says}",
                curve(minutes, maps, "people's time (minutes)", title, sure, cuts),
            )
        )
    return figures


def _counts(trainings: Sequence[Training]) -> str:
    """Of how many labels mAP is: one number, or the least and the most."""
    counts = sorted({len(t.over) for t in trainings})
    return f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def write_project_figures(state: Overview, folder: Path) -> None:
    """Write the figures as PNG and SVG. Raises `DataError` where there are none yet."""
    from alasl.figures import save

    figures = project_figures(state)
    if not figures:
        raise DataError("a curve needs two trainings of which the mAP is defined")
    # Where no time was measured, there is no curve over it.
    for name, (_, figure) in zip(("map-per-answer", "map-per-time"), figures, strict=False):
        for kind in ("png", "svg"):
            save(figure, folder / f"{name}.{kind}")


def _widths(state: Overview) -> list[dict[str, Any]]:
    """For each label the shares of its entries that were given and known by now, in per cent."""
    shares = []
    for label in state.labels:
        known = label.given + label.answered + label.automatic
        whole = max(known + label.unknown, 1)
        shares.append({"given": 100 * label.given / whole, "known": 100 * known / whole})
    return shares
