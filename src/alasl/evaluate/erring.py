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

Floats = NDArray[np.float64]

# Both rates before anything is seen: as if so many answers had been wrong, and so many right.
_WRONG, _RIGHT = 1.0, 50.0
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

    def rates(self, odds: Floats, rates: Floats) -> Floats:
        """(2,): the most credible rates where entries have these log-odds (n,), from a first guess.

        Steps of EM: how likely each entry is present, and how many answers were then wrong.
        """
        for _ in range(_STEPS):
            if_present, if_absent = self.likelihoods(rates)
            present = expit(odds + if_present - if_absent)
            wrong = np.array([(1 - present) @ self.presents, present @ self.absents]) + _WRONG
            right = np.array([(1 - present) @ self.absents, present @ self.presents]) + _RIGHT
            before, rates = rates, np.log(wrong / right)
            if np.abs(rates - before).max() < _DONE:
                break
        return rates

    def slopes(self, rates: Floats) -> tuple[Floats, Floats]:
        """(2, n), (2, n): how the log of either chance moves with its rate, and less its curve."""
        e = expit(rates)[:, None]
        wrong = np.stack([self.presents, self.absents])
        return wrong - self.many * e, self.many * e * (1 - e)


def spread(answers: Answers, odds: Floats, rates: Floats) -> tuple[Floats, Floats]:
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
    precision += np.diag((_WRONG + _RIGHT) * e * (1 - e))
    return precision, -signed * unsure
