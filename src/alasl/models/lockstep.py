"""Logistic losses of many labels minimised side by side, each with steps of its own (L-BFGS)."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

STEPS = 300
# Pairs of steps and changes of the gradient that are remembered.
MEMORY = 5
# A step along a line ends where the slope is this share of what it was, after so many tries.
FLAT, TRIES = 0.3, 10


class Images(Protocol):
    """The images of B labels, z (n, K) for each, that a label's logits are products with."""

    def forward(self, unknowns: Tensor) -> Tensor:
        """(B, n): z . u of each label's images with its unknowns (B, K)."""

    def adjoint(self, slopes: Tensor) -> Tensor:
        """(B, K): the sum of each label's images, each times its slope (B, n)."""

    def take(self, kept: Tensor) -> Images:
        """The same of some of the labels (B', )."""


def minimise(
    images: Images,
    wanted: Tensor,
    counts: Tensor,
    offset: Tensor,
    squares: Tensor,
    start: Tensor,
    tolerance: float,
) -> tuple[Tensor, Tensor]:
    """The unknowns u (B, K) of each label at the least of its loss, and how far they may be off it.

    sum over its images of count * BCE(offset + z . u, wanted) + |u|^2 / 2.
    wanted, counts, offset: (B, n). squares: (B, K), what z^2 is on average. start: (B, K).
    The second result, (B,): the length of the gradient times that of a mean z, which is at most
    `tolerance`, or what rounding allows.

    A step's direction is that of L-BFGS (Nocedal and Wright, "Numerical Optimization", 2006, ch. 7)
    on top of the diagonal of the curvature, about. Along it the logits are a line, so the best
    length is found without a further product: a step costs one each way.
    """
    count = len(start)
    unknowns, found, gaps = start, start.clone(), start.new_zeros(count)
    place = torch.arange(count, device=start.device)
    reach = squares.sum(1).sqrt()
    logits = offset + images.forward(unknowns) if bool(start.any()) else offset.clone()
    p = logits.sigmoid()
    slopes = counts * (p - wanted)
    gradient = images.adjoint(slopes) + unknowns
    rounding = torch.finfo(start.dtype).eps
    past: list[tuple[Tensor, Tensor, Tensor]] = []
    for number in range(STEPS + 1):
        gap = gradient.norm(dim=1) * reach
        least = rounding * (slopes.abs().sum(1) * reach + unknowns.norm(dim=1)) * reach
        going = gap > least.clamp(min=tolerance)
        if number == STEPS or not bool(going.any()):
            found[place], gaps[place] = unknowns, gap
            break
        if not bool(going.all()):
            done = ~going
            found[place[done]], gaps[place[done]] = unknowns[done], gap[done]
            kept = going.nonzero()[:, 0]
            images = images.take(kept)
            wanted, counts, squares, reach = (x[kept] for x in (wanted, counts, squares, reach))
            unknowns, logits, p, slopes = (x[kept] for x in (unknowns, logits, p, slopes))
            gradient, place = gradient[kept], place[kept]
            past = [(step[kept], change[kept], rate[kept]) for step, change, rate in past]
        curved = counts * p * (1 - p)
        direction = _direction(gradient, 1 + curved.sum(1, keepdim=True) * squares, past)
        ahead = images.forward(direction)
        # The loss along the direction: its slope, and its curvature, at the present point.
        slope = _dot(gradient, direction)
        own, ownward = _dot(direction, direction), _dot(unknowns, direction)
        length = -slope / (_dot(curved * ahead, ahead) + own)
        length, logits, p, slopes = _line(
            logits, ahead, wanted, counts, length, slope, own, ownward
        )
        step = length * direction
        unknowns = unknowns + step
        after = images.adjoint(slopes) + unknowns
        change = after - gradient
        gradient = after
        product, size = _dot(step, change), _dot(step, step)
        # It is at least the step's square, but for rounding: such a pair would teach nonsense.
        rate = torch.where(product > size / 2, 1 / product, 0)
        past = [*past[-MEMORY + 1 :], (step, change, rate)]
    return found, gaps


def _direction(
    gradient: Tensor, diagonal: Tensor, past: list[tuple[Tensor, Tensor, Tensor]]
) -> Tensor:
    """(B, K): downhill, by the diagonal of the curvature and what the last steps taught of it."""
    direction = -gradient
    shares = []
    for step, change, rate in reversed(past):
        share = rate * _dot(step, direction)
        shares.append(share)
        direction = torch.addcmul(direction, share, change, value=-1)
    direction = direction / diagonal
    for (step, change, rate), share in zip(past, reversed(shares), strict=True):
        direction = torch.addcmul(direction, share - rate * _dot(change, direction), step)
    return direction


def _line(
    logits: Tensor,
    ahead: Tensor,
    wanted: Tensor,
    counts: Tensor,
    length: Tensor,
    slope: Tensor,
    own: Tensor,
    ownward: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How far to go (B, 1); and there: logits, probabilities and slopes (B, n).

    By Newton's method in one dimension, kept within what is known to hold the least.
    """
    low, high = torch.zeros_like(length), torch.full_like(length, torch.inf)
    for number in range(TRIES):
        there = torch.addcmul(logits, length, ahead)
        p = there.sigmoid()
        slopes = counts * (p - wanted)
        now = _dot(slopes, ahead) + ownward + length * own
        flat = now.abs() <= FLAT * slope.abs()
        if number == TRIES - 1 or bool(flat.all()):
            break
        low, high = torch.where(now < 0, length, low), torch.where(now < 0, high, length)
        curvature = _dot(counts * p * (1 - p) * ahead, ahead) + own
        better = (length - now / curvature).minimum(4 * length)
        inside = (better > low) & (better < high)
        middle = torch.where(high.isinf(), 4 * length, (low + high) / 2)
        # In the end, as far as it is known to go downhill.
        better = torch.where(inside, better, middle) if number < TRIES - 2 else low
        length = torch.where(flat, length, better)
    return length, there, p, slopes


def _dot(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).sum(1, keepdim=True)
