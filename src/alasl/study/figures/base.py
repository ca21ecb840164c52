"""The kinds of figure: how one is registered, and how its name in a study is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from alasl.errors import UsageError
from alasl.settings import unknown
from alasl.study.results import Results
from alasl.study.spec import Plot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Function = Callable[[Results, Plot, str], "Figure"]

_REGISTRY: dict[str, Kind] = {}
KINDS: Mapping[str, Kind] = MappingProxyType(_REGISTRY)


@dataclass(frozen=True)
class Kind:
    """A kind of figure: its name in a study, its function, and how it takes an option.

    pattern: of all texts that name it in a study; its group, if any, is the option that `draw` is
    called with. example: a text with an option, for the message about a wrong one.
    """

    name: str
    draw: Function
    pattern: str
    example: str


def kind(
    name: str, pattern: str | None = None, example: str = ""
) -> Callable[[Function], Function]:
    """Register a function (results, plot, option) -> Figure as a kind of figure."""

    def register(function: Function) -> Function:
        _REGISTRY[name] = Kind(name, function, pattern or re.escape(name), example)
        return function

    return register


def resolve(plot: Plot, where: str | None = None) -> tuple[Kind, str]:
    """A plot's kind and option. Raises `UsageError` naming the nearest kind that there is."""
    where = where or f"figure {plot.file}"
    for found in KINDS.values():
        if match := re.fullmatch(found.pattern, plot.kind):
            return found, (match[1] or "") if match.re.groups else ""
    name = plot.kind.partition(":")[0]
    if name not in KINDS:
        raise unknown(name, sorted(KINDS), where, "kind of figure")
    example = KINDS[name].example
    raise UsageError(
        f"{name} takes no such option" if example else f"{name} takes no option",
        where=where,
        seen=plot.kind,
        do=f"write for example {example}" if example else f"write {name}",
    )
