"""Options made from settings, one for each, and help that shows them by what they are about."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Callable, Iterable
from typing import Any

import click

from alasl.cli.options import PATH, Function, all_of
from alasl.settings import RunSettings


class Setting(click.Option):
    """The option of a setting; the help shows it below its heading."""

    def __init__(self, *arguments: Any, heading: str, **attributes: Any) -> None:
        super().__init__(*arguments, **attributes)
        self.heading = heading


class ByHeading(click.Command):
    """A command whose help shows its own options first, and settings below their headings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """See `click.Command`."""
        found: dict[str, list[tuple[str, str]]] = {"": []}
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None and isinstance(option, click.Option):
                found.setdefault(getattr(option, "heading", ""), []).append(record)
        for heading, records in found.items():
            with formatter.section(heading or "Options"):
                formatter.write_dl(records)


def setting_options(
    settings: Any, *, without: Iterable[str] = ()
) -> Callable[[Function], Function]:
    """Give a command an option for each setting of a class but some; None where not given."""
    hints = typing.get_type_hints(settings)
    items = [item for item in dataclasses.fields(settings) if item.name not in set(without)]
    return all_of(*(_option(settings, item, hints[item.name]) for item in items))


def _option(settings: type, item: dataclasses.Field[Any], hint: Any) -> Callable[[Any], Any]:
    flag, boolean = "--" + item.name.replace("_", "-"), hint is bool
    default = ("" if item.default else "no-") + flag[2:] if boolean else item.default
    says = "" if default in (None, "", ()) else f" [default: {default}]"
    several = typing.get_origin(hint) is tuple
    return click.option(
        f"{flag}/--no-{flag[2:]}" if boolean else flag,
        item.name,
        type=None if boolean else _click_type(hint, item.metadata["choices"]),
        default=None,
        multiple=several,
        callback=_or_none if several else None,
        help=item.metadata["about"] + says,
        cls=Setting,
        heading=_heading(settings, item.name),
    )


def _heading(settings: type, name: str) -> str:
    """That of the part that a setting is of."""
    parts = [part for part in settings.__mro__ if name in inspect.get_annotations(part)]
    return str(vars(parts[0]).get("heading", ""))


def _or_none(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> Any:
    return value or None


def _click_type(hint: Any, choices: tuple[str, ...]) -> Any:
    if choices:
        return click.Choice(choices)
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is tuple:
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


# For each setting of a run, and --config.
run_options = all_of(
    click.option(
        "--config",
        type=PATH,
        help="a TOML file with any of these; an option given here overrides it",
    ),
    setting_options(RunSettings, without=("data",)),
)
