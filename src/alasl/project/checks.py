"""What the store refuses to take: entries outside the table; values, names, times that are none."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike

from alasl.errors import DataError, UsageError
from alasl.labels import INFERRED, MACHINE, misfit

_NAME = 100
# Under these names nobody answers.
MACHINES = (MACHINE, INFERRED)
_MODEL = re.compile(r"\w[\w.+-]{0,99}", re.ASCII)


def check_places(what: str, places: ArrayLike, count: int) -> None:
    """Raise `DataError` where one of the places (n,) is not from 0 to count - 1."""
    found = np.asarray(places, np.intp)
    bad = found[(found < 0) | (found >= count)]
    if len(bad):
        raise DataError(f"there is no such {what}", seen=f"{int(bad[0])} of {count}")


def check_values(values: ArrayLike) -> None:
    """Raise `DataError` where one of the values (n,) is not 1, 0 or -1."""
    found = np.asarray(values)
    bad = misfit(found)
    if bad is not None:
        raise DataError(
            "an answer must be 1 (present), 0 (absent) or -1 (cannot tell)",
            seen=str(found.flat[bad]),
        )


def check_name(what: str, name: str) -> None:
    """Raise `UsageError` for a name that cannot be printed, or that is empty or too long."""
    if not name.strip() or len(name) > _NAME or not name.isprintable():
        raise UsageError(
            f"{what} is 1 to {_NAME} characters that can be printed", seen=ascii(name[:_NAME])
        )


def check_person(name: str) -> None:
    """Raise `UsageError` for a name that no person can have, as that of the automatic labeller."""
    check_name("a person's name", name)
    called = name.strip().casefold()
    if called in MACHINES:
        raise UsageError(
            "this is the name of the automatic labeller"
            if called == MACHINE
            else "this is the name of what follows from others",
            seen=repr(name),
            do="take another name",
        )


def check_model_name(name: object, where: str) -> str:
    """The name of a model, which its files are called after: letters, digits and `_.+-`, or "".

    Raises `DataError` for any other, as one with a slash would name files outside the project.
    """
    if not isinstance(name, str) or (name and not _MODEL.fullmatch(name)):
        raise DataError(
            "not the name of a model",
            where=where,
            seen=ascii(name)[:_NAME],
            do="remove this file: `alasl train` makes it again",
        )
    return name


def check_seconds(seconds: float) -> None:
    """Raise `DataError` for a time that is negative or no number."""
    if not 0 <= seconds < float("inf"):
        raise DataError("an answer takes 0 seconds or more", seen=str(seconds))
