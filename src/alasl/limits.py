"""What a setting may hold, with its line of help, and the check that it holds it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from alasl.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """What a number may be, as a test and in words."""

    holds: Callable[[float], bool]
    says: str


ANY = Limits(lambda value: value == value, "a number")
SHARE = Limits(lambda value: 0 < value < 1, "between 0 and 1")
BELOW_ONE = Limits(lambda value: 0 <= value < 1, "at least 0 and below 1")
AT_LEAST_ONE = Limits(lambda value: value >= 1, "1 or more")
BELOW_HALF = Limits(lambda value: 0 <= value < 0.5, "at least 0 and below 0.5")
UP_TO_ONE = Limits(lambda value: 0 < value <= 1, "above 0 and at most 1")
SEVERAL = Limits(lambda value: value >= 2, "2 or more")
NATURAL = Limits(lambda value: value >= 0, "0 or more")
POSITIVE = Limits(lambda value: value > 0, "more than 0")


def setting(
    default: Any, about: str, *, choices: tuple[str, ...] = (), limits: Limits = ANY
) -> Any:
    """A field with the one line of help that the command line shows, and what it may hold."""
    return field(default=default, metadata={"about": about, "choices": choices, "limits": limits})


def check_setting(item: dataclasses.Field[Any], value: object) -> None:
    """Raise a `UsageError` unless a setting's value is of its type and in its range."""
    flag = "--" + item.name.replace("_", "-")
    choices, limits = item.metadata["choices"], item.metadata["limits"]
    if choices and value not in choices:
        raise UsageError(f"{flag} must be one of {', '.join(choices)}", seen=repr(value))
    if "tuple" in str(item.type):
        if not (isinstance(value, tuple) and all(isinstance(one, str) for one in value)):
            raise UsageError(f"{flag} must be a list of texts", seen=repr(value))
        return
    if "bool" in str(item.type):
        if not isinstance(value, bool):
            raise UsageError(f"{flag} must be true or false", seen=repr(value))
        return
    if "str" in str(item.type):
        if not isinstance(value, str):
            raise UsageError(f"{flag} must be a text", seen=repr(value))
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{flag} must be a number", seen=repr(value))
    if "int" in str(item.type) and not isinstance(value, int):
        raise UsageError(f"{flag} must be a whole number", seen=repr(value))
    if not limits.holds(value):
        raise UsageError(f"{flag} must be {limits.says}", seen=str(value))
