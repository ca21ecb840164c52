"""What goes between a project and other tools: entries that are asked, answers that come back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alasl.data.formats.base import NamedAnswer
from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, Source


@dataclass(frozen=True, slots=True)
class Asked:
    """One entry of a query.

    image, label: row and column of the project's table. probability: of being present, by the
    model, from 0 to 1. priority: from 0 to 1, 1 = ask first. question: see `second_looks.question`.
    """

    image: int
    label: int
    probability: float | None = None
    priority: float = 1.0
    question: str = ""


@dataclass(frozen=True)
class Query:
    """Entries to ask, best first, by name, with what the model says of them.

    model: its name and version. prefix: what makes an image's address out of its id, for tools
    that show it by an address.
    """

    asked: Sequence[tuple[str, str, Asked]]
    model: str = ""
    prefix: str = ""


Read = Callable[..., Iterable[NamedAnswer]]
Write = Callable[[Path, Sequence[NamedAnswer]], None]
WriteQuery = Callable[[Path, Query], None]


@dataclass(frozen=True)
class Exchange:
    """A format by which answers come in; and go out, or a query goes out; None where not.

    holds: whether a file is in this format, from its first 64 kB.
    parameters: keyword arguments of `read`, which may be set with the name, `NAME:key=value`.
    """

    name: str
    about: str
    holds: Callable[[Path, bytes], bool]
    read: Read
    write: Write | None
    write_query: WriteQuery | None
    parameters: tuple[Parameter, ...]


EXCHANGES: Registry[Exchange] = Registry("format of answers", "exchanges", "alasl.project.exchange")


def exchange(
    name: str,
    about: str,
    *,
    holds: Callable[[Path, bytes], bool],
    write: Write | None = None,
    write_query: WriteQuery | None = None,
) -> Callable[[Source], Source]:
    """Register a function (path, options, **parameters) -> answers as a format of answers."""
    return EXCHANGES.register(
        lambda read: Exchange(
            name, about, holds, read, write, write_query, parameters_of(read, positional=2)
        )
    )
