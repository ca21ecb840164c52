"""Variance: the entries whose answers make the model surest of all the other images of the label.

For each label the model is a logistic regression on the features, whose weights are known up to a
Gaussian of covariance C = (I + sum over known entries of h x x^T)^-1, with h = p (1 - p) and x the
features on a scale where a logit's deviation before anything is known is the model's own, which
it finds from held-out entries: where features say little or answers are wrong it is small, and
with a larger one the strategy would ask what the model has no doubt of. An answer to the
entry of image x takes C x x^T C / (1/h + x^T C x) from C, whatever it is, and so takes

    (x^T C M C x) / (1/h + x^T C x),    M = sum over the images that count of h x x^T,

from their sum of h times the logit's variance, which is to second order twice what their
cross-entropy could still fall. The images that count are those of unknown entries near the top of
the label's ranking, where average precision is decided; or the whole pool. Entries of one label
are picked one after the other, each with the covariance that the picks before it leave, so that a
batch does not ask the same thing twice; and as many are picked for each label, for mAP counts all
labels alike. Of more labels than twice the round's answers, as many are drawn, and of the others
nothing is asked.

Where no present of a label is known yet, there is no ranking whose variance could count, and the
first present teaches more than any absent. So the picks are then those that together are likely to
hold one, and one that moves many logits (`seeking`).

What another model says of a label is one feature more of that label alone, with a scale of its own.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, eigh
from scipy.linalg.lapack import dpotrf, dpotrs

from alasl.labels import PRESENT, UNKNOWN
from alasl.ranking import highest
from alasl.strategies.base import Columns, Pool, Scores, strategy
from alasl.strategies.blocks import cut, in_blocks
from alasl.strategies.picks import by_draws, squared
from alasl.strategies.seeking import sought
from alasl.strategies.streamed import Labelwise, Rank, needed
from alasl.threads import on_one_thread

# Standard deviation of a logit before anything is known, of a model that says nothing of it.
SPREAD = 3.6
# Directions of the features that are kept, and entries of a label that are compared in full.
DIMS, CANDIDATES = 128, 200
# Entries of a label that are picked one after the other: what each costs grows with those before.
MOST = 500
# Images whose sum stands for that of all, where there are more; drawn.
SAMPLE = 8192
TINY = 1e-12
# Entries of a label of which more are first sifted by a bound.
PRUNED = 2**15
# Labels whose images are in hand at a time.
LABELS = 8
# The top of a ranking: so many images more than so many times the presents that p counts.
MORE, TIMES = 20, 2

Matrix = NDArray[np.float32]
# Images by their draws; a whole slice where they come so.
Order = NDArray[np.intp] | slice


def ranker(pool: Labelwise, *, target: Literal["top", "all"] = "top") -> Rank:
    """What scores some labels, see `variance`."""
    places, rng = by_draws(pool.ties)
    labelled = needed(pool.labelled, "labelled")
    # What comes in that order need not be copied.
    order: Order = slice(None) if (places[:-1] < places[1:]).all() else places
    spread = SPREAD if pool.spread is None else pool.spread
    with on_one_thread():
        seen = needed(pool.features, "features")
        here, there = _scaled(seen, order, labelled.need("features"), spread)
    likely = labelled.need("probabilities")
    presents = pool.presents_of + (labelled.entries == PRESENT).sum(axis=0)
    known_of = pool.known_of + (labelled.entries != UNKNOWN).sum(axis=0)
    # Presents that a usual label has among as many known entries.
    usual = np.maximum(known_of, 1) * (presents.sum() / max(known_of.sum(), 1))
    ties = pool.ties[order]
    asked_of = pool.askable_of
    labels = np.flatnonzero(asked_of)
    # Twice a label's share, for labels that have fewer entries to ask than their share.
    picks = min(-(-2 * pool.batch // max(len(labels), 1)), MOST)
    if pool.ask == "entries":
        asked_of[rng.permutation(labels)[2 * pool.batch :]] = False
    many = max(CANDIDATES, picks)
    lengths = squared(here)

    def rank(part: slice, columns: Columns) -> Scores:
        # Single precision tells some millions of places apart.
        given = np.zeros((part.stop - part.start, len(ties)), np.float32)
        if not asked_of[part].any():
            return given.T
        # By label, so that one's are read in one go; of a few labels, as all take much memory.
        chances, entries, askable = (
            np.ascontiguousarray(table[order].T)
            for table in (
                needed(columns.probabilities, "probabilities"), columns.entries, columns.askable
            )
        )  # fmt: skip
        slope, unknown = _slope(chances), entries == UNKNOWN
        slope_there = _slope(likely[:, part].T)
        for at in np.flatnonzero(asked_of[part]):
            label = part.start + int(at)
            x = _beside(here, pool.evidence, label, order)
            y = _beside(there, labelled.evidence, label)
            h, asked = slope[at], np.flatnonzero(askable[at])
            known = np.flatnonzero(labelled.entries[:, label] != UNKNOWN)
            answered = _scatter(x, h, np.flatnonzero(~unknown[at]))
            around = _scatter(y, slope_there[at], known)
            covariance = _covariance(answered + around)
            left = np.flatnonzero(unknown[at])
            if not presents[label]:
                moved = answered + _scatter(x, h, left)
                given[at, asked] = sought(
                    x, chances[at], asked, covariance, moved, usual[label], picks, ties
                )
                continue
            if len(asked) > max(PRUNED, many):
                alone = _sifted(x, h, asked, covariance, many, lengths if x is here else squared(x))
            else:
                alone = h[asked] * _variance(x, covariance)[asked]
            if target == "top":
                matters = _scatter(x, h, _top(chances[at], left))
            else:
                matters = answered + _scatter(x, h, left)
            given[at, asked] = _ranked(x, h, asked, alone, covariance, matters, picks, ties)
        if isinstance(order, slice):
            return given.T
        scores = np.empty_like(given.T)
        scores[order] = given.T
        return scores

    return rank


@strategy(
    "variance",
    paper="Schein and Ungar 2007 (A-optimality), for each label",
    needs=("probabilities", "features", "labelled"),
    unit="entry",
    work="N L D^2",
    ranker=ranker,
)
def variance(pool: Pool, *, target: Literal["top", "all"] = "top") -> Scores:
    """Entries whose answers reduce the variance of the label's other predictions most.

    target: whose variance counts: `top`, the images near the top of the label's ranking; `all`,
        the whole pool.
    """
    rank = ranker(pool, target=target)
    scores = np.empty(pool.shape, np.float32)

    def fill(part: slice) -> None:
        # An image's labels together, as they lie in memory.
        scores[:, part] = rank(part, pool.columns(part))

    in_blocks(fill, pool.shape[1], LABELS)
    return scores


def _scaled(
    pool: NDArray[np.floating],
    order: Order,
    labelled: NDArray[np.floating],
    spread: float,
) -> tuple[Matrix, Matrix]:
    """Both parts' features by their main directions; a logit's variance is then `spread`^2.

    The pool's, (N, D), come in this order, (N,).
    """
    total = sum(part.sum(axis=0, dtype=np.float64) for part in (pool, labelled))
    mean = np.asarray(total / (len(pool) + len(labelled)), np.float32)
    here, there = np.subtract(pool[order], mean), np.subtract(labelled, mean)
    scatter = here.T @ here + there.T @ there
    scale = spread / np.sqrt(max(np.trace(scatter) / (len(here) + len(there)), 1e-12))
    width = scatter.shape[0]
    if width > DIMS:
        _, main = eigh(scatter, subset_by_index=[width - DIMS, width - 1])
        here, there = here @ main, there @ main
    here *= np.float32(scale)
    there *= np.float32(scale)
    return here, there


def _beside(
    features: Matrix,
    evidence: NDArray[np.floating] | None,
    label: int,
    order: Order = slice(None),
) -> Matrix:
    """(n, D + S): features (n, D) with what S other models say of a label, (S, n, L), beside."""
    if evidence is None:
        return features
    others = evidence[:, order, label]
    return np.concatenate([features, others.T], axis=1, dtype=np.float32)


def _slope(probabilities: NDArray[np.floating]) -> Matrix:
    """p (1 - p), of each: how much a change of the logit moves the probability; never 0."""
    p = np.clip(np.ascontiguousarray(probabilities, np.float32), 1e-4, 1 - 1e-4)
    return p * (1 - p)


def _top(chances: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of some rows (n,), in their order, that p, (N,), puts near the top."""
    p = chances[rows]
    many = MORE + int(TIMES * p.sum(dtype=np.float64))
    if many >= len(rows):
        return rows
    return rows[np.sort(np.argpartition(-p, many)[:many])]


def _scatter(features: Matrix, weights: Matrix, rows: NDArray[np.intp]) -> Matrix:
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


def _variance(features: Matrix, covariance: Matrix, rows: NDArray[np.intp] | None = None) -> Matrix:
    """(n,): x^T C x of features x, (N, D), of all or some rows (n,)."""
    found = np.empty(len(features) if rows is None else len(rows), np.float32)
    for part in cut(len(found)):
        x = features[part] if rows is None else features.take(rows[part], axis=0, mode="clip")
        found[part] = np.einsum("nd,nd->n", x @ covariance, x)
    return found


def _covariance(scatter: Matrix) -> Matrix:
    """(D, D): what known entries of this scatter leave open of a label's weights."""
    precision = scatter.astype(np.float64)
    precision.flat[:: len(precision) + 1] += 1
    # What cho_factor and cho_solve call, without looking for what is not finite: for each label
    # anew it adds up.
    factor, failed = dpotrf(precision)
    if failed:
        raise LinAlgError(f"the scatter has no Cholesky factor: LAPACK says {failed}")
    return np.asarray(dpotrs(factor, np.eye(len(precision)))[0], np.float32)


def _ranked(
    features: Matrix,
    slope: Matrix,
    rows: NDArray[np.intp],
    alone: Matrix,
    covariance: Matrix,
    target: Matrix,
    picks: int,
    ties: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Scores in (0, 1] of the images `rows` (n,), of which a label can be asked; higher = first.

    features, slope, ties: of all N. alone: (n,), h x^T C x. target: the scatter of the images whose
    variance counts.
    """
    if not len(rows):
        return np.zeros(0)
    alone = alone.astype(np.float64)
    chosen = highest(alone, lambda places: ties[rows[places]], max(CANDIDATES, picks))
    x, noise = features[rows[chosen]], np.asarray(1 / slope[rows[chosen]], np.float32)
    order = _in_turn(x, x @ covariance, noise, target, picks)
    # Those that are not compared in full come after all that are.
    scores: NDArray[np.float64] = alone / (alone.max() * (len(chosen) + 1) + TINY)
    scores[chosen[order]] = 1 / np.arange(1, len(order) + 1)
    return scores


def _sifted(
    features: Matrix,
    slope: Matrix,
    rows: NDArray[np.intp],
    covariance: Matrix,
    many: int,
    lengths: Matrix,
) -> Matrix:
    """(n,): h x^T C x of some rows (n,), exact of the `many` highest.

    The others are left at what they have at most, h |x|^2 times C's largest eigenvalue, where even
    that is below the `many` highest. lengths: (N,), |x|^2.
    """
    largest = _largest(covariance)
    # More than rounding could take from it.
    found = np.asarray((slope * lengths)[rows] * np.float32(largest * 1.001), np.float32)
    first = np.argpartition(found, -many)[-many:]
    exact = slope[rows[first]] * _variance(features, covariance, rows[first])
    left = np.flatnonzero(found >= exact.min())
    found[left] = slope[rows[left]] * _variance(features, covariance, rows[left])
    return found


def _largest(covariance: Matrix) -> float:
    """The largest eigenvalue."""
    try:
        last = len(covariance) - 1
        return float(eigh(covariance, eigvals_only=True, subset_by_index=[last, last])[0])
    except np.linalg.LinAlgError:
        # Where nearly all are equal, finding one alone fails in some builds of LAPACK.
        return float(np.linalg.eigvalsh(covariance)[-1])


def _in_turn(
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
