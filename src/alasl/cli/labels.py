"""`alasl labels`: the labels of a project, and changes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from alasl.cli import options

if TYPE_CHECKING:
    from alasl.project.changes import Do


class _Labels(options.WholeLines):
    """Takes --json after the project, where no change is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.allow_interspersed_args = not {*args[1:]} & {*self.commands}
        return super().parse_args(ctx, args)


@click.group("labels", cls=_Labels, invoke_without_command=True)
@options.project_argument
@options.json_option
@click.pass_context
def command(context: click.Context, project: Path, as_json: bool) -> None:
    """List the labels of PROJECT, or change them.

    A change is one event in the project's log. No answer is lost by it, and `alasl undo` takes it
    back. With --dry-run it is only counted. Files with former names can still be imported. What a
    command takes: alasl labels PROJECT COMMAND --help.
    """
    context.obj = project
    if context.invoked_subcommand is None:
        _list(project, as_json)


def _list(project: Path, as_json: bool) -> None:
    from alasl.project.folder import load

    store = load(project).store
    now, table = store.scheme, store.labels()
    present, known = table.present_per_label().tolist(), table.known_per_label().tolist()
    found = []
    for place, number in enumerate(now.cols.tolist()):
        label, rules = now.labels[number], now.rules
        names = {
            "implies": [now.labels[b].name for a, b in rules.implies if a == number],
            "excludes": [
                now.labels[a + b - number].name for a, b in rules.excludes if number in (a, b)
            ],
        }
        counts = {"present": present[place], "known": known[place]}
        about = {
            "about": label.about,
            "former": list(label.former),
            "examples": [now.images[n] for n in label.examples],
            "counter_examples": [now.images[n] for n in label.counter_examples],
            "colour": label.colour,
            "key": label.key,
        }
        found.append({"name": label.name, **counts, **names, **about})
    if as_json:
        options.print_json({"labels": found})
        return
    for one in found:
        beside = [f"{how} {', '.join(one[how])}" for how in ("implies", "excludes") if one[how]]
        beside += [f"once {', '.join(one['former'])}"] if one["former"] else []
        beside += [one["about"]] if one["about"] else []
        says = f"{one['name']}: {one['present']} present of {one['known']} known"
        click.echo("; ".join([says, *beside]))


_change = options.all_of(
    click.pass_obj,
    options.person_option("changes them"),
    options.dry_run_option,
    options.json_option,
)


def _make(project: Path, person: str, dry_run: bool, as_json: bool, do: Do, **what: Any) -> None:
    from alasl.project.changes import LabelChange
    from alasl.project.folder import load

    changed = load(project).store.change(person, LabelChange(do, **what), dry_run=dry_run)
    options.print_change(changed, dry_run, as_json)


@command.command("add")
@click.argument("names", nargs=-1, required=True)
@_change
def add(project: Path, names: tuple[str, ...], **how: Any) -> None:
    """New labels, unknown of every image; one that was taken out comes back with its answers."""
    _make(project, do="add", names=names, **how)


@command.command("rename")
@click.argument("old")
@click.argument("new")
@_change
def rename(project: Path, old: str, new: str, **how: Any) -> None:
    """Call the label OLD by the name NEW; files with either name can be imported."""
    _make(project, do="rename", names=(old,), into=(new,), **how)


@command.command("merge")
@click.argument("names", nargs=-1, required=True)
@click.option("--into", required=True, help="the label that they become")
@_change
def merge(project: Path, names: tuple[str, ...], into: str, **how: Any) -> None:
    """Make one label of several: present where one of them is, absent where all are."""
    _make(project, do="merge", names=names, into=(into,), **how)


@command.command("split")
@click.argument("name")
@click.option(
    "--into", required=True, multiple=True, metavar="NAME", help="a label of it; once for each"
)
@click.argument("others", nargs=-1)
@_change
def split(
    project: Path, name: str, into: tuple[str, ...], others: tuple[str, ...], **how: Any
) -> None:
    """Make several labels of one: absent where it is, else unknown.

    `split A --into B C` and `split A --into B --into C` are the same.
    """
    _make(project, do="split", names=(name,), into=(*into, *others), **how)


@command.command("remove")
@click.argument("names", nargs=-1, required=True)
@_change
def remove(project: Path, names: tuple[str, ...], **how: Any) -> None:
    """Take labels out of the table; what was said of them is kept in the log."""
    _make(project, do="remove", names=names, **how)


@command.command("describe")
@click.argument("name")
@click.argument("text", required=False)
@click.option("--example", "examples", multiple=True, help="an image that has it; may be repeated")
@click.option(
    "--counter-example",
    "counter_examples",
    multiple=True,
    help="an image that has not, though it may look so; may be repeated",
)
@click.option("--colour", help="its colour on the page, e.g. #c05000")
@click.option("--key", help="its key on the page: a digit, or one of qwerasdfzxcvb")
@_change
def describe(
    project: Path, name: str, person: str, dry_run: bool, as_json: bool, **told: Any
) -> None:
    """Say what a label means, by a text, examples, or both; what is not named stays.

    People see it before their first question about the label. An empty text, colour or key takes
    it away.
    """
    from alasl.project.folder import load
    from alasl.project.guide import Described

    about = told.pop("text")
    given = {key: value for key, value in told.items() if value not in (None, ())}
    changed = load(project).store.change(person, Described(name, about, **given), dry_run=dry_run)
    options.print_change(changed, dry_run, as_json)


@command.command("guide")
@click.argument("file", required=False, type=options.FILE)
@click.option(
    "--out",
    type=options.FILE,
    help="write what there is to a file, with a section for each label",
)
@_change
def guide(
    project: Path, file: Path | None, out: Path | None, person: str, dry_run: bool, as_json: bool
) -> None:
    """Take instructions and descriptions of labels from a Markdown FILE, or show what there is.

    What stands before the first heading are the project's instructions. A heading `## LABEL`
    begins a label's text; lines such as `- example: IMAGE`, `- counter-example: IMAGE`,
    `- colour: #c05000` and `- key: d` may follow. Labels that the file does not name stay as they
    are.
    """
    from alasl.project.folder import load
    from alasl.project.guide import guide_text, read_guide, write_guide

    store = load(project).store
    if file is not None:
        found = read_guide(file, store.scheme)
        options.print_change(store.change(person, *found, dry_run=dry_run), dry_run, as_json)
        return
    if out is not None:
        write_guide(store.scheme, out)
    if as_json:
        options.print_json({"guide": guide_text(store.scheme)})
    elif out is not None:
        click.echo(f"{out}: fill it in, then: alasl labels {project} guide {out}")
    else:
        click.echo(guide_text(store.scheme), nl=False)


@command.command("imply")
@click.argument("child")
@click.argument("parent")
@_change
def imply(project: Path, child: str, parent: str, **how: Any) -> None:
    """Where CHILD is present, PARENT is present; where PARENT is absent, CHILD is absent."""
    _make(project, do="rule", implies=((child, parent),), **how)


@command.command("exclude")
@click.argument("one")
@click.argument("other")
@_change
def exclude(project: Path, one: str, other: str, **how: Any) -> None:
    """At most one of the two labels is present."""
    _make(project, do="rule", excludes=((one, other),), **how)


@command.command("taxonomy")
@click.argument("file", type=options.FILE)
@click.option("--add", "new", is_flag=True, help="parents that are no label yet become one")
@_change
def taxonomy(
    project: Path, file: Path, new: bool, person: str, dry_run: bool, as_json: bool
) -> None:
    """Let the rules of a CSV FILE take the place of all rules: child,parent and a,excludes,b."""
    from alasl.project.folder import load
    from alasl.project.taxonomy import take_taxonomy

    changed = take_taxonomy(load(project).store, file, person, add=new, dry_run=dry_run)
    options.print_change(changed, dry_run, as_json)
