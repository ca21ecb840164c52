"""`alasl undo`: take back the last change of a project's labels or images."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options


@click.command("undo")
@options.project_argument
@options.person_option("takes it back")
@options.dry_run_option
@options.json_option
def command(project: Path, person: str, dry_run: bool, as_json: bool) -> None:
    """Take back the last change of PROJECT's labels or images, and the one before it, and so on.

    Answers are no changes: each person takes back their own on the page.
    """
    from alasl.project.folder import load

    options.print_change(load(project).store.take_back(person, dry_run=dry_run), dry_run, as_json)
