"""Parameters named in a text: read by type and limits, written again, refused by name."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

from alasl.errors import UsageError
from alasl.parameters import Between, changed, parameters_of, parse_parameters


def shown(
    thing: object,
    *,
    share: Annotated[float, Between(0, 1)] = 0.1,
    form: Literal["one", "two"] = "one",
    count: int = 3,
    hard: bool = False,
) -> None:
    """Something with parameters of every kind."""


PARAMETERS = parameters_of(shown)


def test_what_is_written_is_read_again() -> None:
    parts = ["share=0.25", "form=two", "count=7", "hard=true"]
    values = parse_parameters(parts, PARAMETERS, "here")
    assert values == {"share": 0.25, "form": "two", "count": 7, "hard": True}
    again = [part.lower() for part in changed(values, PARAMETERS)]
    assert again == parts
    assert changed(parse_parameters(["share=0.1"], PARAMETERS, "here"), PARAMETERS) == []


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("share=2", r"here: share must be float from 0 to 1; seen: 2"),
        ("share=nan", "from 0 to 1"),
        ("share=much", "share must be float"),
        ("form=three", "one or two"),
        ("count=1.5", "count must be int"),
        ("hard=maybe", "hard must be bool"),
        ("shares=1", r"no such parameter; seen: shares=1\n.*share=0.1 \(float from 0 to 1\)"),
        ("share", "no such parameter"),
    ],
)
def test_what_cannot_be_is_refused(part: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_parameters([part], PARAMETERS, "here")


def test_a_parameter_stands_once_and_has_a_default() -> None:
    with pytest.raises(UsageError, match="stands twice"):
        parse_parameters(["count=1", "count=2"], PARAMETERS, "here")
    with pytest.raises(UsageError, match="'must' must have a default"):
        parameters_of(lambda thing, must: (thing, must))
