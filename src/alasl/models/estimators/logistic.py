"""Logistic regression on frozen features, at its optimum: for labels of which little is known.

Where few entries are known, a linear probe's training stops far from, or runs far past, the best
point; the optimum of a penalised loss depends on neither rate, batch nor epochs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from alasl.data.inputs import Inputs, Rows
from alasl.models.base import (
    Estimator,
    OnEpoch,
    Probabilities,
    Targets,
    Tensors,
    Weights,
    check_labels,
    restored,
)
from alasl.models.bootstrap import bootstrap
from alasl.models.device import pick_device, small_products, tensor_of
from alasl.models.modules import linear
from alasl.models.registry import model
from alasl.models.solver import Solution, solve
from alasl.models.transforms import Flatten, Standardise, Transform

# Of fewer features, scaling to length 1 would lose a good part of what they say.
FEW = 8
# What a solution is kept as.
PARTS = ("weights", "bias", "slopes", "centres", "gap", "doubts")


@dataclass(frozen=True)
class LogisticSettings:
    """spread: standard deviation of a logit before anything is known."""

    spread: float = 3.6


@model("logistic")
class Logistic(Estimator):
    """Penalised logistic regression on frozen features, at its optimum."""

    Settings = LogisticSettings
    soft_targets = True
    ensemble = True
    takes_evidence = True

    def __init__(self, labels: int, settings: LogisticSettings | None = None) -> None:
        self.labels = labels
        self._settings = settings or LogisticSettings()
        self._device = pick_device()
        self._solution: Solution | None = None
        self._members: list[Solution] = []

    @property
    def sources(self) -> int:
        """See `Estimator.sources`."""
        return 0 if self._solution is None else len(self._solution.slopes)

    @classmethod
    def make_transform(cls, features: NDArray[np.floating], rows: Rows) -> Transform:
        """See `Estimator.make_transform`."""
        if features.shape[1] < FEW:
            return Standardise.fit(features, rows)
        return Flatten.fit(features, rows)

    def fit(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int = 0,  # noqa: ARG002  nothing is left to chance
        warm_start: bool = False,
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Estimator.fit`; it counts as one epoch."""
        self._solution = self._solve(
            inputs, targets, weights, self._solution if warm_start else None
        )
        if eval_on is not None and on_epoch:
            on_epoch(0, self.logits(eval_on))

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        return self._logits(inputs, fitted(self._solution))

    def fit_members(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int,
        members: int,
    ) -> None:
        """See `Estimator.fit_members`."""
        draws = bootstrap(seed, members, len(inputs))[:, :, None]
        ones = np.ones((1, targets.shape[1]), np.float32) if weights is None else weights
        self._members = [self._solve(inputs, targets, draw * ones) for draw in draws]

    def members_proba(self, inputs: Inputs) -> Probabilities:
        """See `Estimator.members_proba`."""
        logits = np.stack([self._logits(inputs, each) for each in self._members])
        return torch.from_numpy(logits).sigmoid().numpy()

    def module(self) -> nn.Module:
        """See `Estimator.module`; it has no evidence of other models."""
        found = fitted(self._solution)
        return linear(found.weights, found.bias)

    def evidence(self, inputs: Inputs) -> NDArray[np.float32] | None:
        """See `Estimator.evidence`: logits less their centre, times what is left of the slope."""
        others, found = inputs.others(), fitted(self._solution)
        if others is None:
            return None
        parts = (found.doubts, found.centres)
        doubts, centres = (part.cpu().numpy()[:, None, None] for part in parts)
        return np.asarray(doubts * np.nan_to_num(others - centres, nan=0.0), np.float32)

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`."""
        found = fitted(self._solution)
        return {name: getattr(found, name) for name in PARTS}

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        parts = restored(tensors, *PARTS)
        check_labels(parts[0].shape[-1], self.labels)
        self._solution = Solution(*(each.to(self._device) for each in parts))

    def _solve(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None,
        start: Solution | None = None,
    ) -> Solution:
        device, others = self._device, inputs.others()
        if start is not None and len(start.slopes) != (0 if others is None else len(others)):
            start = None  # of other sources
        with small_products(device):
            return solve(
                tensor_of(inputs, device),
                torch.as_tensor(targets, device=device),
                None if weights is None else torch.as_tensor(weights, device=device),
                spread=self._settings.spread,
                evidence=None if others is None else torch.as_tensor(others, device=device),
                start=start,
            )

    def _logits(self, inputs: Inputs, by: Solution) -> NDArray[np.float32]:
        device, others = self._device, inputs.others()
        with small_products(device):
            evidence = None if others is None else torch.as_tensor(others, device=device)
            found: NDArray[np.float32] = (
                by.logits(tensor_of(inputs, device), evidence).cpu().numpy()
            )
            return found


def fitted(solution: Solution | None) -> Solution:
    """The solution. Raises `RuntimeError` before a fit."""
    if solution is None:
        raise RuntimeError("fit comes first")
    return solution
