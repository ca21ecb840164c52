r"""Dawid and Skene's model: who errs how often, and what to believe, from answers that disagree.

Each entry is truly present or absent. Person p, asked about label l, calls a present entry absent
with probability $m_{pl}$ (miss) and an absent one present with $f_{pl}$ (false alarm), whatever
others say. EM finds the rates, the share $\pi_l$ of present among what was asked of each label, and
the probability of each entry being present.

Rates are learned only where they can be told: from entries of known truth, and from those that
three or more people answered. Two who disagree cannot tell who is right, and a label's share of
present can explain nearly any disagreement, so their answers tell but how often people err at all:
of errors as likely on either side, how often pairs agree does not hang on the share.

With a person's errors on one label alone there is seldom enough to go by. So a person has a pair of
rates for all labels, drawn towards what is usual as if `PERSON` answers had been seen with it, and
for each label one that is drawn towards the person's as far as the evidence carries: by how much
more these rates differ from label to label than chance alone makes them. Both are found together,
from the answers on: rates that are the same for all labels, once fitted, explain labels that differ
by shares that are wrong. Where labels do not differ nothing is lost, and a label of few answers
keeps the person's rates. "Cannot tell" is no answer: the model takes it that people pass over
present and absent entries alike.

Dawid and Skene, Applied Statistics 28(1), 1979.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.project.agreement import Answers
from alasl.project.records import Floats, Ints
from alasl.sparse import Sparse

USUAL = 0.1  # the error rate where nothing is known, worth so many pairs of answers
PAIRS = 10.0
PERSON = 30.0  # what the usual rates are worth to a person, in answers
# What a person's rates are worth to each label, in answers: at least, and where labels do not
# differ at all. A first guess of it is worth so many pairs of a label's answers.
STRENGTH, MOST = 10.0, 1e6
_GUESS, _EVIDENCE = 20.0, 100.0
# Persons' rates and what they are worth follow from the labels' rates, and these from them.
_FITS, _SETTLED = 10, 1e-3
_STEPS, _ENOUGH = 500, 1e-8


@dataclass(frozen=True, eq=False)
class Belief:
    """What the answers come to.

    rows, cols, probability: (E,) each entry answered, and how likely it is present.
    names: the P people. labels: the K columns asked.
    miss, false_alarm: (P,) error rates over all labels. by_label: (2, P, K) the same two for each
    label. answers: (P,), and told: (P,) those to entries that tell of errors. usual: the error
    rate that persons' are drawn towards. share: (K,) present among the entries of unknown
    truth that were asked. strength: what a person's rates are worth to each label, in answers.
    history: the log-posterior after each step of EM, of each fit in turn, the
    last with the rates as they were found.
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
    told: NDArray[np.int64]
    usual: float
    share: Floats
    strength: float
    history: tuple[tuple[float, ...], ...]


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


def dawid_skene(answers: Answers, truth: Entries | Sparse | None = None) -> Belief:
    """Error rates and soft labels by EM.

    truth: (N, L) int8, 1 or 0 for entries whose truth is known (gold questions), -1 elsewhere: they
    teach the error rates, and keep the probability 0 or 1. Without answers everything is empty.
    """
    rows, cols, of = answers.entries()
    labels, label = np.unique(cols, return_inverse=True)
    known = np.full(len(rows), UNKNOWN, np.int8) if truth is None else truth[rows, cols]
    data = _cases(answers, of, label, known, len(labels))
    P, K = len(answers.names), len(labels)
    error = _usual(data)
    usual = np.full((2, P), error)
    group = data.people * K + data.label[data.of]
    many, _ = _said(data)
    tells = (many > 2) | (data.truth != UNKNOWN)
    telling = replace(data, times=data.times * tells)
    probability = _start(data, usual)
    person, by_label, strength = usual, np.repeat(usual, K, axis=1), MOST
    history = []
    for _ in range(_FITS if tells.any() else 0):
        person = _rates(telling, data.people, usual, probability, PERSON)
        drawn = np.repeat(person, K, axis=1)
        strength = _strength(telling, group, drawn, probability)
        fit = _em(telling, group, drawn, probability, strength)
        history.append(fit.history)
        moved = np.abs(fit.probability - probability)[tells].max()
        probability, by_label = fit.probability, fit.rates
        if moved < _SETTLED:
            break
    each = _em(data, group, by_label, probability, np.inf)
    return Belief(
        rows,
        cols,
        each.probability[data.case],
        answers.names,
        labels,
        person[0],
        person[1],
        by_label.reshape(2, P, K),
        np.bincount(answers.people, minlength=P),
        np.bincount(answers.people[tells[data.case][of]], minlength=P),
        error,
        each.share,
        strength,
        (*history, each.history),
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


def _said(data: _Data) -> tuple[Ints, Floats]:
    """(C,) each: the answers to a case, and how many of them say present."""
    cases = len(data.truth)
    ones = np.bincount(data.of, data.values, minlength=cases)
    return np.bincount(data.of, minlength=cases), np.asarray(ones, np.float64)


def _usual(data: _Data) -> float:
    """How often people err, from how often two of them disagree, which is 2 e (1 - e).

    Each entry counts as one pair fewer than it has answers.
    """
    many, ones = _said(data)
    pairs = data.times * np.maximum(many - 1, 0)
    apart = ones * (many - ones) / np.maximum(many * (many - 1) / 2, 1)
    before = 2 * USUAL * (1 - USUAL)
    disagree = (pairs @ apart + PAIRS * before) / (pairs.sum() + PAIRS)
    return float((1 - np.sqrt(max(1 - 2 * disagree, 0.0))) / 2)


def _start(data: _Data, usual: Floats) -> Floats:
    """(C,) where EM starts: what answers come to where all people err as is usual."""
    many, ones = _said(data)
    votes = np.where(data.truth == UNKNOWN, ones / np.maximum(many, 1), data.truth)
    return _em(data, data.people, usual, votes, np.inf).probability


def _em(data: _Data, group: Ints, usual: Floats, start: Floats, strength: float) -> _Fit:
    """EM from probabilities (C,) of present; each of G groups has its prior rates (2, G).

    strength: what these are worth, in answers; if infinite they stay, and shares alone are found.
    """
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
    if np.isinf(strength):
        return usual
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
    squared, beyond what chance makes of them; beside a first guess.
    """
    errors, many = _counts(data, group, usual.shape[1], probability)
    spread = usual * (1 - usual)
    beyond = ((errors - many * usual) ** 2 - many * spread).sum()
    pairs = (np.maximum(many * (many - 1), 0) * spread).sum() + _EVIDENCE
    beyond += _EVIDENCE / (1 + _GUESS)
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
    """Log-density of the rates under Beta priors, up to a constant."""
    if np.isinf(strength):
        return 0.0
    density = usual * np.log(rates) + (1 - usual) * np.log1p(-rates)
    return float(strength * density.sum())
