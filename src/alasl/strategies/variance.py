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

import threading
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.labels import UNKNOWN
from alasl.ranking import highest
from alasl.strategies.base import Columns, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.finding import finder
from alasl.strategies.picks import squared
from alasl.strategies.posterior import (
    CANDIDATES,
    Matrix,
    Order,
    Plan,
    Scale,
    covariance_of,
    in_turn,
    largest,
    scatter,
    slope_of,
    top,
    variances,
)
from alasl.strategies.seeking import sought
from alasl.strategies.streamed import Labelwise, Rank, needed
from alasl.threads import on_one_thread

TINY = 1e-12
# Entries of a label of which more are first sifted by a bound.
PRUNED = 2**15
# Labels whose images are in hand at a time.
LABELS = 8


def ranker(pool: Labelwise, *, target: Literal["top", "all"] = "top") -> Rank:
    """What scores some labels, see `variance`."""
    plan = Plan.of(pool)
    order, ties, many = plan.order, plan.ties, plan.many
    labelled = needed(pool.labelled, "labelled")
    with on_one_thread():
        seen, beside = needed(pool.features, "features"), labelled.need("features")
        scale = Scale.fit(seen, order, beside, plan.spread)
        here, there = scale.of(seen[order]), scale.of(beside)
    likely = labelled.need("probabilities")
    lengths, room = squared(here), threading.local()

    def rank(part: slice, columns: Columns) -> Scores:
        # Single precision tells some millions of places apart.
        given = np.zeros((part.stop - part.start, len(ties)), np.float32)
        if not plan.asked_of[part].any():
            return given.T
        # By label, so that one's are read in one go; of a few labels, as all take much memory.
        chances, entries, askable = (
            np.ascontiguousarray(table[order].T)
            for table in (
                needed(columns.probabilities, "probabilities"), columns.entries, columns.askable
            )
        )  # fmt: skip
        slope, unknown = slope_of(chances), entries == UNKNOWN
        slope_there = slope_of(likely[:, part].T)
        for at in np.flatnonzero(plan.asked_of[part]):
            label = part.start + int(at)
            x = _beside(here, pool.evidence, label, order, room)
            y = _beside(there, labelled.evidence, label)
            h, asked = slope[at], np.flatnonzero(askable[at])
            known = np.flatnonzero(labelled.entries[:, label] != UNKNOWN)
            answered = scatter(x, h, np.flatnonzero(~unknown[at]))
            around = scatter(y, slope_there[at], known)
            covariance = covariance_of(answered + around)
            left = np.flatnonzero(unknown[at])
            if not plan.presents[label]:
                moved, usual = answered + scatter(x, h, left), plan.usual[label]
                given[at, asked] = sought(
                    x, chances[at], asked, covariance, moved, usual, plan.picks, ties
                )
                continue
            if len(asked) > max(PRUNED, many):
                alone = _sifted(x, h, asked, covariance, many, lengths if x is here else squared(x))
            else:
                alone = h[asked] * variances(x, covariance)[asked]
            if target == "top":
                matters = scatter(x, h, top(chances[at], left))
            else:
                matters = answered + scatter(x, h, left)
            given[at, asked] = _ranked(x, h, asked, alone, covariance, matters, plan.picks, ties)
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
    finder=finder,
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


def _beside(
    features: Matrix,
    evidence: Any,
    label: int,
    order: Order = slice(None),
    room: Any = None,
) -> Matrix:
    """(n, D + S): features (n, D) with what S other models say of a label, (S, n, L), beside.

    room: of a thread, where it keeps the features for its next label.
    """
    if evidence is None:
        return features
    others, found = evidence[:, order, label], getattr(room, "found", None)
    if found is None:
        found = np.empty((len(features), features.shape[1] + len(others)), np.float32)
        found[:, : features.shape[1]] = features
    if room is not None:
        room.found = found
    found[:, features.shape[1] :] = others.T
    return np.asarray(found)


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
    order = in_turn(x, x @ covariance, noise, target, picks)
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
    most = largest(covariance)
    # More than rounding could take from it.
    found = np.asarray((slope * lengths)[rows] * np.float32(most * 1.001), np.float32)
    first = np.argpartition(found, -many)[-many:]
    exact = slope[rows[first]] * variances(features, covariance, rows[first])
    left = np.flatnonzero(found >= exact.min())
    found[left] = slope[rows[left]] * variances(features, covariance, rows[left])
    return found
