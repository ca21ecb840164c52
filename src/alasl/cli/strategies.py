"""`alasl strategies`: what can stand after --strategy."""

from __future__ import annotations

import click

from alasl.cli.parts import Part, list_options, show


@click.command("strategies")
@list_options("strategies")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the strategies: what each asks first, scores and needs, and what can be set."""
    from alasl.strategies import available

    parts = []
    for one in available():
        needs = sorted(one.needs)
        needed = f"; needs {', '.join(needs)}" if needs else ""
        parts.append(
            Part(
                lines=(
                    f"{one.name}  ({one.paper})" if one.paper else one.name,
                    one.about,
                    f"scores each {one.unit}{needed}; work {one.work}",
                ),
                values={
                    "name": one.name,
                    "about": one.about,
                    "paper": one.paper,
                    "scores": one.unit,
                    "needs": needs,
                    "work": one.work,
                },
                cells=(f"`{one.name}`", one.paper, one.about, one.unit),
                parameters=one.parameters,
            )
        )
    head = ("strategy", "from", "asks first", "scores")
    show("strategies", head, parts, as_json=as_json, as_markdown=as_markdown)
