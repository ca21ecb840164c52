"""`alasl undo`: take back the last change of a project's labels or images."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli.options import (
    dry_run_option,
    json_option,
    person_option,
    print_change,
    project_argument,
)


@click.command("undo")
@project_argument
@person_option("takes it back")
@dry_run_option
@json_option
def command(project: Path, person: str, dry_run: bool, as_json: bool) -> None:
    """Take back the last change of PROJECT's labels or images, and the one before it, and so on.

    Answers are no changes: each person takes back their own on the page.
    """
    from alasl.project.folder import load

    print_change(load(project).store.take_back(person, dry_run=dry_run), dry_run, as_json)
