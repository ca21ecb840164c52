"""Which entries an audit asks: each has one random number for ever, so that draws nest.

An entry is asked once its number lies below its chance of being drawn. The chance only ever grows,
so what was asked stays asked, nothing is asked twice, and the chance that stands is the true one,
however many rounds there were.

All that holds as long as neither chances nor scores hang on what was drawn. So the model that is
judged, and that chooses what else to ask, never learns from the audit's answers. Nor would folds
do, of which each learns from the others' answers: what one fold's audit teaches the others comes
back by what these ask (a fifth of the presents were missed that way, in simulation). A model that
is handed over may learn from everything.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.evaluate.order import Order
from alasl.labels import ABSENT, PRESENT, Entries
from alasl.seeds import random_at, stream

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Ints = NDArray[np.intp]

# The share of a label's draws that is spread evenly over its images, whatever the model says.
FLOOR = 0.2
# The same where the audit also calibrates automatic answers, most of which are far down.
FLOOR_AUTOMATIC = 0.75
# Of images this far apart numbers are had by jumps; nearer ones with all those between.
FAR = 128


def permanent_numbers(images: int, labels: int, seed: int, rows: Ints | None = None) -> Floats:
    """(N, L): the random number in [0, 1) of each entry; the same for ever for the same seed.

    More images or labels leave the numbers of those there were as they are. rows: (n,), of these
    images only, (n, L), so that a table of any length takes little memory.
    """
    kept = np.arange(images) if rows is None else rows
    if images > FAR * len(kept) and labels:
        return random_at([stream(seed, "audit", label) for label in range(labels)], kept)
    found = np.empty((len(kept), labels))
    for label in range(labels):
        found[:, label] = stream(seed, "audit", label).random(images)[kept]
    return found


def weights(scores: NDArray[np.floating], floor: float = FLOOR) -> Floats:
    """(N, L): how much likelier than the label's average each entry is to be drawn; means of 1.

    scores (N, L): of models that saw no audit answer, higher = more likely present. Weights go
    with the square of ln(N / rank): the top of a ranking decides its AP. `floor`, in [0, 1], is
    the share drawn evenly. Equal scores, as where there is no model, draw all evenly.
    """
    n = len(scores)
    if n == 0:
        return np.zeros(scores.shape)
    steep = np.log(n / (Order.of(scores).mean_rank() - 0.5 + 1e-9)) ** 2
    return np.asarray(floor + (1 - floor) * steep / steep.mean(axis=0))


def claim_weights(scores: NDArray[np.floating], claims: Entries, floor: float = FLOOR) -> Floats:
    """(N, L): likewise, of what a table claims: presents half of the draws, absents the other half.

    claims: int8 (N, L), -1 where it claims nothing, with weight 0. Presents that rank low and
    absents that rank high are the likeliest wrong, and matter most.
    """
    found = np.zeros(scores.shape)
    for value, steep in ((PRESENT, -scores), (ABSENT, scores)):
        side = np.where(claims == value, weights(steep, floor), 0)
        found += side / np.maximum(side.sum(axis=0), 1e-300)
    return found


def inclusion(weights: Floats, open_: Mask, budget: float, before: Floats | None = None) -> Floats:
    """(N, L): the chance that each entry has been drawn by now; 0 where it is not open.

    weights: (N, L), as from `weights`. open_: (N, L), entries that were not given. budget: entries
    to be drawn of each label by now, on average, over all rounds. before: the chances up to now,
    which never shrink, and count whatever the weights are now. Raises `DataError` for shapes that
    differ and for weights below 0.
    """
    if weights.shape != open_.shape or (before is not None and before.shape != weights.shape):
        raise DataError(
            "weights, mask and chances must have one shape",
            seen=f"{weights.shape}, {open_.shape}"
            + ("" if before is None else f", {before.shape}"),
        )
    if not (weights >= 0).all() or not budget >= 0:
        raise DataError("weights and budget must not be negative, nor NaN")
    chance = np.zeros(weights.shape) if before is None else before.copy()
    for col in range(weights.shape[1]):
        here = np.flatnonzero(open_[:, col])
        chance[here, col] = _grown(weights[here, col], chance[here, col], budget)
    return chance


def to_ask(numbers: Floats, chance: Floats, asked: Mask) -> Mask:
    """(N, L): the entries that the audit asks now.

    numbers: from `permanent_numbers`. chance: from `inclusion`. asked: what people have been asked
    before, by the audit or not.
    """
    return (numbers < chance) & ~asked


def _grown(weight: Floats, before: Floats, total: float) -> Floats:
    """min(1, c * weight), or what was before where that is more, with the sum `total`."""
    if not before.any():
        return _to_sum(weight, total)
    free = np.ones(len(weight), np.bool_)
    while True:
        chance = before.copy()
        chance[free] = _to_sum(weight[free], max(0.0, total - before[~free].sum()))
        higher = free & (chance < before)
        if not higher.any():
            return chance
        free &= ~higher


def _to_sum(weight: Floats, total: float) -> Floats:
    """min(1, c * weight) with the c that makes the sum `total`, or 1 everywhere if that is less."""
    if total >= np.count_nonzero(weight):
        return (weight > 0).astype(np.float64)
    # With the k largest at 1, the others share the rest; k is right once none of them exceeds 1.
    ranked = np.sort(weight)[::-1]
    rest = ranked[::-1].cumsum()[::-1]
    scale = (total - np.arange(len(ranked))) / np.maximum(rest, 1e-300)
    full = int(np.argmax(scale * ranked <= 1))
    return np.asarray(np.minimum(1, scale[full] * weight))
