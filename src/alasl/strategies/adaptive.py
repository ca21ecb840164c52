"""Adaptive active learning (Li and Guo 2013): the mix of margin and cardinality, chosen anew.

For each b of 0, 0.1, ..., 1 the images that `margin+cardinality` would ask are added to the
labelled ones, with the labels that the model predicts, and a classifier is trained on both. The
b whose classifier is surest of the pool, by the loss that the paper estimates its error with,
decides. The paper adds one image and trains support vector machines; we add up to `ADDED` of the
batch and solve a ridge regression on the features, which is in closed form.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN
from alasl.strategies.base import Labelled, Pool, Scores, strategy
from alasl.strategies.blocks import BLOCK, in_blocks
from alasl.strategies.cardinality import predicted
from alasl.strategies.margin_cardinality import margin_and_inconsistency, mixed

MIXES = tuple(tenth / 10 for tenth in range(11))
ADDED = 50

Matrix = NDArray[np.float64]


@strategy(
    "adaptive",
    paper="Li and Guo 2013",
    needs=("probabilities", "features", "labelled"),
    work="N D (D + L)",
    reads_rows=True,
)
def adaptive(pool: Pool) -> Scores:
    """As margin+cardinality, with the b whose images should leave the least doubt in the pool.

    The doubt is a classifier's loss against its own predictions: the largest hinge loss among the
    predicted labels plus the largest among the others. Notes the b of each round in the memory.
    """
    features, labelled = pool.need("features"), pool.need("labelled")
    margin, inconsistency = margin_and_inconsistency(pool)
    scores = {b: mixed(margin, inconsistency, b) for b in MIXES}
    here, there = _scaled(features, labelled.need("features"))
    regression = Regression(there, _signs(labelled))
    loss: dict[tuple[int, ...], float] = {}
    best = {b: _first(scores[b], pool) for b in MIXES}
    for rows in best.values():
        key = tuple(sorted(rows.tolist()))
        if key not in loss:
            loss[key] = _doubt(regression.with_more(here[rows], _guess(pool, rows)), here)
    chosen = min(MIXES, key=lambda b: loss[tuple(sorted(best[b].tolist()))])
    pool.memory.setdefault("b", []).append(chosen)
    return scores[chosen]


class Regression:
    """Ridge regression of signs, (M, L), on features, (M, D), with a penalty of 1."""

    def __init__(self, features: Matrix, signs: Matrix) -> None:
        width = features.shape[1]
        self._spread = np.linalg.inv(features.T @ features + np.eye(width))
        self._weights = self._spread @ (features.T @ signs)

    def with_more(self, features: Matrix, signs: Matrix) -> Matrix:
        """(D, L): the weights with further images, (n, D), and their signs, (n, L), as well."""
        mine = features @ self._spread
        within = np.eye(len(features)) + mine @ features.T
        missed = signs - features @ self._weights
        return np.asarray(self._weights + mine.T @ np.linalg.solve(within, missed))


def _scaled(pool: NDArray[np.floating], labelled: NDArray[np.floating]) -> tuple[Matrix, Matrix]:
    """Both parts' features about their mean, of mean squared length 1, and a constant."""
    every = np.concatenate([pool, labelled]).astype(np.float64)
    every -= every.mean(axis=0)
    every /= np.sqrt(max(np.square(every).sum() / len(every), 1e-12))
    every = np.column_stack([every, np.ones(len(every))])
    return every[: len(pool)], every[len(pool) :]


def _signs(labelled: Labelled) -> Matrix:
    """1 for present, -1 for absent, 0 for unknown."""
    sign = np.where(labelled.entries == PRESENT, 1.0, -1.0)
    return np.where(labelled.entries == UNKNOWN, 0.0, sign)


def _guess(pool: Pool, rows: NDArray[np.intp]) -> Matrix:
    """The images' known entries, and predictions of the unknown ones, as signs."""
    probabilities = pool.need("probabilities")
    entries = pool.entries[rows]
    present = np.where(entries == UNKNOWN, predicted(probabilities[rows]), entries == PRESENT)
    return np.where(present, 1.0, -1.0)


def _first(scores: Scores, pool: Pool) -> NDArray[np.intp]:
    """The images that would be asked, at most `ADDED`."""
    return np.lexsort((pool.ties, scores))[::-1][: min(pool.batch, ADDED)]


def _doubt(weights: Matrix, features: Matrix) -> float:
    """How unsure a classifier is of the pool, (N, D): the sum over images of the largest hinge
    loss of a label held present and of one held absent, each taken as it is predicted."""
    parts = np.zeros(-(-len(features) // BLOCK))

    def add(rows: slice) -> None:
        value = features[rows] @ weights
        hinge = np.maximum(1 - np.abs(value), 0)
        present = value > 0
        worst = np.where(present, hinge, 0).max(axis=1) + np.where(present, 0, hinge).max(axis=1)
        parts[rows.start // BLOCK] = worst.sum()

    in_blocks(add, len(features))
    return float(parts.sum())
