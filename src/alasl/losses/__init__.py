"""Losses over logits and targets of 1 (present), 0 (absent) and -1 (unknown)."""

from alasl.losses.asl import asymmetric
from alasl.losses.base import Batch, Kind, Loss, Reduction, available, loss, resolve
from alasl.losses.bce import binary_cross_entropy

__all__ = [
    "Batch",
    "Kind",
    "Loss",
    "Reduction",
    "asymmetric",
    "available",
    "binary_cross_entropy",
    "loss",
    "resolve",
]
