"""`alasl import`: answers from elsewhere, or other models' predictions, into a project."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from alasl.cli import options
from alasl.counting import counted
from alasl.errors import ConflictError

if TYPE_CHECKING:
    from alasl.data.formats.base import Empty
    from alasl.project.records import OnContradiction

_SHOWN = 5


@click.command("import")
@options.project_argument
@click.argument("file", type=options.PATH)
@click.option(
    "--as",
    "kind",
    nargs=2,
    type=(click.Choice(("predictions",)), str),
    metavar="predictions NAME",
    help="take FILE as what another model, NAME, predicts: evidence to learn from, no answers",
)
@click.option("--format", "format", help="the file's format, where it is not clear")
@click.option("--person", help="who answered, where the file does not say [the file's name]")
@options.empty_option
@click.option(
    "--on-conflict",
    type=click.Choice(("refuse", "keep", "replace", "vote")),
    default="refuse",
    show_default=True,
    help="where an answer contradicts what is known: import nothing (refuse), leave out the answer "
    "(keep), believe the answer (replace), or count it as one person's vote (vote)",
)
@click.option(
    "--out",
    type=options.FILE,
    default=Path("conflicts.txt"),
    show_default=True,
    help="where all conflicts are listed, if there are more than five",
)
@options.json_option
@options.quiet_option
def command(
    project: Path,
    file: Path,
    kind: tuple[str, str] | None,
    format: str | None,
    person: str | None,
    empty: Empty | None,
    on_conflict: OnContradiction,
    out: Path,
    as_json: bool,
) -> None:
    """Take the answers of FILE into PROJECT, all of them or none.

    FILE is a queue that was filled in, a Label Studio export, or any table of entries. The same
    file twice changes nothing. Conflicts are listed, and nothing changes until you say how.
    With --as predictions NAME it is another model's predictions, kept apart from all answers.
    """
    from alasl.files import write_text
    from alasl.project.folder import load
    from alasl.project.imports import import_file, import_predictions

    if kind:
        source = import_predictions(load(project), file, kind[1])
        if as_json:
            options.print_json({"predictions": source.name, **source.counts()})
        else:
            click.echo(f"predictions {source}; the next training learns with them")
        return
    try:
        done = import_file(
            load(project),
            file,
            format=format,
            person=person,
            empty=empty,
            on_conflict=on_conflict,
        )
    except ConflictError as error:
        if len(error.more) > _SHOWN:
            write_text(out, "".join(f"{case}\n" for case in error.more))
            click.echo(f"all conflicts: {out}", err=True)
        raise
    if as_json:
        options.print_json(asdict(done))
        return
    click.echo(
        f"{counted(done.new, 'new answer')}, {done.same} known before, {done.kept} left out, "
        f"{done.replaced} in place of what was known"
    )
    if done.idle:
        click.echo(
            f"of these, {done.idle} against what was given or settled, which stays; to believe "
            "them: --on-conflict replace"
        )
    if done.withdrawn:
        click.echo(f"of these, {done.withdrawn} say ? and take back what the same person had said")
    if done.again:
        click.echo(
            f"of these, {done.again} against the model are asked for once more: "
            f"alasl suggest {project} --out FILE"
        )
