"""Confidence weights: an unknown entry counts as absent, less where its label is often present."""

from __future__ import annotations

import torch
from torch import Tensor

from alasl.losses.base import Batch, Loss, Reduction, entries_at, loss

# Distinct images compared with all others at once.
CHUNK = 1024


def confidences(targets: Tensor) -> Tensor:
    """(..., n, L): 1 - P(label j | the present labels of image i), counted in the table itself.

    P is, among the images that have all of image i's present labels, the share on which j is
    marked present too. targets: (..., n, L); what is not marked present counts as not there.
    """
    if targets.ndim > 2:
        return torch.stack([confidences(table) for table in targets])
    present = (targets > 0).float()
    kinds, kind = present.unique(dim=0, return_inverse=True)  # type: ignore[no-untyped-call]
    found = []
    for some in kinds.split(CHUNK):
        # Counts below 2^24 are exact in float32.
        beside = (some @ present.T == some.sum(1, keepdim=True)).float()
        found.append(1 - beside @ present / beside.sum(1, keepdim=True))
    return torch.cat(found)[kind] if found else present


def confident(
    logits: Tensor, targets: Tensor, weights: Tensor, *, reduction: Reduction = "sum"
) -> Tensor:
    """Assume negative, with `weights` (..., L) on the unknown entries.

    present: -log p. absent: -log(1 - p). unknown: weights * -log(1 - p).
    logits, targets: as for `binary_cross_entropy`.
    """
    batch = Batch.of(logits, targets)
    return batch.cross_entropy(batch.present, batch.absent + weights * batch.unknown, reduction)


@loss(
    "ibrahim",
    paper="Ibrahim et al., ICMR 2020",
    unknown="absent, with weight 1 - P(label, given the present labels of its image)",
    state="the weights, counted once in the entries trained on",
    batchwise=True,
    probe_rate=3e-4,
)
class Confidence(Loss):
    """Confidence weights, from which labels stand together among the entries trained on.

    The weights: see `confidences`.
    """

    weights: Tensor

    def __init__(self, reduction: Reduction = "sum") -> None:
        super().__init__(reduction)

    def begin(self, targets: Tensor) -> None:
        """See `Loss.begin`."""
        self.register_buffer("weights", confidences(targets), persistent=False)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:
        """See `Loss.value`."""
        weights = self.weights.gather(-2, entries_at(places, targets))
        return confident(logits, targets, weights, reduction=self.reduction)
