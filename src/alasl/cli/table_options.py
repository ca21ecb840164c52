"""Options that say how to read a data set's table, for commands that take one as it is."""

from __future__ import annotations

from collections.abc import Callable

import click

from alasl.cli.options import Function, all_of, empty_option


class WithFormats(click.Command):
    """A command whose help ends with the formats, which are imported only then."""

    def format_epilog(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        from alasl.data.formats import FORMATS

        with formatter.section("Formats"):
            formatter.write_dl(
                [
                    (name, each.about + ("" if each.write else " (read only)"))
                    for name, each in FORMATS.items()
                ]
            )


def table_options(format_flag: str, data: str) -> Callable[[Function], Function]:
    """Give a command --labels, --empty, --drop-unannotated and the flag that names the format.

    data: what the command calls the data set.
    """
    return all_of(
        click.option("--labels", help=f"the file in {data} that holds the table of entries"),
        empty_option,
        click.option(format_flag, "format", help="the table's format, where it is not clear"),
        click.option(
            "--drop-unannotated",
            is_flag=True,
            help="leave out COCO images without annotation, instead of all labels absent",
        ),
    )
