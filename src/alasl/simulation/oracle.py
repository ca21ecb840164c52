"""Who answers: here the simulation, which knows the truth and may err at a set rate."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Rows
from alasl.labels import PRESENT, UNKNOWN, Entries


class Oracle:
    """Answers from the true entries (N, L).

    error: the share of wrong answers, drawn once per entry, so that the answer to an entry is the
    same whenever it is asked. missed: the share of presents that are overlooked as well. An entry
    whose truth is unknown gets -1, "cannot tell".
    """

    def __init__(
        self, truth: Entries, rng: np.random.Generator, error: float = 0.0, missed: float = 0.0
    ) -> None:
        wrong = (rng.random(truth.shape) < error) & (truth != UNKNOWN)
        if missed:
            wrong |= (rng.random(truth.shape) < missed) & (truth == PRESENT)
        self._answers = np.where(wrong, 1 - truth, truth).astype(np.int8)

    def answer(self, rows: Rows, cols: Rows) -> NDArray[np.int8]:
        """(n,): one answer, 1, 0 or -1, for each entry asked."""
        return self._answers[rows, cols]
