"""`alasl losses`: what can stand after --loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alasl.cli.parts import Part, list_options, show

if TYPE_CHECKING:
    from alasl.losses.base import Kind

HEAD = ("loss", "paper", "what it is", "an unknown entry")


@click.command("losses")
@list_options("losses")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the losses: what each makes of an unknown entry, what can be set."""
    from alasl.losses import available

    parts = map(part, available().values())
    show("losses", HEAD, parts, as_json=as_json, as_markdown=as_markdown)


def part(kind: Kind) -> Part:
    """A loss as it is listed."""
    return Part(
        lines=(
            f"{kind.name}  ({kind.paper})" if kind.paper != "-" else kind.name,
            kind.about,
            f"an unknown entry: {kind.unknown}",
        ),
        values={
            "name": kind.name,
            "about": kind.about,
            "paper": kind.paper,
            "unknown": kind.unknown,
            "remembers": kind.state,
        },
        cells=(f"`{kind.name}`", kind.paper, kind.about, kind.unknown),
        parameters=kind.parameters,
    )
