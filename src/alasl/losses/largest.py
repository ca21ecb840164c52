"""Picking the largest values of each run's batch."""

from __future__ import annotations

import torch
from torch import Tensor


def largest(values: Tensor, among: Tensor, count: Tensor) -> Tensor:
    """(..., B, L) bool: those `among` the entries whose values are at least the count-th largest.

    values: (..., B, L). among: (..., B, L) bool. count: (...), whole numbers; all where there are
    fewer, none at 0. Equal values stand or fall together.
    """
    flat = values.masked_fill(~among, -torch.inf).flatten(-2)
    count = torch.minimum(count.long(), among.flatten(-2).sum(-1))[..., None]
    most = int(count.max()) if count.numel() else 0
    if not most:
        return torch.zeros_like(among)
    least = flat.topk(most, dim=-1).values.gather(-1, (count - 1).clamp(min=0))
    least = least.masked_fill(count == 0, torch.inf)
    return among & (values >= least[..., None])


def share_of(among: Tensor, share: float) -> Tensor:
    """(...): a share of the entries `among` (..., B, L) in each batch, rounded up."""
    total = among.flatten(-2).sum(-1).double()
    # Less a hair, so that 0.002 of 5000 is 10 and not 11.
    return (total * share - 1e-9).ceil().clamp(min=0)
