"""Diverse batches against determinants and distances in full, and names of strategies in others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from alasl.errors import UsageError
from alasl.query import Budget, select
from alasl.strategies import resolve
from alasl.strategies.diverse import most_joint
from alasl.strategies.picks import by_draws

SPECS = [
    f"diverse:of={of}:by={by}"
    for of in ("entropy", "(entry-entropy:within=all)", "entry-entropy")
    for by in ("k-means++", "log-det")
]


def entries_by_score(scores):
    """(row, column), or rows, best first."""
    order = np.argsort(-scores, axis=None, kind="stable")
    order = [o for o in order if np.isfinite(scores.ravel()[o])]
    return [divmod(int(o), scores.shape[1]) if scores.ndim == 2 else int(o) for o in order]


def vector(pool, item):
    """An entry's members' predictions less their mean; an image's, of all its askable entries."""
    if isinstance(item, tuple):
        p = pool.members[:, item[0], item[1]].astype(float)
        return (p - p.mean()) / np.sqrt(len(p)), [p.mean() * (1 - p.mean())]
    p = pool.members[:, item, pool.askable[item]].astype(float)
    mean = p.mean(axis=0)
    return ((p - mean) / np.sqrt(len(p))).ravel(), list(mean * (1 - mean))


@pytest.mark.parametrize("of", ["entropy", "(entry-entropy:within=all)"])
def test_log_det_is_the_greedy_largest_determinant(of, make_pool):
    pool = replace(make_pool("even"), batch=3, ask="images")
    base = resolve(of.strip("()"))(pool)
    count = pool.picks("entry" if base.ndim == 2 else "image")
    candidates = entries_by_score(base)[: 10 * count]
    found = entries_by_score(resolve(f"diverse:of={of}:by=log-det")(pool))[:count]
    seen = {item: vector(pool, item) for item in candidates}
    noise = np.mean([v for _, variances in seen.values() for v in variances])
    picks = [candidates[0]]

    def covariance(one, two):
        if not isinstance(one, tuple):  # images: only labels unknown in both have products
            a, b = np.zeros(pool.members.shape[::2]), np.zeros(pool.members.shape[::2])
            a[:, pool.askable[one]] = seen[one][0].reshape(len(a), -1)
            b[:, pool.askable[two]] = seen[two][0].reshape(len(b), -1)
            return (a * b).sum()
        return seen[one][0] @ seen[two][0]

    def log_det(items):
        matrix = np.array([[covariance(a, b) for b in items] for a in items])
        return np.linalg.slogdet(matrix + noise * np.eye(len(items)))[1]

    while len(picks) < min(count, 6):
        left = [item for item in candidates if item not in picks]
        picks.append(max(left, key=lambda item: log_det([*picks, item])))
    assert found[: len(picks)] == picks


def test_most_joint_keeps_its_variances_over_many_picks():
    rng = np.random.default_rng(0)
    v = rng.normal(0, 0.3, (60, 4))
    picks = most_joint(v, 0.2, 40)
    assert sorted(set(picks)) == sorted(picks)
    for at in (1, 10, 39):
        a = np.linalg.inv(np.eye(4) + v[picks[:at]].T @ v[picks[:at]] / 0.2)
        gain = {i: v[i] @ a @ v[i] for i in range(60) if i not in picks[:at]}
        assert gain[picks[at]] == pytest.approx(max(gain.values()), rel=1e-9)


def test_k_means_plus_plus_draws_by_distance_within_a_label(make_pool):
    for of in ("entropy", "(entry-entropy:within=all)"):
        pool = replace(make_pool("even"), batch=2)
        pool = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
        base = resolve(of.strip("()"))(pool)
        count = pool.picks("entry" if base.ndim == 2 else "image")
        candidates = entries_by_score(base)[: 10 * count]
        rows = [c[0] if isinstance(c, tuple) else c for c in candidates]
        x = pool.features[rows].astype(float)
        x -= x.mean(axis=0)
        wide = np.zeros((len(x), pool.entries.shape[1], x.shape[1]))
        for place, c in enumerate(candidates):
            wide[place, c[1] if isinstance(c, tuple) else 0] = x[place]
        wide = wide.reshape(len(x), -1)
        _, rng = by_draws(pool.ties)
        picks = [0]
        while len(picks) < count:
            apart = ((wide[:, None] - wide[picks]) ** 2).sum(axis=2).min(axis=1)
            picks.append(int(np.searchsorted(apart.cumsum(), rng.random() * apart.sum())))
        found = entries_by_score(resolve(f"diverse:of={of}")(pool))[:count]
        assert found == [candidates[p] for p in picks]


@pytest.mark.parametrize("way", SPECS)
def test_picks_are_among_the_best_and_the_rest_keep_their_order(way, kind, make_pool):
    pool = make_pool(kind)
    strategy = resolve(way)
    base = strategy.uses[0](pool)
    assert strategy.unit == ("entry" if base.ndim == 2 else "image")
    scores = strategy(pool)
    count = pool.picks(strategy.unit)
    there = np.isfinite(base)
    assert (np.isfinite(scores) == there).all()
    picked = scores[there] > 1
    assert 1 <= picked.sum() <= count
    best = np.sort(base[there])[::-1][: 10 * count]
    assert (base[there][picked] >= best.min()).all()
    order = np.argsort(base[there][~picked], kind="stable")
    assert (np.diff(scores[there][~picked][order]) >= 0).all()
    order = np.random.default_rng(0).permutation(len(pool))
    np.testing.assert_array_equal(strategy(pool.take(order)), scores[order])


def test_twins_are_not_picked_both(make_pool):
    """Of images that stand twice in the pool, one of each is asked."""
    pool = make_pool("even")
    twins = pool.take(np.repeat(np.arange(20), 2))
    twins = replace(twins, ties=np.random.default_rng(0).random(40), batch=10)
    plain = select(twins.askable, resolve("entropy")(twins), twins.ties, "images", Budget(10))
    assert len(set(plain.images // 2)) == 5
    scores = resolve("diverse:of=entropy")(twins)
    thinned = select(twins.askable, scores, twins.ties, "images", Budget(10))
    assert len(set(thinned.images // 2)) == 10


def test_names_of_strategies_in_a_parameter():
    found = resolve("diverse:of=(entropy:form=binary):by=log-det")
    assert [m.spec for m in found.uses] == ["entropy:form=binary"]
    assert found.needs == {"probabilities", "members"}
    assert (found.unit, resolve("diverse").unit) == ("image", "entry")
    assert resolve("diverse").needs == {"probabilities", "features"}
    assert resolve(found.spec).spec == found.spec
    nested = resolve("diverse:of=(diverse:of=(entropy:form=binary))")
    assert nested.uses[0].uses[0].spec == "entropy:form=binary"
    for spec, message in (
        ("diverse:of=entrpy", "did you mean 'entropy'"),
        ("diverse:of=(entropy:form=round)", "form must be"),
        ("diverse:of=entropy:form=binary", "no such parameter"),
        ("diverse:of=", "of must be"),
    ):
        with pytest.raises(UsageError, match=message):
            resolve(spec)


def test_one_strategy_is_made_diverse(make_pool):
    with pytest.raises(UsageError, match="of one strategy"):
        resolve("diverse:of=entropy,hard")(make_pool())
