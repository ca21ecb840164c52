"""What other models say, as a solver asks for it: of some entries, labels or images at a time."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from alasl.data.evidence import Evidence

# Entries of each source whose mean is taken.
MEANT = 2**23


class Others(Protocol):
    """(S, n, L): log-odds by S other models, NaN where one says nothing."""

    shape: tuple[int, int, int]
    device: torch.device

    def at(self, rows: Tensor, labels: Tensor) -> Tensor:
        """(S, m): of entries at rows and labels (m,)."""

    def columns(self, labels: Tensor) -> Tensor:
        """(S, n, B): of all images, some labels (B,)."""

    def every(self, step: int) -> Tensor:
        """(S, m, L): of every so-manieth image."""


class Held:
    """Those of a tensor (S, n, L)."""

    def __init__(self, logits: Tensor) -> None:
        self._logits, self.device = logits, logits.device
        sources, images, labels = logits.shape
        self.shape = sources, images, labels

    def at(self, rows: Tensor, labels: Tensor) -> Tensor:
        """See `Others.at`."""
        return self._logits[:, rows, labels]

    def columns(self, labels: Tensor) -> Tensor:
        """See `Others.columns`."""
        return self._logits.index_select(2, labels)

    def every(self, step: int) -> Tensor:
        """See `Others.every`."""
        return self._logits[:, ::step]


class Found:
    """Those of `Evidence`, of which only what is asked for is found."""

    def __init__(self, evidence: Evidence, device: torch.device) -> None:
        self._evidence, self.device, self.shape = evidence, device, evidence.shape

    def at(self, rows: Tensor, labels: Tensor) -> Tensor:
        """See `Others.at`."""
        found = self._evidence.at(rows.cpu().numpy(), labels.cpu().numpy())
        return torch.from_numpy(found).to(self.device)

    def columns(self, labels: Tensor) -> Tensor:
        """See `Others.columns`."""
        return torch.from_numpy(self._evidence.columns(labels.cpu().numpy())).to(self.device)

    def every(self, step: int) -> Tensor:
        """See `Others.every`."""
        rows = np.arange(0, self.shape[1], step)
        return torch.from_numpy(self._evidence[rows]).to(self.device)


def others_of(evidence: Tensor | Evidence | None, like: Tensor, labels: int, images: int) -> Others:
    """What S other models say of n images x L labels, S = 0 for None; on the device of `like`."""
    if evidence is None:
        return Held(like.new_zeros((0, images, labels)))
    return Found(evidence, like.device) if isinstance(evidence, Evidence) else Held(evidence)


def centres_of(others: Others) -> Tensor:
    """(S,): the log-odds of each source's mean probability, of some images where there are many.

    0 of one that says nothing. Less it, a source that says nothing of an entry and one that says
    nothing new are one: 0.
    """
    sources, images, labels = others.shape
    if not sources:
        return torch.zeros(0, device=others.device)
    step = max(1, images * labels // MEANT)
    means = [source.sigmoid().nanmean() for source in others.every(step)]
    return torch.stack(means).nan_to_num(0.5).clamp(1e-6, 1 - 1e-6).logit()
