"""The most credible coefficients of a logistic regression, and of how often its answers are wrong.

Each entry's log-odds are x @ theta + offset, theta being normal with mean 0. What is seen of an
entry is not its value but what people said of it, see `erring`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.special import expit

from alasl.evaluate.erring import START, Answers, spread, told
from alasl.evaluate.intervals import Figure

Floats = NDArray[np.float64]

# Rows of a sparse matrix that are made dense at a time.
_ROWS = 4096
_STEPS, _SHORTEST, _DONE = 50, 1e-4, 1e-4
# How often coefficients and rates are found in turn.
_TURNS = 6
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Fitted:
    """theta: (K,), the most credible; mean: (K,). rates: (2,), see `erring`; None: nobody errs.

    told: the rates as they are told, see `erring.told`.
    root: the upper Cholesky factor of the precision of both, the rates at last.
    """

    theta: Floats
    mean: Floats
    rates: Floats | None
    root: Floats
    told: Figure | None = None

    def without(self, first: int) -> Fitted:
        """The same without the first coefficients: those after them keep their part of the root."""
        root = self.root[first:, first:]
        return Fitted(self.theta[first:], self.mean[first:], self.rates, root, self.told)


def fit(x: sparse.csr_matrix, said: Answers, offset: Floats, precision: Floats) -> Fitted:
    """x: (n, K). offset: (n,), log-odds to start from. precision: (K,), of the coefficients."""
    rates, theta, erring = START, np.zeros(x.shape[1]), bool(said.many.any())
    for _ in range(_TURNS if erring else 1):
        theta, root = _newton(x, said.likelihoods(rates), offset, precision, theta)
        if erring:
            before, rates = rates, said.rates(offset + x @ theta, rates)
            if np.abs(rates - before).max() < 0.01:
                break
    odds = offset + x @ theta
    mean = theta + _skew(x, said.likelihoods(rates), odds, root)
    if not erring:
        return Fitted(theta, mean, None, root)
    within, across = spread(said, odds, rates)
    cross = solve_triangular(root, x.T @ across.T, trans="T")
    # No more of the rates' precision than half may go with the coefficients: the curve of the
    # likelihood is that of one point alone.
    rest = within - cross.T @ cross
    values, vectors = np.linalg.eigh(rest)
    rest = (vectors * np.maximum(values, 1.0)) @ vectors.T
    zeros = np.zeros((2, len(theta)))
    whole = np.block([[root, cross], [zeros, np.linalg.cholesky(rest).T]])
    return Fitted(theta, mean, rates, whole, told(said, odds, rates))


def _curve(odds: Floats, likelihoods: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    """(n,) each: how likely each entry is present, before and after what was said of it."""
    if_present, if_absent = likelihoods
    return expit(odds), expit(odds + if_present - if_absent)


def _skew(
    x: sparse.csr_matrix, likelihoods: tuple[Floats, Floats], odds: Floats, root: Floats
) -> Floats:
    """How far the mean of the coefficients lies from the most credible ones, to the first order.

    Where few are present, the likelihood falls slowly towards lower odds. Draws about its top have
    too many presents (a fifth at 25 answers a label of which 4 % are present, in simulation).
    """
    p, q = _curve(odds, likelihoods)
    lever = np.empty(len(odds))
    for first in range(0, len(odds), _ROWS):
        rows = slice(first, first + _ROWS)
        lever[rows] = (solve_triangular(root, x[rows].T.toarray(), trans="T") ** 2).sum(axis=0)
    third = x.T @ ((p * (1 - p) * (1 - 2 * p) - q * (1 - q) * (1 - 2 * q)) * lever)
    return np.asarray(-cho_solve((root, False), third) / 2)


def _newton(
    x: sparse.csr_matrix,
    likelihoods: tuple[Floats, Floats],
    offset: Floats,
    precision: Floats,
    theta: Floats,
) -> tuple[Floats, Floats]:
    """The most credible coefficients, and the upper Cholesky factor of their precision."""
    transposed = x.T.tocsr()

    def worth(theta: Floats) -> float:
        odds = offset + x @ theta
        said = (np.logaddexp(odds + likelihoods[0], likelihoods[1]) - np.logaddexp(0, odds)).sum()
        return float(said - precision @ theta**2 / 2)

    stands = worth(theta)
    for _ in range(_STEPS):
        p, q = _curve(offset + x @ theta, likelihoods)
        curve = np.maximum(p * (1 - p) - q * (1 - q), _LEAST)
        hessian = (transposed @ x.multiply(curve[:, None])).toarray() + np.diag(precision)
        factor = cho_factor(hessian)[0]
        step = cho_solve((factor, False), transposed @ (q - p) - precision * theta)
        length = 1.0
        while (reached := worth(theta + length * step)) < stands and length > _SHORTEST:
            length /= 2
        if reached - stands < _DONE:
            break
        theta, stands = theta + length * step, reached
    return theta, np.triu(factor)
