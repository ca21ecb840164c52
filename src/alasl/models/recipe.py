"""The ASL authors' training recipe: its settings, weight decay, learning rate and precision.

Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021, and their training code.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import nn

from alasl.errors import UsageError
from alasl.losses import resolve
from alasl.models.device import has_fast_bfloat16

Precision = Literal["auto", "float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class FinetuneSettings:
    """How a whole backbone trains. The defaults were found on the drawn scenes: docs/settings.md.

    rate: the highest learning rate of the one-cycle schedule. decay: on weights, not on biases.
    average: the most the moving average of the weights keeps in a step; less early on.
    size: side of the square that images are squished to, pixels.
    batch: images in a step, over all processes. workers: processes that load images; None picks.
    """

    loss: str = "asl"
    epochs: int = 20
    rate: float = 1e-3
    batch: int = 16
    decay: float = 1e-4
    average: float = 0.9997
    size: int = 224
    augment: bool = True
    reduction: Literal["sum", "mean"] = "sum"
    workers: int | None = None
    device: str = "auto"
    precision: Precision = "auto"
    replay: bool = True

    def __post_init__(self) -> None:
        resolve(self.loss)
        for name in ("epochs", "rate", "batch", "size"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be more than 0", seen=repr(getattr(self, name)))
        for name in ("decay", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(
                    f"{name} must be at least 0 and below 1", seen=repr(getattr(self, name))
                )
        if self.precision not in ("auto", "float32", "bfloat16", "float16"):
            raise UsageError(
                f"there is no precision {self.precision!r}",
                do="known: auto, float32, bfloat16, float16",
            )


def parameter_groups(network: nn.Module, decay: float) -> list[dict[str, Any]]:
    """The parameters for an optimiser: weights decay, biases and norms (1-D) do not."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in network.named_parameters():
        groups[parameter.ndim > 1 and not name.endswith("bias")].append(parameter)
    return [
        {"params": groups[True], "weight_decay": decay},
        {"params": groups[False], "weight_decay": 0.0},
    ]


def one_cycle(step: int, steps: int, rate: float) -> tuple[float, float]:
    """Learning rate and Adam's first beta in step 0 <= step < steps.

    Over the first 20 % the rate rises from rate/25 and beta falls from 0.95 to 0.85; then back, the
    rate to rate/250 000: `OneCycleLR(pct_start=0.2)` without a state that a checkpoint must hold.
    """
    peak = max(0.2 * steps - 1, 0.0)
    if step <= peak:
        return _cosine(rate / 25, rate, step / peak if peak else 1), _cosine(
            0.95, 0.85, step / peak if peak else 1
        )
    done = (step - peak) / (steps - 1 - peak)
    return _cosine(rate, rate / 250_000, done), _cosine(0.85, 0.95, done)


def _cosine(start: float, end: float, done: float) -> float:
    return end + (start - end) / 2 * (1 + math.cos(math.pi * done))


def training_dtype(precision: Precision, device: torch.device, network: nn.Module) -> torch.dtype:
    """The precision of products in training. `auto` is the fastest that is safe here.

    On a CPU with bfloat16, dense networks gain and depthwise convolutions lose by it.
    """
    if precision != "auto":
        return _DTYPES[precision]
    if device.type == "cuda":
        return torch.bfloat16 if has_fast_bfloat16(device) else torch.float16
    dense = all(m.groups == 1 for m in network.modules() if isinstance(m, nn.Conv2d))
    return torch.bfloat16 if dense and has_fast_bfloat16(device) else torch.float32


def prediction_dtype(precision: Precision) -> torch.dtype:
    """The precision of products in prediction; the last layer is always float32.

    `auto` is float32, so that a model gives the same probabilities on any machine.
    """
    return torch.float32 if precision == "auto" else _DTYPES[precision]


_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
