"""Images picked one after the other, each with regard to those before it, handed out as scores.

Such a strategy first brings the images into the order of their draws. That order travels with them,
so where they stand in the pool decides nothing, not even the rounding of a sum; its beginning is a
random sample; and one generator, seeded by the draws, serves whatever else is left to chance.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alasl.strategies.base import Scores
from alasl.strategies.blocks import BLOCK, in_blocks

Rows = NDArray[np.intp]
Matrix = NDArray[np.float32]
# Squared distances, (N,), of all to one of them.
Distances = Callable[[int], Matrix]

# Below this share of two squared lengths, their squared distance is rounding and counts as 0.
ROUNDING = np.float32(1e-6)


def by_draws(ties: NDArray[np.float64]) -> tuple[Rows, np.random.Generator]:
    """The images, (N,), by their draws, and a generator; both the same in whatever order they come.

    ties: (N,), one draw for each image.
    """
    seed = int(np.bitwise_xor.reduce(ties.astype(np.float64).view(np.uint64), initial=0))
    return np.argsort(ties, kind="stable"), np.random.default_rng(seed)


def in_turn(order: Rows, picks: list[int], rest: NDArray[np.floating]) -> Scores:
    """(N,) scores in (0, 1] that put the picks first, in their order, then the others by `rest`.

    order: (N,) the images by their draws. picks: places in that order. rest: (N,) by place, higher
    = first; equals by their draws.
    """
    left = np.ones(len(order), np.bool_)
    left[picks] = False
    others = np.flatnonzero(left)[::-1]
    others = others[np.argsort(-rest[others], kind="stable")]
    scores = np.empty(len(order))
    scores[order[np.concatenate([np.asarray(picks, np.intp), others])]] = 1 / np.arange(
        1, len(order) + 1
    )
    return scores


def plus_plus(
    distances: Distances,
    nearest: Matrix,
    count: int,
    rng: np.random.Generator,
    first: int | None = None,
) -> list[int]:
    """At most `count` picks, each drawn in proportion to its squared distance from those before.

    The seeding of k-means++ (Arthur and Vassilvitskii 2007). nearest: (N,) squared distances to
    what is picked already, brought up to date in place. It ends where all distances are 0.
    """
    picks: list[int] = []
    while len(picks) < count:
        if picks or first is None:
            summed = nearest.cumsum(dtype=np.float64)
            if not summed[-1] > 0:
                break
            # A place of which the sum rises, so never one at distance 0.
            first = int(np.searchsorted(summed, rng.random() * summed[-1], side="right"))
            first = min(first, int(np.searchsorted(summed, summed[-1])))
        picks.append(first)
        _approach(nearest, distances, first)
    return picks


def farthest(
    distances: Distances,
    nearest: Matrix,
    count: int,
    tighten: Callable[[Matrix, int], bool] | None = None,
) -> list[int]:
    """At most `count` picks, each the farthest from those before (Gonzalez 1985).

    nearest: as for `plus_plus`; where there is `tighten`, upper bounds, of which it makes that of
    an image exact and says whether it was not. It ends where all distances are 0.
    """
    picks: list[int] = []
    while len(picks) < count:
        best = int(nearest.argmax())
        if not nearest[best] > 0:
            break
        if tighten is not None and tighten(nearest, best):
            continue
        picks.append(best)
        _approach(nearest, distances, best)
    return picks


def _approach(nearest: Matrix, distances: Distances, pick: int) -> None:
    np.minimum(nearest, distances(pick), out=nearest)
    nearest[pick] = 0


def squared(features: Matrix) -> NDArray[np.float32]:
    """(N,): squared lengths of features (N, D)."""
    return np.asarray(np.einsum("nd,nd->n", features, features))


def normalised(features: NDArray[np.floating]) -> Matrix:
    """Features (N, D) scaled to length 1; a row of zeros stays one."""
    wide = features.astype(np.float32)
    lengths = np.sqrt(squared(wide))
    return np.asarray(wide / np.where(lengths > 0, lengths, 1)[:, None])


def euclidean(features: Matrix) -> Distances:
    """Squared Euclidean distances of all rows of features (N, D) to one of them."""
    lengths = squared(features)

    def to(pick: int) -> Matrix:
        return between(lengths, lengths[pick], features @ features[pick])

    return to


def nearest_of(features: Matrix, others: Matrix) -> tuple[Matrix, Rows]:
    """Of each row of features (N, D) the squared distance, (N,), to the nearest of others (M, D),
    and which that is, (N,); in blocks, never N x M."""
    found = np.full(len(features), np.inf, np.float32)
    which = np.zeros(len(features), np.intp)
    there = squared(others)
    # One product gives |y|^2 - 2 x y, all of the distance that differs between the others.
    wide = np.concatenate([-2 * others, there[:, None]], axis=1).T.copy()

    def compare(rows: slice) -> None:
        here = np.concatenate([features[rows], np.ones_like(features[rows, :1])], axis=1)
        every = np.arange(len(here))
        best, low = which[rows], found[rows]
        for start in range(0, len(others), BLOCK):
            apart = here @ wide[:, start : start + BLOCK]
            nearest = apart.argmin(axis=1)
            closer = apart[every, nearest] < low
            low[closer] = apart[every, nearest][closer]
            best[closer] = start + nearest[closer]

    if len(others):
        in_blocks(compare, len(features), 512)
        lengths = squared(features) + there[which]
        found += squared(features)
        found *= found >= ROUNDING * lengths
    return found, which


def between(one: Matrix, other: Matrix | np.float32, product: Matrix) -> Matrix:
    """Squared distances from squared lengths and inner products; what is rounding counts as 0."""
    lengths = one + other
    apart = lengths - 2 * product
    apart *= apart >= ROUNDING * lengths
    return apart
