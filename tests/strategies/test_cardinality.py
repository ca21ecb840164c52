"""Separation margin, label cardinality inconsistency and their adaptive mix, in plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.adaptive import MIXES, Regression
from alasl.strategies.cardinality import mean_cardinality


def usual(pool):
    """The mean number of labels, label by label."""
    total = 0.0
    for j in range(pool.entries.shape[1]):
        known = [v for v in pool.labelled.entries[:, j].tolist() if v != -1]
        p = pool.probabilities[:, j].tolist()
        total += sum(known) / len(known) if known else sum(p) / len(p)
    return total


def by_loop(pool, b):
    some = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    scores = []
    for p in some.probabilities.tolist():
        above = [q for q in p if q > 0.5]
        below = [q for q in p if q <= 0.5]
        margin = (min(above) if above else 0.5) - (max(below) if below else 0.5)
        scores.append(margin**-b * abs(len(above) - usual(some)) ** (1 - b))
    return scores


@pytest.mark.parametrize("b", [0, 0.3, 0.5, 1])
def test_the_score_is_the_published_formula(b, kind, make_pool):
    pool = make_pool(kind)
    scores = resolve(f"margin+cardinality:b={b}")(pool)
    np.testing.assert_allclose(scores[np.isfinite(scores)], by_loop(pool, b), rtol=1e-9)


def test_unknown_entries_of_labelled_images_are_left_out():
    entries = np.array([[1, -1, -1], [1, 0, -1], [0, 1, -1]], np.int8)
    p = np.full((2, 3), 0.25)
    pool = Pool(np.full((2, 3), -1, np.int8), np.zeros(2), p, labelled=Labelled(entries))
    assert mean_cardinality(pool) == pytest.approx(2 / 3 + 1 / 2 + 0.25)


def test_a_probability_at_the_threshold_is_finite():
    p = np.array([[0.5, 0.1], [0.6, 0.7]])
    pool = Pool(
        np.full((2, 2), -1, np.int8), np.zeros(2), p, labelled=Labelled(np.eye(2, dtype=np.int8))
    )
    scores = resolve("margin+cardinality:b=1")(pool)
    assert np.isfinite(scores).all()
    assert scores.argmax() == 0


def test_more_images_at_once_are_a_ridge_regression_on_all():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((9, 4)), rng.choice([-1.0, 1.0], (9, 3))
    more = Regression(x[:6], y[:6]).with_more(x[6:], y[6:])
    ridge = Ridge(alpha=1, fit_intercept=False).fit(x, y)
    np.testing.assert_allclose(more, ridge.coef_.T, rtol=1e-9)


def test_the_mix_is_that_of_the_least_doubt():
    """Each batch is added in a plain loop, a ridge regression trained, its doubt summed."""
    chosen = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        entries = rng.integers(-1, 2, (40, 5)).astype(np.int8)
        entries[:, 0] = -1
        known = rng.integers(0, 2, (8, 5)).astype(np.int8)
        pool = Pool(
            entries,
            rng.random(40),
            rng.random((40, 5)),
            rng.standard_normal((40, 3)),
            labelled=Labelled(known, features=rng.standard_normal((8, 3))),
            batch=4,
        )
        every = np.concatenate([pool.features, pool.labelled.features])
        every = every - every.mean(axis=0)
        every = every / np.sqrt((every**2).sum(axis=1).mean())
        every = np.column_stack([every, np.ones(len(every))])
        doubt = {}
        for b in MIXES:
            scores = resolve(f"margin+cardinality:b={b}")(pool)
            batch = np.lexsort((pool.ties, scores))[::-1][:4]
            guess = np.where(entries == -1, pool.probabilities > 0.5, entries == 1)[batch]
            x = np.concatenate([every[40:], every[batch]])
            y = np.concatenate([known * 2 - 1, guess * 2 - 1])
            f = Ridge(alpha=1, fit_intercept=False).fit(x, y).predict(every[:40])
            doubt[b] = 0.0
            for row in f.tolist():
                doubt[b] += max([1 - v for v in row if 0 < v < 1], default=0)
                doubt[b] += max([1 + v for v in row if -1 < v <= 0], default=0)
        best = min(MIXES, key=lambda b: round(doubt[b], 9))
        got = resolve("adaptive")(pool)
        assert pool.memory == {"b": [best]}
        assert (got == resolve(f"margin+cardinality:b={best}")(pool)).all()
        chosen.add(best)
    assert len(chosen) > 1


def test_the_mix_of_each_round_is_noted(make_pool):
    pool = replace(make_pool("even"), memory={"b": [0.4]})
    resolve("adaptive")(pool)
    assert len(pool.memory["b"]) == 2
    assert pool.memory["b"][0] == 0.4
