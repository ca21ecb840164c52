"""`alasl init`: a project of your own on a data set with unknown entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alasl.cli.options import (
    json_option,
    print_json,
    quiet_option,
    setting_options,
    show_warnings,
    skip_bad_option,
)
from alasl.project.settings import ProjectSettings


@click.command("init")
@click.argument("project", type=click.Path(path_type=Path))
@click.argument("data", type=click.Path(path_type=Path))
@setting_options(ProjectSettings, without=("data",))
@click.option(
    "--taxonomy",
    type=click.Path(path_type=Path, dir_okay=False),
    help="a CSV of rules between labels: child,parent and a,excludes,b",
)
@skip_bad_option
@json_option
@quiet_option
def command(
    project: Path,
    data: Path,
    taxonomy: Path | None,
    skip_bad: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Make a project in the new folder PROJECT, to have the unknown entries of DATA answered.

    DATA is a folder with a table of entries and images/, or a file; the images stay where they
    are. The images that are known best become the clean and the test set. All settings are kept
    in PROJECT/project.toml and can be changed there. Parents in a taxonomy that the table does not
    have become labels.
    """
    from alasl.data.presence import in_words
    from alasl.project.folder import init
    from alasl.project.overview import overview

    show_warnings(quiet)
    chosen = {name: value for name, value in given.items() if value is not None}
    settings = ProjectSettings(**{**chosen, "data": str(data)})
    made = init(project, settings, taxonomy=taxonomy, skip_bad=skip_bad)
    state = overview(made)
    if as_json:
        print_json({"schema_version": 1, "project": str(project), **state.to_dict()})
        return
    sizes = ", ".join(f"{count} {role}" for role, count in state.sizes.items())
    click.echo(f"{project}: {sizes} images, {len(state.labels)} labels")
    click.echo(f"entries of the pool: {state.given} known, {state.unknown} unknown")
    if state.by_presence:
        click.echo(in_words(state.by_presence, len(state.labels)))
    click.echo(f"next: alasl suggest {project}, then alasl annotate {project}")
