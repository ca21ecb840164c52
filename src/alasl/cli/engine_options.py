"""--engine, --workers and --address, for commands whose work is in many parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import click

from alasl.clusters import ENGINES, Workers, workers

Function = TypeVar("Function", bound=Callable[..., Any])


def engine_options(at_once: str) -> Callable[[Function], Function]:
    """Give a command them; at_once: what --workers counts, and its default."""

    def decorate(function: Function) -> Function:
        for option in (
            click.option(
                "--address", help="of a running Ray or Dask cluster; else one is started here"
            ),
            click.option("--workers", type=click.IntRange(1), help=at_once),
            click.option(
                "--engine",
                type=click.Choice(ENGINES),
                default="local",
                show_default=True,
                help="what the work is divided by: processes of this machine, or a cluster",
            ),
        ):
            function = option(function)
        return function

    return decorate


def asked_for(
    engine: str, count: int | None, address: str | None
) -> AbstractContextManager[Workers | None]:
    """The workers that the options name; None where none does, and this process works alone."""
    if engine == "local" and count is None:
        return nullcontext()
    return workers(engine, count, address)
