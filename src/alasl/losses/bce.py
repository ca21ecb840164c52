"""Binary cross-entropy over the known entries."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from alasl.losses.base import Batch, Reduction, loss


def binary_cross_entropy(
    logits: Tensor, targets: Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    """-log p of present entries, -log(1 - p) of absent ones, with p = sigmoid(logits).

    logits: (..., L), any float; computed in float32, or float64 if they are.
    targets: (..., L), any dtype; 1 present, 0 absent; a negative one (-1, unknown) adds nothing.
    """
    batch = Batch.of(logits, targets)
    known, sign = batch.present + batch.absent, batch.present - batch.absent
    margin = batch.z * sign
    slopes = -torch.sigmoid(-margin) * sign if batch.slopes_needed else None
    return batch.reduce(-logsigmoid(margin) * known, slopes, reduction)


@loss("bce")
class BinaryCrossEntropy(nn.Module):
    """`binary_cross_entropy` as a module."""

    head_rate = 1e-3

    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction = reduction

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """The loss of logits and targets, (..., L) each."""
        return binary_cross_entropy(logits, targets, reduction=self.reduction)
