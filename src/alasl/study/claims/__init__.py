"""The sets of claims that a study can check, one file a set, and the table of what came out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import fields

from alasl.files import csv_text
from alasl.study.checks import Claim, Seeds, Verdict, overall, settle
from alasl.study.claims.base import CLAIMS, ClaimSet, claims
from alasl.study.results import Results

__all__ = ["CLAIMS", "ClaimSet", "check", "claims", "claims_csv", "verdicts"]


def check(results: Results) -> list[Claim]:
    """Every check of the study's set of claims, in the set's order; none where it names no set.

    Seeds of which a run is missing are left out, so that all comparisons are paired.
    """
    if not results.study.claims:
        return []
    named = CLAIMS.resolve(results.study.claims)
    return settle(named.part.checks(Seeds(results), **named.values))


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
