"""What can be set of a strategy, a loss or a model, as the commands that list them show it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alasl.parameters import Parameter


def as_values(parameters: Iterable[Parameter]) -> dict[str, dict[str, Any]]:
    """Each by its name: its default, and what it may be."""
    return {p.name: {"default": p.default, "may be": p.allowed} for p in parameters}


def as_lines(parameters: Iterable[Parameter]) -> Iterator[str]:
    """A line each for a terminal, as it is written after the name."""
    for p in parameters:
        yield f"    :{p.name}={p.default}  {p.allowed}"


def as_cell(parameters: Iterable[Parameter]) -> str:
    """All with their defaults, for a cell of a Markdown table."""
    return ", ".join(f"`{p.name}={p.default}`" for p in parameters)
