"""Entropy maximisation: the model is kept from being sure of what is unknown.

Zhou et al., "Acknowledging the Unknown for Multi-Label Learning with Single Positive Labels",
ECCV 2022.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from alasl.losses.base import Batch, Reduction, loss
from alasl.parameters import Between


@loss(
    "em", paper="Zhou et al., ECCV 2022", unknown="p is drawn towards 1/2, gently", probe_rate=1e-3
)
def entropy_maximisation(
    logits: Tensor,
    targets: Tensor,
    *,
    alpha: Annotated[float, Between(0, 1)] = 0.1,
    reduction: Reduction = "sum",
) -> Tensor:
    """Entropy maximisation (EM): unknown entries give the entropy of p, which is to be large.

    present: -log p. absent: -log(1 - p). unknown: -alpha * H(p), H the entropy in nats.
    logits, targets: as for `binary_cross_entropy`. The loss may be below 0.
    """
    return with_pseudo_labels(logits, targets, None, alpha=alpha, reduction=reduction)


def with_pseudo_labels(
    logits: Tensor,
    targets: Tensor,
    pseudo: Tensor | None,
    *,
    alpha: float = 0.1,
    beta: float = 0.9,
    reduction: Reduction = "sum",
) -> Tensor:
    """EM, but for unknown entries with a pseudo label s in [0, 1]: beta * BCE of p with s.

    pseudo: (..., L), below 0 where an entry has none; None for none at all.
    """
    batch = Batch.of(logits, targets)
    free, up, down = batch.unknown, batch.present, batch.absent
    if pseudo is not None:
        taken = batch.unknown * (pseudo >= 0)
        soft, free = pseudo.to(batch.z.dtype), batch.unknown - taken
        up = up + taken * beta * soft
        down = down + taken * beta * (1 - soft)
    p, q = torch.sigmoid(batch.z), torch.sigmoid(-batch.z)

    def terms() -> Tensor:
        missed, raised = -logsigmoid(batch.z), -logsigmoid(-batch.z)
        return up * missed + down * raised - alpha * free * (p * missed + q * raised)

    return batch.reduce(
        terms,
        lambda: down * p - up * q + alpha * free * batch.z * p * q,
        reduction,
        learns_from_unknown=True,
    )
