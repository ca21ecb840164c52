"""What a set of claims is: one file of this folder that registers its checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, Source, first_line
from alasl.study.checks import Check


@dataclass(frozen=True)
class ClaimSet:
    """A set of claims: its name in a study, a line about it, its checks, what may be set."""

    name: str
    about: str
    checks: Callable[..., Iterable[Check]]
    parameters: tuple[Parameter, ...]


CLAIMS: Registry[ClaimSet] = Registry("set of claims", "claims", "alasl.study.claims")


def claims(name: str) -> Callable[[Source], Source]:
    """Register a function (seeds, **parameters) -> checks, of a study's `Seeds`, as claims."""
    return CLAIMS.register(
        lambda checks: ClaimSet(name, first_line(checks), checks, parameters_of(checks))
    )
