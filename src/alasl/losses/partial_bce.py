"""Partial binary cross-entropy: an image of which little is known weighs more for each entry."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from alasl.losses.base import Batch, Reduction, loss
from alasl.parameters import Between


@loss(
    "partial-bce",
    paper="Durand et al., CVPR 2019",
    unknown="teaches nothing, but its image's known entries weigh more",
    learns_from_unknown=False,
    probe_rate=1e-3,
)
def partial_binary_cross_entropy(
    logits: Tensor,
    targets: Tensor,
    *,
    slope: Annotated[float, Between(-1e3, 1e3)] = -4.45,
    base: Annotated[float, Between(-1e3, 1e3)] = 5.45,
    power: Annotated[float, Between(-10, 10)] = 1.0,
    reduction: Reduction = "sum",
) -> Tensor:
    """Binary cross-entropy of known entries, with a weight by how much of their image is known.

    The weight of each entry is slope * q^power + base with q the known share of its image: by
    default 1 where all is known and 5 at a tenth. slope=1, base=0, power=-1 is the mean over an
    image's known entries (times L). A weight below 0 counts as 0.
    logits, targets: as for `binary_cross_entropy`. (The paper divides by L; here `reduction` does.)
    """
    batch = Batch.of(logits, targets)
    share = (batch.present + batch.absent).mean(dim=-1, keepdim=True)
    # An image of which nothing is known has no entry to weigh: any share will do.
    share = share.where(share > 0, 1)
    weight = (slope * share**power + base).clamp(min=0)
    return batch.cross_entropy(
        weight * batch.present, weight * batch.absent, reduction, learns_from_unknown=False
    )
