"""`alasl restore`: a project from a backup."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from alasl.cli import options


@click.command("restore")
@click.argument("file", type=options.FILE)
@options.project_argument
@click.option(
    "--root",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="the folder below which the images lie now [where they were]",
)
@options.json_option
@options.quiet_option
def command(file: Path, project: Path, root: Path | None, as_json: bool) -> None:
    """Make the project of the backup FILE in the new folder PROJECT."""
    from alasl.project.backup import restore
    from alasl.project.folder import SETTINGS, load

    found = restore(file, project, root)
    restored = load(project)
    if as_json:
        options.print_json({"project": str(project), **asdict(found)})
        return
    store = restored.store
    made = f"{datetime.fromtimestamp(found.at):%F %T}"
    click.echo(
        f"{project}: {len(store.images)} images, {len(store.names)} labels, {found.events} events, "
        f"as of {made}"
    )
    if not found.images:
        options.remark(
            f"the images are not at {restored.root}: say where they are, as root in "
            f"{project / SETTINGS}"
        )
    click.echo(f"next: alasl status {project}")
