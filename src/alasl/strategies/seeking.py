"""Entries that are likely to hold a first present of a label, and one that teaches much.

The chance that all of some picks are absent is that of the first, times that of the second given
that the first is absent, and so on. So each pick goes by p once those before it are taken as
absent, and what looks like them has become less likely. Of a logistic regression with the weights'
covariance C, an absent at x takes

    p x_i^T C x / (1 + h x^T C x),    h = p (1 - p),

from the logit of image i, by one step of Newton, and leaves of C what an answer there does.

A present at x moves the logits of the pool by x_i^T C x, times what is the same for all x. Their
mean square, with the weights h, is x^T C M C x, where M is the sum of h x_i x_i^T: large where many
images look like x, or the contrary. So what is ranked is a sum of logarithms: of the odds, and of
that mean square. But where only absents are known, p says in which order presents are likelier and
hardly by how much. An absent says the more of where presents are, the more of them it could have
been. So each part is divided by its deviation, and the odds count by a weight, the root of how many
presents a usual label has among as many known entries. Where nothing says how many that is, as no
present of any label is known, p alone counts.
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
# Below this deviation values are equal but for rounding.
ROUNDING = 1e-4

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]


def sought(
    features: Matrix,
    chances: NDArray[np.floating],
    rows: NDArray[np.intp],
    covariance: Matrix,
    matters: Matrix,
    usual: float,
    picks: int,
    ties: Floats,
) -> Floats:
    """Scores in (0, 1] of the images `rows` (n,), of which a label can be asked; higher = first.

    features (N, D), chances (N,), their p, ties (N,): of all. covariance: (D, D), of the label's
    weights. matters: (D, D), the scatter M of the images that a present could move. usual: how
    many presents a usual label has among as many known entries. picks: how many are sought; the
    others follow by their p.
    """
    if not len(rows):
        return np.zeros(0)
    p = clipped(chances[rows].astype(np.float64))
    chosen = highest(p, lambda places: ties[rows[places]], max(CANDIDATES, picks))
    x, logits = features[rows[chosen]], logit(p[chosen])
    spread = x @ covariance
    moved = np.einsum("nd,nd->n", spread @ matters, spread)
    teaches = np.log(np.maximum(moved, np.finfo(np.float32).tiny))
    # In deviations of the logits.
    per = _deviation(logits) / (usual**0.5 * _deviation(teaches)) if usual else 0.0
    order = _in_turn(x, spread, logits, per * teaches, picks)
    scores: Floats = p / (len(order) + 1)
    scores[chosen[order]] = 1 / np.arange(1, len(order) + 1)
    return scores


def clipped(chances: NDArray[np.floating]) -> NDArray[np.floating]:
    """p no nearer to 0 or 1 than is told apart."""
    return np.asarray(np.clip(chances, LEAST, 1 - LEAST))


def _in_turn(
    features: Matrix, spread: Matrix, logits: Floats, teaches: Floats, picks: int
) -> list[int]:
    """The first picks, as places among the candidates (n,).

    spread: (n, D) features times the covariance. teaches: (n,), what is added to the logits.
    """
    count = min(picks, len(features))
    # What each pick takes from X C X^T, (n, n), is t t^T.
    taken = np.zeros((count, len(features)), np.float32)
    left, found = logits.copy(), list[int]()
    open_ = np.ones(len(features), np.bool_)
    for pick in range(count):
        best = int(np.where(open_, left + teaches, -np.inf).argmax())
        found.append(best)
        open_[best] = False
        near = features @ spread[best] - taken[:pick, best] @ taken[:pick]
        p = expit(left[best])
        slope = p * (1 - p)
        of_it = 1 + slope * max(near[best], 0)
        left -= p / of_it * near
        taken[pick] = near * np.sqrt(slope / of_it)
    return found


def _deviation(values: NDArray[np.floating]) -> float:
    return max(float(values.std()), ROUNDING)
