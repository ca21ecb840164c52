"""AdamW on a cosine schedule, for many small steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw


class AdamW:
    """`torch.optim.AdamW` with `CosineAnnealingLR` down to 0, by torch's own function.

    Its classes load torch's compiler, two seconds of every process, and take four times as long
    around a step as the function does.
    gradients: one for each parameter, to be written before each `step`.
    """

    def __init__(
        self, parameters: Sequence[Tensor], rate: float, steps: int, *, decay: float
    ) -> None:
        self.gradients = [torch.empty_like(each) for each in parameters]
        self._parameters = list(parameters)
        self._means = [torch.zeros_like(each) for each in parameters]
        self._squares = [torch.zeros_like(each) for each in parameters]
        self._counts = [torch.zeros((), device=each.device) for each in parameters]
        self._rate, self._steps, self._decay, self._done = rate, steps, decay, 0

    def step(self) -> None:
        """Move the parameters, in place."""
        adamw(
            self._parameters,
            self.gradients,
            self._means,
            self._squares,
            [],
            self._counts,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._rate / 2 * (1 + math.cos(math.pi * self._done / self._steps)),
            weight_decay=self._decay,
            eps=1e-8,
            maximize=False,
        )
        self._done += 1
