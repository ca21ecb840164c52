"""The sets of claims that a study can check, by name, and the table of what came out."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields

from alasl.errors import UsageError
from alasl.files import csv_text
from alasl.study.checks import Check, Claim, Seeds, Verdict, overall, settle
from alasl.study.results import Results


def _paper(seeds: Seeds) -> Iterable[Check]:
    # SciPy takes a second to import.
    from alasl.study import claims_paper

    return claims_paper.checks(seeds)


def _efficiency(seeds: Seeds) -> Iterable[Check]:
    from alasl.study import claims_efficiency

    return claims_efficiency.checks(seeds)


# A set of claims: its checks on the finished seeds of a study.
SETS: Mapping[str, Callable[[Seeds], Iterable[Check]]] = {
    "paper": _paper,
    "efficiency": _efficiency,
}


def claim_set(name: str) -> Callable[[Seeds], Iterable[Check]]:
    """The set of claims of that name. Raises `UsageError` naming the nearest."""
    if name not in SETS:
        near = difflib.get_close_matches(name, SETS, n=1)
        raise UsageError(
            f"there is no set of claims {name!r}",
            do=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(SETS)}",
        )
    return SETS[name]


def check(results: Results) -> list[Claim]:
    """Every check of the study's set of claims, in the set's order; none where it names no set.

    Seeds of which a run is missing are left out, so that all comparisons are paired.
    """
    name = results.study.claims
    return settle(claim_set(name)(Seeds(results))) if name else []


def verdicts(claims: Sequence[Claim]) -> dict[str, Verdict]:
    """The verdict on each claim from its checks, by its id."""
    ids = dict.fromkeys(claim.claim for claim in claims)
    return {name: overall([c for c in claims if c.claim == name]) for name in ids}


def claims_csv(claims: Sequence[Claim]) -> str:
    """A line for each check: effect, 95 % interval, p adjusted by Holm, verdict; empty where none.

    The column `overall` repeats the verdict on the whole claim.
    """
    whole = verdicts(claims)
    names = [field.name for field in fields(Claim)]
    rows = [[*names, "overall"]]
    rows += [
        [*(_text(name, getattr(claim, name)) for name in names), whole[claim.claim]]
        for claim in claims
    ]
    return csv_text(rows)


def _text(name: str, value: object) -> str:
    if not isinstance(value, float):
        return str(value)
    if math.isnan(value):
        return ""
    return f"{value:.4g}" if name == "p" else f"{value:.4f}"
