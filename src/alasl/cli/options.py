"""Options that several commands share."""

from __future__ import annotations

import dataclasses
import getpass
import json
import logging
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from tqdm import tqdm

from alasl.config import from_dict, read_toml
from alasl.errors import UsageError
from alasl.settings import RunSettings

if TYPE_CHECKING:
    from alasl.project.changes import Changed
    from alasl.project.folder import Project

Function = TypeVar("Function", bound=Callable[..., Any])

# A file or a folder, and what can be no folder.
PATH = click.Path(path_type=Path)
FILE = click.Path(path_type=Path, dir_okay=False)

project_argument = click.argument("project", type=PATH)
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
trust_option = click.option(
    "--trust", is_flag=True, help="run the Python code that settings or a model from a file name"
)
dry_run_option = click.option(
    "--dry-run", is_flag=True, help="Count what would change, and change nothing."
)
empty_option = click.option(
    "--empty", type=click.Choice(("unknown", "absent")), help="what an empty cell of a CSV means"
)
skip_bad_option = click.option(
    "--skip-bad",
    is_flag=True,
    help="leave out images whose files are missing or cannot be decoded, with a count",
)


def _allow_download(_: click.Context, __: click.Parameter, allowed: bool) -> None:
    """Let this process, and those it starts, fetch pretrained weights."""
    if allowed:
        os.environ["ALASL_DOWNLOAD"] = "1"


download_option = click.option(
    "--download",
    is_flag=True,
    help="allow fetching weights from the hub",
    callback=_allow_download,
    expose_value=False,
)


_QUIET = "alasl.quiet"


def be_quiet(context: click.Context, quiet: bool) -> None:
    """Print the package's warnings on stderr, one line each; nothing but errors where quiet."""
    context.meta[_QUIET] = quiet
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log = logging.getLogger("alasl")
    log.handlers = [handler]
    log.setLevel(logging.ERROR if quiet else logging.WARNING)


def is_quiet() -> bool:
    """Whether the command that runs has --quiet."""
    context = click.get_current_context(silent=True)
    return context is not None and context.meta.get(_QUIET, False)


def remark(text: str) -> None:
    """A line on stderr, unless --quiet."""
    if not is_quiet():
        click.echo(text, err=True)


quiet_option = click.option(
    "--quiet",
    "-q",
    is_flag=True,
    help="No progress and no warnings on stderr.",
    callback=lambda context, _, quiet: be_quiet(context, quiet),
    expose_value=False,
)


class WholeLines(click.Group):
    """A group whose help shows the first sentence of each command whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Group`."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, c.get_short_help_str(200)) for name, c in found if c])


def run_settings(
    data: str | None, config: Path | None, given: dict[str, Any], trusted: bool
) -> RunSettings:
    """The settings that a command line gives: those of `settings_given`, and the data."""
    from alasl.data.missingness import MECHANISMS

    values = settings_given(config, given, trusted)
    if data is not None:
        values["data"] = data
    if not values.get("data"):
        raise click.UsageError("name the data set: alasl run DATA")
    if config is not None:
        from_dict({k: v for k, v in values.items() if given.get(k) is None}, where=str(config))
    settings = from_dict(values)
    mechanism = MECHANISMS.resolve(settings.mechanism).part
    if given.get("missing") and not mechanism.takes_share:
        raise UsageError(
            f"--mechanism {mechanism.name} takes no --missing: {mechanism.about}",
            seen=f"--missing {settings.missing:g}",
            do="leave --missing out",
        )
    return settings


def settings_given(config: Path | None, given: dict[str, Any], trusted: bool) -> dict[str, Any]:
    """The file's settings, overridden by the options given.

    Raises `UsageError` where what is left of the file's names Python code, unless it is trusted.
    """
    chosen = {name: value for name, value in given.items() if value is not None}
    if config is None:
        return chosen
    left = {k: v for k, v in read_toml(config).items() if k not in chosen}
    check_trust(trusted, config, left)
    return {**left, **chosen}


def check_trust(trusted: bool, where: Path, *tables: Mapping[str, Any]) -> None:
    """Raise `UsageError` where settings from the file `where` name Python code that is not trusted.

    What somebody names on the command line is their own word, and is not looked at.
    """
    if not trusted:
        from alasl.trust import require_trust

        arguments = click.get_current_context().find_root().obj or ()
        require_trust(where, shlex.join(["alasl", *arguments, "--trust"]), *tables)


def all_of(*given: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Give a command several options, which its help shows in this order."""

    def give(function: Function) -> Function:
        for option in reversed(given):
            function = option(function)
        return function

    return give


def person_option(does: str) -> Callable[[Function], Function]:
    """Give a command --person, by default the user's name on this machine."""
    return click.option(
        "--person", default=_user, help=f"who {does} [default: your name on this machine]"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user without a name
        return "somebody"


def print_change(changed: Changed, dry_run: bool, as_json: bool, **more: Any) -> None:
    """What a change of labels or images was, and what it did to the table."""
    if as_json:
        print_json({"dry_run": dry_run, **dataclasses.asdict(changed), **more})
        return
    click.echo(changed.says + (" (only counted: nothing was changed)" if dry_run else ""))
    before, after = vars(changed.before), vars(changed.after)
    for name, words in _COUNTS.items():
        if before[name] != after[name] or name in ("images", "labels", "known"):
            click.echo(f"  {words}: {before[name]} -> {after[name]}")


_COUNTS = {
    "images": "images",
    "labels": "labels",
    "known": "known entries",
    "inferred": "of these following from others",
    "answers": "people's answers to these (all are kept)",
    "asked": "answers wanted in the queue",
    "contradictions": "contradictions between labels",
}


def open_to_work(folder: Path, trusted: bool) -> Project:
    """The project in a folder, to train on it and to ask by its settings: see `check_trust`."""
    from alasl.project.folder import SETTINGS, load

    opened = load(folder)
    check_trust(trusted, folder / SETTINGS, opened.settings.to_dict())
    return opened


class Bar:
    """A progress bar on stderr that appears with the first step and not at all when quiet."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit, self._quiet = what, unit, is_quiet()
        self._bar: tqdm[Any] | None = None

    def __call__(self, done: int, total: int, beside: str = "") -> None:
        if self._bar is None:
            self._bar = tqdm(
                total=total, desc=self._what, unit=self._unit, disable=self._quiet, file=sys.stderr
            )
            # An error begins on a line of its own.
            if (context := click.get_current_context(silent=True)) is not None:
                context.call_on_close(self._bar.close)
        self._bar.set_postfix_str(beside, refresh=False)
        self._bar.update(done - self._bar.n)
        if done == total:
            self._bar.close()


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table, a line a row; an empty cell is a dash."""
    lines = [list(head), *([cell or "-" for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    told = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in told)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on stdout, with the version of its form, and JSON's own escapes for letters
    that it has not."""
    value = {"schema_version": 1, **value}
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(value, indent=2, allow_nan=False)
    click.echo(text)
