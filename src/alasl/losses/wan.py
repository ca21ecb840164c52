"""Weak assume negative: an unknown entry is absent, and counts little."""

from __future__ import annotations

from torch import Tensor

from alasl.losses.base import Batch, Reduction, loss


@loss(
    "wan",
    paper="Cole et al., CVPR 2021",
    unknown="absent, with weight 1 / (labels - 1)",
    probe_rate=1e-3,
)
def weak_assume_negative(
    logits: Tensor, targets: Tensor, *, reduction: Reduction = "sum"
) -> Tensor:
    """Weak assume negative (WAN): all unknown entries of an image weigh as much as one known.

    present: -log p. absent: -log(1 - p). unknown: -log(1 - p) / (L - 1), where L > 1.
    logits, targets: as for `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    weight = 1 / max(batch.z.shape[-1] - 1, 1)
    return batch.cross_entropy(batch.present, batch.absent + weight * batch.unknown, reduction)
