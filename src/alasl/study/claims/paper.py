"""The paper's claims as checks, on the grids `strategies`, `noisy` and `splits` of its study."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np

from alasl.study.checks import (
    POINTS,
    RATE,
    Check,
    PerSeed,
    Seeds,
    against,
    area_until,
    final_map,
    increase,
    pairs,
)
from alasl.study.claims.base import claims
from alasl.study.claims.shares import AT_FIXED, FIXED, HIGHEST, STRATEGIES, Share, note
from alasl.study.stats import LESS, Region

SPLITS = tuple(f"hard+medium:share={share}" for share in (0.1, 0.25, 0.5, 0.75, 0.9))
SHARES = (0.2, 0.4, 0.6)
# What Hard with entropy raises the mAP of ASL by at each share, per cent.
GAINS = {0.2: 10.0, 0.4: 20.0, 0.6: 30.0}
# What an unknown entry is taken for, in words, by the setting that says so.
TAKEN = {"ignore": "nothing", "absent": "absent"}
CHOSEN = "hard+entropy"

# What is taken for equal, in mAP points.
MARGIN = 1.0
ALIKE: Region = (-MARGIN, MARGIN)
# What is taken for a substantial fall, in mAP points.
SUBSTANTIAL = 5.0
# How far from 10, 20 and 30 % a gain may be and still be told as that.
ROUNDED = 5.0
# The part of Random's I that is taken for nearly that.
NEARLY = 0.9
# How much dearer the dearest strategy must be than the cheapest, in per cent.
DEARER = 10.0


@claims("paper")
def checks(seeds: Seeds) -> Iterator[Check]:
    """Every claim of the paper, in its order."""
    for assume in TAKEN:
        yield from falls(
            {
                missing: seeds.each("noisy", final_map, missing=missing, assume=assume)
                for missing in (0.0, *SHARES)
            },
            assume,
        )
    yield from _initial(seeds)
    at = {missing: Share(seeds, missing) for missing in SHARES}
    yield from _at_20(at[0.2])
    yield from _at_40(at[0.4])
    yield from at_60(at[0.6])
    yield from _random_falls_behind(at)
    yield from beats_random(at[0.6])
    yield from _consistent(at[0.4])
    yield from raises_asl(seeds, at)
    yield from _splits(seeds)
    yield from converge(at)


def falls(maps: Mapping[float, PerSeed], assume: str) -> Iterator[Check]:
    """N1 of ASL's mAP by the share missing, from 0 up, where unknown entries are taken so."""
    shares = list(maps)
    reading = f"an unknown entry is taken for {TAKEN[assume]}"
    steps = {_step(a, b): maps[a] - maps[b] for a, b in pairwise(shares)}
    yield Check(
        claim="N1",
        paper="fig. 2: ASL's mAP falls as noise grows",
        measured="fall of mAP at each step of the share missing: holds if all are above 0, "
        "does not if one is below",
        subject="fall of ASL's mAP {}",
        unit=POINTS,
        differences=steps,
        reading=reading,
    )
    yield Check(
        claim="N1",
        paper="the impact of noise is quite substantial",
        measured=f"fall of mAP from 0 to 60 % missing: substantial is more than "
        f"{SUBSTANTIAL:g} points",
        subject="fall of ASL's mAP {}",
        unit=POINTS,
        differences={_step(shares[0], shares[-1]): maps[shares[0]] - maps[shares[-1]]},
        region=(SUBSTANTIAL, math.inf),
        reading=reading,
    )


def _step(start: float, end: float) -> str:
    return f"from {100 * start:.0f} to {100 * end:.0f} % missing"


def _initial(seeds: Seeds) -> Iterator[Check]:
    first = seeds.each("strategies", lambda run: run.maps[0], strategy="random")
    yield Check(
        claim="M0",
        paper="the initial mAP without any labels added is approximately 28",
        measured=f"mAP before any answer less 28: within {MARGIN:g} point",
        subject="mAP before any answer less {}",
        unit=POINTS,
        differences={"28": first - 28.0},
        region=ALIKE,
    )


def _at_20(at: Share) -> Iterator[Check]:
    best = "20 %: Hard + Medium has the highest mAP"
    yield at.highest("A20", best, at.final, "hard+medium", "final mAP", POINTS)
    yield at.highest(
        "A20",
        "and the best mAP at fixed cost",
        at.fixed,
        "hard+medium",
        AT_FIXED,
        POINTS,
    )
    yield Check(
        claim="A20",
        paper="but a very low I",
        measured="I of hard+medium less the median I of the other strategies, in each seed: below "
        "0",
        subject="I of hard+medium less {}",
        unit=RATE,
        differences={"the others' median": _beside_median(at.increase, "hard+medium")},
        region=LESS,
    )
    yield at.highest("A20", "Random has the highest I", at.increase, "random", "I", RATE)
    for what, values, unit in (
        ("final mAP", at.final, POINTS),
        (AT_FIXED, at.fixed, POINTS),
        ("I", at.increase, RATE),
    ):
        yield Check(
            claim="A20",
            paper="Hard with entropy is good on all three",
            measured=f"{what} of hard+entropy less the median of the other strategies, in each "
            "seed: above 0." + note(what),
            subject=f"{what} of hard+entropy less {{}}",
            unit=unit,
            differences={"the others' median": _beside_median(values, CHOSEN)},
        )


def _at_40(at: Share) -> Iterator[Check]:
    yield at.highest("A40", "40 %: Random has the highest I", at.increase, "random", "I", RATE)
    yield Check(
        claim="A40",
        paper="Hard with entropy has nearly that",
        measured=f"I of hard+entropy less {100 * NEARLY:.0f} % of Random's: above 0",
        subject="I of hard+entropy less {}",
        unit=RATE,
        differences={
            f"{100 * NEARLY:.0f} % of Random's": at.increase[CHOSEN]
            - NEARLY * at.increase["random"]
        },
    )
    yield Check(
        claim="A40",
        paper="with higher mAP",
        measured="final mAP of hard+entropy less that of Random: above 0",
        subject="final mAP of hard+entropy less that of {}",
        unit=POINTS,
        differences={"random": at.final[CHOSEN] - at.final["random"]},
    )
    for reading, costs in (
        (f"fixed cost: {FIXED}", at.common),
        ("fixed cost: 8000 answers, as the caption of fig. 4b says", 0 * at.common + 8000),
    ):
        fixed = at.at(costs)
        yield Check(
            claim="A40",
            paper="and better mAP at fixed cost",
            measured="mAP at the fixed cost of hard+entropy less that of Random: above 0",
            subject="mAP at the fixed cost of hard+entropy less that of {}",
            unit=POINTS,
            differences={"random": fixed[CHOSEN] - fixed["random"]},
            reading=reading,
        )


def at_60(at: Share) -> Iterator[Check]:
    """What the paper says of the strategies at 60 % missing."""
    yield at.highest(
        "A60", "60 %: Hard has the highest final mAP", at.final, "hard", "final mAP", POINTS
    )
    yield at.highest("A60", "Medium has the highest I", at.increase, "medium", "I", RATE)
    yield at.highest(
        "A60",
        "Hard + Medium has the best mAP at fixed cost",
        at.fixed,
        "hard+medium",
        AT_FIXED,
        POINTS,
    )


def _random_falls_behind(at: Mapping[float, Share]) -> Iterator[Check]:
    for what, kind in (("final mAP", "final"), (AT_FIXED, "fixed")):
        gap = {n: _others(getattr(at[n], kind)) - getattr(at[n], kind)["random"] for n in SHARES}
        yield Check(
            claim="R",
            paper="Random does worse, relative to the others, as noise grows",
            measured=f"{what}: the others' mean less Random's, at 60 % less at 20 % missing: above "
            "0." + note(what),
            subject=f"{what}: growth of Random's lag behind the others' mean {{}}",
            unit=POINTS,
            differences={"from 20 to 60 % missing": gap[0.6] - gap[0.2]},
        )
    share = {n: 100 * at[n].increase["random"] / _others(at[n].increase) for n in SHARES}
    yield Check(
        claim="R",
        paper="Random does worse across all heuristics as noise grows",
        measured="Random's I in per cent of the others' mean I, at 60 % less at 20 % missing: "
        "below 0",
        subject="growth of Random's I in per cent of the others' mean {}",
        unit="%",
        differences={"from 20 to 60 % missing": share[0.6] - share[0.2]},
        region=LESS,
    )


def beats_random(at: Share) -> Iterator[Check]:
    """That Hard with entropy is about 2 points above Random."""
    hard, random = at.final[CHOSEN], at.final["random"]
    yield Check(
        claim="B",
        paper="60 %: Hard with entropy beats Random",
        measured="final mAP of hard+entropy less that of Random: above 0",
        subject="final mAP of hard+entropy less that of {}",
        unit=POINTS,
        differences={"random": hard - random},
    )
    about = (2 - MARGIN, 2 + MARGIN)
    yield Check(
        claim="B",
        paper="by about 2 % mAP",
        measured=f"the same difference: within {MARGIN:g} of 2 points",
        subject="final mAP of hard+entropy less that of {}",
        unit=POINTS,
        differences={"random": hard - random},
        region=about,
    )


def _consistent(at: Share) -> Iterator[Check]:
    steps = np.linspace(0.1, 1.0, 10)
    curves = np.array([list(at.at(step * at.common).values()) for step in steps])
    # SciPy takes a second to import.
    from scipy.stats import rankdata

    ranks = rankdata(-curves, axis=1).mean(axis=0)
    paper = "fig. 6a, 40 %: Hard with entropy is the most consistent over amounts of labels cleaned"
    yield Check(
        claim="H",
        paper=paper,
        measured="mean rank by mAP (1 = best) at ten even steps up to the cost that all strategies "
        "reach, against each other strategy: holds if it is lower than all, does not if "
        "one is lower",
        subject="mean rank of hard+entropy less that of {}",
        unit="ranks",
        differences=against(dict(zip(STRATEGIES, ranks, strict=True)), CHOSEN),
        region=LESS,
        reading="by mean rank",
    )
    areas = {
        m: at.seeds.each("strategies", area_until, at.common, missing=at.missing, strategy=m)
        for m in STRATEGIES
    }
    yield at.highest(
        "H",
        paper,
        areas,
        CHOSEN,
        "mean mAP over the cost, up to what all strategies reach,",
        POINTS,
        "by the area under the curve of mAP over cost",
    )


def raises_asl(seeds: Seeds, at: Mapping[float, Share]) -> Iterator[Check]:
    """What Hard with entropy gains over ASL on the noisy pool, at the shares given."""
    for assume in TAKEN:
        for unit, way in ((POINTS, "in points"), ("%", "relative to ASL's mAP")):
            for missing in at:
                gain = GAINS[missing]
                asl = seeds.each("noisy", final_map, missing=missing, assume=assume)
                found = at[missing].final[CHOSEN] - asl
                if unit == "%":
                    found = 100 * found / asl
                region = (gain - ROUNDED, gain + ROUNDED)
                yield Check(
                    claim="S",
                    paper="fig. 6b: Hard with entropy raises ASL's mAP by 10, 20 and 30 % at 20, "
                    "40 and 60 % missing",
                    measured="final mAP of hard+entropy less that of ASL on the noisy pool, "
                    f"{way}: within {ROUNDED:g} of {gain:.0f}",
                    subject="final mAP of hard+entropy less that of {}",
                    unit=unit,
                    differences={f"ASL at {at[missing].percent} missing": found},
                    region=region,
                    reading=f"{way}, an unknown entry taken for {TAKEN[assume]}",
                )


def _splits(seeds: Seeds) -> Iterator[Check]:
    for claim, missing in (("P", 0.4), ("P60", 0.6)):
        maps = {s: seeds.each("splits", final_map, missing=missing, strategy=s) for s in SPLITS}
        rates = {s: seeds.each("splits", increase, missing=missing, strategy=s) for s in SPLITS}
        here = "" if claim == "P" else " (as P, at 60 % missing)"
        yield Check(
            claim=claim,
            paper=f"fig. 7: the split of Hard + Medium barely changes mAP{here}",
            measured=f"final mAP of each two splits: holds if all are within {MARGIN:g} point, "
            "does not if two are further apart",
            subject="difference in final mAP of {}",
            unit=POINTS,
            differences=pairs(maps),
            region=ALIKE,
        )
        yield Check(
            claim=claim,
            paper="10/90 has the highest I",
            measured=HIGHEST.format(what="I of share=0.1").replace("strategy", "split"),
            subject=f"I of {SPLITS[0]} less that of {{}}",
            unit=RATE,
            differences=against(rates, SPLITS[0]),
        )


def converge(at: Mapping[float, Share]) -> Iterator[Check]:
    """That all strategies end at one mAP, at different costs, at the shares given."""
    for missing in at:
        yield Check(
            claim="C",
            paper="all measures converge to the same mAP once enough samples are added",
            measured=f"final mAP of each two strategies: holds if all are within {MARGIN:g} point, "
            "does not if two are further apart; the last round is taken for enough",
            subject=f"difference in final mAP at {at[missing].percent} missing of {{}}",
            unit=POINTS,
            differences=pairs(at[missing].final),
            region=ALIKE,
        )
    for missing in at:
        costs = np.array(list(at[missing].cost.values()))
        dearer = 100 * (costs.max(axis=0) / costs.min(axis=0) - 1)
        yield Check(
            claim="C",
            paper="at different costs",
            measured="last cost of the dearest strategy above that of the cheapest, in each seed: "
            f"more than {DEARER:g} %",
            subject=f"last cost of the dearest strategy at {at[missing].percent} missing above "
            "that of {}",
            unit="%",
            differences={"the cheapest": dearer},
            region=(DEARER, math.inf),
        )


def _others(values: Mapping[str, PerSeed]) -> PerSeed:
    """The mean of all but Random."""
    return np.asarray(np.mean([v for name, v in values.items() if name != "random"], axis=0))


def _beside_median(values: Mapping[str, PerSeed], name: str) -> PerSeed:
    others = np.median([v for other, v in values.items() if other != name], axis=0)
    return np.asarray(values[name] - others)
