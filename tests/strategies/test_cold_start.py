"""TypiClust and ProbCover on images in clear groups, and against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.clusters import k_means
from alasl.strategies.picks import by_draws, normalised
from alasl.strategies.typiclust import NEIGHBOURS

SIZES = (30, 50, 12, 40, 3)


def grouped(seed: int, batch: int, labelled: tuple[int, ...] = (0,)) -> tuple[Pool, np.ndarray]:
    """Images around five far corners, one labelled image in each of the groups named."""
    rng = np.random.default_rng(seed)
    group = np.repeat(np.arange(5), SIZES)
    corners = np.eye(5) * 10
    x = corners[group] + rng.normal(0, 0.2, (len(group), 5))
    there = Labelled(
        np.ones((len(labelled), 2), np.int8), features=corners[list(labelled)].reshape(-1, 5)
    )
    ties = rng.random(len(group))
    pool = Pool(
        np.full((len(group), 2), -1, np.int8), ties, features=x, labelled=there, batch=batch
    )
    return pool, group


def most_typical(pool: Pool, rows: np.ndarray) -> list[int]:
    x = pool.features / np.linalg.norm(pool.features, axis=1, keepdims=True)
    near = min(NEIGHBOURS, len(rows) // 2)
    mean = {
        i: np.sort([np.linalg.norm(x[i] - x[j]) for j in rows if j != i])[:near].mean()
        for i in rows
    }
    return sorted(mean, key=mean.__getitem__)


def test_the_most_typical_of_the_largest_groups_without_labelled_images():
    for seed in range(5):
        pool, group = grouped(seed, batch=4)
        found = np.argsort(-resolve("typiclust")(pool))[:4]
        # As many clusters as one labelled image and four picks: the five groups. The group of three
        # is too small; the group with a labelled image comes last.
        expected = [most_typical(pool, np.flatnonzero(group == g))[0] for g in (1, 3, 2, 0)]
        assert found.tolist() == expected


def test_where_groups_run_out_they_take_turns_again(monkeypatch):
    monkeypatch.setattr("alasl.strategies.typiclust.CLUSTERS", 5)
    pool, group = grouped(0, batch=9)
    found = np.argsort(-resolve("typiclust")(pool))[:9]
    ranked = {g: most_typical(pool, np.flatnonzero(group == g)) for g in range(4)}
    expected = [ranked[g][turn] for turn in range(3) for g in (1, 3, 2, 0)][:9]
    assert found.tolist() == expected


def test_a_few_images_of_a_large_group_stand_for_all(monkeypatch):
    monkeypatch.setattr("alasl.strategies.typiclust.COMPARED", 10)
    pool, group = grouped(0, batch=4)
    order = np.argsort(pool.ties)
    found = np.argsort(-resolve("typiclust")(pool))[:4]
    for pick, g in zip(found, (1, 3, 2, 0), strict=True):
        first = [i for i in order if group[i] == g][:10]
        assert pick == most_typical(pool, np.array(first))[0]


def covering(pool, count, purity=0.95):
    """The radius from its definition, then the image that covers most, one after the other."""
    order, rng = by_draws(pool.ties)
    x = normalised(pool.features[order]).astype(float)
    there = normalised(pool.labelled.features).astype(float)
    _, cluster = k_means(x.astype(np.float32), pool.entries.shape[1], rng)
    apart = np.array([[((a - b) ** 2).sum() for b in x] for a in x])
    n = len(x)
    strangers = [
        min([apart[i, j] for j in range(n) if cluster[j] != cluster[i]], default=np.inf)
        for i in range(n)
    ]
    radius = max(
        r
        for r in {-1.0, *(s * (1 - 1e-6) for s in strangers)}
        if sum(s > r for s in strangers) >= purity * n
    )
    uncovered = {i for i in range(n) if all(((x[i] - t) ** 2).sum() > radius for t in there)}
    found: list[int] = []
    while len(found) < count:
        gain = [sum(apart[i, j] <= radius for j in uncovered) for i in range(n)]
        if not max(gain):
            break
        found.append(max(range(n), key=lambda i: (gain[i], i)))
        uncovered -= {j for j in uncovered if apart[found[-1], j] <= radius}
    return order[found].tolist()


@pytest.mark.parametrize("purity", [0.95, 0.6, 0.3, 0.0])
def test_covers_most_one_after_the_other(kind, purity, make_pool):
    for seed in range(3):
        pool = make_pool(kind, seed)
        pool = replace(pool.take(np.flatnonzero(pool.askable.any(axis=1))), batch=20)
        expected = covering(pool, min(20, len(pool)), purity)
        found = np.argsort(-resolve(f"probcover:purity={purity}")(pool))
        assert found[: len(expected)].tolist() == expected


def test_one_image_of_each_group_without_labelled_images_covers_it():
    for seed in range(4):
        pool, group = grouped(seed, batch=4)
        pool = replace(pool, entries=np.full((len(group), 5), -1, np.int8))
        found = np.argsort(-resolve("probcover:purity=1")(pool))[:4]
        assert group[found].tolist() == [1, 3, 2, 4]
