"""The intervals of a run's figures, where every entry of its test set is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate import few
from alasl.evaluate.whole import Whole
from alasl.journal import Moves
from alasl.labels import UNKNOWN, Entries
from alasl.record import Ends, Evaluation


def interval(scores: NDArray[np.floating], entries: Entries) -> Ends | None:
    """That of mAP, in per cent, by scores (N, L) of entries; None where these are not all known."""
    if (entries == UNKNOWN).any() or np.isnan(scores).any():
        return None
    return _ends(Whole.of(scores, entries))


def _ends(whole: Whole) -> Ends | None:
    mean = whole.mean
    return None if np.isnan(mean.value) else (100 * float(mean.low), 100 * float(mean.high))


class Intervals:
    """Puts intervals into evaluations, and keeps how AP moves with the test images.

    entries: (T, L), of the test set. moves: those kept so far; without round 0's (older versions
    kept none) gains have no interval.
    """

    def __init__(self, entries: Entries, moves: Moves) -> None:
        self._entries = entries
        self._known = not (entries == UNKNOWN).any()
        self._moves = moves
        self._first = moves.of(0) if self._known else None

    def of(self, step: Evaluation, logits: NDArray[np.float32]) -> Evaluation:
        """The evaluation by these logits, with its intervals."""
        if not self._known or np.isnan(logits).any():
            return step
        now = Whole.of(logits, self._entries)
        ends = _ends(now)
        if ends is None:
            return step
        self._moves.keep(step.round, now.moves)
        reach = None
        if step.round == 0:
            self._first = self._moves.of(0)
        elif self._first is not None:
            reach = 100 * few.reach_of_gain(now.moves - self._first, now.presents)
        labels = np.stack([now.labels.low, now.labels.high], axis=1)
        return replace(
            step,
            interval=ends,
            ap_intervals=tuple(
                None if np.isnan(low) else (100 * float(low), 100 * float(high))
                for low, high in labels
            ),
            gain_reach=reach,
        )
