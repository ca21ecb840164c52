"""`NAME:key=value:key=value`: how a part is named with its parameters set."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from alasl.errors import UsageError


@dataclass(frozen=True)
class Between:
    """The closed range that a number must lie in."""

    low: float
    high: float

    def __str__(self) -> str:
        # One form of a number: typing keeps one of two ranges that are equal, of 1 and of 1.0.
        return f"{self.low:g} to {self.high:g}"


@dataclass(frozen=True)
class OneOf:
    """The words that a text may be, where they are not known before the module is loaded."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Parameter:
    """A keyword argument of a part that is registered: its type, default, and what it may be."""

    name: str
    kind: type
    default: Any
    choices: tuple[str, ...] = ()
    between: Between | None = None

    @property
    def allowed(self) -> str:
        """What a value may be, in words."""
        if self.choices:
            return " or ".join(self.choices)
        return f"{self.kind.__name__}{f' from {self.between}' if self.between else ''}"

    def parse(self, text: str, where: str) -> Any:
        """The value that `text` spells. Raises `UsageError`, at `where`, where it spells none."""
        value: Any = None
        if self.kind is bool:
            value = {"true": True, "false": False}.get(text.lower())
        else:
            try:
                value = self.kind(text)
            except ValueError:
                value = None
        if value is None or not text:
            self._refuse(text, where)
        return self.check(value, where)

    def check(self, value: Any, where: str) -> Any:
        """The value, if it may be. Raises `UsageError`, at `where`, if not."""
        if self.choices and value not in self.choices:
            self._refuse(value, where)
        # Written so that NaN fails it as well.
        if self.between and not self.between.low <= value <= self.between.high:
            self._refuse(value, where)
        return value

    def _refuse(self, value: Any, where: str) -> None:
        raise UsageError(f"{self.name} must be {self.allowed}", where=where, seen=str(value))


def parameters_of(function: Callable[..., Any], positional: int = 1) -> tuple[Parameter, ...]:
    """What may be set of a function: its arguments after the first `positional` ones.

    An argument's annotation may be a `Literal` of words, `Annotated[str, OneOf(words)]`, or
    `Annotated[float, Between(low, high)]`.
    Raises `UsageError` where one has no default.
    """
    arguments = list(inspect.signature(function).parameters.values())[positional:]
    hints = _hints(function, arguments)
    found = []
    for argument in arguments:
        hint = hints.get(argument.name)
        limits = getattr(hint, "__metadata__", ())
        words = next((m.words for m in limits if isinstance(m, OneOf)), ())
        if argument.default is argument.empty:
            raise UsageError(
                f"the parameter {argument.name!r} must have a default",
                where=f"{function.__module__}.{function.__qualname__}",
            )
        found.append(
            Parameter(
                name=argument.name,
                kind=_kind(argument.default, hint),
                default=argument.default,
                choices=typing.get_args(hint) if typing.get_origin(hint) is Literal else words,
                between=next((m for m in limits if isinstance(m, Between)), None),
            )
        )
    return tuple(found)


def _hints(function: Callable[..., Any], arguments: list[inspect.Parameter]) -> dict[str, Any]:
    """What is annotated of these arguments; of others it may be known to type checkers alone."""
    if isinstance(function, type):
        return typing.get_type_hints(function, include_extras=True)
    own = {a.name: a.annotation for a in arguments if a.annotation is not a.empty}
    space = getattr(function, "__globals__", {})
    return typing.get_type_hints(
        types.SimpleNamespace(__annotations__=own), space, include_extras=True
    )


def _kind(default: Any, hint: Any) -> type:
    """The type of a parameter: its default's, or what it may be beside None."""
    if default is not None:
        return type(default)
    kinds = [part for part in typing.get_args(hint) if isinstance(part, type)]
    return next((part for part in kinds if part is not type(None)), str)


def parse_parameters(
    given: Sequence[str], parameters: Sequence[Parameter], where: str
) -> dict[str, Any]:
    """The values that parts `key=value` spell.

    Raises `UsageError`, at `where`, for a parameter or a value that is unknown, or one given twice.
    """
    valid = {parameter.name: parameter for parameter in parameters}
    found: dict[str, Any] = {}
    for part in given:
        key, equals, text = part.partition("=")
        if not equals or key not in valid or key in found:
            raise UsageError(
                "a parameter stands twice" if key in found else "no such parameter",
                where=where,
                seen=part,
                do="; ".join(f"{p.name}={p.default} ({p.allowed})" for p in valid.values())
                or "it has no parameters",
            )
        found[key] = valid[key].parse(text, where)
    return found


def changed(values: Mapping[str, Any], parameters: Sequence[Parameter]) -> list[str]:
    """The parts `key=value` for the values that are not the default."""
    return [
        f"{p.name}={values[p.name]}"
        for p in parameters
        if values.get(p.name, p.default) != p.default
    ]
