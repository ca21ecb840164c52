"""Transductive experimental design against matrices in full, and Yu's own sequential form."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alasl.strategies import resolve


def scaled(pool):
    """The features, and the labelled ones, as the strategy takes them, in float64."""
    x = pool.features.astype(float)
    mean = x.mean(axis=0)
    x = x - mean
    scale = np.sqrt(len(x) / max((x**2).sum(), 1e-12))
    return x * scale, (pool.labelled.features - mean) * scale


def shown(pool):
    return pool.take(np.flatnonzero(pool.askable.any(axis=1)))


def test_each_pick_leaves_the_least_variance(kind, make_pool):
    for ridge in (1.0, 0.1):
        pool = shown(make_pool(kind))
        x, there = scaled(pool)
        known, left, expected = [*there], set(range(len(x))), []

        def unsure(known, x=x, ridge=ridge):
            precision = ridge * np.eye(x.shape[1]) + sum(np.outer(k, k) for k in known)
            return np.trace(x @ np.linalg.inv(precision) @ x.T)

        while len(expected) < min(pool.batch, len(x)):
            after = {i: unsure([*known, x[i]]) for i in left}
            best = min(after, key=after.__getitem__)
            expected.append(best)
            known.append(x[best])
            left.remove(best)
        found = np.argsort(-resolve(f"design:ridge={ridge}")(pool))[: len(expected)]
        if np.ptp(x):
            assert found.tolist() == expected


def test_it_is_yus_sequential_design_on_the_kernel(make_pool):
    """Yu 2006, algorithm 1: of K = X X^T take the largest |K_i|^2 / (K_ii + mu), then deflate K."""
    pool = shown(replace(make_pool("even"), batch=8))
    nobody = replace(
        pool.labelled,
        entries=pool.labelled.entries[:0],
        probabilities=None,
        features=pool.labelled.features[:0],
    )
    pool = replace(pool, labelled=nobody)
    x, _ = scaled(pool)
    kernel, mu, expected = x @ x.T, 0.5, []
    for _ in range(8):
        worth = (kernel**2).sum(axis=0) / (np.diag(kernel) + mu)
        worth[expected] = -np.inf
        best = int(worth.argmax())
        expected.append(best)
        kernel = kernel - np.outer(kernel[best], kernel[best]) / (kernel[best, best] + mu)
    found = np.argsort(-resolve("design:ridge=0.5")(pool))[:8]
    assert found.tolist() == expected


def test_what_is_labelled_already_is_not_asked_again(make_pool):
    """Labelled twins of an image take its worth."""
    pool = shown(make_pool("even"))
    first = int(resolve("design")(pool).argmax())
    twins = np.repeat(pool.features[[first]], len(pool.labelled.entries), axis=0)
    known = replace(pool, labelled=replace(pool.labelled, features=twins))
    assert int(resolve("design")(known).argmax()) != first
