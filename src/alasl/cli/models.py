"""`alasl models`: what can stand after --model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.parameters import as_cell, as_lines, as_values

if TYPE_CHECKING:
    from alasl.models.registry import Kind


@click.command("models")
@options.json_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table of docs/models.md.")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the models: what each sees and can do, what can be set."""
    from alasl.models.registry import available

    models = available()
    if as_json:
        rows = [
            {
                "name": kind.name,
                "about": kind.about,
                "sees": kind.source.inputs,
                "can": list(can(kind)),
                "parameters": as_values(kind.parameters),
            }
            for kind in models
        ]
        options.print_json({"models": rows})
        return
    if as_markdown:
        click.echo(markdown(models))
        return
    for kind in models:
        click.echo(kind.name)
        click.echo(f"    {kind.about}")
        click.echo(f"    sees {kind.source.inputs}; {', '.join(can(kind)) or 'nothing besides'}")
        for line in as_lines(kind.parameters):
            click.echo(line)


def can(kind: Kind) -> tuple[str, ...]:
    """What a model can do beside learning from known entries, in words."""
    source = kind.source
    found = {
        "soft targets": source.soft_targets,
        "ensembles": source.ensemble,
        "predictions of other models": source.takes_evidence,
        "unknown entries, by its loss": any(p.name == "loss" for p in kind.parameters),
    }
    return tuple(name for name, holds in found.items() if holds)


def markdown(models: Iterable[Kind]) -> str:
    """The models as a Markdown table, a line each."""
    return options.markdown_table(
        ("model", "what it is", "sees", "learns from, and can do, besides", "parameters"),
        (
            (
                f"`{kind.name}`",
                kind.about,
                kind.source.inputs,
                ", ".join(can(kind)),
                as_cell(kind.parameters),
            )
            for kind in models
        ),
    )
