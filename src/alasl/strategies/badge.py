"""BADGE for many labels: images whose answers would move the model far, and each another way."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.picks import Distances, Matrix, by_draws, in_turn, plus_plus, squared


@strategy(
    "badge",
    paper="Ash 2020, for many labels",
    needs=("probabilities", "features"),
    work="N (L + D) picks",
)
def badge(pool: Pool) -> Scores:
    """Large and different gradients of the last layer, drawn as k-means++ draws its centres.

    An image's gradient is (p - y) x features, were its entries what the model takes them for, y:
    present where p is above 1/2, else absent. Only entries that can be asked count (the published
    form, for one label an image, has no known ones). The first is the image of the largest
    gradient.
    """
    order, rng = by_draws(pool.ties)
    p = pool.need("probabilities")[order].astype(np.float32)
    errors = np.where(pool.askable[order], p - (p > 0.5), np.float32(0))
    features = pool.need("features")[order].astype(np.float32)
    lengths = squared(errors) * squared(features)
    nearest = np.full(len(order), np.inf, np.float32)
    first = int(lengths.argmax())
    picks = plus_plus(
        _gradients(errors, features, lengths), nearest, pool.picks("image"), rng, first
    )
    return in_turn(order, picks, nearest)


def _gradients(errors: Matrix, features: Matrix, lengths: Matrix) -> Distances:
    """Squared distances between gradients, which are never built: an inner product of two of them
    is that of their errors times that of their features."""

    def to(pick: int) -> Matrix:
        product = (errors @ errors[pick]) * (features @ features[pick])
        return np.asarray(np.maximum(lengths + lengths[pick] - 2 * product, 0), np.float32)

    return to
