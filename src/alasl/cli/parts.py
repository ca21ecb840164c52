"""Parts that can be named in a setting, as the commands that list them show these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click

from alasl.cli import options
from alasl.parameters import Parameter


@dataclass(frozen=True)
class Part:
    """A part in three forms: lines for a terminal, values for JSON, cells of a Markdown table."""

    lines: Sequence[str]
    values: dict[str, Any]
    cells: Sequence[str]
    parameters: Sequence[Parameter]


def list_options(page: str) -> Callable[[options.Function], options.Function]:
    """Give a command --json and --markdown; page: of the documentation, which has the table."""
    says = f"Print the table of docs/{page}.md."
    markdown = click.option("--markdown", "as_markdown", is_flag=True, help=says)
    return options.all_of(options.json_option, markdown)


def show(
    plural: str, head: Sequence[str], parts: Iterable[Part], *, as_json: bool, as_markdown: bool
) -> None:
    """Print the parts, called `plural` together; head: of the table, except the parameters."""
    if as_json:
        rows = [
            {
                **part.values,
                "parameters": {
                    p.name: {"default": p.default, "may be": p.allowed} for p in part.parameters
                },
            }
            for part in parts
        ]
        options.print_json({plural: rows})
    elif as_markdown:
        click.echo(markdown(head, parts))
    else:
        for part in parts:
            set_by = (f"    :{p.name}={p.default}  {p.allowed}" for p in part.parameters)
            click.echo("\n    ".join(part.lines))
            for line in set_by:
                click.echo(line)


def markdown(head: Sequence[str], parts: Iterable[Part]) -> str:
    """The parts as a Markdown table, a line each."""
    rows = (
        (*part.cells, ", ".join(f"`{p.name}={p.default}`" for p in part.parameters))
        for part in parts
    )
    return options.markdown_table((*head, "parameters"), rows)
