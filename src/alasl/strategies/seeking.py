"""Entries that together are likeliest to hold a first present of a label, one after the other.

The chance that all of some picks are absent is that of the first, times that of the second given
that the first is absent, and so on. So each pick is the entry of the highest p once those before
it are taken as absent, and what looks like them has become less likely. Of a logistic regression
with the weights' covariance C, an absent at x takes

    p x_i^T C x / (1 + h x^T C x),    h = p (1 - p),

from the logit of image i, by one step of Newton, and leaves of C what an answer there does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from alasl.ranking import highest

# Entries of a label, those of the highest p, among which picks are sought.
CANDIDATES = 2048
# No p is nearer to 0 or 1.
LEAST = 1e-6

Matrix = NDArray[np.float32]


def sought(
    features: Matrix,
    chances: NDArray[np.floating],
    rows: NDArray[np.intp],
    covariance: Matrix,
    picks: int,
    ties: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Scores in (0, 1] of the images `rows` (n,), of which a label can be asked; higher = first.

    features (N, D), chances (N,), their p, ties (N,): of all. covariance: (D, D), of the label's
    weights. picks: how many are sought; the others follow by their p.
    """
    if not len(rows):
        return np.zeros(0)
    p = np.clip(chances[rows].astype(np.float64), LEAST, 1 - LEAST)
    chosen = highest(p, lambda places: ties[rows[places]], max(CANDIDATES, picks))
    order = _in_turn(features[rows[chosen]], logit(p[chosen]), covariance, picks)
    scores: NDArray[np.float64] = p / (len(order) + 1)
    scores[chosen[order]] = 1 / np.arange(1, len(order) + 1)
    return scores


def _in_turn(
    features: Matrix, logits: NDArray[np.float64], covariance: Matrix, picks: int
) -> list[int]:
    """The first picks, as places among the candidates (n,)."""
    count = min(picks, len(features))
    # What each pick takes from X C X^T, (n, n), is t t^T.
    taken = np.zeros((count, len(features)), np.float32)
    left, found = logits.copy(), list[int]()
    open_ = np.ones(len(features), np.bool_)
    for pick in range(count):
        best = int(np.where(open_, left, -np.inf).argmax())
        found.append(best)
        open_[best] = False
        near = features @ (covariance @ features[best]) - taken[:pick, best] @ taken[:pick]
        p = expit(left[best])
        slope = p * (1 - p)
        of_it = 1 + slope * max(near[best], 0)
        left -= p / of_it * near
        taken[pick] = near * np.sqrt(slope / of_it)
    return found
