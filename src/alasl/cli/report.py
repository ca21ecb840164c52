"""`alasl report`: one self-contained page on a run, or on several side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.errors import AlaslError, UsageError
from alasl.journal import load
from alasl.record import Record

if TYPE_CHECKING:
    from alasl.report import Paths


@click.command("report")
@click.argument("folders", metavar="DIR...", nargs=-1, required=True, type=options.PATH)
@click.option(
    "--out",
    type=options.FILE,
    help="The page to write. [default: report.html in DIR, or here for several]",
)
@click.option(
    "--figures",
    type=click.Path(file_okay=False, path_type=Path),
    help="A folder for the figures as PNG and SVG.",
)
@options.json_option
@options.quiet_option
def command(
    folders: tuple[Path, ...],
    out: Path | None,
    figures: Path | None,
    as_json: bool,
) -> None:
    """Write one self-contained HTML page on a project or a run, or compare several runs.

    Of a project the page shows answers, people and labels; a run need not be finished.
    """
    from alasl.project.folder import is_project
    from alasl.report import (
        advice_lines,
        compared,
        difference_lines,
        headline,
        summary,
        table,
        write_report,
    )

    projects = [folder for folder in folders if is_project(folder)]
    if projects and len(folders) > 1:
        raise UsageError("a project has a page of its own", seen=str(projects[0]))
    if projects:
        _project(projects[0], out, figures, as_json)
        return
    records = [load(folder) for folder in folders]
    out = out or (folders[0] if len(folders) == 1 else Path()) / "report.html"
    write_report(records, out, _paths(records[0]) if len(records) == 1 else None)
    if figures:
        from alasl.figures import write_figures

        write_figures(records, figures)
    if as_json:
        runs = [
            {"folder": str(folder), **summary(record)}
            for folder, record in zip(folders, records, strict=True)
        ]
        several = {"comparison": compared(records)} if len(records) > 1 else {}
        options.print_json({"report": str(out), "runs": runs, **several})
        return
    click.echo(table(records))
    alone = [headline(records[0]), *advice_lines(records[0])]
    click.echo("\n".join(["", *(alone if len(records) == 1 else difference_lines(records))]))
    options.remark(f"report: {out}")


def _project(folder: Path, out: Path | None, figures: Path | None, as_json: bool) -> None:
    from alasl.cli.status import lines
    from alasl.project.folder import load as load_project
    from alasl.project.overview import overview
    from alasl.report import write_project_figures, write_project_report

    state = overview(load_project(folder))
    out = out or folder / "report.html"
    write_project_report(state, out)
    if figures:
        write_project_figures(state, figures)
    if as_json:
        options.print_json({"report": str(out), **state.to_dict()})
        return
    for text in lines(state):
        click.echo(text)
    options.remark(f"report: {out}")


def _paths(record: Record) -> Paths | None:
    """The files of the run's images, where its data is still there; the page does without."""
    from alasl.data.opening import read_data

    try:
        dataset = read_data(record.settings, trust=False)
    except AlaslError as error:
        options.remark(f"no thumbnails: {error}")
        return None
    return dict(zip(dataset.labels.images, dataset.paths or (), strict=False))
