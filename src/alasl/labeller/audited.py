"""Automatic answers that an audit calibrates: a promise about the table, whatever was given.

One threshold a side holds for all labels: entries of a probability as low are answered absent, of
one as high present. Chance drew the images of the audit from all, and which of their entries people
were asked, each with a chance that is kept. So what the audit found wrong below a threshold, each
entry over its chance, speaks for the table. That most likely no more is wrong than allowed is shown
by betting: a stake that could only grow by luck if too much were wrong, and that has grown
(Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024;
PAC labels: Candes, Ilyas and Zrnic, arXiv 2506.10908).

All this holds as long as neither the models nor the chances hang on the audit's answers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.labeller.bound import Automatic, Bound, Floats, Mask, apart, candidates
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

# Each threshold tried takes in a fifth more entries than the last.
_STEP = 1.2
# Where the search begins: so many times what is needed must be expected if nothing is wrong. Each
# beginning is a search of its own with its part of the chance, as few entries are often all right,
# and many survive a wrong one.
_BEGINNINGS = (1.5, 3.0, 6.0)
# The stakes, as shares of the largest possible, and how much is laid on each. All in all it is a
# fair bet, as each one is.
_STAKES = np.array([0.9, 0.6, 0.3, 0.15, 0.07])
_LAID = np.array([0.4, 0.2, 0.2, 0.1, 0.1])
# A label's least chance, as a share of that of the labels' median, below which it is left to
# people: one entry of it would stand for so many that nothing could be shown for the others.
_LEAST_CHANCE = 0.25
# How much more the images differ by than if the labels of an image were wrong independently.
_CLUSTERED = 2.0


@dataclass(frozen=True, eq=False)
class Sample:
    """T images that chance drew from all, and the audit of their L labels.

    entries: int8 (T, L), what is known. counted: (T, L), entries unknown before anybody was asked,
    but for those of which people could not tell. pi: (T, L), the chance with which each of these
    is known by now; 1 where it would be known in any case. probabilities: (T, L), of present, by
    models that did not see the image. Raises `DataError` for what does not fit, and for an entry
    that is known and had no chance of it.
    """

    entries: Entries
    counted: Mask
    pi: Floats
    probabilities: NDArray[np.floating]

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.entries, self.counted, self.pi, self.probabilities)}
        if len(shapes) != 1:
            raise DataError(
                "entries, chances and probabilities must have one shape", seen=str(shapes)
            )
        if (self.known & (self.pi <= 0)).any():
            raise DataError("an entry is known that had no chance of it")
        if np.isnan(self.probabilities[self.counted]).any():
            raise DataError("a probability of an image of the audit is NaN")

    @property
    def known(self) -> Mask:
        """(T, L): the entries counted that are known."""
        return np.asarray(self.counted & (self.entries != UNKNOWN))

    @property
    def told(self) -> Mask:
        """(L,): the labels of which the audit can tell anything."""
        least = np.where(self.counted, self.pi, 1.0).min(axis=0, initial=1.0)
        some = self.counted.any(axis=0) & (least > 0)
        if not some.any():
            return np.asarray(some)
        return np.asarray(some & (least >= _LEAST_CHANCE * np.median(least[some])))


def answer(
    sample: Sample,
    entries: Entries,
    probabilities: NDArray[np.floating],
    hidden: Mask,
    bound: Bound,
    closed: Mask | None = None,
) -> Automatic | None:
    """Automatic answers to the unknown entries among `hidden`; None where the audit is too small.

    Too small is told without a look at its answers, so that no chance is spent.
    entries: int8 (N, L), of the images that chance did not draw: what was given and what people
    have answered. probabilities: (N, L), each image's by a model that did not see it. hidden:
    (N, L), entries unknown at the start; people may have answered some since, which is reckoned
    with. closed: (N, L), entries to leave alone.
    Raises `DataError` where shapes differ or a probability is NaN.
    """
    if not (entries.shape == probabilities.shape == hidden.shape):
        raise DataError("entries, probabilities and mask must have one shape")
    if np.isnan(probabilities[hidden]).any():
        raise DataError("a probability of an image to answer is NaN")
    told = sample.told
    hidden = hidden & told
    open_ = hidden & (entries == UNKNOWN)
    if closed is not None:
        open_ &= ~closed
    part = len(sample.entries) / len(entries)
    sides, looked = [], False
    for side in (ABSENT, PRESENT):
        wrong = 1 - side
        risk = _risk(sample.probabilities, side)
        reach = _risk(probabilities, side)
        seen = sample.counted & told
        test = _Test(
            risk=risk[seen],
            pi=sample.pi[seen],
            known=sample.known[seen],
            wrong=(sample.entries == wrong)[seen],
            given=part * float((entries == wrong)[:, told][~hidden[:, told]].sum()),
            spread=1 + part,
            bound=bound,
        )
        tried = candidates(np.sort(reach[open_]), _STEP)
        all_, left = _at_most(reach[hidden], tried), _at_most(reach[open_], tried)
        found = _at_most(reach[hidden & (entries == wrong)], tried)
        allowed = (bound.wrong * left + found) / np.maximum(all_, 1)
        starts = test.starts(tried, allowed)
        looked |= bool(starts)
        sides.append(test.trusted(tried, allowed, starts))
    if not looked:
        return None
    low, high = apart(sides[0], 1 - sides[1])
    p = np.asarray(probabilities, np.float64)
    said = np.full(entries.shape, UNKNOWN, np.int8)
    said[open_ & (p <= low)] = ABSENT
    said[open_ & (p >= high)] = PRESENT
    return Automatic(said, np.where(told, low, np.nan), np.where(told, high, np.nan))


@dataclass(frozen=True, eq=False)
class _Test:
    """The audit of one side, as lists of its n entries, and what is tested with it.

    risk: the chance that the side's answer is wrong, by the model. known: whether people said what
    it is; wrong: whether it is wrong, where known. given: entries for which the side's answer would
    be wrong, known from the start, in as many images as were drawn. spread: how much more what is
    wrong in those images may differ from the table's than from the mean of all, in variance.
    """

    risk: Floats
    pi: Floats
    known: Mask
    wrong: Mask
    given: float
    spread: float
    bound: Bound

    def starts(self, tried: Floats, allowed: Floats) -> list[int]:
        """The thresholds at which a search begins; none where the audit is too small.

        Told by the model alone: to look at answers for it would be a look.
        """
        needed = math.log(len(_BEGINNINGS) / self.bound.level / _LAID[0])
        stake = self._largest(tried)
        wrongly, lost = stake * allowed * _at_most(self.risk, tried), np.full(len(tried), np.inf)
        if self.bound.share == "both":
            lost = stake * self.bound.wrong * (float(self.risk.sum()) + self.given)
        found = set()
        for times in _BEGINNINGS:
            enough = (wrongly >= times * needed) & (lost >= _BEGINNINGS[0] * needed)
            found |= set(np.flatnonzero(enough)[:1].tolist())
        return sorted(found)

    def trusted(self, tried: Floats, allowed: Floats, starts: list[int]) -> Floats:
        """The thresholds that may be answered up to, from each start to the first that fails.

        All of them hold at once.
        """
        stakes, found = self._largest(tried), set()
        for start in starts:
            for place in range(start, len(tried)):
                most = min(float(allowed[place]), 1.0)
                level = self.bound.level / len(starts)
                if not self._holds(float(tried[place]), most, float(stakes[place]), level):
                    break
                found.add(place)
        return tried[sorted(found)]

    def _holds(self, threshold: float, allowed: float, stake: float, level: float) -> bool:
        """Whether no more is wrong at a threshold than allowed, and no more lost of all that is
        not the side's than the bound says."""
        under = self.risk <= threshold
        some = under & self.known
        wrongly = self._grown(
            self.wrong[some].astype(np.float64) - allowed,
            self.pi[some],
            stake,
            float(under.sum()) * allowed * (1 - allowed),
        )
        if wrongly < -math.log(level) or self.bound.share == "answers":
            return wrongly >= -math.log(level)
        bad, most = self.known & self.wrong, self.bound.wrong
        lost = self._grown(
            under[bad].astype(np.float64) - most,
            self.pi[bad],
            stake,
            float((1 / self.pi[bad]).sum()) * most * (1 - most),
            most * self.given,
        )
        return lost >= -math.log(level)

    def _grown(
        self, excess: Floats, pi: Floats, stake: float, variance: float, allowed: float = 0.0
    ) -> float:
        """The logarithm of what a bet of 1 has come to, that the excess sums up to what is allowed
        at most.

        excess, pi: (n,), of the entries known. variance: of the sum over the images' draw.
        """
        bets = stake * _STAKES[:, None]
        won = np.log1p(-bets * (excess / pi)).sum(axis=1)
        won += bets[:, 0] * allowed
        won -= bets[:, 0] ** 2 * self.spread * _CLUSTERED * variance / 2
        return float(np.logaddexp.reduce(won + np.log(_LAID)))

    def _largest(self, tried: Floats) -> Floats:
        """(k,): the largest stake that no entry below each threshold could turn into a debt."""
        order = np.argsort(self.risk, kind="stable")
        least = np.minimum.accumulate(self.pi[order])
        place = np.searchsorted(self.risk[order], tried, "right")
        return np.where(place > 0, least[np.maximum(place, 1) - 1], 1.0)


def _risk(probabilities: NDArray[np.floating], side: int) -> Floats:
    p = np.asarray(probabilities, np.float64)
    return p if side == ABSENT else 1 - p


def _at_most(values: Floats, limits: Floats) -> NDArray[np.intp]:
    return np.searchsorted(np.sort(values), limits, "right")
