"""Local design against the graph in full: A, (I - A)^T (I - A), and each trace by itself."""

from __future__ import annotations

import numpy as np
import pytest

from alasl.strategies import local_design, resolve


def scaled(pool):
    """The features, and the labelled ones, as the strategy takes them, in float64."""
    x = pool.features.astype(float)
    mean = x.mean(axis=0)
    x = x - mean
    scale = np.sqrt(len(x) / max((x**2).sum(), 1e-12))
    return x * scale, (pool.labelled.features - mean) * scale


def shown(pool):
    return pool.take(np.flatnonzero(pool.askable.any(axis=1)))


def graph(x, nearest, ridge):
    """(N, N): A, each row what the nearest images weigh in a ridge regression for it."""
    found = np.zeros((len(x), len(x)))
    for i in range(len(x)):
        others = [j for j in range(len(x)) if j != i]
        near = sorted(others, key=lambda j, i=i: ((x[i] - x[j]) ** 2).sum())[:nearest]
        if near:
            kernel = np.array([[x[a] @ x[b] for b in near] for a in near])
            towards = np.array([x[a] @ x[i] for a in near])
            found[i, near] = np.linalg.inv(kernel + ridge * np.eye(len(near))) @ towards
    return found


@pytest.mark.parametrize(("ridge", "local"), [(1.0, 1.0), (0.1, 5.0), (1.0, 0.0)])
def test_each_pick_leaves_the_surest_weights(kind, ridge, local, make_pool, monkeypatch):
    monkeypatch.setattr(local_design, "NEAREST", 3)
    pool = shown(make_pool(kind))
    x, there = scaled(pool)
    if not np.ptp(x):
        return
    every = np.concatenate([x, there])
    a = graph(every, 3, local_design.RIDGE)
    whole = np.eye(len(every)) - a
    smooth = every.T @ whole.T @ whole @ every
    width = x.shape[1]
    start = ridge * (np.eye(width) + local * width / np.trace(smooth) * smooth)
    known, left, expected = [*there], set(range(len(x))), []

    def unsure(known):
        return np.trace(np.linalg.inv(start + sum(np.outer(k, k) for k in known)))

    while len(expected) < min(pool.batch, len(x)):
        after = {i: unsure([*known, x[i]]) for i in left}
        best = min(after, key=after.__getitem__)
        expected.append(best)
        known.append(x[best])
        left.remove(best)
    found = np.argsort(-resolve(f"local-design:ridge={ridge}:local={local}")(pool))
    assert found[: len(expected)].tolist() == expected


def test_neighbours_are_looked_for_among_some_images_only(monkeypatch):
    """A few references give what they would alone; with all, it is the whole graph's."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((40, 6)).astype(np.float32)
    monkeypatch.setattr(local_design, "NEAREST", 4)
    expected = x - graph(x.astype(float), 4, local_design.RIDGE) @ x
    np.testing.assert_allclose(local_design.residuals(x), expected, atol=1e-4)
    monkeypatch.setattr(local_design, "REFERENCES", 20)
    alone = local_design.residuals(x[:20])
    np.testing.assert_allclose(local_design.residuals(x)[:20], alone, atol=1e-5)
    assert np.isfinite(local_design.residuals(x)).all()


def test_what_neighbours_do_not_tell_is_smaller_than_the_image():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((5, 20))
    x = (centres[rng.integers(5, size=200)] + 0.1 * rng.standard_normal((200, 20))).astype(
        np.float32
    )
    left = local_design.residuals(x)
    assert (left**2).sum() < 0.1 * (x**2).sum()
