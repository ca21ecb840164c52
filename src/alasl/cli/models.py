"""`alasl models`: what can stand after --model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alasl.cli.parts import Part, list_options, show

if TYPE_CHECKING:
    from alasl.models.registry import Kind

HEAD = ("model", "what it is", "sees", "learns from, and can do, besides")


@click.command("models")
@list_options("models")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the models: what each sees and can do, what can be set."""
    from alasl.models.registry import available

    show("models", HEAD, map(part, available()), as_json=as_json, as_markdown=as_markdown)


def part(kind: Kind) -> Part:
    """A model as it is listed."""
    sees, can = kind.source.inputs, _can(kind)
    return Part(
        lines=(kind.name, kind.about, f"sees {sees}; {', '.join(can) or 'nothing besides'}"),
        values={"name": kind.name, "about": kind.about, "sees": sees, "can": can},
        cells=(f"`{kind.name}`", kind.about, sees, ", ".join(can)),
        parameters=kind.parameters,
    )


def _can(kind: Kind) -> list[str]:
    """What a model can do beside learning from known entries, in words."""
    source = kind.source
    found = {
        "soft targets": source.soft_targets,
        "ensembles": source.ensemble,
        "predictions of other models": source.takes_evidence,
        "unknown entries, by its loss": any(p.name == "loss" for p in kind.parameters),
    }
    return [name for name, holds in found.items() if holds]
