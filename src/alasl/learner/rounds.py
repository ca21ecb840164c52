"""What each round of asking may take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from alasl.query import Ask, Budget
from alasl.seconds import Seconds
from alasl.settings import LearnerSettings


@dataclass(frozen=True)
class Rounds:
    """What the settings plan for each round, of images or of answers, whichever is asked."""

    settings: LearnerSettings
    asks: Ask

    def budget(self, round: int) -> Budget:
        """What the next round may take, after `round` rounds."""
        settings, grown = self.settings, self.settings.growth**round
        if settings.seconds is not None:
            return Budget(seconds=settings.seconds * grown)
        if self.asks == "images":
            return Budget(images=self.planned(round))
        return Budget(answers=self.planned(round))

    def planned(self, round: int) -> int:
        """Images or answers that the round after `round` rounds asks; at most, within seconds."""
        settings = self.settings
        by_images = self.asks == "images"
        each: float = settings.images if by_images else settings.answers
        if settings.seconds is not None:
            takes = Seconds().but(settings)
            least = min(takes.answer, takes.grid)
            each = settings.seconds / (takes.by_image(1, 1) if by_images else least)
        return max(1, int(np.rint(each * settings.growth**round)))

    @cached_property
    def whole(self) -> int:
        """Images or answers of all rounds that the settings plan."""
        return sum(self.planned(number) for number in range(self.settings.rounds))
