"""Two scores made one: two strategies at once, or one after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from alasl.strategies.base import Pool, Scores

Combine = Literal["product", "ranks", "ties"]


def combined(first: Scores, second: Scores, combine: Combine = "product") -> Scores:
    """(N,) scores of two strategies at once; the paper combines Hard with entropy but not how.

    `product`, the default: of the two scores, each brought to 0..1 over the pool. An image has
    to do well in both, how far apart scores are counts, and there is no weight to choose. A score
    that is the same for all images says nothing and counts as 1.
    `ranks`: the sum of the two ranks, equal scores sharing their mean rank. Deaf to scale.
    `ties`: the first alone; the second orders images of equal first score.
    """
    return _WAYS[combine](first, second)


def in_stages(pool: Pool, first: Scores, then: Scores, share: float) -> Scores:
    """(N,) scores that pick the first `share` of the run's budget by `first`, the rest by `then`.

    A batch may lie across the border: as many images as are left to the first stage, the best by
    `first`, are put above all others, in their order.
    """
    left = max(0, min(round(share * pool.budget) - pool.asked, len(pool)))
    best = np.lexsort((pool.ties, first))[::-1][:left]
    scores = then.copy()
    scores[best] = then.max() + np.arange(left, 0, -1)
    return scores


def _product(first: Scores, second: Scores) -> Scores:
    return np.asarray(_unit(first) * _unit(second))


def _ranks(first: Scores, second: Scores) -> Scores:
    return np.asarray(_mean_rank(first) + _mean_rank(second))


def _ties(first: Scores, second: Scores) -> Scores:
    order = np.lexsort((second, first))
    differs = np.diff(first[order]).astype(bool) | np.diff(second[order]).astype(bool)
    scores = np.empty(len(first))
    scores[order] = np.concatenate([[0], np.cumsum(differs)])
    return scores


def _unit(scores: Scores) -> Scores:
    low, high = scores.min(), scores.max()
    if low == high:
        return np.ones_like(scores)
    return np.asarray((scores - low) / (high - low))


def _mean_rank(scores: Scores) -> Scores:
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(size) - (size - 1) / 2)[group])


_WAYS: dict[Combine, Callable[[Scores, Scores], Scores]] = {
    "product": _product,
    "ranks": _ranks,
    "ties": _ties,
}
