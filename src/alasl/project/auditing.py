"""The audit of a project's test set: what chance asks of it, and what the answers say of a model.

The test set never trains what is judged, nor what chooses the other questions, so neither chances
nor scores hang on the audit's answers. Each entry has one random number for ever, and is asked once
its chance exceeds it; see `alasl.evaluate.draw`. Where a queue is left half answered, it was chance
too that decided which of its questions were answered, since they stand in no order: chances shrink
by that share, label by label.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.draw import FLOOR, inclusion, permanent_numbers, weights
from alasl.evaluate.estimate import Estimate, Gain, Measured, Reliability, Scored, estimate, gain
from alasl.evaluate.intervals import Figure
from alasl.evaluate.thresholds import called_by_others
from alasl.labels import INFERRED, UNKNOWN, Entries
from alasl.learner import Known
from alasl.project.ground import Bin, Figures, Ground, Told
from alasl.project.records import SOURCES, Chances, Floats, Ints, Mask
from alasl.project.store import Store

# Of figures that are kept, as there are many.
_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Draw:
    """Questions of the audit: rows, cols and pi (n,) each, and the chances by which it drew."""

    rows: Ints
    cols: Ints
    pi: Floats
    chances: Chances

    def without(self, lost: Mask) -> Draw:
        """The same without questions about images that cannot be seen, (N,); chances stay."""
        there = ~lost[self.rows]
        return replace(self, rows=self.rows[there], cols=self.cols[there], pi=self.pi[there])


@dataclass(frozen=True, eq=False)
class ProjectAudit:
    """The audit as it is now: T test images, L labels.

    rows: (T,), ascending. entries: int8 (T, L), what is given or what people say. certain: (T, L),
    entries known by no draw of the audit. settled: (T, L), entries not to be asked any more.
    answered: (T, L), entries that the audit drew and people said something of. response: (L,), the
    share of the audit's questions in the queue that are done. numbers: (T, L), from
    `permanent_numbers`. seed: of the estimates.
    """

    rows: Ints
    entries: Entries
    certain: Mask
    settled: Mask
    answered: Mask
    chances: Chances
    response: Floats
    numbers: Floats
    seed: int

    @classmethod
    def of(cls, store: Store, rows: Ints, known: Known, given: Entries, seed: int) -> ProjectAudit:
        """The audit of the images `rows` of a store, of which this much is known.

        given: int8 (T, L), what the store's `initial` has of them.
        """
        scheme = store.scheme
        images, names = scheme.rows[rows], scheme.cols
        shape = (int(images[-1]) + 1, int(names[-1]) + 1)
        numbers = permanent_numbers(*shape, seed, images)[:, names]
        chances, answered, response = store.audited(rows)
        labels = known.human_labels
        entries = labels.entries[rows].copy()
        # What follows from audit answers was not known by itself: it counts as answered where the
        # audit drew it too, and else for nothing.
        follows = labels.source[rows] == SOURCES.index(INFERRED)
        follows &= given == UNKNOWN
        settled = (entries != UNKNOWN) | answered | known.closed[rows]
        answered = answered | (follows & (numbers < chances.now))
        entries[follows & ~answered] = UNKNOWN
        certain = (entries != UNKNOWN) & ~answered
        return cls(rows, entries, certain, settled, answered, chances, response, numbers, seed)

    @property
    def complete(self) -> bool:
        """Whether every entry is known, so that there is nothing to draw."""
        return bool((self.entries != UNKNOWN).all())

    @cached_property
    def reached(self) -> Floats:
        """(T, L): the chance that each entry has been drawn and answered by now."""
        before, now = self.chances.before, self.chances.now
        chance = before + self.response * (now - before)
        # Answered in a queue that another has replaced since.
        return np.where(self.answered & (chance == 0), now, chance)

    @property
    def ended(self) -> Chances:
        """The chances once the queue is thrown away, with what is unanswered in it."""
        return Chances(self.rows, self.reached, self.reached)

    @cached_property
    def audit(self) -> Audit:
        """The audit, as estimates take it."""
        return Audit(self.entries, self.certain, self.answered, self.reached)

    @cached_property
    def weights(self) -> Floats:
        """(T, L): how many entries each known one stands for; 0 where it is unknown."""
        drawn = self.audit.audited
        inverse = np.divide(1, self.reached, out=np.zeros(drawn.shape), where=drawn)
        return np.where(self.certain, 1.0, inverse)

    def draw(
        self, scores: NDArray[np.floating] | None, questions: int, floor: float = FLOOR
    ) -> Draw:
        """What to ask now: about so many entries in all, as many of each label.

        scores: (T, L), of the model that is judged; None before there is one. What the last queue
        left unanswered is asked again, and counts. floor: the share that is drawn evenly.
        """
        open_ = ~self.certain
        scores = np.zeros(self.entries.shape) if scores is None else scores
        # By what was to be expected, not by what was drawn, on which no chance may hang.
        done = np.where(open_, self.reached, 0).sum(axis=0).mean()
        budget = float(done) + questions / self.entries.shape[1]
        now = inclusion(weights(scores, floor), open_, budget, self.chances.now)
        rows, cols = np.nonzero((self.numbers < now) & ~self.settled)
        chances = Chances(self.rows, self.reached, now)
        return Draw(self.rows[rows], cols, now[rows, cols], chances)

    def judge(
        self,
        logits: NDArray[np.floating],
        before: NDArray[np.floating] | None = None,
        precision: float | None = None,
    ) -> tuple[float | None, tuple[float | None, ...], Ground]:
        """mAP, each label's AP, both in per cent and None where undefined, and what they rest on.

        logits: (T, L), of a model that saw no test image. before: those of the last training.
        precision: what thresholds are chosen for; None for the best F1.
        """
        scored = _scored(logits)
        called = called_by_others(
            scored.probabilities, self.entries, precision, self.weights, self.seed
        )
        scored = replace(scored, called=called)
        change: Gain | None = None
        if before is not None and before.shape == logits.shape:
            change = gain(_scored(before), scored, self.audit, self.seed)
            found = change.second
        else:
            found = estimate(scored, self.audit, self.seed)
        return _value(found.mean), _values(found.labels), _ground(found, change)


def _scored(logits: NDArray[np.floating]) -> Scored:
    return Scored(logits, expit(logits))


def _value(figure: Figure) -> float | None:
    return None if np.isnan(figure.value) else 100 * float(figure.value)


def _values(figure: Figure) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else 100 * float(v) for v in figure.value)


def _ground(found: Estimate, change: Gain | None) -> Ground:
    low, high = 100 * found.labels.low, 100 * found.labels.high
    defined = not np.isnan(found.mean.value)
    gained = None
    if change is not None and not np.isnan(change.mean.value):
        mean = change.mean
        gained = (100 * float(mean.value), 100 * float(mean.low), 100 * float(mean.high))
    return Ground(
        images=found.images,
        answers=found.answers,
        complete=found.complete,
        map=(100 * float(found.mean.low), 100 * float(found.mean.high)) if defined else None,
        ap=tuple(
            None if np.isnan(a) else (float(a), float(b)) for a, b in zip(low, high, strict=True)
        ),
        left_out=found.left_out,
        gain=gained,
        figures={name: _figures(each) for name, each in found.calls.items()},
        bins=_bins(found.reliability) if found.reliability else (),
    )


def _figures(measured: Measured) -> Figures:
    labels = measured.labels
    each = zip(labels.value, labels.low, labels.high, strict=True)
    mean = measured.mean
    return Figures(
        _told(mean.value, mean.low, mean.high),
        tuple(_told(*values) for values in each),
        measured.left_out,
        int((~np.isnan(labels.value)).sum()),
    )


def _told(*shares: ArrayLike) -> Told | None:
    value, low, high = (round(100 * float(share), _DIGITS) for share in np.asarray(shares))
    return None if math.isnan(value) else (value, low, high)


def _bins(found: Reliability) -> tuple[Bin, ...]:
    observed = found.observed
    return tuple(
        Bin(
            found.edges[b],
            found.edges[b + 1],
            int(size),
            round(float(found.expected[b]), _DIGITS),
            (float(observed.value[b]), float(observed.low[b]), float(observed.high[b])),
        )
        for b, size in enumerate(found.sizes)
    )
