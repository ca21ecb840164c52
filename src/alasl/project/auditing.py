"""The audit of a project's test set: what chance asks of it, and what the answers say of a model.

The test set never trains what is judged, nor what chooses the other questions, so neither chances
nor scores hang on the audit's answers. Each entry has one random number for ever, and is asked once
its chance exceeds it; see `alasl.evaluate.draw`. Where a queue is left half answered, it was chance
too that decided which of its questions were answered, since they stand in no order: chances shrink
by that share, label by label.

What was given of test images may be wrong, so a part of the audit checks it (setting
`audit_given`). Where all of them was given there is no audit, and it counts as right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.draw import FLOOR, claim_weights, inclusion, permanent_numbers, weights
from alasl.evaluate.estimate import Estimate, Gain, Measured, Reliability, Scored, estimate, gain
from alasl.evaluate.intervals import Figure
from alasl.evaluate.thresholds import called_by_others
from alasl.labels import INFERRED, UNKNOWN, Entries
from alasl.learner import Known
from alasl.project.ground import Bin, Figures, Ground, Told
from alasl.project.records import RECHECK, SOURCES, Chances, Floats, Ints, Mask
from alasl.project.second_looks import once_more
from alasl.project.store import Store

# Where people's word of what was given stands in its place.
_TOLD = tuple(SOURCES.index(source) for source in ("people", "resolved"))
# Entries of which chances are found at a time.
_BLOCK = 2**20
# Of figures that are kept, as there are many.
_DIGITS = 4


@dataclass(frozen=True, eq=False)
class Draw:
    """Questions of the audit: rows, cols and pi (n,) each, and the chances by which it drew.

    why: (n,), "audit", or `RECHECK` for those that check what was given.
    """

    rows: Ints
    cols: Ints
    pi: Floats
    why: NDArray[np.str_]
    chances: Chances


@dataclass(frozen=True, eq=False)
class ProjectAudit:
    """The audit as it is now: T test images, L labels.

    rows: (T,), ascending. entries: int8 (T, L), what is given or what people say. certain: (T, L),
    entries known by no draw of the audit. settled: (T, L), entries not to be asked any more.
    answered: (T, L), entries that the audit drew and people said something of. response: (T, L),
    the share done of the audit's questions of this kind in the queue. numbers: (T, L), from
    `permanent_numbers`. seed: of the estimates. claims: int8 (T, L), what was given and may be
    wrong, -1 elsewhere; where `answered`, people's word stands instead. looks: (2, T, L), answers
    to what the audit drew that say absent, and present; 0 for what was resolved.
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
    claims: Entries
    looks: Ints

    @classmethod
    def of(
        cls, store: Store, rows: Ints, known: Known, given: Entries, seed: int, doubt: bool = True
    ) -> ProjectAudit:
        """The audit of the images `rows` of a store, of which this much is known.

        given: int8 (T, L), what `initial_and_labels` has of them. doubt: whether it may be wrong.
        """
        scheme = store.scheme
        images, names = scheme.rows[rows], scheme.cols
        shape = (int(images[-1]) + 1, int(names[-1]) + 1)
        numbers = permanent_numbers(*shape, seed, images)
        numbers = numbers if len(names) == shape[1] else numbers[:, names]
        chances, answered, response = store.audited(rows)
        labels = known.human_labels
        entries, source = labels.of(rows).copy(), labels.source_of(rows)
        # What follows from audit answers was not known by itself: it counts as answered where the
        # audit drew it too, and else for nothing.
        follows = source == SOURCES.index(INFERRED)
        follows &= given == UNKNOWN
        claims = np.full(entries.shape, UNKNOWN, np.int8)
        if doubt and (given == UNKNOWN).any():
            # Of what was given, a check of which nobody could tell the outcome says nothing.
            told = np.isin(source, _TOLD)
            answered = answered & ((given == UNKNOWN) | told)
            claims = np.where(told, np.int8(UNKNOWN), given)
            _first_given(store, rows, claims, answered & (given != UNKNOWN))
        else:
            answered = answered & (given == UNKNOWN)
        claimed = claims != UNKNOWN
        settled = ((entries != UNKNOWN) & ~claimed) | answered | known.closed[rows]
        answered = answered | (follows & (numbers < chances.now))
        entries[follows & ~answered] = UNKNOWN
        certain = (entries != UNKNOWN) & ~answered & ~claimed
        of_open, of_checks = response
        share = np.where(claimed, of_checks, of_open)
        looks = store.looks(rows)
        # What somebody resolved is beyond doubt.
        looks[:, source == SOURCES.index("resolved")] = 0
        about = chances, share, numbers, seed, claims, looks
        return cls(rows, entries, certain, settled, answered, *about)

    @property
    def complete(self) -> bool:
        """Whether every entry is known for certain, so that there is nothing to draw."""
        return bool(self.audit.seen.all())

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
        seen = np.where(self.certain | self.answered, self.entries, np.int8(UNKNOWN))
        return Audit(seen, self.certain, self.answered, self.reached, self.claims, self.looks)

    @cached_property
    def weights(self) -> Floats:
        """(T, L): how many entries each known one stands for; 0 where it is unknown."""
        drawn = self.audit.audited
        inverse = np.divide(1, self.reached, out=np.zeros(drawn.shape), where=drawn)
        return np.where(self.certain | (self.claims != UNKNOWN), 1.0, inverse)

    def draw(
        self,
        scores: NDArray[np.floating] | None,
        questions: int,
        floor: float = FLOOR,
        checks: float = 0.0,
    ) -> Draw:
        """What to ask now: about so many entries in all, as many of each label.

        scores: (T, L), of the model that is judged; None before there is one. What the last queue
        left unanswered is asked again, and counts. floor: the share that is drawn evenly. checks:
        the share of the questions that check what was given.
        """
        claimed = self.claims != UNKNOWN
        open_ = ~self.certain & ~claimed
        scores = np.zeros(self.entries.shape) if scores is None else scores
        left = np.where(claimed, 1 - self.reached, 0).sum()
        many = min(checks * questions, float(left))
        now = self.chances.now
        images, labels = self.entries.shape
        step = max(1, _BLOCK // max(1, images))
        for part, share in ((open_, questions - many), (claimed, many)):
            if not share:
                continue
            # By what was to be expected, not by what was drawn, on which no chance may hang.
            done = float(np.where(part, self.reached, 0).sum(axis=0).mean())
            drawn = np.empty(now.shape)
            # Label by label; of few at a time, as it takes several tables.
            for some in np.split(np.arange(labels), np.arange(step, labels, step)):
                cols = some[part[:, some].any(axis=0)]
                drawn[:, some] = now[:, some]
                if not len(cols):
                    continue
                said, here = scores[:, cols], part[:, cols]
                likely = (
                    weights(said, floor)
                    if part is open_
                    else claim_weights(said, self.claims[:, cols], floor)
                )
                drawn[:, cols] = inclusion(likely, here, done + share / labels, now[:, cols])
            now = drawn
        rows, cols = np.nonzero((self.numbers < now) & ~self.settled)
        chances = Chances(self.rows, self.reached, now)
        why = np.where(claimed[rows, cols], RECHECK, "audit")
        return Draw(self.rows[rows], cols, now[rows, cols], why, chances)

    def against(self, logits: NDArray[np.floating]) -> tuple[Ints, Ints, Floats]:
        """Answers to ask for once more: rows, columns, and the chances by which they were drawn.

        One wrong answer of a hundred bends mAP by points, as the wrong presents stand among the
        absents that a model ranks low, each for many. So these are asked as `once_more` says. What
        was given has the table for a second answer. logits: (T, L), of the judged model.
        """
        at = np.nonzero(self.answered & (self.claims == UNKNOWN))
        absents, presents = (looks[at] for looks in self.looks)
        asked = once_more(absents, presents, logits[at])
        rows, cols = (places[asked] for places in at)
        return self.rows[rows], cols, self.reached[rows, cols]

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
        checks = self.audit.audited & (self.claims != UNKNOWN)
        wrong = checks & (self.entries != self.claims)
        ground = replace(
            ground_of(found, change), checked=int(checks.sum()), wrong=int(wrong.sum())
        )
        return _value(found.mean), _values(found.labels), ground


def _first_given(store: Store, rows: Ints, claims: Entries, checked: Mask) -> None:
    """Write into claims, (T, L), what was given at first of those that people checked."""
    for row in np.flatnonzero(checked.any(axis=1)).tolist():
        here = np.flatnonzero(checked[row])
        given = store.given_of(int(store.scheme.rows[rows[row]]))
        claims[row, here] = [given[label] for label in store.scheme.cols[here].tolist()]


def _scored(logits: NDArray[np.floating]) -> Scored:
    return Scored(logits, expit(logits))


def _value(figure: Figure) -> float | None:
    return None if np.isnan(figure.value) else 100 * float(figure.value)


def _values(figure: Figure) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(v) else 100 * float(v) for v in figure.value)


def ground_of(found: Estimate, change: Gain | None = None) -> Ground:
    """What an estimate rests on, and how sure it is, as a plain record."""
    low, high, erring = 100 * found.labels.low, 100 * found.labels.high, found.erring
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
        erring=None if erring is None else (float(erring.value[0]), float(erring.value[1])),
        erring_ends=None
        if erring is None
        else tuple(zip(erring.low.tolist(), erring.high.tolist(), strict=True)),
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
