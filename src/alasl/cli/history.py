"""`alasl history`: what happened to an image's entries."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from alasl.cli import options


@click.command("history")
@options.project_argument
@click.argument("image")
@click.argument("label", required=False)
@options.json_option
def command(project: Path, image: str, label: str | None, as_json: bool) -> None:
    """Show all that happened to IMAGE in PROJECT, or to its one entry LABEL, and what it is now.

    What was given, who said what and when, what was corrected, what a model answered, and changes
    of the labels.
    """
    from alasl.project.folder import load
    from alasl.project.history import WORDS, history

    found = history(load(project), image, label)
    if as_json:
        options.print_json(asdict(found))
        return
    for moment in found.moments:
        at = "at first" if moment.at is None else f"{datetime.fromtimestamp(moment.at):%F %T}"
        about = "" if moment.label is None else f"{moment.label}: "
        click.echo(f"{at:19}  {moment.person}: {about}{moment.what}")
    for entry in found.stands:
        if entry.value >= 0 or label is not None:
            value = "unknown" if entry.value < 0 else f"{WORDS[entry.value]} ({entry.source})"
            click.echo(f"now {entry.label}: {value}")
