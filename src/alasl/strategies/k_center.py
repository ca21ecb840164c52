"""k-center: images that leave no image far from a labelled or a picked one."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.picks import by_draws, euclidean, farthest, in_turn, nearest_of


@strategy(
    "k-center",
    paper="Sener and Savarese 2018",
    needs=("features", "labelled"),
    work="N D (M + picks)",
)
def k_center(pool: Pool) -> Scores:
    """The image farthest from all labelled and picked ones, one after the other.

    Distances are Euclidean, of the features. Where nothing is labelled the first is left to
    chance.
    """
    features, labelled = pool.need("features"), pool.need("labelled")
    order, _ = by_draws(pool.ties)
    # The mean taken away, so that less is lost to rounding in the difference of two lengths.
    mean = features[order].mean(axis=0, dtype=np.float64)
    here = (features[order] - mean).astype(np.float32)
    there = (labelled.need("features") - mean).astype(np.float32)
    nearest, _ = nearest_of(here, there)
    picks = farthest(euclidean(here), nearest, pool.picks("image"))
    return in_turn(order, picks, nearest)
