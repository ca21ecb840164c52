"""`alasl export`: a project's table, answers or queue as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli.options import json_option, print_json, quiet_option, show_warnings

if TYPE_CHECKING:
    from alasl.project.exports import What


@click.command("export")
@click.argument("project", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--to", required=True, help="the format: csv-wide, coco, label-studio, ...")
@click.option(
    "--what",
    type=click.Choice(("table", "answers", "queue")),
    default="table",
    show_default=True,
    help="the table as it is now, what each person said, or what is still to be asked",
)
@click.option("--prefix", default="", help="what makes an image's address out of its name")
@json_option
@quiet_option
def command(
    project: Path, out: Path, to: str, what: What, prefix: str, as_json: bool, quiet: bool
) -> None:
    """Write PROJECT's table, each person's answers, or the queue to the file OUT."""
    from alasl.project.exports import export
    from alasl.project.folder import load

    show_warnings(quiet)
    entries = export(load(project), out, to, what, prefix)
    if as_json:
        print_json({"schema_version": 1, "out": str(out), "what": what, "entries": entries})
    else:
        click.echo(f"{out}: {what}, {entries} entries")
