"""k-center against a plain loop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.picks import nearest_of


def by_loop(pool: Pool, count: int) -> list[int]:
    """Images, each the farthest from the labelled and those before."""
    centres = [*pool.labelled.features.astype(float)]
    found: list[int] = []
    for _ in range(count):
        away = {
            i: min((np.linalg.norm(x.astype(float) - c) for c in centres), default=np.inf)
            for i, x in enumerate(pool.features)
            if i not in found and pool.askable[i].any()
        }
        found.append(max(away, key=lambda i: (away[i], pool.ties[i])))
        centres.append(pool.features[found[-1]].astype(float))
    return found


def test_picks_the_farthest_one_after_the_other(kind, make_pool):
    for seed in range(3):
        pool = make_pool(kind, seed)
        count = min(pool.batch, int(pool.askable.any(axis=1).sum()))
        scores = resolve("k-center")(pool)
        if len(pool.labelled.entries):
            assert np.argsort(-scores)[:count].tolist() == by_loop(pool, count)
        else:
            # By chance first: any image is as far from nothing as any other.
            first, second = np.argsort(-scores)[:2]
            away = np.linalg.norm(pool.features - pool.features[first], axis=1)
            assert second == away.argmax()


def test_bounds_by_some_labelled_images_give_the_same_picks(monkeypatch, make_pool):
    """Images that are no candidates are never compared with the others."""
    plain = replace(make_pool("even"), batch=5)
    monkeypatch.setattr("alasl.strategies.k_center.TOGETHER", 2)
    compared = 0

    def counted(features, others):
        nonlocal compared
        compared += len(features)
        return nearest_of(features, others)

    for most in (1, 3):
        monkeypatch.setattr("alasl.strategies.k_center.COMPARED", most)
        monkeypatch.setattr("alasl.strategies.k_center.nearest_of", counted)
        compared = 0
        assert np.argsort(-resolve("k-center")(plain))[:5].tolist() == by_loop(plain, 5)
        assert len(plain) < compared < 2 * len(plain)


def test_where_nothing_is_labelled_chance_takes_the_first():
    x = np.random.default_rng(0).standard_normal((9, 3), dtype=np.float32)
    nobody = Labelled(np.zeros((0, 1), np.int8), features=np.zeros((0, 3), np.float32))
    firsts = set()
    for seed in range(40):
        ties = np.random.default_rng(seed).random(9)
        pool = Pool(np.full((9, 1), -1, np.int8), ties, features=x, labelled=nobody)
        firsts.add(int(resolve("k-center")(pool).argmax()))
    assert len(firsts) > 6


def test_as_many_are_picked_as_the_round_asks(make_pool):
    """What comes after them stands by its distance from all of them."""
    pool = replace(make_pool("even"), batch=5)
    scores = resolve("k-center")(pool)
    order = np.argsort(-scores)
    order = order[np.isfinite(scores[order])]
    centres = np.concatenate([pool.labelled.features, pool.features[order[:5]]])
    away = [np.linalg.norm(pool.features[i] - centres, axis=1).min() for i in order[5:]]
    assert away == sorted(away, reverse=True)
    assert order.tolist() != by_loop(pool, len(order))
