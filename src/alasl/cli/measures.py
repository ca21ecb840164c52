"""`alasl measures`: what can stand after --measure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from alasl.cli.options import json_option, print_json

if TYPE_CHECKING:
    from alasl.measures import Measure


@click.command("measures")
@json_option
@click.option(
    "--markdown", "as_markdown", is_flag=True, help="Print the table of docs/measures.md."
)
def command(as_json: bool, as_markdown: bool) -> None:
    """List the measures: what each asks first, scores and needs, and what can be set."""
    from alasl.measures import available

    measures = available()
    if as_json:
        rows = [
            {
                "name": m.name,
                "about": m.about,
                "paper": m.paper,
                "scores": m.unit,
                "needs": sorted(m.needs),
                "work": m.work,
                "parameters": {
                    p.name: {"default": p.default, "may be": p.allowed} for p in m.parameters
                },
            }
            for m in measures
        ]
        print_json({"schema_version": 1, "measures": rows})
        return
    if as_markdown:
        click.echo(markdown(measures))
        return
    for m in measures:
        click.echo(f"{m.name}  ({m.paper})" if m.paper else m.name)
        click.echo(f"    {m.about}")
        needs = f"; needs {', '.join(sorted(m.needs))}" if m.needs else ""
        click.echo(f"    scores each {m.unit}{needs}; work {m.work}")
        for p in m.parameters:
            click.echo(f"    :{p.name}={p.default}  {p.allowed}")


def markdown(measures: Iterable[Measure]) -> str:
    """The measures as a Markdown table, a line each."""
    lines = [
        "| measure | from | asks first | scores | needs | work | parameters |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for m in measures:
        needs = ", ".join(sorted(m.needs)) or "-"
        settings = "; ".join(f"`{p.name}={p.default}` ({p.allowed})" for p in m.parameters) or "-"
        cells = (f"`{m.name}`", m.paper or "-", m.about, m.unit, needs, m.work, settings)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines)
