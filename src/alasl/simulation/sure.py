"""The intervals of a run's figures, where every entry of its test set is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.whole import Whole
from alasl.files import replacing
from alasl.labels import UNKNOWN, Entries
from alasl.record import Evaluation


class Intervals:
    """Puts intervals into evaluations, the gain's by the logits (T, L) of round 0.

    entries: (T, L), of the test set. file: where the logits of round 0 are kept for a run that goes
    on later; without them (older versions kept none) gains have no interval.
    """

    def __init__(self, entries: Entries, file: Path | None = None) -> None:
        self._entries = entries
        self._known = not (entries == UNKNOWN).any()
        self._file = file
        self._first: Whole | None = None
        if self._known and file and file.exists():
            self._first = Whole.of(np.load(file), entries)

    def of(self, step: Evaluation, logits: NDArray[np.float32], writes: bool) -> Evaluation:
        """The evaluation by these logits, with its intervals.

        writes: whether this process keeps what a run needs to go on.
        """
        if not self._known or np.isnan(logits).any():
            return step
        now = Whole.of(logits, self._entries)
        if np.isnan(now.mean.value):
            return step
        if step.round == 0:
            self._first = now
            if self._file and writes:
                with replacing(self._file) as beside:
                    np.save(beside, logits)
        labels = np.stack([now.labels.low, now.labels.high], axis=1)
        return replace(
            step,
            interval=(100 * float(now.mean.low), 100 * float(now.mean.high)),
            ap_intervals=tuple(
                None if np.isnan(low) else (100 * float(low), 100 * float(high))
                for low, high in labels
            ),
            gain_reach=100 * now.reach(self._first) if self._first and step.round else None,
        )

    def close(self) -> None:
        """The run is done: what was kept to go on with it goes."""
        if self._file:
            self._file.unlink(missing_ok=True)
