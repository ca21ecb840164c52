"""mAP training by training, like with like.

Where trainings were judged over other labels or images a curve breaks, and what is read off it is
read off the labels that they share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alasl.advice import Advice, advise
from alasl.project.records import Training

# Trainings are compared over the labels that they share as long as these are so large a share of
# those of the last.
_SHARED = 0.5
# Labels that a break names.
_NAMED = 5


@dataclass(frozen=True)
class Break:
    """Where the curve of mAP breaks: before this training, by its place, and why."""

    training: int
    why: str


def breaks(trainings: Sequence[Training], names: Mapping[int, str]) -> tuple[Break, ...]:
    """Where a training's mAP is not over what the one before was. names: of labels, by number."""
    found = []
    before: Training | None = None
    for place, now in enumerate(trainings):
        if now.map is None:
            continue
        if before is not None and (why := _why(before, now, names)):
            found.append(Break(place, why))
        before = now
    return tuple(found)


def alike(trainings: Sequence[Training]) -> list[tuple[Training, float]]:
    """The last trainings that can be compared, and the mAP of each, in per cent, over the labels
    that all of them have: what they are read off by."""
    judged = [one for one in trainings if one.map is not None]
    kept: list[Training] = []
    shared: set[int] = set()
    least = 0.0
    for one in reversed(judged):
        here = {column for column, ap in enumerate(one.ap) if ap is not None}
        if not kept:
            shared, least = here, _SHARED * len(here)
        elif _images(one) != _images(kept[-1]) or len(shared & here) < max(least, 1):
            break
        shared &= here
        kept.append(one)
    kept.reverse()
    same = len({one.over for one in kept}) == 1
    found = []
    for one in kept:
        values = [one.ap[column] for column in sorted(shared)]
        mean = sum(value for value in values if value is not None) / max(len(values), 1)
        found.append((one, one.map if same and one.map is not None else mean))
    return found


def stop_advice(
    trainings: Sequence[Training], batch: int, stop_below: float | None, judged: int
) -> Advice:
    """What the next `batch` answers are expected to bring, by the trainings so far, whose mAP was
    measured on so many images."""
    measured = alike(trainings)
    # Undoing may take answers back; the curve is over the most there ever were.
    costs = np.maximum.accumulate([t.answers for t, _ in measured]) if measured else np.zeros(0)
    maps = [value for _, value in measured]
    return advise(costs.tolist(), maps, batch, stop_below, judged=judged)


def _images(training: Training) -> int | None:
    """Of how many images its mAP is; None where it is over known entries alone."""
    return training.ground.images if training.ground else None


def _why(before: Training, now: Training, names: Mapping[int, str]) -> str:
    reasons = []
    came, left = set(now.over) - set(before.over), set(before.over) - set(now.over)
    if came or left:
        parts = [
            f"{word} {_listed([names[number] for number in sorted(numbers)])}"
            for word, numbers in (("with", came), ("without", left))
            if numbers
        ]
        reasons.append(f"over {len(now.over)} labels, {', '.join(parts)}")
    if _images(before) != _images(now):
        old, new = (
            "known entries alone" if count is None else f"{count} images"
            for count in (_images(before), _images(now))
        )
        reasons.append(f"on {new} in place of {old}")
    return "; ".join(reasons)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
