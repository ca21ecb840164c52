"""`alasl losses`: what can stand after --loss."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.parameters import as_cell, as_lines, as_values

if TYPE_CHECKING:
    from alasl.losses import Kind


@click.command("losses")
@options.json_option
@click.option("--markdown", "as_markdown", is_flag=True, help="Print the table of docs/losses.md.")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the losses: what each makes of an unknown entry, what can be set."""
    from alasl.losses import available

    losses = available().values()
    if as_json:
        rows = [
            {
                "name": kind.name,
                "about": kind.about,
                "paper": kind.paper,
                "unknown": kind.unknown,
                "remembers": kind.state,
                "parameters": as_values(kind.parameters),
            }
            for kind in losses
        ]
        options.print_json({"losses": rows})
        return
    if as_markdown:
        click.echo(markdown(losses))
        return
    for kind in losses:
        click.echo(f"{kind.name}  ({kind.paper})" if kind.paper != "-" else kind.name)
        click.echo(f"    {kind.about}")
        click.echo(f"    an unknown entry: {kind.unknown}")
        for line in as_lines(kind.parameters):
            click.echo(line)


def markdown(losses: Iterable[Kind]) -> str:
    """The losses as a Markdown table, a line each."""
    return options.markdown_table(
        ("loss", "paper", "what it is", "an unknown entry", "parameters"),
        (
            (
                f"`{kind.name}`",
                kind.paper,
                kind.about,
                kind.unknown,
                as_cell(kind.parameters),
            )
            for kind in losses
        ),
    )
