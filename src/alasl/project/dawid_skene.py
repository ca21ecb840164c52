r"""Dawid and Skene's model: who errs how often, and what to believe, from answers that disagree.

Each entry is truly present or absent. Person p, asked about label l, calls a present entry absent
with probability $m_{pl}$ (miss) and an absent one present with $f_{pl}$ (false alarm), whatever
others say. EM finds the rates, the share $\pi_l$ of present among what was asked of each label, and
the probability of each entry being present.

What can be estimated: with a person's errors on one label alone there is seldom enough to go by, so
the rates are fitted twice. First each person has one pair of rates for all labels, drawn towards
`USUAL` as if `STRENGTH` answers had been seen with that rate. Then each person and label has a pair
of its own, drawn towards the person's as far as the evidence carries: by how much more these rates
differ from label to label than chance alone makes them, in the answers at hand. Where they do not,
that is all the way, so nothing is lost by it; and where a label has few answers it keeps the
person's rates. Two people who disagree cannot tell who is right; labels of different shares, a
third person, or entries of known truth can. "Cannot tell" is no answer: the model takes it that
people pass over present and absent entries alike.

Dawid and Skene, Applied Statistics 28(1), 1979.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.project.agreement import Answers, Floats, Ints

USUAL = 0.1  # the error rate of a person of whom nothing is known
STRENGTH = 10.0  # what that is worth, in answers, and a person's rates at least to each label
MOST = 1e6  # where labels do not differ at all
_FITS = 3  # the second fit and its strength follow from each other
_STEPS, _ENOUGH = 500, 1e-8


@dataclass(frozen=True, eq=False)
class Belief:
    """What the answers come to.

    rows, cols, probability: (E,) each entry answered, and how likely it is present.
    names: the P people. labels: the K columns asked.
    miss, false_alarm: (P,) error rates over all labels. by_label: (2, P, K) the same two for each
    label. answers: (P,) answers they rest on. share: (K,) present among the entries of unknown
    truth that were asked. strength: what a person's rates are worth to each label, in answers.
    history: the log-posterior after each step of EM, of both fits in turn.
    """

    rows: Ints
    cols: Ints
    probability: Floats
    names: tuple[str, ...]
    labels: Ints
    miss: Floats
    false_alarm: Floats
    by_label: Floats
    answers: NDArray[np.int64]
    share: Floats
    strength: float
    history: tuple[tuple[float, ...], tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class _Data:
    """The answers as EM reads them: entries with the same label, truth and answers are one case.

    values, of, people: (n,) 1 or 0, the case and the person of each answer. label, truth, times:
    (C,) 0 to K - 1; 1, 0, or -1 where it is to be found; how many entries a case stands for.
    case: (E,) the case of each entry.
    """

    values: NDArray[np.bool_]
    of: Ints
    people: Ints
    label: Ints
    truth: NDArray[np.int8]
    times: Floats
    case: Ints
    labels: int


@dataclass(frozen=True, eq=False)
class _Fit:
    rates: Floats  # (2, G) miss, false alarm
    share: Floats  # (K,)
    probability: Floats  # (C,)
    history: tuple[float, ...]


def dawid_skene(answers: Answers, truth: Entries | None = None) -> Belief:
    """Error rates and soft labels by EM.

    truth: (N, L) int8, 1 or 0 for entries whose truth is known (gold questions), -1 elsewhere: they
    teach the error rates, and keep the probability 0 or 1. Without answers everything is empty.
    """
    rows, cols, of = answers.entries()
    labels, label = np.unique(cols, return_inverse=True)
    known = np.full(len(rows), UNKNOWN, np.int8) if truth is None else truth[rows, cols]
    data = _cases(answers, of, label, known, len(labels))
    P, K = len(answers.names), len(labels)
    person = _em(data, data.people, np.full((2, P), USUAL), _votes(data))
    group = data.people * K + data.label[data.of]
    each, usual = person, np.repeat(person.rates, K, axis=1)
    for _ in range(_FITS):
        strength = _strength(data, group, usual, each.probability)
        each = _em(data, group, usual, person.probability, strength)
    return Belief(
        rows,
        cols,
        each.probability[data.case],
        answers.names,
        labels,
        person.rates[0],
        person.rates[1],
        each.rates.reshape(2, P, K),
        np.bincount(answers.people, minlength=P),
        each.share,
        strength,
        (person.history, each.history),
    )


def _cases(answers: Answers, of: Ints, label: Ints, truth: NDArray[np.int8], labels: int) -> _Data:
    """Entries that nothing tells apart as one case: most have one answer, so there are few."""
    order = np.lexsort((answers.people, of))
    code = (2 * answers.people + answers.values)[order]
    start, many = _runs(of[order])
    case = label * 3 + truth + 1
    for place in range(int(many.max(initial=0))):
        # The answers so far and the next, 0 where there is none, as one number; numbered anew.
        more = many > place
        step = np.zeros(len(many), np.intp)
        step[more] = code[start[more] + place] + 1
        _, case = np.unique(case * (2 * len(answers.names) + 1) + step, return_inverse=True)
    _, first, case, times = np.unique(
        case, return_index=True, return_inverse=True, return_counts=True
    )
    at = np.repeat(start[first] - _starts(many[first]), many[first]) + np.arange(many[first].sum())
    return _Data(
        answers.values[order][at] == PRESENT,
        np.repeat(np.arange(len(first)), many[first]),
        answers.people[order][at],
        label[first],
        truth[first],
        times.astype(float),
        case,
        labels,
    )


def _runs(of: Ints) -> tuple[Ints, Ints]:
    """(E,) first place and length of each run of a sorted array of 0 to E - 1."""
    many = np.bincount(of)
    return _starts(many), many


def _starts(many: Ints) -> Ints:
    """Where each run begins, when runs of these lengths follow each other."""
    return np.asarray(np.cumsum(many) - many)


def _votes(data: _Data) -> Floats:
    """(C,) where EM starts: the share of people who say present, or the known truth."""
    many = np.bincount(data.of, minlength=len(data.truth))
    ones = np.bincount(data.of, data.values, minlength=len(data.truth))
    return np.where(data.truth == UNKNOWN, ones / np.maximum(many, 1), data.truth)


def _em(data: _Data, group: Ints, usual: Floats, start: Floats, strength: float = STRENGTH) -> _Fit:
    """EM from probabilities (C,) of present; each of G groups has its prior rates (2, G)."""
    probability = start
    history: list[float] = []
    while True:
        rates = _rates(data, group, usual, probability, strength)
        share = _share(data, probability)
        likelihood = _likelihood(data, group, rates, share)
        free = data.truth == UNKNOWN
        probability = np.where(free, expit(likelihood[0] - likelihood[1]), data.truth)
        fit = np.where(free, np.logaddexp(*likelihood), np.where(data.truth == 1, *likelihood))
        prior = _prior(rates, usual, strength) + np.log(share * (1 - share)).sum()
        history.append(float(data.times @ fit + prior))
        gain = history[-1] - history[-2] if len(history) > 1 else np.inf
        if len(history) == _STEPS or gain < _ENOUGH * max(1.0, abs(history[-1])):
            return _Fit(rates, share, probability, tuple(history))


def _rates(data: _Data, group: Ints, usual: Floats, probability: Floats, strength: float) -> Floats:
    """(2, G) error rates: those expected under `probability`, drawn towards the usual."""
    errors, many = _counts(data, group, usual.shape[1], probability)
    return (errors + strength * usual) / (many + strength)


def _counts(data: _Data, group: Ints, G: int, probability: Floats) -> tuple[Floats, Floats]:
    """(2, G) each: errors, and answers, to present and to absent entries, as expected."""
    states = np.stack([data.times * probability, data.times * (1 - probability)])[:, data.of]
    wrong = np.stack([~data.values, data.values])
    errors = [np.bincount(group, one, minlength=G) for one in states * wrong]
    return np.stack(errors), np.stack([np.bincount(group, one, minlength=G) for one in states])


def _strength(data: _Data, group: Ints, usual: Floats, probability: Floats) -> float:
    """What the usual rates (2, G) are worth to each group, in answers, from `STRENGTH` to `MOST`.

    By the moments of a beta-binomial distribution: how far the groups' errors are from the usual,
    squared, beyond what chance makes of them.
    """
    errors, many = _counts(data, group, usual.shape[1], probability)
    spread = usual * (1 - usual)
    beyond = ((errors - many * usual) ** 2 - many * spread).sum()
    pairs = (np.maximum(many * (many - 1), 0) * spread).sum()
    return float(np.clip(pairs / beyond - 1, STRENGTH, MOST)) if beyond > 0 else MOST


def _share(data: _Data, probability: Floats) -> Floats:
    """(K,) share of present among the entries to be found, drawn a little towards a half."""
    times = np.where(data.truth == UNKNOWN, data.times, 0.0)
    ones = np.bincount(data.label, times * probability, minlength=data.labels)
    return np.asarray((ones + 1) / (np.bincount(data.label, times, minlength=data.labels) + 2))


def _likelihood(data: _Data, group: Ints, rates: Floats, share: Floats) -> Floats:
    """(2, C): log of a case being present, or absent, and being answered as it was."""
    miss, alarm = rates[:, group]
    C = len(data.label)
    present = np.bincount(data.of, np.log(np.where(data.values, 1 - miss, miss)), minlength=C)
    absent = np.bincount(data.of, np.log(np.where(data.values, alarm, 1 - alarm)), minlength=C)
    # Gold questions were not chosen as the others were: their share is no news.
    prior = np.where(data.truth == UNKNOWN, np.log([share, 1 - share])[:, data.label], 0.0)
    return prior + np.stack([present, absent])


def _prior(rates: Floats, usual: Floats, strength: float) -> float:
    """Log-density of the rates under Beta priors, but for a constant."""
    density = usual * np.log(rates) + (1 - usual) * np.log1p(-rates)
    return float(strength * density.sum())
