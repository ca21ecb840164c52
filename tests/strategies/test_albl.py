"""Active Learning By Learning against Exp4.P in plain loops, and over rounds of a small loop."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from alasl.errors import UsageError
from alasl.strategies import Labelled, Pool, resolve
from alasl.strategies.albl import chances, rewarded, share_right

OF = "albl:of=entropy,hard"


def exp4p(weights, reward, proposals, asked, p, rounds, delta=0.1):
    """One step of Exp4.P (Beygelzimer 2011), with advice that is uniform over each one's picks.

    The reward stands for each of the picks asked, and their estimates are averaged.
    """
    k = len(weights)
    pmin = math.sqrt(math.log(k) / (k * rounds))
    found = []
    for w, picks in zip(weights, proposals, strict=True):
        advice = {i: 1 / len(picks) for i in picks}
        q = {
            i: sum(pk for pk, other in zip(p, proposals, strict=True) if i in other)
            for i in {*asked, *picks}
        }
        y = sum(reward / q[i] for i in asked if i in advice) / len(asked)
        v = sum(share / q[i] for i, share in advice.items())
        bound = math.sqrt(math.log(k / delta) / (k * rounds))
        found.append(w * math.exp(pmin / 2 * (y + v * bound)))
    return found


def top(pool, spec, count):
    return sorted(first(pool, resolve(spec)(pool), count).tolist())


def first(pool, scores, count):
    return np.lexsort((pool.ties, scores))[::-1][:count]


def play(pool, memory, answers):
    """A round: the memory noted, and the pool with `answers` to what was asked."""
    now = replace(pool, memory=memory)
    scores = resolve(OF)(now)
    picks = first(now, scores, now.batch)
    entries = pool.entries.copy()
    entries[picks] = np.where(entries[picks] == -1, answers[picks], entries[picks])
    return json.loads(json.dumps(now.memory)), replace(pool, entries=entries), picks


def drawn(seed: int = 0) -> tuple[Pool, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = (rng.random((40, 5)) < 0.4).astype(np.int8)
    entries = np.where(rng.random((40, 5)) < rng.random((40, 1)), np.int8(-1), truth)
    entries[:, 0] = -1
    pool = Pool(
        entries,
        rng.random(40),
        rng.random((40, 5)),
        labelled=Labelled(truth[:0], np.zeros((0, 5)), ids=np.zeros(0, int)),
        batch=6,
        budget=30,
        ids=100 + np.arange(40),
    )
    return pool, truth


def test_the_first_round_follows_each_as_often():
    pool, _ = drawn()
    wanted = {spec: top(pool, spec, 6) for spec in ("entropy", "hard")}
    assert wanted["entropy"] != wanted["hard"]
    counts = dict.fromkeys(wanted, 0)
    for seed in range(200):
        ties = np.random.default_rng(seed).random(40)
        now = replace(pool, ties=ties, memory={})
        scores = resolve(OF)(now)
        same = [s for s in wanted if (scores == resolve(s)(replace(now, memory={}))).all()]
        assert len(same) == 1
        counts[same[0]] += 1
    assert abs(counts["hard"] - 100) < 4 * 50**0.5


def test_weights_are_those_of_exp4p_over_three_rounds():
    for seed in range(6):
        pool, truth = drawn(seed)
        memory, weights, asked_ever = {}, [1.0, 1.0], []
        proposals, picks, p = [], np.zeros(0), []
        for turn in range(3):
            ties = np.random.default_rng([seed, turn]).random(40)
            p_now = np.random.default_rng(turn).random((40, 5))
            done = (pool.entries != -1).all(axis=1)
            labelled = Labelled(pool.entries[done], p_now[done], ids=pool.ids[done])
            pool = replace(pool, ties=ties, probabilities=p_now, labelled=labelled)
            if turn:
                total = sum(1 / q for _, _, q in asked_ever)
                reward = (
                    sum(
                        1 / q
                        for i, j, q in asked_ever
                        if (pool.probabilities[i, j] > 0.5) == (truth[i, j] == 1)
                    )
                    / total
                )
                weights = exp4p(weights, reward, proposals, picks.tolist(), p, 5)
                weights = [w / max(weights) for w in weights]
            shown = pool.take(np.flatnonzero(pool.askable.any(axis=1)))
            proposals = [
                [int(shown.ids[i]) - 100 for i in top(shown, spec, 6)]
                for spec in ("entropy", "hard")
            ]
            pmin = math.sqrt(math.log(2) / (2 * 5))
            p = [(1 - 2 * pmin) * w / sum(weights) + pmin for w in weights]
            before = pool
            memory, pool, picks = play(pool, memory, truth)
            assert memory["weights"] == pytest.approx(weights)
            for i in picks:
                q = sum(pk for pk, some in zip(p, proposals, strict=True) if i in some)
                asked_ever += [(i, j, q) for j in range(5) if before.entries[i, j] == -1]
            noted = [(i - 100, j, q) for i, j, q in memory["asked"]]
            np.testing.assert_allclose(sorted(noted), sorted(asked_ever))


def test_the_share_of_right_predictions_is_weighted_and_finds_finished_images():
    pool, _ = drawn()
    p = pool.probabilities.copy()
    entries = pool.entries.copy()
    p[3, 1], entries[3, 1] = 0.9, 1  # right
    p[4, 2], entries[4, 2] = 0.9, 0  # wrong
    entries[5, 0] = -1  # no answer
    labelled = Labelled(np.array([[0, 1]], np.int8), np.array([[0.1, 0.2]]), ids=np.array([7]))
    now = replace(pool, probabilities=p, entries=entries, labelled=labelled)
    asked = [[103, 1, 0.5], [104, 2, 0.25], [105, 0, 0.1], [7, 0, 1.0], [7, 1, 1.0], [999, 0, 0.1]]
    assert share_right(now, asked) == pytest.approx((2 + 1) / (2 + 4 + 1 + 1))
    assert share_right(now, [[105, 0, 0.5]]) is None
    assert share_right(now, []) is None


def test_what_brings_more_is_followed_more():
    """Following one brings 0.9, the other 0.4: over rounds the better one's chance grows."""
    rng, weights, rounds = np.random.default_rng(0), [1.0, 1.0], 400
    for _ in range(rounds):
        p = chances(weights, rounds)
        assert p.sum() == pytest.approx(1)
        assert p.min() >= math.sqrt(math.log(2) / (2 * rounds)) - 1e-12
        drawn = int(rng.choice(2, p=p))
        gains = [1 / p[k] if k == drawn else 0.0 for k in range(2)]
        weights = rewarded(weights, (0.9, 0.4)[drawn], gains, (1 / p).tolist(), rounds)
    assert chances(weights, rounds)[0] > 0.8


def test_strategies_of_images_and_of_entries_together(make_pool):
    strategy = resolve("albl:of=hard,entry-entropy")
    assert strategy.unit == "entry"
    seen = set()
    for seed in range(12):
        pool = replace(make_pool("even"), ties=np.random.default_rng(seed).random(60))
        scores = strategy(replace(pool, memory={}))
        hard = resolve("hard")(pool)
        alone = np.where(pool.askable, (hard - hard[np.isfinite(hard)].min())[:, None], -np.inf)
        by_hard = np.array_equal(scores, alone)
        assert by_hard or np.array_equal(scores, resolve("entry-entropy")(pool))
        seen.add(by_hard)
    assert seen == {True, False}


def test_needs_are_those_of_all(make_pool):
    assert resolve("albl:of=hard,bald").needs == {"probabilities", "labelled", "members"}
    for spec in ("albl:of=hard", "albl:of=hard,hard"):
        with pytest.raises(UsageError, match="two or more different"):
            resolve(spec)(make_pool())


def test_what_was_noted_of_other_strategies_is_put_aside():
    pool, truth = drawn()
    memory, _, _ = play(pool, {}, truth)
    now = replace(pool, memory=memory)
    resolve("albl:of=random,hard")(now)
    assert now.memory["weights"] == [1.0, 1.0]
    assert len(now.memory["asked"]) < 2 * 6 * 5
