"""Python code that settings from a file name: said, and refused, before any of it is executed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from alasl.errors import UsageError
from alasl.registry import files_of

# Settings that name a place or give a name, and never what to execute.
PLACES = ("data", "labels", "image_folder", "features", "split", "weights", "name", "root")


def require_trust(where: Path, again: str, *tables: Mapping[str, Any]) -> None:
    """Raise `UsageError`, saying what would be executed, where settings name Python files.

    where: the file that the settings are from. again: the command for whoever trusts that code.
    tables: settings by name, each with a value or a list of values. No file is executed here.
    """
    found = dict.fromkeys(line for table in tables for line in _named(table))
    if found:
        raise UsageError(
            "these settings run Python code, which may do whatever you may",
            where=str(where),
            seen="\n  ".join(["", *found]),
            do=f"read that code; if you trust it: {again}",
        )


def _named(table: Mapping[str, Any]) -> Iterator[str]:
    """A line for each Python file, or class, that settings name."""
    for key, value in table.items():
        for spec in value if isinstance(value, list | tuple) else [value]:
            if isinstance(spec, str) and key not in PLACES:
                yield from (f"{key} = {spec!r}: {code}" for code in _code(key, spec))


def _code(key: str, spec: str) -> list[str]:
    """What a spec would have executed, as a person can know it again."""
    # Of models alone a class of a package can be named, by its module, a colon and its name.
    if key != "model" or ":" not in spec:
        return [_identity(file) for file in files_of(spec)]
    from alasl.models.registry import code_of  # late: it imports torch

    return [
        _identity(Path(code)) if code.endswith(".py") else f"{code!r}, of an installed package"
        for code in code_of(spec)
    ]


def _identity(file: Path) -> str:
    """A file's path, size and SHA-256, by which it is known again."""
    path = file.resolve()
    if not path.is_file():
        return f"{str(path)!r}, which is no file"
    with path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    return f"{str(path)!r}, {path.stat().st_size} bytes, SHA-256 {digest}"
