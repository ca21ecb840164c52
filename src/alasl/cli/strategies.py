"""`alasl strategies`: what can stand after --strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alasl.cli.parts import Part, list_options, show

if TYPE_CHECKING:
    from alasl.strategies.base import Strategy

HEAD = ("strategy", "from", "asks first", "scores")


@click.command("strategies")
@list_options("strategies")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the strategies: what each asks first, scores and needs, and what can be set."""
    from alasl.strategies import available

    show("strategies", HEAD, map(part, available()), as_json=as_json, as_markdown=as_markdown)


def part(strategy: Strategy) -> Part:
    """A strategy as it is listed."""
    needs = sorted(strategy.needs)
    needed = f"; needs {', '.join(needs)}" if needs else ""
    return Part(
        lines=(
            f"{strategy.name}  ({strategy.paper})" if strategy.paper else strategy.name,
            strategy.about,
            f"scores each {strategy.unit}{needed}; work {strategy.work}",
        ),
        values={
            "name": strategy.name,
            "about": strategy.about,
            "paper": strategy.paper,
            "scores": strategy.unit,
            "needs": needs,
            "work": strategy.work,
        },
        cells=(f"`{strategy.name}`", strategy.paper, strategy.about, strategy.unit),
        parameters=strategy.parameters,
    )
