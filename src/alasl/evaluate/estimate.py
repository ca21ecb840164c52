"""mAP and other figures of a table that is known in part, each label's too, with 95 % intervals.

Two estimates are joined. One completes the table many times by a calibrated guess of each entry: it
varies little, and keeps a bias where labels differ more than it thinks. The other corrects the
guess by the audit's answers over their chances: whatever the guess is, it has no bias but the
ratio's, which a simulation of the audit on the completed tables tells and takes off. The less the
second varies, the more it counts. Where people are seen to err, an answer is no truth but makes it
likely, and each completed table has its own. docs/trust.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.evaluate import ap, few
from alasl.evaluate.audit import NO_PRESENT, Audit
from alasl.evaluate.calibrate import View
from alasl.evaluate.calls import BINS, EDGES, NAMES, Calls
from alasl.evaluate.complete import Measure, Sampled, sample
from alasl.evaluate.intervals import NORMAL, Figure, clopper_pearson, share_interval
from alasl.evaluate.joined import figures, joined, reach
from alasl.evaluate.order import Order
from alasl.labels import ABSENT, PRESENT, Entries

Floats = NDArray[np.float64]

DRAWS = 100


@dataclass(frozen=True, eq=False)
class Scored:
    """One model's word on the images judged, by models that did not see the answers to them.

    Nor may they have learned from any answer of the audit, to whichever image; see `draw`.
    scores: (N, L), higher = more likely present; AP is that of their order. probabilities: (N, L).
    called: int8 (N, L), what is called present, see `called_by_others`; None: not to be judged.
    """

    scores: NDArray[np.floating]
    probabilities: NDArray[np.floating]
    called: Entries | None = None


@dataclass(frozen=True, eq=False)
class Measured:
    """One figure in [0, 1]: its mean over labels and each label's (L,), with 95 % intervals.

    left_out: columns without it, NaN there, and why.
    """

    mean: Figure
    labels: Figure
    left_out: dict[int, str]


@dataclass(frozen=True, eq=False)
class Reliability:
    """How many presents the probabilities expect, and how many there are, over all labels judged.

    edges: (B + 1,), of the bins of probability. sizes: (B,), entries in each. expected: (B,),
    presents. observed: (B,), presents, with the 95 % interval.
    """

    edges: tuple[float, ...]
    sizes: NDArray[np.intp]
    expected: Floats
    observed: Figure


@dataclass(frozen=True, eq=False)
class Estimate:
    """mAP and AP (L,), in [0, 1], NaN for labels left out, with 95 % intervals.

    images: N, which AP hangs on: compare at equal numbers. answers: audit answers it rests on.
    complete: whether every entry is known, of every label. The intervals then say how far other
    images of the same kind may differ; else how far these images' own AP may.
    left_out: columns without AP, and why. calls: each of `calls.NAMES`, where anything is called.
    erring: (2,), the shares of wrong answers to absent entries, and to present ones, where people's
    answers to the same entries differ; the figures and intervals reckon with them.
    """

    mean: Figure
    labels: Figure
    images: int
    answers: int
    complete: bool
    left_out: dict[int, str]
    calls: dict[str, Measured] = field(default_factory=dict)
    reliability: Reliability | None = None
    erring: Figure | None = None


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
    """How well a model ranks and calls, from what is known and the audit.

    Every entry known gives the exact AP; nothing judged gives NaN, and the reasons. `seed` decides
    the `draws` completed tables, and so the last digits. Raises `DataError` for shapes that differ,
    NaN scores, and probabilities outside [0, 1].
    """
    return _compare([judged], audit, seed, draws)[0][0]


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
    part = audit.take(kept).believed()
    if len(kept) == 0:
        nothing = _nothing()
        # Where no present was found, answers still say how frequent a label can be at most.
        bound = {name: Measured(nothing, nothing, {}) for name in NAMES if audit.audited.any()}
        parts, gains = (
            [_Part(nothing, nothing, bound) for _ in judged],
            [nothing] * (len(judged) - 1),
        )
    else:
        orders = [Order.of(model.scores[:, kept]) for model in judged]
        calls = [
            None if model.called is None else Calls(model.called, model.probabilities).take(kept)
            for model in judged
        ]
        if part.settled.all():
            parts, gains = _exact(part, orders, calls)
        else:
            views = [
                View(order, np.asarray(model.probabilities[:, kept], np.float64))
                for order, model in zip(orders, judged, strict=True)
            ]
            parts, gains = _audited(views, calls, part, seed, draws)
    bounds = {
        col: f"at most {100 * audit.prevalence_at_most(col):.1f} %"
        for col, why in left_out.items()
        if why == NO_PRESENT
    }
    return [
        Estimate(
            _mean(one.mean, one.labels),
            _spread(one.labels, kept, shape[1]),
            shape[0],
            int(part.audited.sum()),
            bool(audit.settled.all()),
            left_out,
            {
                name: Measured(
                    _mean(each.mean, each.labels),
                    _spread(each.labels, kept, shape[1]),
                    (left_out | bounds if name == "prevalence" else left_out)
                    | {int(kept[col]): why for col, why in each.left_out.items()},
                )
                for name, each in one.calls.items()
            },
            one.reliability,
            one.erring,
        )
        for one in parts
    ], gains


@dataclass(frozen=True, eq=False)
class _Part:
    """What is found of one model, of the labels that can be judged."""

    mean: Figure
    labels: Figure
    calls: dict[str, Measured] = field(default_factory=dict)
    reliability: Reliability | None = None
    erring: Figure | None = None


def _audited(
    views: Sequence[View], calls: Sequence[Calls | None], audit: Audit, seed: int, draws: int
) -> tuple[list[_Part], list[Figure]]:
    ranked: list[Measure] = [ap.Ranked(view.order) for view in views]
    called = [one for one in calls if one is not None]
    sampled = sample(views, [*ranked, *called], audit, seed, draws)
    wide, wide_bins = reach(audit), reach(audit, "bins")
    whole = np.flatnonzero(audit.settled.all(axis=0))
    known: list[_Part | None] = [None] * len(views)
    if len(whole):
        orders = [view.order.take(whole) for view in views]
        of_whole = [one and one.take(whole) for one in calls]
        known = [*_exact(audit.take(whole), orders, of_whole)[0]]
    parts, gains, first = [], [], len(views)
    for number, (view, one, exact) in enumerate(zip(views, calls, known, strict=True)):
        mean, labels = figures(sampled.of(number), wide)
        labels = _not_ruled_out(labels, view.order, audit)
        part = _Part(
            mean, _with(labels, whole, exact.labels if exact else None), erring=sampled.told
        )
        if one is not None:
            found = {}
            for place, name in enumerate(NAMES):
                wide_here = reach(audit, name)
                found[name] = _measured(sampled, first + place, one.left_out(name), wide_here)
                if name == "precision":
                    _of_known_calls(found[name].labels, one, audit)
                free = ~one.contradicted(name, audit.told) & ~np.isnan(found[name].labels.value)
                found[name].labels.high[free] = 1
                if exact:
                    each = found[name]
                    full = _with(each.labels, whole, exact.calls[name].labels)
                    found[name] = Measured(each.mean, full, each.left_out)
            bins = [joined(sampled.of(first + len(NAMES) + b)) for b in range(BINS)]
            entries = audit.entries.size
            observed = entries * np.array([mean for mean, _ in bins])
            reaches = wide_bins * entries * np.array([error for _, error in bins])
            found_in_bins = _reliability(one, observed, reaches)
            part = _Part(mean, part.labels, found, found_in_bins, sampled.told)
            first += one.many
        parts.append(part)
    for after in range(1, len(views)):
        before = sampled.of(after - 1)
        now = sampled.of(after)
        gained, error = joined(
            Sampled(
                now.completed - before.completed,
                now.corrected - before.corrected,
                now.error - before.error,
            )
        )
        gains.append(_around(gained, wide * error))
    return parts, gains


def _not_ruled_out(labels: Figure, order: Order, audit: Audit) -> Figure:
    """AP (L,), whose intervals reach 1 where every known present ranks above every known absent.

    Nothing speaks against an AP of 1 there, but the guess leans towards what is usual of labels.
    """
    rank = order.mean_rank()
    lowest = np.where(audit.told == PRESENT, rank, 0).max(axis=0)
    highest = np.where(audit.told == ABSENT, rank, np.inf).min(axis=0)
    return Figure(labels.value, labels.low, np.where(lowest < highest, 1.0, labels.high))


def _measured(sampled: Sampled, figure: int, left_out: dict[int, str], wide: float) -> Measured:
    labels = sampled.corrected.shape[2]
    kept = np.setdiff1d(np.arange(labels), list(left_out))
    if not len(kept):
        return Measured(_nothing(), _spread(_nothing(), kept, labels), left_out)
    mean, each = figures(sampled.of(figure, kept), wide)
    return Measured(mean, _spread(each, kept, labels), left_out)


def _of_known_calls(precision: Figure, calls: Calls, audit: Audit) -> None:
    """Give precision (L,) the interval over other images where all that is called is known."""
    called = calls.called == PRESENT
    whole = called.any(axis=0) & (audit.settled | ~called).all(axis=0)
    hits = (called & (audit.entries == PRESENT)).sum(axis=0)
    ends = clopper_pearson(hits[whole], called.sum(axis=0)[whole])
    for values, end in zip((precision.low, precision.high), ends, strict=True):
        values[whole] = np.where(np.isnan(precision.value[whole]), np.nan, end)


def _reliability(calls: Calls, observed: Floats, reach: Floats) -> Reliability:
    sizes = calls.sizes.sum(axis=1)
    low, high = np.clip(observed - reach, 0, sizes), np.clip(observed + reach, 0, sizes)
    found = Figure(np.clip(observed, 0, sizes), low, high)
    return Reliability(EDGES, sizes, calls.expected.sum(axis=1), found)


def _exact(
    audit: Audit, orders: Sequence[Order], calls: Sequence[Calls | None]
) -> tuple[list[_Part], list[Figure]]:
    """Exact figures, AP's intervals over images; see `few`."""
    present = audit.entries == PRESENT
    presents = present.sum(axis=0)
    found, moves = zip(*(ap.jackknife(present, order) for order in orders), strict=True)
    parts = []
    for value, move, one in zip(found, moves, calls, strict=True):
        mean, labels = (of(value, move, presents) for of in (few.of_mean, few.of_labels))
        measured, reliability = ({}, None) if one is None else _exact_calls(one, present)
        parts.append(_Part(mean, labels, measured, reliability))
    gains = [
        _around(
            float((found[i] - found[i - 1]).mean()),
            few.reach_of_gain(moves[i] - moves[i - 1], presents),
        )
        for i in range(1, len(orders))
    ]
    return parts, gains


def _exact_calls(
    calls: Calls, present: NDArray[np.bool_]
) -> tuple[dict[str, Measured], Reliability]:
    of_labels, moves, draws = calls.complete(present)
    measured = {}
    for name, labels, move in zip(NAMES, of_labels, moves, strict=False):
        left_out = calls.left_out(name)
        kept = np.setdiff1d(np.arange(present.shape[1]), list(left_out))
        mean = _nothing()
        if len(kept):
            value, here = labels.value[kept], move[:, kept]
            if name in draws:
                mean = few.of_mean(value, here, draws[name][kept])
            else:
                mean = share_interval(value.mean(), np.linalg.norm(here.mean(axis=1)), NORMAL)
        some = Figure(*(values[kept] for values in _arrays(labels)))
        measured[name] = Measured(mean, _spread(some, kept, present.shape[1]), left_out)
    bins = calls.bins
    observed = np.array([present[bins == b].sum() for b in range(BINS)], np.float64)
    error = len(present) * np.linalg.norm(moves[len(NAMES) :].sum(axis=2), axis=1)
    return measured, _reliability(calls, observed, NORMAL * error)


def _check(model: Scored, audit: Audit) -> None:
    shape = audit.entries.shape
    if model.scores.shape != shape or model.probabilities.shape != shape:
        raise DataError(
            "scores and probabilities must fit the table",
            seen=f"{model.scores.shape} and {model.probabilities.shape}, the table {shape}",
        )
    if model.called is not None and model.called.shape != shape:
        raise DataError("calls must fit the table", seen=f"{model.called.shape}, the table {shape}")
    if not ((model.probabilities >= 0) & (model.probabilities <= 1)).all():
        raise DataError("a probability must be between 0 and 1")


def _around(value: float, reach: float) -> Figure:
    return Figure(np.asarray(value), np.asarray(value - reach), np.asarray(value + reach))


def _nothing() -> Figure:
    return Figure(np.asarray(np.nan), np.asarray(np.nan), np.asarray(np.nan))


def _arrays(figure: Figure) -> tuple[Floats, Floats, Floats]:
    return figure.value, figure.low, figure.high


def _with(figure: Figure, columns: NDArray[np.intp], known: Figure | None) -> Figure:
    """The same with known figures in the place of those of some columns."""
    if known is not None:
        for values, exact in zip(_arrays(figure), _arrays(known), strict=True):
            values[columns] = exact
    return figure


def _mean(mean: Figure, labels: Figure) -> Figure:
    """The mean over labels; of a single one, that label's own figure, and so its interval."""
    one = np.flatnonzero(~np.isnan(labels.value))
    return Figure(*(values[one[0]] for values in _arrays(labels))) if len(one) == 1 else mean


def _spread(figure: Figure, kept: NDArray[np.intp], labels: int) -> Figure:
    """The figures of the labels kept, among all: NaN elsewhere."""
    full = [np.full(labels, np.nan) for _ in range(3)]
    for whole, values in zip(full, _arrays(figure), strict=True):
        whole[kept] = values
    return Figure(*full)
