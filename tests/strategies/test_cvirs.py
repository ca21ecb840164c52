"""CVIRS against the published formula in plain loops."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.cvirs import _borda, distances, inconsistency


def entropy(outcomes):
    total = len(outcomes)
    return -sum(n / total * math.log(n / total) for n in Counter(outcomes).values())


def distance(one, other):
    """(2 H(i, j) - H_i - H_j) / H(i, j) of two vectors of 0 and 1; 1 for opposite ones."""
    if all(a != b for a, b in zip(one, other, strict=True)):
        return 1.0
    joint = entropy(list(zip(one, other, strict=True)))
    return (2 * joint - entropy(one) - entropy(other)) / joint if joint else 0.0


def mean_distance(here, there):
    return [sum(distance(a, b) for b in there.tolist()) / len(there) for a in here.tolist()]


vectors = st.integers(1, 7).flatmap(
    lambda labels: st.tuples(
        hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.just(labels))),
        hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.just(labels))),
    )
)


@pytest.mark.slow
@given(vectors)
def test_the_inconsistency_is_the_mean_distance(both):
    here, there = both
    np.testing.assert_allclose(inconsistency(here, there), mean_distance(here, there), atol=1e-12)


def test_the_inconsistency_in_several_blocks(monkeypatch):
    monkeypatch.setattr("alasl.strategies.cvirs.PAIRS", 100)
    rng = np.random.default_rng(0)
    here, there = rng.random((50, 9)) < 0.3, rng.random((40, 9)) < 0.2
    np.testing.assert_allclose(inconsistency(here, there), mean_distance(here, there), atol=1e-12)


def test_of_many_labelled_images_some_stand_for_all(monkeypatch, make_pool):
    """The same ones in whatever order the pool comes."""
    pool, every = make_pool("even"), []
    whole = resolve("cvirs")(pool)
    monkeypatch.setattr("alasl.strategies.cvirs.COMPARED", len(pool.labelled.entries) - 1)
    found = resolve("cvirs")(pool)
    order = np.random.default_rng(0).permutation(len(pool))
    np.testing.assert_allclose(resolve("cvirs")(pool.take(order)), found[order])
    for left in range(len(pool.labelled.entries)):
        rows = np.delete(np.arange(len(pool.labelled.entries)), left)
        some = Labelled(pool.labelled.entries[rows], pool.labelled.probabilities[rows])
        every.append(resolve("cvirs")(replace(pool, labelled=some)))
    assert any(np.allclose(found, one, atol=1e-12) for one in every)
    assert not np.allclose(found, whole)


def test_what_cannot_be_has_no_distance():
    """Of 3 labels, an image with 2 and one with 2 have at least 1 in common."""
    table = distances(3, 2)
    assert table.shape == (4, 3)
    assert table[2, 0] == 0
    assert table[2, 1] == pytest.approx(distance([1, 1, 0], [1, 0, 1]))
    assert table[2, 2] == 0
    assert table[1, 0] == 1  # opposite
    assert np.isfinite(table).all()


def test_the_score_is_the_published_formula(kind, make_pool):
    pool = make_pool(kind)
    scores = resolve("cvirs")(pool)
    some = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    p, known = some.probabilities.astype(float), some.labelled
    images, labels = p.shape
    there = np.where(known.entries == -1, known.probabilities > 0.5, known.entries == 1)
    apart = mean_distance(p > 0.5, there) if len(there) else np.ones(images)
    for i, place in enumerate(np.flatnonzero(np.isfinite(scores))):
        borda = 0.0
        for j in range(labels):
            # |2 p - 1|, written so that close probabilities are not rounded to equal ones.
            sure = [-min(q, 1 - q) for q in p[:, j].tolist()]
            borda += (images - rankdata(sure)[i]) / max(images - 1, 1)
        assert scores[place] == pytest.approx(borda / labels * apart[i], rel=1e-6, abs=1e-12)


def test_neither_part_is_idle():
    """small-text computes the distance and drops it: here either part alone changes the order."""
    p = np.array([[0.6, 0.1], [0.6, 0.4], [0.9, 0.4], [0.9, 0.2]])
    known = Labelled(np.array([[1, 0], [1, 0]], np.int8), np.zeros((2, 2)))
    pool = Pool(np.full((4, 2), -1, np.int8), np.arange(4) / 4, p, labelled=known)
    # All are predicted as the labelled images are: at no distance, whatever their margin.
    assert (resolve("cvirs")(pool) == 0).all()
    other = replace(known, entries=np.array([[1, 0], [0, 1]], np.int8))
    scores = resolve("cvirs")(replace(pool, labelled=other))
    assert scores.argmax() == 1
    assert scores.argmin() == 3


def test_the_rank_is_a_rank():
    """A place in an argsort is not a rank: the image in the middle must not come first."""
    p = np.float32([[0.9], [0.55], [0.7], [0.8], [0.6], [2e-9], [3e-9]])
    assert _borda(p).argsort()[::-1].tolist() == [1, 4, 2, 3, 0, 6, 5]
