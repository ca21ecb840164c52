"""Local design (Zha et al. 2011): experimental design for a regression that follows neighbours.

Each image's label should be what its neighbours tell of it: a ridge regression on the k nearest
foretells f_i as sum over them of alpha_ij f_j, with alpha_i = (K_i + I / 10)^-1 k_i of their inner
products, at mean 1 of all squared lengths (Wu and Schoelkopf, AISTATS 2007). Least squares with

    ridge |w|^2 + strength |X w - A X w|^2

then have the covariance C, the inverse of ridge I + strength R^T R + the sum of x x^T over what is
labelled, with R = X - A X. So neither the graph of all pairs nor (I - A)^T (I - A) is ever built,
only what the neighbours leave over of each image.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.design import Square, greedy
from alasl.strategies.picks import Matrix, between, by_draws, in_turn, squared

# Neighbours of an image; images among which they are looked for, at most, drawn; the local ridge.
NEAREST, REFERENCES, RIDGE = 10, 8192, 0.1
# Images handled at once.
IMAGES = 256


@strategy(
    "local-design",
    paper="the design of Zha 2011, with sparse neighbours",
    needs=("features", "labelled"),
    work="N D (8192 + picks)",
    reads_rows=True,
)
def local_design(
    pool: Pool,
    *,
    ridge: Annotated[float, Between(1e-6, 1e6)] = 1.0,
    local: Annotated[float, Between(0, 1e6)] = 1.0,
) -> Scores:
    """As design, where an image's label is also what its neighbours tell: least unsure weights.

    It is the image of the largest |C x|^2 / (1 + x^T C x), which its answer takes from the trace
    of C; features are at mean 0 and mean squared length 1. The picks follow one after the other.
    local: what the neighbours weigh, as a multiple of the ridge, by the traces of the two.
    """
    order, _ = by_draws(pool.ties)
    features = pool.need("features")[order].astype(np.float32)
    mean = features.mean(axis=0, dtype=np.float64)
    features -= mean.astype(np.float32)
    scale = 1 / np.sqrt(max(float(squared(features).mean(dtype=np.float64)), 1e-12))
    features *= np.float32(scale)
    there = (pool.need("labelled").need("features") - mean) * scale
    every = np.concatenate([features, there.astype(np.float32)])
    precision = ridge * np.eye(features.shape[1])
    left = residuals(every).astype(np.float64)
    scatter = left.T @ left
    weight = float(np.trace(scatter))
    if weight > 0:
        precision += local * ridge * len(scatter) / weight * scatter
    covariance = np.linalg.inv(precision + there.T @ there)
    target: Square = np.eye(len(covariance))
    picks, gain = greedy(features, covariance, target, pool.picks("image"))
    return in_turn(order, picks, gain)


def residuals(features: Matrix) -> Matrix:
    """(N, D): what is left of each image's features once its neighbours have foretold them.

    features: (N, D), in the order of their draws; neighbours are among the first `REFERENCES`.
    """
    references = features[:REFERENCES]
    count = min(NEAREST, len(references) - 1)
    found = features.copy()
    if count < 1:
        return found
    lengths = squared(references)

    def fill(rows: slice) -> None:
        here = features[rows]
        apart = between(squared(here)[:, None], lengths, here @ references.T)
        own = np.arange(rows.start, rows.stop)
        inside = own < len(references)
        apart[np.flatnonzero(inside), own[inside]] = np.inf
        near = references[np.argpartition(apart, count - 1, axis=1)[:, :count]]
        kernel = near @ near.transpose(0, 2, 1) + np.float32(RIDGE) * np.eye(
            count, dtype=np.float32
        )
        towards = near @ here[:, :, None]
        alpha = np.linalg.solve(kernel, towards)[:, :, 0]
        found[rows] = here - np.einsum("nk,nkd->nd", alpha, near)

    in_blocks(fill, len(features), IMAGES)
    return found
