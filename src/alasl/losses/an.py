"""Assume negative: an unknown entry counts as absent."""

from __future__ import annotations

from torch import Tensor

from alasl.losses.base import Batch, Reduction, loss


@loss("an", paper="-", unknown="absent", probe_rate=3e-4)
def assume_negative(logits: Tensor, targets: Tensor, *, reduction: Reduction = "sum") -> Tensor:
    """Binary cross-entropy that takes an unknown entry for absent.

    logits, targets: as for `binary_cross_entropy`; an absent entry and an unknown one are alike.
    """
    batch = Batch.of(logits, targets)
    return batch.cross_entropy(batch.present, batch.absent + batch.unknown, reduction)
