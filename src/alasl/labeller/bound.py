"""What an automatic labeller promises, what it answers, and the thresholds that it tries."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import UsageError
from alasl.labels import Entries

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Share = Literal["both", "answers"]


@dataclass(frozen=True)
class Bound:
    """How much may be wrong, on each side (absent, present) by itself.

    wrong: the largest share of wrong answers. delta: the chance, over the draw of the calibration
    entries, that the answers do not keep to it: those of a label, or of the table.
    share: of what. `answers`: of the automatic answers that a side gives. `both`: also of the
    entries that the side should have left: automatic `absent` may take at most that share of the
    present entries, and `present` of the absent ones. For a rare label `answers` allows to
    call everything absent, as few of these answers are wrong, and loses what one is looking for.
    """

    wrong: float = 0.05
    delta: float = 0.1
    share: Share = "both"

    def __post_init__(self) -> None:
        if not (0 < self.wrong < 0.5 and 0 < self.delta < 1 and self.share in ("both", "answers")):
            raise UsageError(
                "the share wrong must be between 0 and 0.5, the delta between 0 and 1, "
                "and the share that of 'both' or of 'answers'",
                seen=f"{self.wrong}, {self.delta}, {self.share!r}",
            )

    @property
    def level(self) -> float:
        """The chance of breaking the bound on one side; there are two."""
        return self.delta / 2

    @property
    def least(self) -> int:
        """Calibration entries that are enough if none of them is wrong."""
        return math.ceil(math.log(self.level) / math.log1p(-self.wrong))

    def after(self, looks: int) -> Bound:
        """The bound for one more look, so that all looks together keep to `delta`.

        The shares 1/2, 1/6, 1/12, ... add up to 1, however many looks there will be.

        >>> Bound(delta=0.1).after(1).delta
        0.016666666666666666
        """
        return replace(self, delta=self.delta / ((looks + 1) * (looks + 2)))


@dataclass(frozen=True, eq=False)
class Automatic:
    """What the labeller answers, and from where on.

    entries: (N, L), 1 or 0 where it answers, -1 elsewhere. low, high: (L,), absent at or below,
    present at or above; NaN where a side of a label answers nothing.
    """

    entries: Entries
    low: Floats
    high: Floats


def candidates(scores: Floats, step: float) -> Floats:
    """Of ascending scores the first, and from each the one up to which `step` times as many lie."""
    if not len(scores):
        return scores
    steps = math.ceil(math.log(len(scores)) / math.log(step))
    counts = np.unique(np.ceil(step ** np.arange(steps + 1)).clip(max=len(scores)).astype(int))
    return np.unique(scores[counts - 1])


def apart(low: Floats, high: Floats) -> tuple[float, float]:
    """The loosest threshold of each side; where the two would meet, `absent` keeps below."""
    highest = float(high.min()) if len(high) else math.nan
    if len(high):
        low = low[low < highest]
    return float(low.max()) if len(low) else math.nan, highest
