"""Losses over logits and targets of 1 (present), 0 (absent) and -1 (unknown)."""

from alasl.losses.asl import Asymmetric, asymmetric
from alasl.losses.base import Reduction, available, loss, resolve
from alasl.losses.bce import BinaryCrossEntropy, binary_cross_entropy

__all__ = [
    "Asymmetric",
    "BinaryCrossEntropy",
    "Reduction",
    "asymmetric",
    "available",
    "binary_cross_entropy",
    "loss",
    "resolve",
]
