"""What the study of efficiency set out to reach, as checks on its grids.

A ratio of answers is tested by mAP: a method needs r times fewer answers if it is above the
baseline already at an r-th of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from alasl.study.checks import POINTS, Check, Seeds, final_map, map_at
from alasl.study.claims.base import claims
from alasl.study.results import RunResult

ANSWERS = 10_000
SELECTION, WHOLE = 10, 20
NEAR = 0.3
UNKNOWN = (0.9, 0.98)

BASELINE = "random entries, tuned BCE"
OURS = "ours: variance, logistic"
# Methods that differ in selection alone.
PAIRS = {OURS: "random entries, logistic"}


@claims("efficiency")
def checks(seeds: Seeds) -> Iterator[Check]:
    """Every goal: selection alone, the whole, and how near all entries known a tenth brings."""
    for method, chance in PAIRS.items():
        for unknown in UNKNOWN:
            yield _fewer(
                seeds,
                "SELECTION",
                f"selection alone: at least {SELECTION} times fewer answers",
                method,
                chance,
                unknown,
                SELECTION,
            )
    for unknown in UNKNOWN:
        text = f"training and selection: at least {WHOLE} times fewer answers"
        yield _fewer(seeds, "WHOLE", text, OURS, BASELINE, unknown, WHOLE)
    complete = seeds.each("all entries known, logistic", final_map)
    yield Check(
        claim="TENTH",
        paper=f"at 60 % unknown, a tenth of them answered: within {NEAR} of all entries known",
        measured="mAP with all entries known less that of our last round",
        subject="mAP with all entries known less that of {}",
        unit=POINTS,
        differences={"ours at 60 % unknown": complete - seeds.each("ours at 60 %", final_map)},
        region=(-math.inf, NEAR),
    )


def _fewer(
    seeds: Seeds, claim: str, text: str, method: str, baseline: str, unknown: float, times: int
) -> Check:
    theirs = seeds.each(baseline, lambda run: map_at(run, _budget(run)), missing=unknown)
    fewer = seeds.each(baseline, lambda run: _budget(run) / times, missing=unknown)
    ours = seeds.each(method, map_at, fewer, missing=unknown)
    percent = f"{100 * unknown:.0f} % unknown"
    return Check(
        claim=claim,
        paper=text,
        measured=f"mAP of {method} at {percent} after a {times}th of the answers less that of "
        f"{baseline} after all of them, {ANSWERS} or what the study asks: holds if above 0",
        subject=f"mAP of {method} at {percent} after a {times}th of the answers less that of {{}}",
        unit=POINTS,
        differences={baseline: ours - theirs},
    )


def _budget(run: RunResult) -> float:
    return min(ANSWERS, run.costs[-1])
