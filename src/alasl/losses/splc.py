"""Self-paced loss correction: an unknown entry that the model is sure of becomes present."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from alasl.losses.asl import absent_gradients, absent_terms, present_gradients, present_terms
from alasl.losses.base import Batch, Loss, Reduction, loss
from alasl.parameters import Between


def self_paced(
    logits: Tensor,
    targets: Tensor,
    *,
    correct: bool = True,
    tau: float = 0.6,
    margin: float = 1.0,
    gamma: float = 2.0,
    reduction: Reduction = "sum",
) -> Tensor:
    """The focal loss, with unknown entries of p > tau taken for present where `correct`.

    present: (1 - q)^gamma * -log q, with q = sigmoid(logits - margin).
    unknown, p > tau: the same with p = sigmoid(logits), without margin; else p^gamma * -log(1 - p).
    absent: p^gamma * -log(1 - p), however sure the model is of the contrary.
    logits, targets: as for `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    found = batch.unknown * (torch.sigmoid(batch.z) > tau) * correct
    up = batch.present + found
    down, low = 1 - up, batch.z - margin * batch.present
    return batch.reduce(
        lambda: up * present_terms(low, gamma) + down * absent_terms(batch.z, gamma),
        lambda: up * present_gradients(low, gamma) + down * absent_gradients(batch.z, gamma),
        reduction,
        learns_from_unknown=True,
    )


@loss(
    "splc",
    paper="Zhang et al., 2021",
    unknown="absent; from epoch `start` on present, where p > tau",
    state="the epoch",
    probe_rate=1e-3,
)
class SelfPaced(Loss):
    """Self-paced loss correction (SPLC): the focal loss that corrects its labels as it goes.

    start: the epoch, from 0, from which on labels are corrected. The rest: see `self_paced`.
    """

    def __init__(
        self,
        tau: Annotated[float, Between(0, 1)] = 0.6,
        margin: Annotated[float, Between(0, 10)] = 1.0,
        gamma: Annotated[float, Between(0, 20)] = 2.0,
        start: Annotated[int, Between(0, 10_000)] = 1,
        reduction: Reduction = "sum",
    ) -> None:
        super().__init__(reduction, tau=tau, margin=margin, gamma=gamma)
        self.start = start
        self.correct = start == 0

    def epoch(self, number: int, of: int) -> None:  # noqa: ARG002
        """See `Loss.epoch`."""
        self.correct = number >= self.start

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Loss.value`."""
        return self_paced(
            logits, targets, correct=self.correct, reduction=self.reduction, **self.params
        )
