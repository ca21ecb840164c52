"""Curriculum labelling (Durand, Mehrasa and Mori, "Learning a deep ConvNet for multi-label
classification with partial labels", CVPR 2019), on frozen features.

A model of the known entries says what the unknown ones are; those that it is sure of are learned
from as if they were known, and so on: sections 3.3 and 4.3 there, by the score's threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models.base import Targets, Weights
from alasl.models.choice import Choice
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.models.registry import model
from alasl.models.solver import Solution


@dataclass(frozen=True)
class CurriculumSettings(LogisticSettings):
    """As of `logistic`, and: steps: how often the unknown entries are labelled anew. threshold:
    the logit, of either sign, from which on one is. present: whether presents alone are labelled.
    """

    steps: int = 3
    threshold: float = 2.0
    present: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.threshold >= 0:
            raise UsageError("threshold must be 0 or more", seen=repr(self.threshold))
        if self.steps < 0:
            raise UsageError("steps must be 0 or more", seen=repr(self.steps))


@model("curriculum")
class Curriculum(Logistic):
    """Logistic regression that learns from its own surest labels, too (Durand et al. 2019)."""

    Settings = CurriculumSettings
    # It fills in what is unknown.
    takes_few = False

    def __init__(self, labels: int, settings: CurriculumSettings | None = None) -> None:
        self._curriculum = settings or CurriculumSettings()
        super().__init__(labels, self._curriculum)

    @property
    def learns_from_unknown(self) -> bool:
        """See `Estimator.learns_from_unknown`."""
        return self._curriculum.steps > 0

    def _train(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None,
        choice: Choice,
        start: Solution | None = None,
    ) -> Solution:
        settings = self._curriculum
        unknown = targets < 0 if weights is None else (targets < 0) | (weights == 0)
        found = super()._train(inputs, targets, weights, choice, start)
        for _ in range(settings.steps):
            logits = self._logits(inputs, found, choice)
            sure = logits >= settings.threshold
            if not settings.present:
                sure |= logits <= -settings.threshold
            sure &= unknown
            filled = np.where(sure, logits > 0, targets).astype(np.float32)
            counts = None if weights is None else np.where(sure, np.float32(1), weights)
            found = self._solve(inputs, filled, counts, choice, found)
        return found
