"""The class-aware selective loss: unknown entries are absent, but for those that seem present."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from alasl.losses.asl import absent_gradients, absent_terms, present_gradients, present_terms
from alasl.losses.base import Batch, Loss, Reduction, loss
from alasl.losses.largest import largest
from alasl.parameters import Between

Gamma = Annotated[float, Between(0, 20)]


def partial_asymmetric(
    logits: Tensor,
    targets: Tensor,
    weights: Tensor,
    *,
    gamma_pos: float = 0.0,
    gamma_neg: float = 1.0,
    gamma_unknown: float = 2.0,
    shift: float = 0.0,
    reduction: Reduction = "sum",
) -> Tensor:
    """The partial asymmetric loss (P-ASL): the unknown entries have a gamma, and weights.

    present: (1 - p)^gamma_pos * -log p. absent: p_m^gamma_neg * -log(1 - p_m), with
    p_m = max(p - shift, 0). unknown: as absent with gamma_unknown, times `weights` (..., L).
    logits, targets: as for `asymmetric`.
    """
    batch = Batch.of(logits, targets)
    z, up, down, maybe = batch.z, batch.present, batch.absent, batch.unknown * weights

    def terms() -> Tensor:
        missed, raised = present_terms(z, gamma_pos), absent_terms(z, gamma_neg, shift)
        return up * missed + down * raised + maybe * absent_terms(z, gamma_unknown, shift)

    def gradients() -> Tensor:
        falls, rises = present_gradients(z, gamma_pos), absent_gradients(z, gamma_neg, shift)
        return up * falls + down * rises + maybe * absent_gradients(z, gamma_unknown, shift)

    return batch.reduce(terms, gradients, reduction, learns_from_unknown=True)


@loss(
    "csl",
    paper="Ben-Baruch et al., CVPR 2022",
    unknown="absent, but for likely labels and the likeliest entries of a batch",
    state="how likely each label is",
    batchwise=True,
    probe_rate=1e-3,
)
class Selective(Loss):
    """The class-aware selective loss (CSL): P-ASL, which leaves out what is likely present.

    An unknown entry is left out where its label's mean p is above `eta`, and where it is among the
    `likeliest` * B largest p of the unknown entries of a batch of B images. The mean p of each
    label is that of the epoch before epoch `start`, up to which unknown entries are all left out
    (the authors train another model for it). The other parameters: see `partial_asymmetric`.
    """

    total: Tensor
    images: Tensor

    def __init__(
        self,
        gamma_pos: Gamma = 0.0,
        gamma_neg: Gamma = 1.0,
        gamma_unknown: Gamma = 2.0,
        shift: Annotated[float, Between(0, 0.99)] = 0.0,
        likeliest: Annotated[int, Between(0, 100_000)] = 5,
        eta: Annotated[float, Between(0, 1)] = 0.05,
        start: Annotated[int, Between(1, 10_000)] = 3,
        reduction: Reduction = "sum",
    ) -> None:
        super().__init__(
            reduction,
            gamma_pos=gamma_pos,
            gamma_neg=gamma_neg,
            gamma_unknown=gamma_unknown,
            shift=shift,
        )
        self.likeliest, self.eta, self.start = likeliest, eta, start
        self.selects = False

    def begin(self, targets: Tensor) -> None:
        """See `Loss.begin`."""
        total = torch.zeros_like(targets[..., :1, :], dtype=torch.float64)
        self.register_buffer("total", total)
        self.register_buffer("images", total.new_zeros(()))

    def epoch(self, number: int, of: int) -> None:  # noqa: ARG002
        """See `Loss.epoch`."""
        self.selects = number >= self.start
        if not self.selects:
            self.total.zero_()
            self.images.zero_()

    @property
    def prior(self) -> Tensor:
        """(..., 1, L): how likely each label is, by the model."""
        return self.total / self.images.clamp(min=1)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Loss.value`."""
        z, unknown = logits.detach(), targets < 0
        if self.selects:
            count = torch.full(z.shape[:-2], self.likeliest * z.shape[-2], device=z.device)
            weights = ~largest(z, unknown, count) & (self.prior <= self.eta)
        else:
            self.total += z.double().sigmoid().sum(-2, keepdim=True)
            self.images += z.shape[-2]
            weights = torch.zeros_like(unknown)
        return partial_asymmetric(logits, targets, weights, reduction=self.reduction, **self.params)
