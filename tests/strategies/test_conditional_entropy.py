"""Entropy given known entries: counts and shifts in plain loops, and what they are good for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.conditional_entropy import conditional, dependence


def by_loop(pool, i, j, strength):
    """The entropy of entry (i, j) given the image's known entries."""
    images = [*pool.entries.tolist(), *pool.labelled.entries.tolist()]
    p = np.clip(pool.probabilities.astype(float), 1e-7, 1 - 1e-7)
    logit = math.log(p[i, j] / (1 - p[i, j]))
    for k, value in enumerate(pool.entries[i].tolist()):
        if value == -1:
            continue
        n = [
            [sum(row[k] == a and row[j] == b for row in images) + 0.5 for b in (0, 1)]
            for a in (0, 1)
        ]
        surprise = value - float(pool.probabilities[i, k])
        logit += strength * math.log(n[1][1] * n[0][0] / (n[1][0] * n[0][1])) * surprise
    q = 1 / (1 + math.exp(-logit))
    return -q * math.log(q) - (1 - q) * math.log(1 - q)


@pytest.mark.parametrize("strength", [0.5, 1])
def test_the_score_is_the_formula(strength, kind, make_pool):
    pool = make_pool(kind)
    some = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    scores = resolve(f"conditional-entropy:within=all:strength={strength}")(some)
    places = list(zip(*np.nonzero(some.askable), strict=True))
    for i, j in places[:: max(1, len(places) // 40)]:
        assert scores[i, j] == pytest.approx(by_loop(some, i, j, strength), rel=1e-5, abs=1e-8)


def test_where_nothing_is_known_it_is_the_entropy(make_pool):
    pool = make_pool("nothing known")
    got = resolve("conditional-entropy:within=all")(pool)
    np.testing.assert_allclose(got, resolve("entry-entropy:within=all")(pool), atol=2e-6)


def test_counts_over_several_blocks(make_pool):
    pool = make_pool()
    many = pool.take(np.tile(np.arange(len(pool)), 400))
    once = replace(pool, labelled=replace(pool.labelled, entries=pool.entries[:0]))
    entries = np.tile(pool.entries, (400, 1))
    other = replace(once, labelled=replace(pool.labelled, entries=entries))
    again = replace(many, labelled=replace(pool.labelled, entries=pool.entries))
    np.testing.assert_allclose(dependence(other), dependence(again))


def test_labels_that_go_together_tell_of_each_other():
    """Two labels that always agree, unseen by the model: the known one settles the other."""
    rng = np.random.default_rng(0)
    twins = np.repeat(rng.random((300, 1)) < 0.5, 2, axis=1).astype(np.int8)
    alone = (rng.random((300, 1)) < 0.5).astype(np.int8)
    entries = np.concatenate([twins, alone], axis=1)
    known = Labelled(entries[100:])
    hidden = entries[:100].copy()
    hidden[:, 0] = -1
    pool = Pool(hidden, rng.random(100), np.full((100, 3), 0.5), labelled=known)
    q = conditional(pool, slice(None), dependence(pool))[:, 0]
    truth = entries[:100, 0]
    loss = -np.log(np.where(truth == 1, q, 1 - q)).mean()
    assert loss < 0.1 < math.log(2)
    # What the model expects is no news: nothing moves.
    seen = replace(pool, probabilities=np.where(hidden == -1, 0.3, hidden).astype(float))
    np.testing.assert_allclose(conditional(seen, slice(None), dependence(seen))[:, 0], 0.3)
