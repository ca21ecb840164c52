"""What a label's known entries leave open of its weights, and which images close most of it.

See `variance`: the weights of a label are known up to a Gaussian of covariance C.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, eigh
from scipy.linalg.lapack import dpotrf, dpotrs

from alasl.labels import PRESENT, UNKNOWN
from alasl.strategies.blocks import cut
from alasl.strategies.picks import by_draws
from alasl.strategies.streamed import Labelwise, needed

# Standard deviation of a logit before anything is known, of a model that says nothing of it.
SPREAD = 3.6
# Directions of the features that are kept, and entries of a label that are compared in full.
DIMS, CANDIDATES = 128, 200
# Entries of a label that are picked one after the other: what each costs grows with those before.
MOST = 500
# Images whose sum stands for that of all, where there are more; drawn.
SAMPLE = 8192
# Values by which it is told about how high the highest are, and images in hand at a time.
DRAWN, BLOCK = 2**14, 2**16
# The top of a ranking: so many images more than so many times the presents that p counts.
MORE, TIMES = 20, 2
# p is no nearer to 0 or 1.
LEAST = 1e-4

Matrix = NDArray[np.float32]
# Images by their draws; a whole slice where they come so.
Order = NDArray[np.intp] | slice


@dataclass(frozen=True, eq=False)
class Plan:
    """What all labels share.

    order: images by their draws. ties: (N,), their draws, so ordered. spread: of the model.
    presents: (L,), known ones. usual: (L,), presents that a usual label has among as many known
    entries. asked_of: (L,), labels of which something is asked. picks: entries of a label that are
    picked one after the other, of `many` candidates.
    """

    order: Order
    ties: NDArray[np.float64]
    spread: float
    presents: NDArray[np.intp]
    usual: NDArray[np.float64]
    asked_of: NDArray[np.bool_]
    picks: int
    many: int

    @classmethod
    def of(cls, pool: Labelwise) -> Plan:
        """That of a pool."""
        places, rng = by_draws(pool.ties)
        labelled = needed(pool.labelled, "labelled")
        # What comes in that order need not be copied.
        order: Order = slice(None) if (places[:-1] < places[1:]).all() else places
        presents = pool.presents_of + (labelled.entries == PRESENT).sum(axis=0)
        known_of = pool.known_of + (labelled.entries != UNKNOWN).sum(axis=0)
        asked_of = pool.askable_of
        labels = np.flatnonzero(asked_of)
        # Twice a label's share, for labels that have fewer entries to ask than their share.
        picks = min(-(-2 * pool.batch // max(len(labels), 1)), MOST)
        if pool.ask == "entries":
            asked_of[rng.permutation(labels)[2 * pool.batch :]] = False
        return cls(
            order,
            pool.ties[order],
            SPREAD if pool.spread is None else pool.spread,
            presents,
            np.maximum(known_of, 1) * (presents.sum() / max(known_of.sum(), 1)),
            asked_of,
            picks,
            max(CANDIDATES, picks),
        )


@dataclass(frozen=True, eq=False)
class Scale:
    """Makes features (n, D) into their main directions, on which a logit's variance is `spread`^2.

    mean: (D,). main: (D, DIMS), where there are more than DIMS. factor: what they are multiplied
    by.
    """

    mean: Matrix
    main: Matrix | None
    factor: np.float32

    @classmethod
    def fit(
        cls,
        pool: NDArray[np.floating],
        order: Order,
        labelled: NDArray[np.floating],
        spread: float,
    ) -> Scale:
        """By the pool's, (N, D), in this order, and by those of labelled images."""
        total = sum(part.sum(axis=0, dtype=np.float64) for part in (pool, labelled))
        count = len(pool) + len(labelled)
        mean = np.asarray(total / count, np.float32)
        scatter = np.zeros((len(mean), len(mean)), np.float32)
        for rows in cut(len(pool), BLOCK):
            part = pool[rows] if isinstance(order, slice) else pool[order[rows]]
            here = np.subtract(part, mean)
            scatter += here.T @ here
        there = np.subtract(labelled, mean)
        scatter += there.T @ there
        factor = np.float32(spread / np.sqrt(max(np.trace(scatter) / count, 1e-12)))
        width, main = len(scatter), None
        if width > DIMS:
            _, main = eigh(scatter, subset_by_index=[width - DIMS, width - 1])
        return cls(mean, main, factor)

    def of(self, features: NDArray[np.floating]) -> Matrix:
        """(n, min(D, DIMS)) of features (n, D)."""
        found = np.subtract(features, self.mean)
        if self.main is not None:
            found = found @ self.main
        found *= self.factor
        return np.asarray(found)


def slope_of(probabilities: NDArray[np.floating]) -> Matrix:
    """p (1 - p), of each: how much a change of the logit moves the probability; never 0."""
    p = np.clip(np.ascontiguousarray(probabilities, np.float32), LEAST, 1 - LEAST)
    return p * (1 - p)


def top(chances: NDArray[np.floating], rows: NDArray[np.intp] | None = None) -> NDArray[np.intp]:
    """Of some rows (n,), in their order, or of all, those that p, (N,), puts near the top.

    Below 0 is what is none of them.
    """
    p = chances if rows is None else chances[rows]
    less = np.count_nonzero(p < 0)
    many = MORE + int(TIMES * (p.sum(dtype=np.float64) + less))
    if many >= len(p) - less:
        found = np.flatnonzero(p >= 0)
    else:
        near = at_least(p, many)
        high = p[near]
        found = near[high >= np.partition(high, -many)[-many]]
    return found if rows is None else rows[found]


def at_least(values: Matrix, many: int) -> NDArray[np.intp]:
    """Where the `many` highest of (n,) values are, and some more: told by a part of them."""
    step = len(values) // DRAWN
    if step > 1:
        some = values[::step]
        share = many / step
        take = int(share + 4 * share**0.5) + 8
        if take < len(some):
            found = np.flatnonzero(values >= np.partition(some, -take)[-take])
            if len(found) >= many:
                return found
    return np.arange(len(values))


def scatter(features: Matrix, weights: Matrix, rows: NDArray[np.intp]) -> Matrix:
    """(D, D): the sum of w x x^T over some rows of features x, (n, D), and weights w, (n,).

    Of many rows the first `SAMPLE` stand for all.
    """
    found = np.zeros((features.shape[1], features.shape[1]), np.float32)
    some = rows[:SAMPLE]
    for part in cut(len(some)):
        # A matrix times itself takes half of the arithmetic of two.
        half = features.take(some[part], axis=0, mode="clip")
        half *= np.sqrt(weights[some[part]])[:, None]
        found += half.T @ half
    return found * np.float32(len(rows) / max(len(some), 1))


def variances(features: Matrix, covariance: Matrix, rows: NDArray[np.intp] | None = None) -> Matrix:
    """(n,): x^T C x of features x, (N, D), of all or some rows (n,)."""
    found = np.empty(len(features) if rows is None else len(rows), np.float32)
    for part in cut(len(found)):
        x = features[part] if rows is None else features.take(rows[part], axis=0, mode="clip")
        found[part] = np.einsum("nd,nd->n", x @ covariance, x)
    return found


def covariance_of(scatter: Matrix) -> Matrix:
    """(D, D): what known entries of this scatter leave open of a label's weights."""
    precision = scatter.astype(np.float64)
    precision.flat[:: len(precision) + 1] += 1
    # What cho_factor and cho_solve call, without looking for what is not finite: for each label
    # anew it adds up.
    factor, failed = dpotrf(precision)
    if failed:
        raise LinAlgError(f"the scatter has no Cholesky factor: LAPACK says {failed}")
    return np.asarray(dpotrs(factor, np.eye(len(precision)))[0], np.float32)


def largest(covariance: Matrix) -> float:
    """The largest eigenvalue."""
    try:
        last = len(covariance) - 1
        return float(eigh(covariance, eigvals_only=True, subset_by_index=[last, last])[0])
    except np.linalg.LinAlgError:
        # Where nearly all are equal, finding one alone fails in some builds of LAPACK.
        return float(np.linalg.eigvalsh(covariance)[-1])


def in_turn(
    features: Matrix, spread: Matrix, noise: Matrix, target: Matrix, picks: int
) -> NDArray[np.intp]:
    """The candidates, (n,), in the order to ask, each with what those before it leave open.

    spread: (n, D) features times the covariance C before any pick. noise: 1 / h of each.
    Of the matrices X C X^T and X C M C X^T, (n, n), only the diagonals are kept, and what each pick
    takes from them, r r^T and r u^T + u r^T.
    """
    towards, count = spread @ target, min(picks, len(features))
    variance = np.einsum("nd,nd->n", spread, features)
    seen = np.einsum("nd,nd->n", towards, spread)
    taken = np.zeros((2, count, len(features)), np.float32)
    found: list[int] = []
    for pick in range(count):
        gain = seen / (noise + variance)
        gain[found] = -np.inf
        best = int(gain.argmax())
        found.append(best)
        before, also = taken[:, :pick]
        near, far = features @ spread[best], towards @ spread[best]
        r = near - before[:, best] @ before
        u = far - before[:, best] @ also - also[:, best] @ before
        of_it = noise[best] + r[best]
        u -= r * (u[best] / (2 * of_it))
        taken[:, pick] = r, u
        taken[:, pick] /= np.sqrt(of_it)
        r, u = taken[:, pick]
        variance = variance - r * r
        seen = seen - 2 * r * u
    left = np.ones(len(features), np.bool_)
    left[found] = False
    return np.concatenate([np.array(found, np.intp), np.flatnonzero(left)])
