"""k-center: images that leave no image far from a labelled or a picked one."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.picks import Matrix, by_draws, euclidean, farthest, in_turn, nearest_of

# Labelled images that all images are compared with; with the others only those are that are far
# from these, so many at a time.
COMPARED, TOGETHER = 4096, 256


@strategy(
    "k-center",
    paper="Sener and Savarese 2018",
    needs=("features", "labelled"),
    work="N D (picks + min(M, 4096))",
    reads_rows=True,
)
def k_center(pool: Pool) -> Scores:
    """The image farthest from all labelled and picked ones, one after the other.

    Distances are Euclidean, of the features. Where nothing is labelled the first is left to
    chance. Of more than `COMPARED` labelled images so many, drawn, bound every distance, and only
    an image that may be the next pick is compared with the others: the picks are the same.
    """
    features, labelled = pool.need("features"), pool.need("labelled")
    order, rng = by_draws(pool.ties)
    # The mean taken away, so that less is lost to rounding in the difference of two lengths.
    mean = features[order].mean(axis=0, dtype=np.float64)
    here = (features[order] - mean).astype(np.float32)
    there = (labelled.need("features") - mean).astype(np.float32)
    if len(there) > COMPARED:
        there = there[rng.permutation(len(there))]
    nearest, _ = nearest_of(here, there[:COMPARED])
    tighten = _Bounds(here, there[COMPARED:]) if len(there) > COMPARED else None
    picks = farthest(euclidean(here), nearest, pool.picks("image"), tighten)
    return in_turn(order, picks, nearest)


class _Bounds:
    """Of images (N, D) which distances to the nearest of all are only upper bounds, as they were
    not compared with `others` (M, D)."""

    def __init__(self, images: Matrix, others: Matrix) -> None:
        self._images, self._others = images, others
        self._bound = np.ones(len(images), np.bool_)

    def __call__(self, nearest: Matrix, best: int) -> bool:
        """Whether the distance of the image `best` was a bound; it and others are then exact."""
        if not self._bound[best]:
            return False
        bounds = np.where(self._bound, nearest, -1)
        rows = np.argpartition(-bounds, min(TOGETHER, len(bounds)) - 1)[:TOGETHER]
        found, _ = nearest_of(self._images[rows], self._others)
        nearest[rows] = np.minimum(nearest[rows], found)
        self._bound[rows] = False
        return True
