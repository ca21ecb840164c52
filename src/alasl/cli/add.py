"""`alasl add`: images that come into a project."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options

if TYPE_CHECKING:
    from alasl.data.formats.base import Empty
    from alasl.project.growing import Deal

_SHOWN = 5


@click.command("add")
@options.project_argument
@click.argument("images", type=options.PATH)
@click.option("--labels", help="the file in IMAGES that holds the table of entries")
@click.option("--format", "format", help="the table's format, where it is not clear")
@options.empty_option
@click.option(
    "--image-folder",
    type=options.PATH,
    help="where the image files of a table are [its folder's images/]",
)
@click.option("--features", help="of the new images, where the project has its own")
@click.option(
    "--deal",
    type=click.Choice(("pool", "shares")),
    default="pool",
    show_default=True,
    help="where new images go: all into the pool (pool), or some into the clean and the test set "
    "too, in the project's shares (shares); a near-copy of an image goes where that image is",
)
@options.skip_bad_option
@options.person_option("adds them")
@options.dry_run_option
@options.json_option
@options.quiet_option
def command(
    project: Path,
    images: Path,
    labels: str | None,
    format: str | None,
    empty: Empty | None,
    image_folder: Path | None,
    features: str | None,
    deal: Deal,
    skip_bad: bool,
    person: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Take new IMAGES into PROJECT: a folder of images, or a table with what is known of them.

    Images that are there already stay as they are and keep their part. Ids that the project has,
    and copies of its files or of other new ones, are left out and counted. `alasl undo` takes it
    back.
    """
    from alasl.project.folder import load
    from alasl.project.growing import add

    done = add(
        load(project),
        images,
        person,
        labels=labels,
        format=format,
        empty=empty,
        image_folder=image_folder,
        features=features,
        deal=deal,
        skip_bad=skip_bad,
        dry_run=dry_run,
        progress=options.Bar("look", "image"),
    )
    bad = [f"{path}: {why}" for path, why in done.bad]
    if as_json:
        left = {"known": done.known, "copies": done.copies, "bad": bad}
        options.print_change(done.change, dry_run, True, roles=done.roles, near=done.near, **left)
        return
    options.print_change(done.change, dry_run, False)
    for role, count in done.roles.items():
        click.echo(f"  new in the {role} set: {count}")
    if done.near:
        click.echo(
            f"  {done.near} of them are nearly the same as images of the project, and go where "
            "these are"
        )
    copies = [f"{new} = {old}" for new, old in done.copies]
    for what, names in (
        ("the project has these already", list(done.known)),
        ("copies of images that the project has, or of other new ones", copies),
        ("files that cannot be used", bad),
    ):
        if names:
            click.echo(f"  left out, {what}: {len(names)}")
            for name in names[:_SHOWN]:
                click.echo(f"    {name}")
