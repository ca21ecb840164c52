"""`alasl drop`: images that leave a project."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options
from alasl.errors import NothingToDo, UsageError


@click.command("drop")
@options.project_argument
@click.argument("images", nargs=-1, metavar="IMAGE...")
@click.option("--bad", is_flag=True, help="all images of which the file cannot be used")
@options.person_option("drops them")
@options.dry_run_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    images: tuple[str, ...],
    bad: bool,
    person: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take images out of PROJECT, by their names in its table.

    Their files are left alone, and what was said of them is kept in the project's log. `alasl undo`
    brings them back.
    """
    from alasl.project.folder import load
    from alasl.project.growing import bad_images, drop

    if bool(images) == bad:
        raise UsageError("name images, or say --bad", do=f"alasl drop {project} IMAGE...")
    opened = load(project)
    if bad:
        found = bad_images(opened)
        if not found:
            raise NothingToDo("every image file can be used", where=str(project))
        for image, why in found:
            options.remark(f"{image}: {why}")
        images = tuple(image for image, _ in found)
    options.print_change(drop(opened, images, person, dry_run=dry_run), dry_run, as_json)
