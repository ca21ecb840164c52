"""Large loss matters: unknown entries of the largest loss may well be present.

Kim et al., "Large Loss Matters in Weakly Supervised Multi-Label Classification", CVPR 2022.
"""

from __future__ import annotations

from typing import Annotated, Any

import torch
from torch import Tensor

from alasl.losses.base import Batch, Loss, Reduction, entries_at, loss
from alasl.losses.largest import largest, share_of
from alasl.parameters import Between

Rate = Annotated[float, Between(0, 100)]


def rejecting(
    logits: Tensor,
    targets: Tensor,
    doubted: Tensor,
    *,
    correct: bool,
    reduction: Reduction = "sum",
) -> Tensor:
    """Assume negative, but for the `doubted` entries (bool, (..., L)) among the unknown.

    correct: a doubted entry counts as present (LL-Ct, LL-Cp); else not at all (LL-R).
    logits, targets: as for `binary_cross_entropy`; an absent entry is believed.
    """
    batch = Batch.of(logits, targets)
    found = batch.unknown * doubted
    up = batch.present + found if correct else batch.present
    return batch.cross_entropy(up, batch.absent + batch.unknown - found, reduction)


def doubtful(logits: Tensor, unknown: Tensor, share: float) -> Tensor:
    """(..., B, L) bool: the share of each batch's `unknown` entries (bool) with the largest loss.

    As absent, an entry's loss rises with its logit. (The authors' share is of all entries of a
    batch, which is the same where nearly all are unknown.)
    """
    return largest(logits.detach(), unknown, share_of(unknown, share))


class _Fresh(Loss):
    """What LL-R and LL-Ct have in common: doubts that are made anew with each batch."""

    correct: bool

    def __init__(self, rate: Rate = 0.2, reduction: Reduction = "sum") -> None:
        super().__init__(reduction)
        self.rate = rate
        self.share = 0.0

    def epoch(self, number: int, of: int) -> None:  # noqa: ARG002
        """See `Loss.epoch`."""
        self.share = min(number * self.rate / 100, 1.0)

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:  # noqa: ARG002
        """See `Loss.value`."""
        doubted = doubtful(logits, targets < 0, self.share)
        return rejecting(logits, targets, doubted, correct=self.correct, reduction=self.reduction)


_ABOUT: dict[str, Any] = {"paper": "Kim et al., CVPR 2022", "batchwise": True, "probe_rate": 3e-4}


@loss(
    "ll-r",
    unknown="absent; of the largest losses of a batch, nothing",
    state="the epoch",
    **_ABOUT,
)
class Rejection(_Fresh):
    """Large-loss rejection (LL-R): the unknown entries of the largest loss are left out.

    rate: per cent of a batch's unknown entries that are doubted, more with each epoch; the first
    has none.
    """

    correct = False


@loss(
    "ll-ct",
    unknown="absent; of the largest losses of a batch, present",
    state="the epoch",
    **_ABOUT,
)
class TemporaryCorrection(_Fresh):
    """Large-loss temporary correction (LL-Ct): those of the largest loss count as present.

    rate: as for LL-R.
    """

    correct = True


@loss(
    "ll-cp",
    unknown="absent; once of the largest losses of a batch, present for good",
    state="the epoch, and which entries were flipped",
    **_ABOUT,
)
class PermanentCorrection(Loss):
    """Large-loss permanent correction (LL-Cp): those of the largest loss become present for good.

    rate: per cent of a batch's unknown entries that are flipped, in each epoch but the first.
    """

    flipped: Tensor

    def __init__(self, rate: Rate = 0.2, reduction: Reduction = "sum") -> None:
        super().__init__(reduction)
        self.rate = rate
        self.share = 0.0

    def begin(self, targets: Tensor) -> None:
        """See `Loss.begin`."""
        self.register_buffer("flipped", torch.zeros_like(targets, dtype=torch.bool))

    def epoch(self, number: int, of: int) -> None:  # noqa: ARG002
        """See `Loss.epoch`."""
        self.share = self.rate / 100 if number else 0.0

    def value(self, logits: Tensor, targets: Tensor, places: Tensor | None) -> Tensor:
        """See `Loss.value`."""
        at = entries_at(places, targets)
        flipped, unknown = self.flipped.gather(-2, at), targets < 0
        count = share_of(unknown, self.share)
        flipped |= largest(logits.detach(), unknown & ~flipped, count)
        self.flipped.scatter_(-2, at, flipped)
        return rejecting(logits, targets, flipped, correct=True, reduction=self.reduction)
