"""AUDI's choice of entries, one at a time in a plain loop."""

from __future__ import annotations

import numpy as np

from alasl.query import Budget, select
from alasl.seeds import spread
from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.cardinality import mean_cardinality


def one_at_a_time(pool, answers):
    """AUDI as it stands: pick an image, then its label; both count as known from then on."""
    usual = mean_cardinality(pool)
    labels = pool.entries.shape[1]
    draws = spread(pool.ties, labels)
    left = {(i, j) for i, j in zip(*np.nonzero(pool.askable), strict=True)}
    picked = []
    while left and len(picked) < answers:
        best = {}
        for i, j in left:
            known = labels - sum((i, k) in left for k in range(labels))
            unusual = abs((pool.probabilities[i] > 0.5).sum() - usual) / max(known, 0.5)
            distance = abs(float(pool.probabilities[i, j]) - 0.5)
            # The nearest label of an image, and among images' nearest ones the most unusual.
            best[i] = max(best.get(i, (-1, -9, 0, None)), (unusual, -distance, draws[i, j], j))
        image = max(best, key=lambda i: (best[i][0], draws[i, best[i][3]]))
        picked.append((image, best[image][3]))
        left.remove(picked[-1])
    return picked


def test_a_batch_is_what_one_at_a_time_would_ask(kind, make_pool):
    pool = make_pool(kind)
    some = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
    scores = resolve("audi")(some)
    for answers in (1, 5, 12):
        query = select(some.askable, scores, some.ties, "entries", Budget(answers=answers))
        asked = set(zip(query.rows.tolist(), query.cols.tolist(), strict=True))
        assert asked == set(one_at_a_time(some, answers))


def test_images_with_few_known_entries_come_first():
    """The same predictions: the divisor is of known entries, not of unknown ones."""
    p = np.tile([0.9, 0.8, 0.1, 0.2], (2, 1))
    entries = np.full((2, 4), -1, np.int8)
    entries[0, 2:] = 0
    known = Labelled(np.eye(4, dtype=np.int8))
    scores = resolve("audi")(Pool(entries, np.array([0.9, 0.1]), p, labelled=known))
    assert scores.max(axis=1).argmax() == 1


def test_an_image_gives_one_entry_before_it_gives_another():
    rng = np.random.default_rng(0)
    p = np.tile([0.9, 0.8, 0.7, 0.1], (6, 1))
    pool = Pool(
        np.full((6, 4), -1, np.int8), rng.random(6), p, labelled=Labelled(np.eye(4, dtype=np.int8))
    )
    query = select(pool.askable, resolve("audi")(pool), pool.ties, "entries", Budget(answers=6))
    assert len(query.images) == 6
    assert set(query.cols.tolist()) == {2}
