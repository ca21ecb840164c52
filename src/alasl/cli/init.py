"""`alasl init`: a project of your own on a data set with unknown entries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from alasl.cli import options
from alasl.cli.setting_options import ByHeading, setting_options
from alasl.cli.status import sizes
from alasl.counting import counted
from alasl.labels import UNKNOWN
from alasl.project.settings import ProjectSettings


@click.command("init", cls=ByHeading)
@options.project_argument
@click.argument("data", type=options.PATH)
@click.option(
    "--label",
    "names",
    multiple=True,
    help="a label of which nothing is known yet; DATA is then a folder of images; may be repeated",
)
@click.option("--labels-list", type=options.FILE, help="a text file with such labels, one a line")
@setting_options(ProjectSettings, without=("data",))
@click.option(
    "--taxonomy",
    type=options.FILE,
    help="a CSV of rules between labels: child,parent and a,excludes,b",
)
@options.skip_bad_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    data: Path,
    names: tuple[str, ...],
    labels_list: Path | None,
    taxonomy: Path | None,
    skip_bad: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Make a project in the new folder PROJECT, to have the unknown entries of DATA answered.

    DATA is a folder with a table of entries and images/, or a file; or, with --label or
    --labels-list, a folder of images of which nothing is known. The images stay where they are.
    Where enough images are fully known, some of these become the clean and the test set. Else the
    test set is drawn by chance, and a share of what is asked goes there, to judge by. All settings
    are kept in PROJECT/project.toml and can be changed there. Parents in a taxonomy that the table
    does not have become labels.
    """
    from alasl.data.opening import read_names
    from alasl.data.presence import in_words
    from alasl.project.folder import init
    from alasl.project.overview import overview

    chosen = {name: value for name, value in given.items() if value is not None}
    listed = read_names(labels_list) if labels_list else []
    settings = ProjectSettings(**{**chosen, "data": str(data)})
    made = init(
        project,
        settings,
        [*names, *listed],
        taxonomy=taxonomy,
        skip_bad=skip_bad,
        progress=options.Bar("look", "image"),
    )
    state = overview(made)
    if as_json:
        options.print_json({"project": str(project), **state.to_dict()})
        return
    click.echo(f"{project}: {sizes(state)} images, {counted(len(state.labels), 'label')}")
    click.echo(f"entries of the pool: {state.given} known, {state.unknown} unknown")
    if state.by_presence:
        click.echo(in_words(state.by_presence, len(state.labels)))
    if state.audit and (made.store.initial_and_labels()[0][made.split().test] == UNKNOWN).any():
        drawn = "not fully known" if made.settings.split else "drawn by chance"
        click.echo(
            f"the {state.sizes['test']} test images are {drawn}; {100 * state.audit:g} % "
            "of the answers go there, so that mAP can be estimated"
        )
    if state.unknown:
        click.echo(f"next: alasl suggest {project}, then alasl annotate {project}")
    else:
        click.echo("nothing to ask: every entry of the pool is known")
