"""How sure a figure of a run's curve is, and how far another run is from it on the same images.

mAP at a number of answers and its mean over them are sums of the rounds' mAPs, by weights: how they
move with the test images is the same sum of how these do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.figures import run_names, thousands
from alasl.metrics import map_at_cost
from alasl.record import Ends, Record

# From answers and mAPs, linear in these.
OfCurve = Callable[[Sequence[float], Sequence[float]], float]
Floats = NDArray[np.float64]


def interval(record: Record, figure: OfCurve) -> Ends | None:
    """The 95 % interval over images of the same kind, in per cent; None where there is none."""
    from alasl.evaluate import few  # takes scipy, which a study's page does without

    found = _moves(record, figure)
    if found is None:
        return None
    weights, moves = found
    judged, presents = _judged(record)
    values = weights @ np.array([e.ap for e in record.evaluations])[:, judged] / 100
    mean = few.of_mean(values, moves, presents)
    # As wide as of the last epochs, see `Record.intervals`.
    last = [e.map_last for e in record.evaluations]
    moved = figure(record.costs, record.maps) - figure(record.costs, last)
    return 100 * float(mean.low) + moved, 100 * float(mean.high) + moved


def difference(record: Record, other: Record, figure: OfCurve) -> Ends | None:
    """The 95 % interval of what a run has over another one, in points, on the same test images.

    None where they do not share these, or kept too little.
    """
    from alasl.evaluate import few

    if not record.start.test or record.start.test != other.start.test:
        return None
    found, others = _moves(record, figure), _moves(other, figure)
    if found is None or others is None:
        return None
    apart = figure(record.costs, record.maps) - figure(other.costs, other.maps)
    reach = 100 * few.reach_of_gain(found[1] - others[1], _judged(record)[1])
    return apart - reach, apart + reach


def compared(records: Sequence[Record]) -> dict[str, Any]:
    """Runs side by side, as JSON takes it: mAP at the smallest final cost of those with answers.

    runs: in their order, with the 95 % interval of mAP there, and the difference from the first
    one, in points, with its own.
    """
    cost = min((r.costs[-1] for r in records if r.costs and r.costs[-1]), default=0)
    figure = partial(map_at_cost, cost=cost)
    first, runs = records[0], []
    there = [figure(r.costs, r.maps) if r.evaluations else math.nan for r in records]
    for name, record, at in zip(run_names(records), records, there, strict=True):
        apart = math.nan if record is first else at - there[0]
        runs.append(
            {
                "name": name,
                "at": None if math.isnan(at) else at,
                "interval": interval(record, figure),
                "difference": None if math.isnan(apart) else apart,
                "difference_interval": None
                if math.isnan(apart)
                else difference(record, first, figure),
            }
        )
    return {"cost": cost, "runs": runs}


def difference_lines(records: Sequence[Record]) -> Iterator[str]:
    """How each run differs from the first, a plain line for each, and what that rests on."""
    found = compared(records)
    first, *others = found["runs"]
    for one in others:
        if one["difference"] is not None:
            ends = one["difference_interval"]
            sure = f" ({ends[0]:+.1f} to {ends[1]:+.1f})" if ends else " (no interval)"
            yield (
                f"at {thousands(found['cost'])} answers {one['name']} has "
                f"{one['difference']:+.1f} points{sure} over {first['name']}"
            )
    yield f"{_ground(others)}; one run of a strategy is one draw: compare over seeds, alasl study"


def _ground(others: Sequence[dict[str, Any]]) -> str:
    if all(one["difference_interval"] for one in others):
        return "95 % intervals over images of the same kind, on the same test images"
    return "no interval where runs were not judged by the same test images, all known"


def _moves(record: Record, figure: OfCurve) -> tuple[Floats, Floats] | None:
    """The rounds' weights (R,), and how the figure's AP of each label moves, (T, K)."""
    if not record.evaluations:
        return None
    weights = np.array(
        [figure(record.costs, unit) for unit in np.eye(len(record.evaluations)).tolist()]
    )
    if np.isnan(weights).any():
        return None
    whole: Floats = np.zeros(())
    for round in np.flatnonzero(weights).tolist():
        moves = record.moves(round)
        if moves is None:
            return None
        whole = whole + weights[round] * moves
    return weights, whole


def _judged(record: Record) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """Which labels (L,) have an AP, and the presents (K,) of these in the test set."""
    judged = ~np.isnan(record.evaluations[0].ap)
    return judged, np.array(record.start.test_presents)[judged]
