"""The kinds of figure: how one is registered, and how its name in a study is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from alasl.parameters import Parameter, parameters_of
from alasl.registry import Found, Registry, Source, first_line
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Kind:
    """A kind of figure: its name in a study, a line about it, its function, what may be set."""

    name: str
    about: str
    draw: Callable[..., Figure]
    parameters: tuple[Parameter, ...]


KINDS: Registry[Kind] = Registry("kind of figure", "figures", "alasl.study.figures.kinds")


def figure(name: str) -> Callable[[Source], Source]:
    """Register a function (results, plot, **parameters) -> Figure as a kind of figure."""
    return KINDS.register(
        lambda draw: Kind(name, first_line(draw), draw, parameters_of(draw, positional=2))
    )


def resolve(plot: Plot, where: str | None = None) -> Found[Kind]:
    """A plot's kind and what it sets. Raises `UsageError` naming the nearest kind that there is."""
    return KINDS.resolve(plot.kind, where or f"figure {plot.file}")
