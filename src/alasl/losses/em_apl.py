"""Entropy maximisation with asymmetric pseudo-labelling: the surest absent entries are learned."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from alasl.losses.base import Loss, Reduction, entries_at, loss
from alasl.losses.em import with_pseudo_labels
from alasl.parameters import Between


@loss(
    "em-apl",
    paper="Zhou et al., ECCV 2022",
    unknown="as em; from epoch `start` on, those of the lowest p become absent, softly",
    state="the last p of each entry, and the pseudo labels",
    batchwise=True,
    probe_rate=1e-3,
)
class PseudoLabels(Loss):
    """EM with asymmetric pseudo-labelling (APL): absent for a pseudo label, never present.

    After `start` epochs, before each epoch and for each label, those of the still unlabelled
    unknown entries that have the lowest p keep this p as their label from then on, until a share
    `theta` of them is labelled at the end. p is what the training last saw. alpha, beta: see
    `with_pseudo_labels`.
    """

    seen: Tensor
    pseudo: Tensor
    unknown: Tensor

    def __init__(
        self,
        alpha: Annotated[float, Between(0, 1)] = 0.1,
        beta: Annotated[float, Between(0, 1)] = 0.9,
        theta: Annotated[float, Between(0, 1)] = 0.9,
        start: Annotated[int, Between(1, 10_000)] = 5,
        reduction: Reduction = "sum",
    ) -> None:
        super().__init__(reduction, alpha=alpha, beta=beta)
        self.theta, self.start = theta, start

    def begin(self, targets: Tensor) -> None:
        """See `Loss.begin`."""
        self.register_buffer("unknown", targets < 0, persistent=False)
        empty = torch.full_like(targets, -1, dtype=torch.float64)
        self.register_buffer("seen", empty)
        self.register_buffer("pseudo", empty.clone())

    def epoch(self, number: int, of: int) -> None:
        """See `Loss.epoch`."""
        if number < self.start:
            return
        done = (number - self.start + 1) / (of - self.start)
        quota = (self.unknown.sum(-2, keepdim=True) * self.theta * done + 1e-9).floor()
        labelled = self.pseudo >= 0
        more = quota - labelled.sum(-2, keepdim=True)
        p = self.seen.masked_fill(~self.unknown | labelled, math.inf)
        rank = p.argsort(dim=-2, stable=True).argsort(dim=-2)
        self.pseudo = torch.where((rank < more) & p.isfinite(), self.seen, self.pseudo)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:
        """See `Loss.value`."""
        at = entries_at(places, targets)
        self.seen.scatter_(-2, at, logits.detach().double().sigmoid())
        return with_pseudo_labels(
            logits,
            targets,
            self.pseudo.gather(-2, at),
            reduction=self.reduction,
            **self.params,
        )
