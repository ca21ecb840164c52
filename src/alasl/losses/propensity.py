"""The unbiased loss: a marked positive stands for those that nobody marked.

Natarajan et al., "Cost-Sensitive Learning with Noisy Labels", JMLR 2018.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from alasl.errors import UsageError
from alasl.losses.base import Batch, Loss, Reduction, loss
from alasl.parameters import Between

# A label's propensity leans towards that of all labels as if this many more positives were seen.
LEAN = 5.0


def unbiased(
    logits: Tensor,
    targets: Tensor,
    propensity: Tensor,
    *,
    clip: bool = True,
    reduction: Reduction = "sum",
) -> Tensor:
    """Where a present entry is marked with probability e: in the mean, BCE of the full table.

    present: (1/e) * -log p + (1 - 1/e) * -log(1 - p). absent, unknown: -log(1 - p).
    An image of which all is known has e = 1. clip: where the second parts of a label add up to
    less than 0 over the batch, which no true risk can, they are left out.
    propensity: e, in (0, 1], broadcast to (..., L). logits (..., B, L), targets: as for
    `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    whole = (batch.unknown == 0).all(dim=-1, keepdim=True)
    stands_for = torch.where(whole, 1, 1 / propensity.to(batch.z.dtype))
    up = batch.present * stands_for
    down = 1 - up
    if clip:
        risk = (down * -logsigmoid(-batch.z)).sum(dim=-2, keepdim=True)
        down = down * (risk >= 0)
    return batch.cross_entropy(up, down, reduction)


def estimated(targets: Tensor, least: float) -> Tensor:
    """(..., 1, L): each label's propensity, from the images of which all is known and the others.

    It is the share marked present of the others, by that of the former, held between `least` and
    1. targets: (..., n, L). Raises `UsageError` where no image is known whole but some in part.
    """
    present = (targets > 0).double()
    whole = (targets >= 0).all(dim=-1, keepdim=True).double()
    sizes = whole.sum(-2, keepdim=True), (1 - whole).sum(-2, keepdim=True)
    if ((sizes[0] == 0) & (sizes[1] > 0)).any():
        raise UsageError(
            "a propensity cannot be estimated where no image is known whole",
            where="loss 'propensity'",
            do="give it: --loss propensity:marked=0.5, or train on the clean set as well",
        )
    ratio = sizes[1] / sizes[0].clamp(min=1)
    expected = (present * whole).sum(-2, keepdim=True) * ratio
    marked = (present * (1 - whole)).sum(-2, keepdim=True)
    overall = marked.sum(-1, keepdim=True) / expected.sum(-1, keepdim=True).clamp(min=1e-9)
    lean = LEAN * ratio
    rates = (marked + lean * overall) / (expected + lean).clamp(min=1e-9)
    return rates.clamp(least, 1)


@loss(
    "propensity",
    paper="Natarajan et al., JMLR 2018",
    unknown="absent, which the weights of marked positives make up for",
    state="each label's propensity, counted once in the entries trained on",
    batchwise=True,
    probe_rate=3e-4,
)
class Unbiased(Loss):
    """The unbiased loss for positives that are marked with a known probability, by label.

    marked: the probability; 0 to estimate it for each label (see `estimated`), not below `least`.
    clip: see `unbiased`; the loss without it has no lower bound.
    """

    propensity: Tensor

    def __init__(
        self,
        marked: Annotated[float, Between(0, 1)] = 0.0,
        least: Annotated[float, Between(0.001, 1)] = 0.05,
        clip: bool = True,
        reduction: Reduction = "sum",
    ) -> None:
        super().__init__(reduction, clip=clip)
        self.marked, self.least = marked, least

    def begin(self, targets: Tensor) -> None:
        """See `Loss.begin`."""
        given = torch.full_like(targets[..., :1, :], self.marked, dtype=torch.float64)
        found = given if self.marked else estimated(targets, self.least)
        self.register_buffer("propensity", found, persistent=False)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Loss.value`."""
        return unbiased(logits, targets, self.propensity, reduction=self.reduction, **self.params)
