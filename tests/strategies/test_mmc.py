"""MMC against the published formula in plain loops and scikit-learn's logistic regression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from alasl.strategies import Labelled, resolve
from alasl.strategies.mmc import _logistic


def shares(p):
    ordered = sorted(p, reverse=True)
    return [q / sum(p) if sum(p) else 0 for q in ordered]


def by_loop(pool):
    """The predicted numbers of labels, and the scores, of images that can be asked."""
    rows = np.flatnonzero(pool.askable.any(axis=1))
    whole = (pool.labelled.entries >= 0).all(axis=1)
    counts = pool.labelled.entries[whole].sum(axis=1)
    known = [shares(p.tolist()) for p in pool.labelled.probabilities[whole].astype(float)]
    pool_p = pool.probabilities[rows].astype(float).tolist()
    if len(set(counts.tolist())) > 1:
        model = LogisticRegression(tol=1e-9, max_iter=5000).fit(known, counts)
        numbers = model.predict([shares(p) for p in pool_p]).tolist()
    else:
        numbers = [int(counts[0]) if len(counts) else round(sum(p)) for p in pool_p]
    scores = []
    for p, number in zip(pool_p, numbers, strict=True):
        order = sorted(range(len(p)), key=lambda j, p=p: -p[j])
        y = [1 if j in order[:number] else -1 for j in range(len(p))]
        scores.append(sum((1 - a * (2 * q - 1)) / 2 for a, q in zip(y, p, strict=True)))
    return numbers, scores


def test_the_score_is_the_published_formula(kind, make_pool):
    pool = make_pool(kind)
    if kind == "one label":
        # One label and a constant: both counts are equally likely but for the penalty.
        pool = replace(pool, labelled=replace(pool.labelled, entries=np.ones((9, 1), np.int8)))
    scores = resolve("mmc")(pool)
    np.testing.assert_allclose(scores[np.isfinite(scores)], by_loop(pool)[1], rtol=1e-6)


def test_the_number_of_labels_is_learned_from_the_labelled_images(make_pool):
    """Where it shows in the probabilities, images get different numbers, and other scores."""
    pool = make_pool("wide")
    rng = np.random.default_rng(0)
    entries = (rng.random((400, 83)) < 0.02 + 0.1 * rng.random((400, 1))).astype(np.int8)
    p = np.clip(entries * 0.8 + 0.05 * rng.random(entries.shape), 0, 1)
    known = replace(pool, labelled=Labelled(entries, p))
    sparse = replace(known, probabilities=p[: len(pool)])
    numbers, scores = by_loop(sparse)
    assert len(set(numbers)) > 3
    got = resolve("mmc")(sparse)
    assert (np.argsort(got[np.isfinite(got)]) == np.argsort(scores)).mean() > 0.95


@pytest.mark.parametrize("number", [0, 2, 6])
def test_where_all_have_as_many_labels_no_model_is_needed(number, make_pool):
    pool = make_pool("even")
    entries = np.zeros((5, 6), np.int8)
    entries[:, :number] = 1
    pool = replace(pool, labelled=replace(pool.labelled, entries=entries, probabilities=entries))
    scores = resolve("mmc")(pool)
    numbers, expected = by_loop(pool)
    assert set(numbers) == {number}
    np.testing.assert_allclose(scores[np.isfinite(scores)], expected, rtol=1e-9)


def test_the_regression_is_scikit_learns():
    rng = np.random.default_rng(0)
    inputs, which = rng.standard_normal((60, 4)), rng.choice(3, 60, p=[0.6, 0.3, 0.1])
    ours = _logistic(np.column_stack([inputs, np.ones(60)]), which, 3)
    model = LogisticRegression(tol=1e-10, max_iter=10_000).fit(inputs, which)
    theirs = np.vstack([model.coef_.T, model.intercept_])
    # What is the same for all classes decides nothing.
    for weights in (ours, theirs):
        weights -= weights.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(ours, theirs, atol=2e-3)
