"""The asymmetric loss that takes an unknown entry for absent."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from alasl.losses.asl import asymmetric
from alasl.losses.base import Reduction, loss
from alasl.parameters import Between


@loss("an-asl", paper="Ridnik et al., ICCV 2021", unknown="absent", probe_rate=1e-3)
def assume_negative_asymmetric(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_neg: Annotated[float, Between(0, 20)] = 4.0,
    gamma_pos: Annotated[float, Between(0, 20)] = 0.0,
    shift: Annotated[float, Between(0, 0.99)] = 0.05,
    reduction: Reduction = "sum",
) -> Tensor:
    """The asymmetric loss that takes an unknown entry for absent.

    logits, targets: as for `asymmetric`; an absent entry and an unknown one are alike.
    """
    return asymmetric(
        logits,
        targets.clamp(min=0),
        gamma_neg=gamma_neg,
        gamma_pos=gamma_pos,
        shift=shift,
        reduction=reduction,
    )
