"""`alasl train`: a model of what people said so far, and what it is worth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alasl.cli.options import (
    Bar,
    allow_download,
    download_option,
    json_option,
    open_to_work,
    print_json,
    quiet_option,
    show_warnings,
    trust_option,
)
from alasl.errors import NothingToDo

if TYPE_CHECKING:
    from alasl.project.records import Training


@click.command("train")
@click.argument("project", type=click.Path(path_type=Path))
@trust_option
@download_option
@json_option
@quiet_option
def command(project: Path, trust: bool, download: bool, as_json: bool, quiet: bool) -> None:
    """Train PROJECT's model on everything known by now, and judge it on the test set."""
    from alasl.project.driver import Driver

    allow_download(download)
    show_warnings(quiet)
    opened = open_to_work(project, trust)
    with opened.training():
        training = Driver(opened, Bar("features", "image", quiet), trust=trust).train()
    if training is None:
        raise NothingToDo(
            "nothing is known yet outside the test set, so there is nothing to train on",
            where=str(project),
            do=f"get first answers: alasl suggest {project}",
        )
    if as_json:
        print_json({"schema_version": 1, **told(training)})
    else:
        click.echo(line(training))


def told(training: Training) -> dict[str, Any]:
    """A training as JSON takes it."""
    return {**vars(training), "ap": list(training.ap)}


def line(training: Training) -> str:
    """A training in one line."""
    if training.map is None:
        return (
            f"nothing can be judged yet, after {training.answers} answers: no label has a known "
            f"present and a known absent entry among {training.judged} ({training.model}); have "
            "test images answered, or give a complete test set: alasl init --split"
        )
    worth = f"mAP {training.map:.2f} %"
    return f"{worth} after {training.answers} answers, on {training.judged} ({training.model})"
