"""Logistic losses of many labels minimised side by side, each with steps of its own (L-BFGS).

What is done is the same for NumPy, whose calls take a third of the time of torch's, which counts
where there is little to do in each, and for torch, which computes on a GPU as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor

Array = TypeVar("Array", NDArray[Any], Tensor)

STEPS = 300
# A step along a line ends where the slope is this share of what it was, after so many tries.
FLAT, TRIES = 0.3, 10
INFINITE = 1e30
# So often it is looked whether rounding allows no better.
OFTEN = 10


class Images(Protocol[Array]):
    """The images of B labels, z (n, K) for each, that a label's logits are products with."""

    def forward(self, unknowns: Array) -> Array:
        """(B, n): z . u of each label's images with its unknowns (B, K)."""

    def adjoint(self, slopes: Array) -> Array:
        """(B, K): the sum of each label's images, each times its slope (B, n)."""

    def take(self, kept: Array) -> Images[Array]:
        """The same of some of the labels, (B',)."""


def minimise(
    images: Images[Array],
    targets: Array,
    counts: Array,
    offset: Array,
    squares: Array,
    start: Array,
    *,
    tolerance: float,
    memory: int,
) -> tuple[Array, Array]:
    """The unknowns u (B, K) of each label at the least of its loss, and how far they may be off it.

    sum over its images of count * BCE(offset + z . u, target) + |u|^2 / 2.
    targets, counts, offset: (B, n). squares: (B, K), what z^2 is on average. start: (B, K).
    The second result, (B,): the length of the gradient times that of a mean z, which is at most
    `tolerance`, or what rounding allows.
    memory: how many steps teach the next their direction; more are fewer steps that cost more.

    A step's direction is that of L-BFGS (Nocedal and Wright, "Numerical Optimization", 2006, ch. 7)
    on top of the diagonal of the curvature, about. Along it the logits are a line, so the best
    length is found without a further product: a step costs one each way.
    """
    where, sigmoid, rounding = _functions(offset)
    unknowns, found, gaps = start, start + 0, squares[:, 0] * 0
    place = where(gaps == 0)[0]
    reach = squares.sum(1)[:, None] ** 0.5
    logits = offset + images.forward(unknowns)
    p = sigmoid(logits)
    slopes = counts * (p - targets)
    gradient = images.adjoint(slopes) + unknowns
    past: list[tuple[Array, Array, Array]] = []
    for number in range(STEPS + 1):
        gap = _dot(gradient, gradient) ** 0.5 * reach
        going = (gap > tolerance)[:, 0]
        if number % OFTEN == 0:
            summed = abs(slopes).sum(1)[:, None] * reach + _dot(unknowns, unknowns) ** 0.5
            going = going & (gap > rounding * reach * summed)[:, 0]
        if number == STEPS or not going.any():
            found[place], gaps[place] = unknowns, gap[:, 0]
            break
        if not going.all():
            done = ~going
            found[place[done]], gaps[place[done]] = unknowns[done], gap[done, 0]
            images, place = images.take(going), place[going]
            targets, counts, squares, reach = (x[going] for x in (targets, counts, squares, reach))
            unknowns, gradient = unknowns[going], gradient[going]
            logits, p, slopes = logits[going], p[going], slopes[going]
            past = [(step[going], change[going], rate[going]) for step, change, rate in past]
        curved = counts * p * (1 - p)
        direction = _direction(gradient, 1 + curved.sum(1)[:, None] * squares, past)
        ahead = images.forward(direction)
        own, downhill = _dot(direction, direction), _dot(gradient, direction)
        bent, steady = _dot(curved * ahead, ahead) + own, _dot(unknowns, direction)
        length, low, high = -downhill / bent, 0 * own, 0 * own + INFINITE
        # Newton's method in one dimension, kept within what is known to hold the least.
        for attempt in range(TRIES):
            there = logits + length * ahead
            p = sigmoid(there)
            slopes = counts * (p - targets)
            slope = _dot(slopes, ahead) + steady + length * own
            flat = abs(slope) <= FLAT * abs(downhill)
            if attempt == TRIES - 1 or flat.all():
                break
            low, high = where(slope < 0, length, low), where(slope < 0, high, length)
            bent = _dot(counts * p * (1 - p) * ahead, ahead) + own
            better = length - slope / bent
            middle = where(high < INFINITE, (low + high) / 2, 4 * length)
            better = where((better > low) & (better < high) & (better < 4 * length), better, middle)
            # In the end, as far as it is known to go downhill.
            length = where(flat, length, better if attempt < TRIES - 2 else low)
        logits = there
        step: Array = length * direction
        unknowns = unknowns + step
        after = images.adjoint(slopes) + unknowns
        change: Array = after - gradient
        gradient = after
        product = _dot(step, change)
        # It is at least the step's square, but for rounding: such a pair would teach nonsense.
        sound = product > _dot(step, step) / 2
        rate = where(sound, 1 / where(sound, product, 1 + own), 0 * own)
        past.append((step, change, rate))
        past = past[-memory:]
    return found, gaps


def _direction(gradient: Array, diagonal: Array, past: list[tuple[Array, Array, Array]]) -> Array:
    """(B, K): downhill, by the diagonal of the curvature and what the last steps taught of it."""
    direction: Array = -gradient
    shares = []
    for step, change, rate in reversed(past):
        share = rate * _dot(step, direction)
        shares.append(share)
        direction = direction - share * change
    direction = direction / diagonal
    for (step, change, rate), share in zip(past, reversed(shares), strict=True):
        direction = direction + (share - rate * _dot(change, direction)) * step
    return direction


def _dot(one: Array, other: Array) -> Array:
    """(B, 1): the product of each label's rows."""
    if isinstance(one, Tensor):
        return (one * other).sum(1, keepdim=True)
    found: NDArray[Any] = np.einsum("ij,ij->i", one, other)[:, None]
    return found


def _functions(like: Array) -> tuple[Callable[..., Any], Callable[[Array], Array], float]:
    """`where` and the logistic function for such an array, and the rounding of its numbers."""
    if isinstance(like, Tensor):
        return torch.where, torch.sigmoid, torch.finfo(like.dtype).eps
    return np.where, expit, float(np.finfo(like.dtype).eps)
