"""AP where every entry is known, with its intervals over images, and the gain of another model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate import ap, few
from alasl.evaluate.intervals import Figure
from alasl.evaluate.order import Order
from alasl.labels import PRESENT, Entries

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Whole:
    """A model judged by a table of which every entry is known.

    mean: mAP. labels: (L,), AP of each label; NaN for one without a present or without an absent
    entry, which the mean leaves out. Both are in [0, 1], with 95 % intervals over images.
    presents: (K,), of the labels that have an AP. moves: (N, K), of these, see `ap.jackknife`.
    """

    mean: Figure
    labels: Figure
    presents: NDArray[np.intp]
    moves: Floats

    @classmethod
    def of(cls, scores: NDArray[np.floating], entries: Entries) -> Whole:
        """By scores (N, L), higher = more likely present."""
        present = entries == PRESENT
        kept = np.flatnonzero(present.any(axis=0) & ~present.all(axis=0))
        present = present[:, kept]
        presents = present.sum(axis=0)
        values, moves = ap.jackknife(present, Order.of(scores[:, kept]))
        found = few.of_labels(values, moves, presents)
        parts = []
        for part in (found.value, found.low, found.high):
            full = np.full(entries.shape[1], np.nan)
            full[kept] = part
            parts.append(full)
        if len(kept):
            mean = few.of_mean(values, moves, presents)
        else:
            mean = Figure(*[np.asarray(np.nan)] * 3)
        return cls(mean, Figure(*parts), presents, moves)
