"""ProbCover: images that have many others near them, none of which is covered yet; a cold start."""

from __future__ import annotations

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.clusters import k_means
from alasl.strategies.picks import (
    Matrix,
    between,
    by_draws,
    in_turn,
    nearest_of,
    normalised,
    squared,
)

# Images that are to be covered, at most: so many, drawn, stand for all.
TARGETS = 1024


@strategy(
    "probcover",
    paper="Yehuda 2022",
    needs=("features", "labelled"),
    work="N D targets",
    reads_rows=True,
)
def probcover(pool: Pool, *, purity: Annotated[float, Between(0, 1)] = 0.95) -> Scores:
    """The image with the most uncovered images within a radius, one after the other.

    Labelled and picked images cover all within the radius, of features scaled to length 1;
    `TARGETS` images, drawn, stand for all. Once nothing more is covered, chance decides.
    purity: the radius is the largest within which that share of the images have neighbours of
        their own cluster only; there are as many clusters as labels.
    """
    features, labelled = pool.need("features"), pool.need("labelled")
    order, rng = by_draws(pool.ties)
    here, there = normalised(features[order]), normalised(labelled.need("features"))
    targets = here[:TARGETS]
    _, cluster = k_means(here, pool.entries.shape[1], rng)
    apart = _apart(targets, here)
    radius = _radius(apart, cluster, purity)
    near = apart <= radius
    uncovered = nearest_of(targets, there)[0] > radius
    gain = near[uncovered].sum(axis=0, dtype=np.int32)
    picks: list[int] = []
    while len(picks) < pool.picks("image") and gain.max() > 0:
        # Equals by their draws: the last by place has the highest.
        best = len(gain) - 1 - int(gain[::-1].argmax())
        picks.append(best)
        for target in np.flatnonzero(near[:, best] & uncovered):
            gain -= near[target]
            uncovered[target] = False
    return in_turn(order, picks, gain)


def _apart(targets: Matrix, features: Matrix) -> Matrix:
    """(M, N) squared distances of some images from all."""
    found = np.empty((len(targets), len(features)), np.float32)
    lengths = squared(features)

    def fill(columns: slice) -> None:
        product = targets @ features[columns].T
        found[:, columns] = between(lengths[: len(targets), None], lengths[columns], product)

    in_blocks(fill, len(features))
    return found


def _radius(apart: Matrix, cluster: NDArray[np.intp], purity: float) -> np.float32:
    """The largest squared radius within which a share of `purity` of the targets see no image of
    another cluster."""
    stranger = np.empty(len(apart), np.float32)

    def fill(rows: slice) -> None:
        other = cluster[: len(apart)][rows, None] != cluster
        stranger[rows] = np.where(other, apart[rows], np.inf).min(axis=1)

    in_blocks(fill, len(apart), 16)
    ranked = np.sort(stranger)[::-1]
    # Just below the stranger of the last that has to be pure.
    bound = ranked[max(math.ceil(purity * len(ranked)) - 1, 0)]
    return np.float32(np.nextafter(np.float32(bound), np.float32(-1)))
