"""Assume negative with smoothed labels: an unknown entry is absent, but not for certain."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from alasl.losses.base import Batch, Reduction, loss
from alasl.parameters import Between


@loss("an-ls", paper="Cole et al., CVPR 2021", unknown="absent with 1 - smoothing", probe_rate=3e-4)
def assume_negative_smoothed(
    logits: Tensor,
    targets: Tensor,
    *,
    smoothing: Annotated[float, Between(0, 0.5)] = 0.1,
    reduction: Reduction = "sum",
) -> Tensor:
    """Assume negative with label smoothing.

    present: (1 - e) * -log p + e * -log(1 - p); unknown: the same with e and 1 - e exchanged.
    absent: -log(1 - p), for what was said to be absent needs no smoothing.
    logits, targets: as for `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    sure, unsure = 1 - smoothing, smoothing
    up = sure * batch.present + unsure * batch.unknown
    down = unsure * batch.present + sure * batch.unknown + batch.absent
    return batch.cross_entropy(up, down, reduction)
