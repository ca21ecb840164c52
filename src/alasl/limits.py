"""What a setting may hold, and its line of help."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


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
