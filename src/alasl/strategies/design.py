"""Transductive experimental design: images from which the features of all others can be told."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.picks import Matrix, by_draws, in_turn

Square = NDArray[np.float64]


@strategy(
    "design",
    paper="Yu 2006 (transductive experimental design)",
    needs=("features", "labelled"),
    work="N D (D + picks)",
    reads_rows=True,
)
def design(pool: Pool, *, ridge: Annotated[float, Between(1e-6, 1e6)] = 1.0) -> Scores:
    """The image that leaves a ridge regression on the features surest of all the others.

    With X the pool's features, at mean 0 and mean squared length 1, and C the inverse of
    ridge I + the sum of x x^T over labelled and picked images, it is that of the largest
    |X C x|^2 / (1 + x^T C x), which its answer takes from the sum of x^T C x over the pool. The
    picks follow one after the other. No label and no model is looked at.
    """
    order, _ = by_draws(pool.ties)
    features = pool.need("features")[order].astype(np.float32)
    mean = features.mean(axis=0, dtype=np.float64)
    features -= mean.astype(np.float32)
    scatter = features.T @ features
    scale = np.sqrt(len(features) / max(float(np.trace(scatter)), 1e-12))
    features *= np.float32(scale)
    there = (pool.need("labelled").need("features") - mean) * scale
    precision = ridge * np.eye(features.shape[1]) + there.T @ there
    covariance = np.linalg.inv(precision)
    target = scatter.astype(np.float64) * scale**2
    picks, gain = greedy(features, covariance, target, pool.picks("image"))
    return in_turn(order, picks, gain)


def greedy(
    features: Matrix, covariance: Square, target: Square, count: int
) -> tuple[list[int], Matrix]:
    """The picks, and (N,) what each image would take off next.

    features: (N, D) x. covariance: (D, D) C. target: (D, D) M, the sum of x x^T over the pool.
    Both x^T C M C x and x^T C x of all are brought up to date by the products with two vectors.
    """
    spread = features @ covariance.astype(np.float32)
    variance = np.einsum("nd,nd->n", spread, features)
    seen = np.einsum("nd,nd->n", spread @ target.astype(np.float32), spread)
    left = np.ones(len(features), np.bool_)
    picks: list[int] = []
    gain = seen / (1 + variance)
    while len(picks) < count:
        best = int(np.argmax(np.where(left, gain, -np.inf)))
        picks.append(best)
        left[best] = False
        x = features[best].astype(np.float64)
        towards = covariance @ x
        scale = 1 + x @ towards
        mirrored = covariance @ (target @ towards)
        # C becomes C - t t^T / s with t = C x, so C M C follows from t, C M t and t^T M t.
        pair = np.stack([towards, mirrored], axis=1).astype(np.float32)
        one, two = (features @ pair).T
        seen += (one / scale) ** 2 * (towards @ target @ towards) - 2 * one * two / scale
        variance -= one**2 / scale
        covariance = covariance - np.outer(towards, towards) / scale
        gain = np.maximum(seen, 0) / (1 + np.maximum(variance, 0))
    return picks, gain
