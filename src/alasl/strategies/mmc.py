"""MMC (Yang et al. 2009): the images whose labels would reduce the loss most, as far as is known.

The number of labels of an image is predicted by a multinomial logistic regression, trained on the
labelled images, from its probabilities, sorted and brought to a sum of 1. As many labels of highest
p are taken as its most confident labelling y, of -1 and 1, and the score is the loss that the model
has with it: the sum over labels of (1 - y (2 p - 1)) / 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from alasl.labels import PRESENT, UNKNOWN
from alasl.strategies.base import Labelled, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.threads import on_one_thread

Matrix = NDArray[np.float64]


@strategy("mmc", paper="Yang et al. 2009", needs=("probabilities", "labelled"), reads_rows=True)
def mmc(pool: Pool) -> Scores:
    """Largest loss of the model on its most likely labelling."""
    probabilities, count = pool.need("probabilities"), CountOfLabels(pool.need("labelled"))
    scores = np.empty(len(pool))

    def fill(rows: slice) -> None:
        p = _descending(probabilities[rows])
        of_first = np.column_stack([np.zeros(len(p)), p.cumsum(axis=1)])
        taken = count.predict(p)
        # 1 - p for each label taken, p for each of the others.
        found = np.take_along_axis(of_first, taken[:, None], axis=1)[:, 0]
        scores[rows] = taken - found + (of_first[:, -1] - found)

    in_blocks(fill, len(pool))
    return scores


class CountOfLabels:
    """How many labels an image has, from its probabilities in descending order.

    Learns from the labelled images of which every entry is known. Where those all have as many
    labels, that is the answer; where there are none, the sum of the probabilities is, rounded.
    """

    def __init__(self, labelled: Labelled) -> None:
        probabilities = labelled.need("probabilities")
        whole = (labelled.entries != UNKNOWN).all(axis=1)
        found = np.count_nonzero(labelled.entries[whole] == PRESENT, axis=1)
        self._counts, which = np.unique(found, return_inverse=True)
        self._weights = np.zeros((labelled.entries.shape[1] + 1, len(self._counts)))
        if len(self._counts) > 1:
            inputs = _shares(_descending(probabilities[whole]))
            self._weights = _logistic(inputs, which, len(self._counts))

    def predict(self, p: Matrix) -> NDArray[np.intp]:
        """(n,): the most likely number for (n, L) probabilities, each row in descending order."""
        if not len(self._counts):
            return np.asarray(np.rint(p.sum(axis=1)), np.intp)
        likely: NDArray[np.intp] = np.argmax(_shares(p) @ self._weights, axis=1)
        return self._counts[likely]


def _descending(probabilities: NDArray[np.floating]) -> Matrix:
    return np.sort(probabilities, axis=1)[:, ::-1].astype(np.float64)


def _shares(p: Matrix) -> Matrix:
    """(n, L + 1): each row brought to a sum of 1, and a constant."""
    total = p.sum(axis=1, keepdims=True)
    shares = np.divide(p, total, out=np.zeros_like(p), where=total > 0)
    return np.column_stack([shares, np.ones(len(p))])


def _logistic(inputs: Matrix, which: NDArray[np.intp], classes: int) -> Matrix:
    """(D, C): a multinomial logistic regression with a Gaussian prior of variance 1 on all weights
    but the last input's, the constant."""
    every, across = np.arange(len(inputs)), np.ascontiguousarray(inputs.T)
    free = np.ones(inputs.shape[1])
    free[-1] = 0

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        weights = flat.reshape(classes, -1)
        shrunk = weights * free
        # Logits (C, n), then probabilities, then how far those are from the truth: in one array.
        rest = weights @ across
        rest -= rest.max(axis=0)
        value = -rest[which, every].sum()
        np.exp(rest, out=rest)
        total = rest.sum(axis=0)
        value += np.log(total).sum() + (shrunk * weights).sum() / 2
        rest /= total
        rest[which, every] -= 1
        return float(value), (rest @ inputs + shrunk).ravel()

    with on_one_thread():
        found = minimize(loss, np.zeros(classes * len(across)), jac=True, method="L-BFGS-B")
    return np.asarray(found.x.reshape(classes, -1).T)
