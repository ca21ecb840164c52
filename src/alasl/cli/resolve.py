"""`alasl resolve`: entries that people answered both ways."""

from __future__ import annotations

from pathlib import Path

import click

from alasl.cli import options
from alasl.counting import counted
from alasl.errors import UsageError


@click.command("resolve")
@options.project_argument
@click.argument("file", required=False, type=options.FILE)
@click.option("--out", type=options.FILE, help="write the list to a file with a column to fill in")
@click.option("--person", help="who decides; needed with FILE")
@options.json_option
@options.quiet_option
def command(
    project: Path,
    file: Path | None,
    out: Path | None,
    person: str | None,
    as_json: bool,
) -> None:
    """List the entries of PROJECT that people answered both ways, or settle those of FILE.

    Entries that contradict each other by the rules between labels are listed, too.

    FILE is the list that --out wrote, its column `answer` filled in: 1 present, 0 absent, ? nobody
    can tell. What is settled stands above everything that was said.
    """
    from alasl.project.exports import write_disagreements
    from alasl.project.folder import load
    from alasl.project.history import WORDS
    from alasl.project.imports import resolve_file

    opened = load(project)
    if file is not None:
        if not person:
            raise UsageError("say who decides, with --person")
        settled, before = resolve_file(opened, file, person)
        if as_json:
            options.print_json({"settled": settled, "before": before})
        else:
            again = f", {before} settled so before" if before else ""
            click.echo(f"{counted(settled, 'entry', 'entries')} settled{again}")
        return
    found = opened.store.disagreements()
    images, names = opened.store.images, opened.store.names
    if out:
        write_disagreements(opened, found, out)
    against = opened.store.contradictions()
    if as_json:
        entries = [
            {"image": images[d.image], "label": names[d.label], "said": d.answers} for d in found
        ]
        told = [
            {"image": images[c.row], "labels": [names[n] for n in c.labels], "values": c.values,
             "why": c.why} for c in against
        ]  # fmt: skip
        options.print_json({"disagreements": entries, "contradictions": told})
        return
    for d in found:
        by_person = ", ".join(f"{who!r} {WORDS[value]}" for who, value in d.answers.items())
        click.echo(f"{images[d.image]!r}, label {names[d.label]!r}: {by_person}")
    for c in against:
        one, other = (
            f"{names[n]!r} {WORDS[value]}" for n, value in zip(c.labels, c.values, strict=True)
        )
        click.echo(f"{images[c.row]!r}: {one}, {other}, but the first {c.why} the second")
    click.echo(f"{counted(len(found), 'entry', 'entries')} answered both ways as often")
    if against:
        click.echo(f"{len(against)} pairs of entries contradict the rules between labels")
