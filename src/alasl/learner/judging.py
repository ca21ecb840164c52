"""What a training came to: its test set's logits after each epoch, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.metrics import AveragePrecision, mean_ap
from alasl.models.base import Probabilities

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Judged:
    """What a training came to.

    epochs: mAP after each epoch, in per cent. ap: (L,), AP of each label in [0, 1] after the last,
    NaN where undefined. on: what it was judged on. probabilities, entries: (n, L), what was said
    of these images, which the model did not see, and what is known. logits: (T, L), what the model
    says of the test set. weights: (n, L), how many entries each known one stands for; None for 1.
    seconds: that it took.
    """

    epochs: tuple[float, ...]
    ap: Floats
    on: str
    probabilities: Probabilities
    entries: Entries
    logits: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    weights: Floats | None = None
    seconds: float = 0.0


class Judge:
    """Takes the logits (T, L) of the test set after each epoch, and keeps what they are worth."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._average_precision = AveragePrecision(entries)
        self._ap = np.full(entries.shape[1], np.nan)
        self.logits = np.full(entries.shape, np.nan, np.float32)
        self._maps: list[float] = []

    @property
    def can(self) -> bool:
        """Whether any label has a known present and a known absent entry."""
        both = (self._entries == PRESENT).any(axis=0) & (self._entries == ABSENT).any(axis=0)
        return bool(both.any())

    def __call__(self, _: int, logits: NDArray[np.float32]) -> None:
        self.logits = logits
        self._ap = self._average_precision(logits)
        self._maps.append(mean_ap(self._ap))

    def outcome(self, seconds: float = 0.0) -> Judged:
        """All epochs' mAP, and AP after the last."""
        on = f"the {len(self._entries)} images of the test set"
        share = (self._entries != UNKNOWN).mean()
        if share < 1:
            on = f"the known entries of {on}, {share:.0%} of all, which is no estimate of mAP"
        seen = np.asarray(expit(self.logits), np.float32)
        return Judged(
            tuple(self._maps), self._ap, on, seen, self._entries, self.logits, seconds=seconds
        )
