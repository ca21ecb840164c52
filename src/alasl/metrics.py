"""How well a classifier ranks, and how much it rises per answer: AP, mAP, I, the mAP-cost curve."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

Floats = NDArray[np.float64]


def average_precision(scores: NDArray[Any], entries: Entries) -> Floats:
    """AP of each label, in [0, 1], over its known entries.

    NaN for a label of which no present entry is known, or no absent one: without an absent entry
    every ranking is perfect, whatever the model says.

    scores: logits or probabilities of any float type, higher = more likely present, (N, L), or
    (R, N, L) for R runs that share `entries`. entries: int8 (N, L), 1, 0 or -1.
    Returns (L,), or (R, L). Equal scores count as one threshold, as in scikit-learn, so the order
    of the images does not matter. Raises `DataError` for NaN scores and for shapes that differ.
    """
    return AveragePrecision(entries)(scores)


class AveragePrecision:
    """`average_precision` over the same entries (N, L) time and again; they are sorted out once."""

    def __init__(self, entries: Entries) -> None:
        self._shape = np.shape(entries)
        if len(self._shape) != 2:
            raise DataError("AP takes entries (N, L)", seen=str(self._shape))
        by_label = np.ascontiguousarray(np.asarray(entries).T)
        self._label, self._image = np.nonzero(by_label == PRESENT)
        ends = np.searchsorted(self._label, np.arange(len(by_label) + 1))
        absent = (by_label == ABSENT).any(axis=1)
        self._judged = [
            (column, start, end)
            for column, (start, end) in enumerate(pairwise(ends.tolist()))
            if start < end and absent[column]
        ]
        unknown = by_label == UNKNOWN
        self._unknown = unknown if unknown.any() else None

    def __call__(self, scores: NDArray[Any]) -> Floats:
        """AP (L,) of scores (N, L), or (R, L) of (R, N, L)."""
        scores = np.asarray(scores)
        if scores.ndim not in (2, 3) or scores.shape[-2:] != self._shape:
            raise DataError(
                "scores must be (N, L) or (R, N, L), and entries (N, L)",
                seen=f"{scores.shape} and {self._shape}",
            )
        if scores.dtype not in (np.float32, np.float64):
            scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
        if np.isnan(scores).any():
            rows, cols = np.nonzero(np.isnan(scores))[-2:]
            raise DataError(
                "a score is NaN, so the images cannot be ranked",
                where=f"row {rows[0]}, column {cols[0]}",
                seen=f"{len(rows)} NaN in {scores.size} scores",
                do="look for a loss that diverged: lower the learning rate",
            )
        runs = scores if scores.ndim == 3 else scores[None]
        ap = np.full((len(runs), self._shape[1]), np.nan)
        for run, values in zip(ap, runs, strict=True):
            self._rank(run, values)
        return ap if scores.ndim == 3 else ap[0]

    def _rank(self, ap: Floats, scores: NDArray[Any]) -> None:
        """Write the AP of scores (N, L) into `ap` (L,)."""
        # Negated, the best come first; sorting puts NaN last, so unknown entries count for nothing.
        ranked = np.negative(scores.T, order="C")
        if self._unknown is not None:
            ranked[self._unknown] = np.nan
        present = ranked[self._label, self._image]
        ranked.sort(axis=1)
        for column, start, end in self._judged:
            hits = present[start:end]
            hits.sort()
            # The mean over the present of the precision at each one's threshold; "right" takes
            # the whole group of equal scores, above it and in it.
            above = hits.searchsorted(hits, "right") / ranked[column].searchsorted(hits, "right")
            ap[column] = np.add.reduce(above) / len(hits)


def mean_ap(ap: ArrayLike) -> float:
    """mAP in per cent: the mean of `ap` (L,), in [0, 1], over the labels whose AP is defined.

    NaN only where none is defined.
    """
    values = np.asarray(ap, np.float64)
    defined = values[~np.isnan(values)]
    return 100 * float(defined.mean()) if defined.size else math.nan


def undefined(ap: ArrayLike, names: Sequence[str]) -> tuple[str, ...]:
    """The labels whose AP is undefined: no present entry is known, or no absent one."""
    missing = np.isnan(np.asarray(ap, np.float64))
    return tuple(name for name, gone in zip(names, missing, strict=True) if gone)


def surely_above(one: Floats, other: Floats, errors: float = 1) -> bool:
    """Whether numbers are higher on average than others, by more than so many standard errors.

    NaN stands at equal places. So what is left to chance seldom changes a choice.
    """
    apart = (one - other)[~np.isnan(one)]
    return bool(apart.mean() > errors * apart.std() / np.sqrt(len(apart)))


def increase_per_answer(maps: Sequence[float], costs: Sequence[float]) -> float:
    """I: what each answer has raised mAP by, (last mAP - first mAP) / last cost (paper, eq. 7).

    maps: mAP in per cent after 0, 1, ... rounds. costs: answers by then. Unit: mAP points per
    answer. NaN before the first answer.
    """
    cost, height = _curve(costs, maps)
    return float((height[-1] - height[0]) / cost[-1]) if cost[-1] else math.nan


def map_at_cost(costs: Sequence[float], maps: Sequence[float], cost: float) -> float:
    """mAP, in per cent, at a number of answers, by linear interpolation; NaN off the curve.

    Where rounds have cost nothing, the last mAP at that cost stands.
    """
    answers, height = _curve(costs, maps)
    last = np.append(answers[1:] != answers[:-1], True)
    return float(np.interp(cost, answers[last], height[last], left=math.nan, right=math.nan))


def area_under_cost(costs: Sequence[float], maps: Sequence[float]) -> float:
    """The mean height, in per cent, of the mAP-cost curve between its first and its last cost.

    It is the area under the straight lines between the points, divided by the answers spanned.
    NaN where no answer is spanned.
    """
    cost, height = _curve(costs, maps)
    span = cost[-1] - cost[0]
    return float(np.diff(cost) @ (height[1:] + height[:-1]) / 2 / span) if span else math.nan


def _curve(costs: Sequence[float], maps: Sequence[float]) -> tuple[Floats, Floats]:
    cost, height = np.asarray(costs, np.float64), np.asarray(maps, np.float64)
    if cost.ndim != 1 or cost.shape != height.shape or not cost.size:
        raise DataError(
            "a curve needs one cost for each mAP, and one point at least",
            seen=f"{cost.shape} costs, {height.shape} mAPs",
        )
    if not (np.diff(cost) >= 0).all() or cost[0] < 0:
        raise DataError("costs must not fall, nor be negative", seen=str(list(costs)))
    return cost, height
