"""The figures that the paper's claims compare: of every strategy, at one share missing."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from alasl.study.checks import (
    Check,
    PerSeed,
    Seeds,
    against,
    final_cost,
    final_map,
    increase,
    map_at,
)

STRATEGIES = (
    "random",
    "medium",
    "hard",
    "hard+medium",
    "entropy",
    "medium+entropy",
    "hard+entropy",
    "hard+medium+entropy",
)

HIGHEST = (
    "{what} against each other strategy: holds if it is above all of them, does not if one is "
    "above it. A strategy that asks the same images in every seed shares the place."
)
AT_FIXED = "mAP at the fixed cost"
FIXED = "the cost that all strategies reach: Random's last, or the lowest last cost if that is less"


class Share:
    """The figures of every strategy at one share missing, by strategy, each for every seed."""

    def __init__(self, seeds: Seeds, missing: float) -> None:
        self.seeds, self.missing = seeds, missing
        self.percent = f"{100 * missing:.0f} %"
        self.final, self.cost, self.increase = (
            {m: seeds.each("strategies", figure, missing=missing, strategy=m) for m in STRATEGIES}
            for figure in (final_map, final_cost, increase)
        )
        # Random is one of them, so this is the paper's rule at every share.
        self.common = lowest(self.cost)
        self.fixed = self.at(self.common)

    def at(self, costs: PerSeed) -> dict[str, PerSeed]:
        """mAP of each strategy at a cost of each seed."""
        return {
            m: self.seeds.each("strategies", map_at, costs, missing=self.missing, strategy=m)
            for m in STRATEGIES
        }

    def highest(
        self,
        claim: str,
        paper: str,
        values: Mapping[str, PerSeed],
        name: str,
        what: str,
        unit: str,
        reading: str = "",
    ) -> Check:
        """That no other strategy's figure is as high as that of `name`."""
        return Check(
            claim=claim,
            paper=paper,
            measured=HIGHEST.format(what=f"{name}: {what} at {self.percent} missing") + note(what),
            subject=f"{what} of {name} less that of {{}}",
            unit=unit,
            differences=against(values, name),
            reading=reading,
        )


def note(what: str) -> str:
    return f" The fixed cost is {FIXED}." if what == AT_FIXED else ""


def lowest(values: Mapping[str, PerSeed]) -> PerSeed:
    return np.asarray(np.min(list(values.values()), axis=0))
