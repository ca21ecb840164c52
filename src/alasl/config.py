"""Settings from names and values, and from and to TOML files."""

from __future__ import annotations

import dataclasses
import difflib
import re
import textwrap
import tomllib
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from alasl.errors import DataError, UsageError
from alasl.settings import RunSettings, Seeded

S = TypeVar("S", bound=Seeded)

# What settings were called before, so that whoever types an old name is told the new one.
RENAMED = {
    "measure": "strategy",
    "noise": "missing",
    "hide": "mechanism",
    "auto_doubt": "auto_delta",
    "final": "summary",
    "start": "warm_start",
    "golden": "gold",
}

# The longest line of a comment in a file of settings.
LINE = 100


def from_dict(values: dict[str, Any], where: str | None = None) -> RunSettings:
    """Settings from names and values. Raises `UsageError` naming an unknown key's nearest."""
    return made(RunSettings, values, where)


def made(kind: type[S], values: dict[str, Any], where: str | None = None) -> S:
    """Settings of a kind from names and values.

    where: the file they are from. Raises `UsageError` for a name that this kind does not read, and
    for a value that it does not take.
    """
    known = {item.name: item for item in dataclasses.fields(kind)}
    for key in values:
        if key not in known:
            raise unknown(key, known, where)
    try:
        return kind(**values)
    except UsageError as error:
        if where is None:
            raise
        # A file has settings where a command line has options.
        what = re.sub(r"--([a-z][a-z-]*)", lambda found: found[1].replace("-", "_"), error.what)
        raise UsageError(what, where=where, seen=error.seen, do=error.do) from error


def unknown(
    name: str, known: Iterable[str], where: str | None = None, what: str = "setting"
) -> UsageError:
    """The error for a name that is none of those known: what it is called now, or the nearest."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    if RENAMED.get(name) in known:
        do = f"it is called {RENAMED[name]!r} now"
    elif near:
        do = f"did you mean {near[0]!r}?"
    else:
        do = f"there are: {', '.join(known)}"
    return UsageError(f"unknown {what} {name!r}", where=where, do=do)


def read_toml(path: Path) -> dict[str, Any]:
    """The `[run]` table of a TOML file, or its top level where it has none."""
    content = toml_in(path, "the configuration")
    table = content.get("run", content)
    if not isinstance(table, dict):
        raise DataError("[run] must be a table of settings", where=str(path))
    return table


def toml_in(path: Path, what: str) -> dict[str, Any]:
    """The content of a TOML file; what: it is, in words. Raises `DataError` for no such file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"cannot read {what}", where=str(path), seen=str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError("not a TOML file", where=str(path), seen=str(error)) from error


def to_toml(settings: RunSettings, versions: dict[str, str]) -> str:
    """The effective configuration, from which `alasl run --config` makes the same run again."""
    parts = [table("run", settings), tomli_w.dumps({"versions": versions})]
    return "\n".join(parts)


def table(name: str, settings: Seeded, names: Collection[str] | None = None) -> str:
    """Settings, or those of some names, as a table of TOML: above each stands what it is.

    One that is not set is a comment.
    """
    lines = [f"[{name}]"]
    for item in dataclasses.fields(settings):
        if names is not None and item.name not in names:
            continue
        about, choices = item.metadata["about"], item.metadata["choices"]
        says = f"{about} ({' | '.join(choices)})" if choices else about
        lines += textwrap.wrap(says, LINE, initial_indent="# ", subsequent_indent="# ")
        value = getattr(settings, item.name)
        if value is None or value == ():
            lines.append(f"# {item.name} =")
        else:
            lines.append(tomli_w.dumps({item.name: value}).rstrip())
    return "\n".join(lines) + "\n"
