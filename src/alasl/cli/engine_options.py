"""--engine, --workers and --address, for commands whose work is in many parts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import click

from alasl.cli.options import Function, all_of
from alasl.clusters import ENGINES, Workers, workers


def engine_options(at_once: str) -> Callable[[Function], Function]:
    """Give a command them; at_once: what --workers counts, and its default."""

    return all_of(
        click.option(
            "--engine",
            type=click.Choice(ENGINES),
            default="local",
            show_default=True,
            help="what the work is divided by: processes of this machine, or a cluster",
        ),
        click.option("--workers", type=click.IntRange(1), help=at_once),
        click.option(
            "--address", help="of a running Ray or Dask cluster; else one is started here"
        ),
    )


def asked_for(
    engine: str, count: int | None, address: str | None
) -> AbstractContextManager[Workers | None]:
    """The workers that the options name; None where none does, and this process works alone."""
    if engine == "local" and count is None:
        return nullcontext()
    return workers(engine, count, address)
