"""Binary cross-entropy over the known entries."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from alasl.losses.base import Batch, Reduction, loss


@loss("bce", paper="-", unknown="teaches nothing", learns_from_unknown=False, probe_rate=1e-3)
def binary_cross_entropy(
    logits: Tensor, targets: Tensor, *, reduction: Reduction = "mean"
) -> Tensor:
    """Binary cross-entropy over the known entries.

    -log p of present entries, -log(1 - p) of absent ones, with p = sigmoid(logits).
    logits: (..., L), any float; computed in float32, or float64 if they are.
    targets: (..., L), any dtype; 1 present, 0 absent; a negative one (-1, unknown) adds nothing.
    """
    batch = Batch.of(logits, targets)
    known, sign = batch.present + batch.absent, batch.present - batch.absent
    margin = batch.z * sign
    return batch.reduce(
        lambda: -logsigmoid(margin) * known, lambda: -torch.sigmoid(-margin) * sign, reduction
    )
