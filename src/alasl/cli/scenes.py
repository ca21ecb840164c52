"""`alasl scenes`: draws the embedded data set into a folder."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options


@click.command("scenes")
@click.argument("folder", type=options.PATH)
@click.option("--count", default=2000, show_default=True, help="how many scenes")
@click.option("--seed", default=0, show_default=True, help="determines every scene")
@options.quiet_option
def command(folder: Path, count: int, seed: int) -> None:
    """Draw scenes with exact labels into FOLDER: images/ and labels.csv."""
    from alasl.data.scenes import make_scenes

    make_scenes(folder, count, seed, on_progress=options.Bar("scenes", "scene"))
    click.echo(folder)
