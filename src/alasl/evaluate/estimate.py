"""mAP and each label's AP of a table that is known in part, each with its 95 % interval.

Two estimates are joined. One completes the table many times by a calibrated guess of each entry: it
varies little, and keeps a bias where labels differ more than it thinks. The other corrects the
guess by the audit's answers over their chances: whatever the guess is, it has no bias but the
ratio's, which a simulation of the audit on the completed tables tells and takes off. The less the
second varies, the more it counts. docs/trust.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit, stdtrit

from alasl.errors import DataError
from alasl.evaluate import ap
from alasl.evaluate.audit import Audit
from alasl.evaluate.calibrate import View
from alasl.evaluate.complete import Sampled, sample
from alasl.evaluate.intervals import NORMAL, Figure, log_odds, share_interval
from alasl.evaluate.order import Order
from alasl.labels import PRESENT, Entries

Floats = NDArray[np.float64]

DRAWS = 100
# Settled by benchmarks/audits.py: how far the completed tables may be off in mAP, as a share; how
# far the two estimates err together; how many standard errors a label's interval reaches, and that
# of mAP, with so many more, over the answers a label, as few answers make the errors less normal.
_DOUBT, _TOGETHER = 0.02, 0.9
_WIDE_LABEL = 2.35
_WIDE, _WIDER_AT_FEW = 2.0, 20.0


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's word on the images judged, by models that did not see the answers to them.

    Nor may they have learned from any answer of the audit, to whichever image; see `draw`.
    scores: (N, L), higher = more likely present; AP is that of their order. probabilities: (N, L).
    """

    scores: NDArray[np.floating]
    probabilities: NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Estimate:
    """mAP and AP (L,), in [0, 1], NaN for labels left out, with 95 % intervals.

    images: N, which AP hangs on: compare at equal numbers. answers: audit answers it rests on.
    complete: whether every entry is known, of every label. The intervals then say how far other
    images of the same kind may differ; else how far these images' own AP may.
    left_out: columns without AP, and why.
    """

    mean: Figure
    labels: Figure
    images: int
    answers: int
    complete: bool
    left_out: dict[int, str]


@dataclass(frozen=True, eq=False)
class Gain:
    """What a second model gains over a first, on the same images and draws.

    first, second: their estimates. mean: the gain in mAP, in [-1, 1], with its 95 % interval. It is
    narrower than the two estimates' would have it, as what flatters one flatters the other.
    """

    first: Estimate
    second: Estimate
    mean: Figure


def estimate(judged: Scored, audit: Audit, seed: int = 0, draws: int = DRAWS) -> Estimate:
    """How well a model ranks, from what is known and the audit.

    Every entry known gives the exact AP; nothing judged gives NaN, and the reasons. `seed` decides
    the `draws` completed tables, and so the last digits. Raises `DataError` for shapes that differ,
    NaN scores, and probabilities outside [0, 1].
    """
    return _compare([judged], audit, seed, draws)[0][0]


def of_complete(scores: NDArray[np.floating], entries: Entries) -> Figure:
    """mAP over a table of which every entry is known, with its 95 % interval over images.

    scores: (N, L), higher = more likely present. Labels without a present or without an absent one
    are left out, and NaN is returned where none is left.
    """
    present = entries == PRESENT
    kept = np.flatnonzero(present.any(axis=0) & ~present.all(axis=0))
    if not len(kept):
        return _nothing()
    value, moves = ap.jackknife(present[:, kept], Order.of(scores[:, kept]))
    return share_interval(value.mean(), np.linalg.norm(moves.mean(axis=1)), NORMAL)


def gain(first: Scored, second: Scored, audit: Audit, seed: int = 0, draws: int = DRAWS) -> Gain:
    """The paired gain in mAP of the second model over the first; see `estimate`."""
    (one, two), (mean,) = _compare([first, second], audit, seed, draws)
    return Gain(one, two, mean)


def _compare(
    judged: Sequence[Scored], audit: Audit, seed: int, draws: int
) -> tuple[list[Estimate], list[Figure]]:
    """Each model's estimate, and what each but the first gains over the one before."""
    for model in judged:
        _check(model, audit)
    left_out = audit.left_out()
    shape = audit.entries.shape
    kept = np.setdiff1d(np.arange(shape[1]), list(left_out))
    part = audit.take(kept)
    orders = [Order.of(model.scores[:, kept]) for model in judged]
    complete = bool(audit.seen.all())
    if len(kept) == 0:
        nothing = _nothing()
        figures, gains = [(nothing, nothing)] * len(judged), [nothing] * (len(judged) - 1)
    elif part.seen.all():
        figures, gains = _exact(part, orders)
    else:
        views = [
            View(order, np.asarray(model.probabilities[:, kept], np.float64))
            for order, model in zip(orders, judged, strict=True)
        ]
        figures, gains = _audited(views, part, seed, draws)
    return [
        Estimate(
            mean,
            _spread(labels, kept, shape[1]),
            shape[0],
            int(part.audited.sum()),
            complete,
            left_out,
        )
        for mean, labels in figures
    ], gains


def _audited(
    views: Sequence[View], audit: Audit, seed: int, draws: int
) -> tuple[list[tuple[Figure, Figure]], list[Figure]]:
    sampled = sample(views, audit, seed, draws)
    wide = _WIDE + _WIDER_AT_FEW * audit.entries.shape[1] / max(int(audit.audited.sum()), 1)
    whole = audit.seen.all(axis=0)
    figures, gains = [], []
    for number, view in enumerate(views):
        mean, error = _joined(sampled.of(number))
        labels = _labels(sampled.completed[number], mean)
        if whole.any():
            columns = np.flatnonzero(whole)
            known = _exact(audit.take(columns), [view.order.take(columns)])[0][0][1]
            for values, exact in zip(_arrays(labels), _arrays(known), strict=True):
                values[whole] = exact
        figures.append((share_interval(mean, error, wide), labels))
    for after in range(1, len(views)):
        before = sampled.of(after - 1)
        now = sampled.of(after)
        mean, error = _joined(
            Sampled(
                now.completed - before.completed,
                now.corrected - before.corrected,
                now.error - before.error,
            )
        )
        gains.append(_around(mean, wide * error))
    return figures, gains


def _joined(sampled: Sampled) -> tuple[float, float]:
    """The mean over labels of one model's AP, or of a difference, and its standard error."""
    labels = sampled.corrected.shape[1]
    tables = sampled.completed[0].mean(axis=1)
    with np.errstate(invalid="ignore"):
        error = sampled.error[0][:, ~np.isnan(sampled.error[0]).all(axis=0)]
        bias = float(np.nanmean(error, axis=0).mean()) if error.size else 0.0
        varies = float(np.nanvar(error, axis=0).sum()) / labels**2 if error.size else 1.0
    spread = float(tables.var(ddof=1))
    weight = (spread + _DOUBT**2) / (spread + _DOUBT**2 + varies)
    mean = weight * (float(sampled.corrected.mean()) - bias) + (1 - weight) * float(tables.mean())
    error_of = (
        (1 - weight) ** 2 * (spread + (_DOUBT / 2) ** 2)
        + weight**2 * varies
        + 2 * weight * (1 - weight) * _TOGETHER * np.sqrt(spread * varies)
    )
    return mean, float(np.sqrt(error_of))


def _labels(completed: Floats, mean: float) -> Figure:
    """AP (L,) of each label: its completed tables' (M, L), moved so that their mean is `mean`.

    The less sure a label is, the more it moves.
    """
    odds = log_odds(completed)
    spread = odds.std(axis=0, ddof=1)

    def moved(by: float) -> Floats:
        return np.asarray(expit(odds + by * spread**2))

    def off(by: float) -> float:
        return float(moved(by).mean()) - mean

    reach = 50.0
    by = brentq(off, -reach, reach) if off(-reach) < 0 < off(reach) else 0.0
    centre = (odds + by * spread**2).mean(axis=0)
    value = moved(by).mean(axis=0)
    low, high = expit(centre - _WIDE_LABEL * spread), expit(centre + _WIDE_LABEL * spread)
    return Figure(value, np.minimum(low, value), np.maximum(high, value))


def _exact(
    audit: Audit, orders: Sequence[Order]
) -> tuple[list[tuple[Figure, Figure]], list[Figure]]:
    """Exact AP, with intervals by the jackknife over images (its limit for small weights)."""
    present = audit.entries == PRESENT
    found, moves = zip(*(ap.jackknife(present, order) for order in orders), strict=True)
    few = stdtrit(np.maximum(present.sum(axis=0) - 1, 1), 0.975)
    figures = [
        (
            share_interval(value.mean(), np.linalg.norm(move.mean(axis=1)), NORMAL),
            share_interval(value, np.linalg.norm(move, axis=0), few),
        )
        for value, move in zip(found, moves, strict=True)
    ]
    gains = [
        _around(
            float((found[i] - found[i - 1]).mean()),
            NORMAL * float(np.linalg.norm((moves[i] - moves[i - 1]).mean(axis=1))),
        )
        for i in range(1, len(orders))
    ]
    return figures, gains


def _check(model: Scored, audit: Audit) -> None:
    shape = audit.entries.shape
    if model.scores.shape != shape or model.probabilities.shape != shape:
        raise DataError(
            "scores and probabilities must fit the table",
            seen=f"{model.scores.shape} and {model.probabilities.shape}, the table {shape}",
        )
    if not ((model.probabilities >= 0) & (model.probabilities <= 1)).all():
        raise DataError("a probability must be between 0 and 1")


def _around(value: float, reach: float) -> Figure:
    return Figure(np.asarray(value), np.asarray(value - reach), np.asarray(value + reach))


def _nothing() -> Figure:
    return Figure(np.asarray(np.nan), np.asarray(np.nan), np.asarray(np.nan))


def _arrays(figure: Figure) -> tuple[Floats, Floats, Floats]:
    return figure.value, figure.low, figure.high


def _spread(figure: Figure, kept: NDArray[np.intp], labels: int) -> Figure:
    """The figures of the labels kept, among all: NaN elsewhere."""
    full = [np.full(labels, np.nan) for _ in range(3)]
    for whole, values in zip(full, _arrays(figure), strict=True):
        whole[kept] = values
    return Figure(*full)
