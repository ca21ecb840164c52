"""`alasl backup`: a project in one file."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from alasl.cli import options


@click.command("backup")
@options.project_argument
@click.argument("file", type=options.FILE)
@options.json_option
def command(project: Path, file: Path, as_json: bool) -> None:
    """Write all of PROJECT but its images to one FILE, while people answer.

    An earlier backup of that name is replaced once the new one is whole. `alasl restore` makes the
    project of it, here or on another machine. A store that is damaged is not backed up.
    """
    from alasl.project.backup import backup
    from alasl.project.folder import load

    found = backup(load(project), file)
    size = file.stat().st_size
    if as_json:
        options.print_json({"file": str(file), "bytes": size, **asdict(found)})
        return
    click.echo(f"{file}: {size / 1e6:.1f} MB, {found.events} event{'s' * (found.events != 1)}")
    click.echo(f"to bring it back: alasl restore {file} FOLDER; images are not in it")
