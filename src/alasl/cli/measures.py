"""`alasl measures`: what can stand after --measure."""

from __future__ import annotations

import click

from alasl.cli.options import json_option, print_json


@click.command("measures")
@json_option
def command(as_json: bool) -> None:
    """List the measures: what each asks first, what it needs, what can be set."""
    from alasl.measures import available

    measures = available()
    if as_json:
        rows = [
            {
                "name": m.name,
                "about": m.about,
                "paper": m.paper,
                "needs": sorted(m.needs),
                "parameters": {
                    p.name: {"default": p.default, "may be": p.allowed} for p in m.parameters
                },
            }
            for m in measures
        ]
        print_json({"schema_version": 1, "measures": rows})
        return
    for m in measures:
        click.echo(f"{m.name}  ({m.paper})" if m.paper else m.name)
        click.echo(f"    {m.about}")
        for p in m.parameters:
            click.echo(f"    :{p.name}={p.default}  {p.allowed}")
