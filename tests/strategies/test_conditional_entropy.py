"""Entropy given known entries: counts and shifts in plain loops, and what they are good for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.conditional_entropy import (
    conditional,
    conditional_dependence,
    dependence,
)


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


def test_dependence_given_the_image_is_a_newton_step(kind, make_pool):
    """Plain loops over pairs, and slope and curvature of the pair's own posterior."""
    pool = make_pool(kind)
    entries = np.concatenate([pool.entries, pool.labelled.entries]).astype(int)
    p = np.concatenate([pool.probabilities, pool.labelled.probabilities]).astype(float)
    found = conditional_dependence(pool)
    labels = entries.shape[1]
    for j, k in [(a, b) for a in range(min(6, labels)) for b in range(min(6, labels))]:
        both = [i for i in range(len(entries)) if entries[i, j] >= 0 and entries[i, k] >= 0]
        slope = sum((entries[i, j] - p[i, j]) * (entries[i, k] - p[i, k]) for i in both)
        curve = sum((entries[i, j] - p[i, j]) ** 2 * p[i, k] * (1 - p[i, k]) for i in both)
        assert found[j, k] == pytest.approx(0 if j == k else slope / (1 + curve), abs=1e-9)

        def posterior(theta, j=j, k=k, both=both):
            told = -(theta**2) / 2
            for i in both:
                at = min(max(p[i, k], 1e-9), 1 - 1e-9)
                logit = math.log(at / (1 - at)) + theta * (entries[i, j] - p[i, j])
                told += entries[i, k] * logit - np.logaddexp(0, logit)
            return told

        step = 1e-3
        left, here, right = (posterior(at) for at in (-step, 0, step))
        assert slope == pytest.approx((right - left) / (2 * step), abs=1e-3)
        assert 1 + curve == pytest.approx((2 * here - left - right) / step**2, abs=1e-2)


def test_surprises_move_the_score(make_pool):
    pool = make_pool()
    pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    q = conditional(pool, slice(None), 0.5 * conditional_dependence(pool))
    entropy = -q * np.log(q) - (1 - q) * np.log(1 - q)
    scores = resolve("conditional-entropy:within=all:by=surprises")(pool)
    np.testing.assert_allclose(scores[pool.askable], entropy[pool.askable], rtol=1e-5)


def test_labels_that_the_model_sees_alike_do_not_depend_given_the_image():
    """One cause, which the features show: counts say they go together, surprises do not."""
    rng = np.random.default_rng(0)
    p = np.repeat(rng.choice([0.1, 0.9], (4000, 1)), 2, axis=1)
    entries = (rng.random(p.shape) < p).astype(np.int8)
    pool = Pool(entries[:100], rng.random(100), p[:100], labelled=Labelled(entries[100:], p[100:]))
    assert dependence(pool)[0, 1] > 2
    assert abs(conditional_dependence(pool)[0, 1]) < 0.5
