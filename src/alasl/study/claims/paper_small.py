"""The paper's claims at 60 % missing, and what losses make of a noisy pool: `paper-small`."""

from __future__ import annotations

from collections.abc import Iterator

from alasl.study.checks import POINTS, Check, Seeds, final_map
from alasl.study.claims.base import claims
from alasl.study.claims.paper import TAKEN, at_60, beats_random, converge, falls, raises_asl
from alasl.study.claims.shares import Share

# How the losses that a study may vary are told in a sentence.
LOSSES = {"bce": "BCE", "ll-r": "large-loss rejection"}


@claims("paper-small")
def checks(seeds: Seeds) -> Iterator[Check]:
    """The paper's claims at 60 % missing, and that ASL is the loss to train with."""
    complete = seeds.each("complete", final_map)
    for assume in TAKEN:
        noisy = seeds.each("noisy", final_map, missing=0.6, assume=assume)
        yield from falls({0.0: complete, 0.6: noisy}, assume)
    at = Share(seeds, 0.6)
    yield from at_60(at)
    yield _random_is_last(at)
    yield from beats_random(at)
    yield from raises_asl(seeds, {0.6: at})
    yield from converge({0.6: at})
    asl = seeds.each("noisy", final_map, missing=0.6, assume="ignore")
    for loss, name in LOSSES.items():
        yield Check(
            claim=f"L-{loss}",
            paper=f"ASL is the loss to train with, not {name}",
            measured=f"final mAP of ASL on the noisy pool, where an unknown entry teaches nothing, "
            f"less that of {name}: above 0",
            subject="final mAP of ASL less that of {}",
            unit=POINTS,
            differences={name: asl - seeds.each("losses", final_map, missing=0.6, loss=loss)},
        )


def _random_is_last(at: Share) -> Check:
    return Check(
        claim="R",
        paper="60 %: Random does worse than all heuristics",
        measured="final mAP of each other strategy less Random's: holds if all are above 0, does "
        "not if one is below",
        subject="final mAP of {} less that of random",
        unit=POINTS,
        differences={m: v - at.final["random"] for m, v in at.final.items() if m != "random"},
    )
