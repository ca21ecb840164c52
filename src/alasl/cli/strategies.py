"""`alasl strategies`: what can stand after --strategy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.parameters import as_cell, as_lines, as_values

if TYPE_CHECKING:
    from alasl.strategies import Strategy


@click.command("strategies")
@options.json_option
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the table of docs/strategies.md."
)
def command(as_json: bool, as_markdown: bool) -> None:
    """List the strategies: what each asks first, scores and needs, and what can be set."""
    from alasl.strategies import available

    strategies = available()
    if as_json:
        rows = [
            {
                "name": m.name,
                "about": m.about,
                "paper": m.paper,
                "scores": m.unit,
                "needs": sorted(m.needs),
                "work": m.work,
                "parameters": as_values(m.parameters),
            }
            for m in strategies
        ]
        options.print_json({"strategies": rows})
        return
    if as_markdown:
        click.echo(markdown(strategies))
        return
    for m in strategies:
        click.echo(f"{m.name}  ({m.paper})" if m.paper else m.name)
        click.echo(f"    {m.about}")
        needs = f"; needs {', '.join(sorted(m.needs))}" if m.needs else ""
        click.echo(f"    scores each {m.unit}{needs}; work {m.work}")
        for line in as_lines(m.parameters):
            click.echo(line)


def markdown(strategies: Iterable[Strategy]) -> str:
    """The strategies as a Markdown table, a line each."""
    return options.markdown_table(
        ("strategy", "from", "asks first", "scores", "parameters"),
        (
            (
                f"`{m.name}`",
                m.paper,
                m.about,
                m.unit,
                as_cell(m.parameters),
            )
            for m in strategies
        ),
    )
