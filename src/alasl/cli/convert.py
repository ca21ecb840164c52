"""`alasl convert`: a table of entries from one format to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.cli.table_options import WithFormats, table_options
from alasl.errors import UsageError

if TYPE_CHECKING:
    from alasl.data.formats.base import Empty


@click.command("convert", cls=WithFormats)
@click.argument("data", metavar="IN", type=options.PATH)
@click.argument("out", type=options.PATH)
@click.option("--to", required=True, help="the format to write")
@table_options("--from", "IN")
@options.json_option
@options.quiet_option
def command(
    data: Path,
    out: Path,
    to: str,
    labels: str | None,
    empty: Empty | None,
    format: str | None,
    drop_unannotated: bool,
    as_json: bool,
) -> None:
    """Write the table of IN, a folder or a file, to the file OUT.

    Image files are neither needed nor copied. What OUT's format cannot carry is refused.
    """
    from alasl.data.formats import FORMATS, read_table, write

    if out.is_dir():
        raise UsageError("OUT must be a file", seen=f"the folder {out}")
    table, file = read_table(
        data, labels=labels, format=format, empty=empty, keep_unannotated=not drop_unannotated
    )
    carried = to in FORMATS and FORMATS[to].carries_features
    if table.features is not None and not carried:
        click.echo(f"WARNING: {to} has no place for features: left out", err=True)
    write(table.labels, out, to, features=table.features if carried else None)
    images, names = table.labels.shape
    if as_json:
        result = {"from": str(file), "out": str(out), "format": to}
        counts = {"images": images, "labels": names, "known": table.labels.filled}
        options.print_json({**result, **counts})
    else:
        click.echo(f"{out}: {images} images x {names} labels")
