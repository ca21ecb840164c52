"""`alasl models`: what can stand after --model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from alasl.cli.parts import Part, list_options, show

if TYPE_CHECKING:
    from alasl.models.registry import Kind


@click.command("models")
@list_options("models")
def command(as_json: bool, as_markdown: bool) -> None:
    """List the models: what each sees and can do, what can be set."""
    from alasl.models.registry import available

    parts = []
    for kind in available():
        sees, can = kind.source.inputs, _can(kind)
        parts.append(
            Part(
                lines=(
                    kind.name,
                    kind.about,
                    f"sees {sees}; {', '.join(can) or 'nothing besides'}",
                ),
                values={"name": kind.name, "about": kind.about, "sees": sees, "can": can},
                cells=(f"`{kind.name}`", kind.about, sees, ", ".join(can)),
                parameters=kind.parameters,
            )
        )
    head = ("model", "what it is", "sees", "learns from, and can do, besides")
    show("models", head, parts, as_json=as_json, as_markdown=as_markdown)


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
