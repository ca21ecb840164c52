"""BADGE against gradients that are built, and k-means++ in a plain loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alasl.strategies import resolve
from alasl.strategies.picks import by_draws


def gradients(pool):
    """(N, L D): of each image, were its askable entries what the model takes them for."""
    found = np.zeros((*pool.entries.shape, pool.features.shape[1]))
    for i, j in np.argwhere(pool.askable):
        p = float(pool.probabilities[i, j])
        found[i, j] = (p - (1 if p > 0.5 else 0)) * pool.features[i].astype(float)
    return found.reshape(len(pool), -1)


def by_loop(pool, count):
    """The image of the largest gradient, then draws by squared distance, with badge's own draws."""
    order, rng = by_draws(pool.ties)
    g = gradients(pool)[order]
    found = [int((g**2).sum(axis=1).argmax())]
    while len(found) < count:
        apart = [min(((x - g[j]) ** 2).sum() for j in found) for x in g]
        if sum(apart) < 1e-9:
            break
        draw, summed = rng.random() * sum(apart), 0.0
        for place, weight in enumerate(apart):
            summed += weight
            if summed > draw:
                found.append(place)
                break
    return order[found].tolist()


def test_draws_as_k_means_plus_plus_on_gradients(kind, make_pool):
    for seed in range(4):
        pool = make_pool(kind, seed)
        pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
        found = np.argsort(-resolve("badge")(pool))
        expected = by_loop(pool, min(pool.batch, len(pool)))
        assert found[: len(expected)].tolist() == expected


def test_known_entries_say_nothing(make_pool):
    pool = make_pool("even")
    other = np.where(pool.askable, pool.probabilities, 0.5).astype(np.float32)
    one, two = (resolve("badge")(p) for p in (pool, replace(pool, probabilities=other)))
    assert (one == two).all()


def test_of_the_images_that_the_model_is_sure_of_one_at_most_is_drawn(make_pool):
    """Their gradients are all 0, so one of them stands for all."""
    pool = replace(make_pool("even"), batch=30)
    p = pool.probabilities.copy()
    p[:20] = np.round(p[:20])
    scores = resolve("badge")(replace(pool, probabilities=p))
    assert np.count_nonzero(np.argsort(-scores)[:30] < 20) <= 1


def test_twins_are_not_drawn_both(make_pool):
    pool = make_pool("even")
    twins = pool.take(np.repeat(np.arange(len(pool)), 2))
    twins = replace(twins, ties=np.random.default_rng(0).random(len(twins)), batch=40)
    first = np.argsort(-resolve("badge")(twins))[:40]
    assert len(set(first // 2)) == 40
