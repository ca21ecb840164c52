"""The Hill loss: an unknown entry is absent, unless the model is sure that it is present."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from alasl.losses.asl import absent_gradients, absent_terms, present_gradients, present_terms
from alasl.losses.base import Batch, Reduction, loss
from alasl.parameters import Between


@loss(
    "hill",
    paper="Zhang et al., 2021",
    unknown="absent, the less the surer the model is that it is present",
    probe_rate=1e-3,
)
def hill(
    logits: Tensor,
    targets: Tensor,
    *,
    top: Annotated[float, Between(1, 10)] = 1.5,
    margin: Annotated[float, Between(0, 10)] = 1.0,
    gamma: Annotated[float, Between(0, 20)] = 2.0,
    reduction: Reduction = "sum",
) -> Tensor:
    """The Hill loss: flat again where the model is sure that an unknown entry is present.

    present: (1 - q)^gamma * -log q, with q = sigmoid(logits - margin).
    unknown: (top - p) * p^2, with p = sigmoid(logits).
    absent: p^gamma * -log(1 - p), the focal loss: what was said to be absent is believed.
    logits, targets: as for `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    low, p = batch.z - margin, torch.sigmoid(batch.z)

    def terms() -> Tensor:
        missed, raised = present_terms(low, gamma), absent_terms(batch.z, gamma)
        guessed = (top - p) * p.square()
        return batch.present * missed + batch.absent * raised + batch.unknown * guessed

    def gradients() -> Tensor:
        falls, rises = present_gradients(low, gamma), absent_gradients(batch.z, gamma)
        climbs = (2 * top - 3 * p) * p.square() * torch.sigmoid(-batch.z)
        return batch.present * falls + batch.absent * rises + batch.unknown * climbs

    return batch.reduce(terms, gradients, reduction, learns_from_unknown=True)
