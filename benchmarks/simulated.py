"""A whole project, simulated: what is given, what people answer, and the audit of its test set.

The test set is drawn by chance. The model that is judged, and that chooses what to ask of the other
images, never sees it; the one that is handed over learns from everything.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from alasl.evaluate.audit import Audit
from alasl.evaluate.draw import claim_weights, inclusion, permanent_numbers, weights
from alasl.evaluate.estimate import Scored
from alasl.evaluate.thresholds import called_by_others, choose_thresholds
from alasl.models.solver import Solution, solve
from alasl.project.second_looks import once_more
from alasl.seeds import stream

# A stand-in for the judged model that trains in a second.
GUESSED_ABSENT = 0.3
# Answers to an entry, at most.
MOST = 5
# The share of the audit that checks what was given.
CHECKED = 0.1

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def given_entries(truth: NDArray[np.int8], kind: str, rng: np.random.Generator) -> Mask:
    """(N, L): which entries a table of this kind has from the start."""
    u = rng.random(truth.shape)
    shares = {"random10": (0.1, 0.1), "random3": (0.03, 0.03), "random50": (0.5, 0.5)}
    shares["tags"] = (0.6, 0.05)
    present, absent = shares.get(kind, (0.5, 0.0))
    return np.asarray(np.where(truth == 1, u < present, u < absent))


def with_wrong(
    truth: NDArray[np.int8], given: Mask, share: float, of_all: bool, rng: np.random.Generator
) -> NDArray[np.int8]:
    """int8 (N, L): a table with this share of its presents wrong, and as many of its absents.

    -1 where it says nothing. A table of presents alone has other presents too many. of_all: wrong
    is this share of all its entries.
    """
    told = np.where(given, truth, np.int8(-1)).astype(np.int8)
    if not share:
        return told
    if of_all:
        wrong = given & (rng.random(truth.shape) < share)
        return np.where(wrong, 1 - told, told).astype(np.int8)
    presents, absents = (np.flatnonzero((told == value).ravel()) for value in (1, 0))
    if not len(absents):
        absents = np.flatnonzero((truth == 0).ravel())
    else:
        told.ravel()[rng.choice(presents, round(share * len(presents)), replace=False)] = 0
    told.ravel()[rng.choice(absents, round(share * len(presents)), replace=False)] = 1
    return told


def fit(x: NDArray[np.float32], entries: NDArray[np.int8]) -> Solution:
    """A model of what is known; where hardly an absent is, unknown counts as absent, a little."""
    targets = torch.from_numpy(entries.astype(np.float32))
    worth = None
    if (entries == 0).sum() < (entries == 1).sum():
        worth = torch.where(targets < 0, GUESSED_ABSENT, 1.0)
        targets = targets.clamp(min=0)
    return solve(torch.from_numpy(x), targets, worth)


@dataclass
class Project:
    """One simulated project: what is known, and the audit of a share of its images so far."""

    x: NDArray[np.float32]
    truth: NDArray[np.int8]
    kind: str
    seed: int
    tested: float = 0.2
    wrong: float = 0.0
    of_all: bool = False
    checked: float = CHECKED
    erring: tuple[float, ...] = (0.0,)
    again: bool = True

    def __post_init__(self) -> None:
        rng = stream(self.seed, "project", self.kind)
        self.given = given_entries(self.truth, self.kind, rng)
        self.told = with_wrong(self.truth, self.given, self.wrong, self.of_all, rng)
        self.given = self.told >= 0
        many = round(self.tested * len(self.truth))
        self.test = np.sort(rng.permutation(len(self.truth))[:many])
        self.learned = self.told.copy()
        self.learned[self.test] = -1
        self.numbers = permanent_numbers(*self.truth.shape, self.seed)[self.test]
        self.pi = np.zeros((many, self.truth.shape[1]))
        # Of the audit's answers: which would be wrong if asked for once, twice and so on. An absent
        # entry and a present one may be mistaken with different chances.
        looks = stream(self.seed, "looks").random((MOST, *self.pi.shape))
        false, miss = np.broadcast_to(self.erring, 2)
        self.slips = looks < np.where(self.truth[self.test] == 1, miss, false)
        self.logits = self._train()

    def _train(self) -> Floats:
        rows = (self.learned >= 0).any(axis=1)
        self.model = fit(self.x[rows], self.learned[rows])
        return np.asarray(self.model.logits(torch.from_numpy(self.x)).numpy(), np.float64)

    def round(self, audited: float, chosen: int) -> None:
        """Audit up to `audited` entries of each label in all, and have the model ask `chosen`."""
        open_ = ~self.given[self.test]
        if audited:
            scores, checked = self.logits[self.test], audited * self.checked
            self.pi = inclusion(weights(scores), open_, audited - checked, self.pi)
            if checked:
                claims = self.told[self.test]
                weight = claim_weights(scores, claims)
                self.pi = inclusion(weight, claims >= 0, checked, self.pi)
        askable = self.learned < 0
        askable[self.test] = False
        unsure = np.where(askable, np.abs(self.logits + 1), np.inf).ravel()
        pick = np.argsort(unsure, kind="stable")[: min(chosen, int(askable.sum()))]
        self.learned.ravel()[pick] = self.truth.ravel()[pick]
        self.logits = self._train()

    @property
    def drawn(self) -> Mask:
        """(T, L): what the audit has drawn of the test images by now."""
        return self.numbers < self.pi

    @property
    def asked(self) -> int:
        """Answers that people have given."""
        return int(((self.learned >= 0) & ~self.given).sum() + self.drawn.sum())

    def handed_over(self) -> Solution:
        """A model of everything known."""
        known = np.where(self.given, self.told, self.learned)
        known[self.test] = self.known
        rows = (known >= 0).any(axis=1)
        return fit(self.x[rows], known[rows])

    def looks(self) -> NDArray[np.intp]:
        """(2, T, L): how many people would say absent, and present, of each entry drawn."""
        truth, logits = self.truth[self.test], self.logits[self.test]
        answers = np.where(self.slips, 1 - truth, truth)
        many, asked = np.zeros((2, *truth.shape), np.intp), self.drawn
        unclaimed = np.full(truth.shape, self.again)
        if self.checked:
            unclaimed &= self.told[self.test] < 0
        for answer in answers:
            many += asked & (answer == np.array([0, 1])[:, None, None])
            asked = asked & unclaimed & once_more(many[0], many[1], logits)
        return many

    def judged(self, called: bool = True) -> Scored:
        """What the model says of the test images, and calls present of them."""
        p = expit(self.logits[self.test])
        if not called:
            return Scored(self.logits[self.test], p)
        calls = called_by_others(p, self.known, weights=self.worth, seed=self.seed)
        return Scored(self.logits[self.test], p, calls)

    @property
    def worth(self) -> Floats:
        """(T, L): how many entries each known one stands for."""
        audit = self.audit()
        inverse = np.divide(1, audit.pi, out=np.zeros(audit.pi.shape), where=audit.audited)
        return np.where(self.given[self.test], 1.0, inverse)

    @property
    def known(self) -> NDArray[np.int8]:
        """int8 (T, L): what is known of the test images, or was given and may be wrong."""
        return self.audit().told

    def calls_new(self, x: NDArray[np.float32]) -> NDArray[np.int8]:
        """What is called present of other images, by the thresholds of all that is known."""
        p = expit(self.logits[self.test])
        thresholds = choose_thresholds(p, self.known, weights=self.worth)
        said = expit(self.model.logits(torch.from_numpy(x)).numpy())
        return np.where(np.isnan(thresholds), -1, said >= thresholds).astype(np.int8)

    def audit(self) -> Audit:
        """What the estimate may use: given entries, and those drawn by chance."""
        told, looks = self.told[self.test], self.looks()
        absents, presents = looks
        answers = np.where(presents == absents, -1, presents > absents).astype(np.int8)
        if not self.checked:
            return Audit(
                np.where(self.drawn, answers, told), told >= 0, self.drawn, self.pi, looks=looks
            )
        nothing = np.zeros(told.shape, np.bool_)
        return Audit(answers, nothing, self.drawn, self.pi, told, looks)


def sample(
    x: NDArray[np.float32], truth: NDArray[np.int8], images: int, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The images of a project, those never touched, and the labels that both have."""
    rows = stream(seed, "images").permutation(len(x))
    kept, rest = rows[:images], rows[images:]
    both = (truth[kept].any(axis=0)) & (truth[rest].any(axis=0) | (len(rest) == 0))
    return kept, rest, np.flatnonzero(both)
