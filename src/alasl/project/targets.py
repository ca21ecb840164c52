"""From what people said to what a model learns: targets between 0 and 1, and weights.

Who errs how often is estimated from entries of three answers or more and from gold questions
(Dawid and Skene). Where there is too little of either to go by, a person is taken at their word.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from alasl.labels import UNKNOWN, Entries, Labels
from alasl.project.agreement import Answers
from alasl.project.dawid_skene import dawid_skene
from alasl.project.records import SOURCES, Ints
from alasl.sparse import Sparse

# Answers that can be checked, on others' or on known ones, before a person's errors count.
EVIDENCE = 50


@dataclass(frozen=True, eq=False)
class Chances:
    """How likely each entry is present, -1 where unknown: float32 (n, L) of rows (n,), on demand.

    labels: (N, L), what counts elsewhere. rows, cols, chances: (m,), what these are, rows
    ascending.
    """

    labels: Labels
    rows: Ints
    cols: Ints
    chances: NDArray[np.floating]

    @property
    def few(self) -> Sparse:
        """(N, L): those of known entries alone."""
        known = self.labels.sparse
        whole = replace(known, values=known.values.astype(np.float32))
        return whole.put(self.rows, self.cols, self.chances)

    def __getitem__(self, rows: Ints) -> NDArray[np.float32]:
        found = self.labels.of(rows).astype(np.float32)
        first, end = (np.searchsorted(self.rows, rows, side) for side in ("left", "right"))
        many = end - first
        at = np.repeat(first - (many.cumsum() - many), many) + np.arange(many.sum())
        found[np.repeat(np.arange(len(rows)), many), self.cols[at]] = self.chances[at]
        return found


@dataclass(frozen=True, eq=False)
class Weights:
    """How much each entry counts: float32 (n, L) of rows (n,), on demand.

    automatic: (N, L), what a machine answered; it counts `weight`, and all else 1.
    """

    automatic: Sparse
    weight: float

    def at(self, rows: Ints, cols: Ints) -> NDArray[np.float32]:
        """(m,): those at rows and columns."""
        machine = self.automatic.at(rows, cols) != UNKNOWN
        return np.where(machine, np.float32(self.weight), np.float32(1))

    def __getitem__(self, rows: Ints) -> NDArray[np.float32]:
        return np.where(self.automatic[rows] != UNKNOWN, np.float32(self.weight), np.float32(1))


@dataclass(frozen=True, eq=False)
class Targets:
    """What to learn from, on demand, as tables of floats would be four times the entries.

    chances: None where the entries say all. weights: None where all count 1.
    """

    chances: Chances | None
    weights: Weights | None


def answered_by_machine(labels: Labels) -> NDArray[np.bool_]:
    """(m,): which known entries of a store's table stand by an automatic answer."""
    return np.asarray(labels.origin == SOURCES.index("machine"))


def targets(
    labels: Labels, initial: Entries | Sparse, answers: Answers, automatic: float
) -> Targets:
    """What a model learns of the table as it stands.

    initial: int8 (N, L), the table before anybody answered, the truth of the gold questions.
    automatic: what an entry counts that a machine answered; one that a person answered counts 1.
    """
    by_machine = answered_by_machine(labels)
    weights = None
    if by_machine.any():
        weights = Weights(labels.sparse.only(by_machine), automatic)
    chances = None
    if len(answers):
        belief = dawid_skene(answers, initial)
        rows, cols = belief.rows, belief.cols
        doubted = _doubted(answers, initial) & (initial[rows, cols] == UNKNOWN)
        doubted &= labels.source_at(rows, cols) != SOURCES.index("resolved")
        order = np.argsort(rows[doubted], kind="stable")
        at = np.flatnonzero(doubted)[order]
        if len(at):
            chances = Chances(labels, rows[at], cols[at], belief.probability[at])
    return Targets(chances, weights)


def _doubted(answers: Answers, initial: Entries | Sparse) -> NDArray[np.bool_]:
    """(E,): entries answered by several people, or only by people whose errors can be told.

    Of errors tell entries of known truth, and those of three answers or more (`dawid_skene`).
    """
    rows, cols, of = answers.entries()
    many = np.bincount(of, minlength=len(rows))
    checked = (many > 2) | (initial[rows, cols] != UNKNOWN)
    evidence = np.bincount(answers.people, checked[of], minlength=len(answers.names))
    unsure = np.bincount(of, evidence[answers.people] < EVIDENCE, minlength=len(rows))
    return np.asarray((many > 1) | (unsure == 0))
