"""The asymmetric loss: easy absent entries count little, very easy ones not at all.

Ridnik et al., "Asymmetric Loss For Multi-Label Classification", ICCV 2021.
"""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from alasl.errors import UsageError
from alasl.losses.base import Batch, Reduction, loss
from alasl.parameters import Between


@loss(
    "asl",
    paper="Ridnik et al., ICCV 2021",
    unknown="teaches nothing",
    learns_from_unknown=False,
    probe_rate=3e-3,
)
def asymmetric(
    logits: Tensor,
    targets: Tensor,
    *,
    gamma_neg: Annotated[float, Between(0, 20)] = 4.0,
    gamma_pos: Annotated[float, Between(0, 20)] = 0.0,
    shift: Annotated[float, Between(0, 0.99)] = 0.05,
    focal_grad: bool = True,
    reduction: Reduction = "sum",
) -> Tensor:
    """The asymmetric loss over the known entries: easy absent entries count little.

    present: (1 - p)^gamma_pos * -log p, with p = sigmoid(logits)
    absent:  p_m^gamma_neg * -log(1 - p_m), with p_m = max(p - shift, 0)

    logits: (..., L), any float; computed in float32, or float64 if they are.
    targets: (..., L), any dtype; 1 present, 0 absent; a negative one (-1, unknown) adds nothing.
    focal_grad: False holds the factors with gamma constant in the gradient, as the authors train.
    The gradient is in closed form, once differentiable.
    """
    if gamma_neg < 0 or gamma_pos < 0 or not 0 <= shift < 1:
        raise UsageError(
            "the asymmetric loss needs gammas of at least 0 and a shift in [0, 1)",
            seen=f"gamma_neg={gamma_neg}, gamma_pos={gamma_pos}, shift={shift}",
        )
    batch = Batch.of(logits, targets)
    z, present, absent = batch.z, batch.present, batch.absent

    def terms() -> Tensor:
        missed, raised = present_terms(z, gamma_pos), absent_terms(z, gamma_neg, shift)
        return present * missed + absent * raised

    def gradients() -> Tensor:
        falls = present_gradients(z, gamma_pos, focal_grad).mul_(present)
        return falls.add_(absent_gradients(z, gamma_neg, shift, focal_grad).mul_(absent))

    return batch.reduce(terms, gradients, reduction)


def present_terms(z: Tensor, gamma: float) -> Tensor:
    """(1 - p)^gamma * -log p."""
    terms = -logsigmoid(z)
    return terms.mul_(_power(torch.sigmoid(-z), gamma)) if gamma else terms


def present_gradients(z: Tensor, gamma: float, focal_grad: bool = True) -> Tensor:
    """The gradients of `present_terms` in z."""
    wrong = torch.sigmoid(-z)
    if not gamma:
        return wrong.neg_()
    gradients = _power(wrong, gamma).mul_(wrong).neg_()
    if focal_grad:
        gradients -= (present_terms(z, gamma) * torch.sigmoid(z)).mul_(gamma)
    return gradients


def absent_terms(z: Tensor, gamma: float, shift: float = 0.0) -> Tensor:
    """p_m^gamma * -log(1 - p_m)."""
    wrong, right = _odds(z)
    terms = -_rest(right, shift).log() if shift else -logsigmoid(-z)
    return terms.mul_(_factor((wrong - shift).clamp_(min=0), gamma))


def absent_gradients(
    z: Tensor, gamma: float, shift: float = 0.0, focal_grad: bool = True
) -> Tensor:
    """The gradients of `absent_terms` in z."""
    wrong, right = _odds(z)
    shifted, rest = (wrong - shift).clamp_(min=0), _rest(right, shift)
    factor = _factor(shifted, gamma)
    gradients = (factor * right).div_(rest)
    if focal_grad and gamma:
        # p_m^(gamma - 1) as p_m^gamma / p_m: for no gamma infinite at p_m = 0, where terms are 0.
        terms = (rest.log_() if shift else logsigmoid(-z)).neg_().mul_(factor)
        tiny = torch.finfo(z.dtype).tiny
        gradients += terms.mul_(right).div_(shifted.clamp_(min=tiny)).mul_(gamma)
    return gradients.mul_(wrong)


def _odds(z: Tensor) -> tuple[Tensor, Tensor]:
    """p, and 1 - p with all its digits where p is close to 1, never 0."""
    return torch.sigmoid(z), torch.sigmoid(-z).clamp_(min=torch.finfo(z.dtype).tiny)


def _rest(right: Tensor, shift: float) -> Tensor:
    """1 - p_m, from 1 - p."""
    return (right + shift).clamp_(max=1)


def _factor(shifted: Tensor, gamma: float) -> Tensor:
    """p_m^gamma; 0^0 is 0 here, for p_m does not move with z where it is 0."""
    return _power(shifted, gamma) if gamma else shifted.sign()


def _power(base: Tensor, gamma: float) -> Tensor:
    """base^gamma, by products where gamma is a small whole number: `pow` is many times slower."""
    if gamma == 2:
        return base.square()
    if gamma == 4:
        return base.square().square_()
    if gamma == 1:
        return base.clone()
    if gamma == 3:
        return base.square().mul_(base)
    return base.pow(gamma)
