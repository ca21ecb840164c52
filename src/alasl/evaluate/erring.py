"""How often people's answers are wrong: told by entries that were answered twice or more.

An absent entry is called present with one rate, a present one absent with another, each answer by
itself. The rates are found together with how likely each entry is present (`fitting`): an answer
that stands alone against the model, and that nobody repeats, was most likely wrong. Where all
answers to the same entries are alike, nobody is seen to err, and each answer is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.evaluate.intervals import NORMAL, Figure

Floats = NDArray[np.float64]

# Both rates before anything is seen: as if so many answers had been wrong, and so many right. So
# mAP is off least, but rates are low, that of presents by a fifth: for telling them it is far less.
_BEFORE, _BEFORE_TOLD = (1.0, 50.0), (0.5, 0.5)
# The least precision of a rate: few answers may tell nothing.
_LEAST = 0.25
_STEPS, _DONE = 200, 1e-5
# Where a search for them starts.
START = np.array([-4.0, -4.0])


@dataclass(frozen=True, eq=False)
class Answers:
    """What was said of n entries: how many answers say absent, and how many present, (n,) each.

    certain: (n,), 1 present, 0 absent, for entries of which nothing was said; else of no meaning.
    """

    absents: Floats
    presents: Floats
    certain: Floats

    @property
    def many(self) -> Floats:
        """(n,): answers to each entry."""
        return self.absents + self.presents

    def likelihoods(self, rates: Floats) -> tuple[Floats, Floats]:
        """(n,) each: the logs of the chances of what was said, if the entry is present, if absent.

        rates: (2,), log-odds of calling an absent entry present, and a present one absent.
        """
        false, miss = rates
        if_present = -self.presents * np.logaddexp(0, miss) - self.absents * np.logaddexp(0, -miss)
        if_absent = -self.presents * np.logaddexp(0, -false) - self.absents * np.logaddexp(0, false)
        with np.errstate(divide="ignore"):
            sure = self.many == 0
            if_present = np.where(sure, np.log(self.certain), if_present)
            if_absent = np.where(sure, np.log(1 - self.certain), if_absent)
        return if_present, if_absent

    def rates(self, odds: Floats, rates: Floats, before: tuple[float, float] = _BEFORE) -> Floats:
        """(2,): the most credible rates where entries have these log-odds (n,), from a first guess.

        Steps of EM: how likely each entry is present, and how many answers were then wrong.
        """
        for _ in range(_STEPS):
            if_present, if_absent = self.likelihoods(rates)
            present = expit(odds + if_present - if_absent)
            wrong = np.array([(1 - present) @ self.presents, present @ self.absents]) + before[0]
            right = np.array([(1 - present) @ self.absents, present @ self.presents]) + before[1]
            last, rates = rates, np.log(wrong / right)
            if np.abs(rates - last).max() < _DONE:
                break
        return rates

    def slopes(self, rates: Floats) -> tuple[Floats, Floats]:
        """(2, n), (2, n): how the log of either chance moves with its rate, and less its curve."""
        e = expit(rates)[:, None]
        wrong = np.stack([self.presents, self.absents])
        return wrong - self.many * e, self.many * e * (1 - e)


def told(answers: Answers, odds: Floats, rates: Floats) -> Figure:
    """The rates, (2,), as they are told, with intervals: by the answers, hardly by expectation.

    rates: (2,), to start from.
    """
    rates = answers.rates(odds, rates, _BEFORE_TOLD)
    values, vectors = np.linalg.eigh(spread(answers, odds, rates, _BEFORE_TOLD)[0])
    reach = NORMAL * np.sqrt((vectors**2 / np.maximum(values, _LEAST)).sum(axis=1))
    return Figure(expit(rates), expit(rates - reach), expit(rates + reach))


def spread(
    answers: Answers, odds: Floats, rates: Floats, before: tuple[float, float] = _BEFORE
) -> tuple[Floats, Floats]:
    """(2, 2): the precision of the rates, and (2, n), how each goes with the entries' log-odds."""
    if_present, if_absent = answers.likelihoods(rates)
    present = expit(odds + if_present - if_absent)
    unsure = present * (1 - present)
    slope, curve = answers.slopes(rates)
    # Of an absent entry the first rate tells, of a present one the second.
    sign, share = np.array([-1.0, 1.0]), np.stack([1 - present, present])
    signed = sign[:, None] * slope
    precision = np.diag((share * curve).sum(axis=1)) - (signed * unsure) @ signed.T
    e = expit(rates)
    precision += np.diag(sum(before) * e * (1 - e))
    return precision, -signed * unsure
