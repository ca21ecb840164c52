"""What an answer tells of other labels is worth something, and what may follow waits."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from alasl.labels import UNKNOWN
from alasl.learner.implied import Pairs, credited
from alasl.project.inference import closed, completed
from alasl.project.scheme import Rules

LABELS = 5
# Every label implies, at most, labels of a higher number: no circle.
pairs = st.lists(
    st.tuples(st.integers(0, LABELS - 1), st.integers(0, LABELS - 1)).filter(lambda p: p[0] < p[1]),
    max_size=6,
    unique=True,
)


def by_loops(
    scores: NDArray[np.floating],
    askable: NDArray[np.bool_],
    chances: NDArray[np.floating],
    implies: Pairs,
    excludes: Pairs,
) -> tuple[list[list[float]], list[list[bool]]]:
    least = min((scores[i, j] for i, j in np.argwhere(askable)), default=0.0)
    worth, now = [], []
    for i in range(len(scores)):
        own = [scores[i, j] - min(least, 0) if askable[i, j] else 0.0 for j in range(LABELS)]
        row = []
        for j in range(LABELS):
            p = chances[i]
            found = own[j]
            for child, parent in implies:
                if child == j:
                    found += own[parent] / 2 * min(1, p[j] / p[parent])
                if parent == j:
                    found += own[child] / 2 * min(1, (1 - p[j]) / (1 - p[child]))
            for one, other in excludes:
                if j in (one, other):
                    beside = one if other == j else other
                    found += own[beside] / 2 * min(1, p[j] / (1 - p[beside]))
            row.append(found)
        worth.append(row)
        waits = set()
        for c, p in implies:
            if askable[i, c] and askable[i, p]:
                waits.add(c if row[p] >= row[c] else p)
        now.append([bool(askable[i, j]) and j not in waits for j in range(LABELS)])
    return worth, now


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**16), implies=pairs, excludes=pairs, low=st.sampled_from([-1.0, 0.0, 0.5])
)
def test_credit_is_that_of_plain_loops(
    seed: int, implies: list[tuple[int, int]], excludes: list[tuple[int, int]], low: float
) -> None:
    rng = np.random.default_rng(seed)
    scores, chances = low + rng.random((4, LABELS)), rng.random((4, LABELS))
    askable = rng.random((4, LABELS)) < 0.7
    every = closed(tuple(implies))
    worth, now = credited(scores, askable, chances, every, excludes)
    expected, which = by_loops(scores, askable, chances, every, excludes)
    np.testing.assert_allclose(worth, expected)
    assert now.tolist() == which
    # What is worth most of an image never waits, so no image is left without a question.
    assert (now.any(axis=1) == askable.any(axis=1)).all()


def test_asking_by_credit_makes_the_same_table_with_fewer_answers() -> None:
    rng = np.random.default_rng(0)
    leaves = (rng.random((200, 9)) < 0.1).astype(np.int8)
    parents = [leaves[:, first : first + 3].max(axis=1) for first in (0, 3, 6)]
    truth = np.column_stack([leaves, *parents])
    implies = tuple((child, 9 + child // 3) for child in range(9))
    usual = np.broadcast_to(truth.mean(axis=0), truth.shape)
    known, asked = np.full(truth.shape, UNKNOWN, np.int8), 0
    while (known == UNKNOWN).any():
        worth, now = credited(np.ones(truth.shape), known == UNKNOWN, usual, implies, ())
        rows = np.flatnonzero(now.any(axis=1))
        cols = np.where(now, worth, -1)[rows].argmax(axis=1)
        known[rows, cols] = truth[rows, cols]
        known = completed(known, Rules(implies=implies))
        asked += len(rows)
    assert (known == truth).all()
    assert asked < 0.6 * truth.size
