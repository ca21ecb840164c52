"""Active Learning By Learning: which of some strategies to follow is learned on the way.

Each round follows one strategy, drawn with probabilities p. A pick's chance to be asked is then q,
the sum of p over the strategies that would ask it. Once answered, picks tell how well the model now
does: the share of right predictions, each weighted by 1/q, so that the picks stand for the pool
whichever strategy made them. That is the round's reward r, and Exp4.P (Beygelzimer et al. 2011)
turns rewards into the next round's p,

    w <- w exp(p_min / 2 (r m + v sqrt(ln(K / 0.1) / (K T)))),
    p = (1 - K p_min) w / sum of w + p_min,    p_min = sqrt(ln K / (K T)),

with K strategies, T rounds, m the mean over the asked of 1/q where the strategy wanted them, and v
the mean of 1/q over its own picks. The paper asks one image a round, we a batch; and our reward is
divided by the sum of weights, so that it lies in 0..1.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from alasl.errors import UsageError
from alasl.labels import PRESENT, UNKNOWN
from alasl.ranking import highest, highest_entries
from alasl.strategies.base import Names, Pool, Scores, Strategy, resolve, strategy
from alasl.strategies.picks import Rows, by_draws

OF = Names("random-entry,entry-entropy,entry-positive")
# Exp4.P's chance that its bound on the regret does not hold.
DELTA = 0.1
# Answers of a round that are remembered, at most, drawn: they tell the share of right ones closely.
NOTED = 500
# A weight's least share of the largest, so that none is lost to rounding.
SMALLEST = 1e-300


@strategy(
    "albl",
    paper="Hsu and Lin 2015",
    needs=("probabilities", "labelled"),
    unit=None,
    work="that of its strategies",
)
def albl(pool: Pool, *, of: Names = OF) -> Scores:
    """What one of several strategies asks first; each round draws one by what it has gained.

    of: the strategies, with commas between them. An image's score counts for each of its entries
        where another of them scores entries.
    """
    strategies = [resolve(spec) for spec in of.each]
    names = [m.spec for m in strategies]
    if len(set(names)) < max(len(names), 2):
        raise UsageError("two or more different strategies are needed to learn among", seen=of)
    rounds = max(1, round(pool.budget / max(pool.batch, 1)))
    # What was noted of other strategies says nothing.
    noted = pool.memory if pool.memory.get("strategies") == names else {}
    weights, asked = noted.get("weights", [1.0] * len(names)), noted.get("asked", [])
    right = share_right(pool, asked)
    if right is not None:
        weights = rewarded(weights, right, noted["gains"], noted["widths"], rounds)
    p = chances(weights, rounds)
    scores = _scores(pool, strategies)
    wanted = [_wanted(pool, found) for found in scores]
    _, rng = by_draws(pool.ties)
    drawn = int(rng.choice(len(p), p=p))
    mine = wanted[drawn]
    pool.memory.update(
        strategies=names,
        weights=weights,
        gains=[float(np.mean(np.isin(mine, w) / _asked_at(mine, wanted, p))) for w in wanted],
        widths=[float(np.mean(1 / _asked_at(w, wanted, p))) for w in wanted],
        asked=asked + _noted(pool, mine, _asked_at(mine, wanted, p), scores[drawn].ndim, rng),
    )
    return scores[drawn]


def least(count: int, rounds: int) -> float:
    """The least chance of each of K strategies, so that none is given up."""
    return min(math.sqrt(math.log(count) / (count * rounds)), 1 / count)


def chances(weights: list[float], rounds: int) -> NDArray[np.float64]:
    """p, (K,): how likely each strategy is to be followed."""
    low, share = least(len(weights), rounds), np.array(weights) / sum(weights)
    return np.asarray((1 - len(weights) * low) * share + low)


def rewarded(
    weights: list[float], right: float, gains: list[float], widths: list[float], rounds: int
) -> list[float]:
    """The weights, (K,), after a round of reward `right`, in 0..1; the largest is 1.

    gains: for each strategy the mean over the picks asked of 1/q where it wanted them, else 0;
    times the reward that is an unbiased estimate of what following it brings. widths: the mean
    of 1/q over its own picks, which bounds that estimate's variance.
    """
    count = len(weights)
    unsure = math.sqrt(math.log(count / DELTA) / (count * rounds))
    rate = least(count, rounds) / 2
    found = [
        w * math.exp(rate * (right * gain + width * unsure))
        for w, gain, width in zip(weights, gains, widths, strict=True)
    ]
    return [max(w / max(found), SMALLEST) for w in found]


def share_right(pool: Pool, asked: list[list[float]]) -> float | None:
    """The share of answers that the model now predicts, each weighted by 1/q; None without any.

    asked: (image's number, label, q) of each entry asked so far. It is present where p > 1/2.
    """
    probabilities = pool.need("probabilities")
    total = right = 0.0
    place = {int(number): at for at, number in enumerate(_numbers(pool))}
    labelled = pool.labelled
    there = {}
    if labelled is not None and labelled.ids is not None:
        there = {int(number): at for at, number in enumerate(labelled.ids)}
    for number, label, q in asked:
        if number in place:
            at = place[int(number)], int(label)
            answer, p = pool.entries[at], probabilities[at]
        elif labelled is not None and number in there:
            at = there[int(number)], int(label)
            answer, p = labelled.entries[at], labelled.need("probabilities")[at]
        else:
            continue
        if answer != UNKNOWN:
            total += 1 / q
            right += 1 / q if (p > 0.5) == (answer == PRESENT) else 0
    return right / total if total else None


def _numbers(pool: Pool) -> NDArray[np.intp]:
    return np.arange(len(pool)) if pool.ids is None else pool.ids


def _scores(pool: Pool, strategies: list[Strategy]) -> list[Scores]:
    """Each strategy's scores, all of images, or all of entries where one of them scores entries."""
    every = pool.memory.setdefault("of", {})
    found = [m(replace(pool, memory=every.setdefault(m.spec, {}))) for m in strategies]
    if all(scores.ndim == 1 for scores in found):
        return found
    return [s if s.ndim == 2 else _of_entries(s, pool) for s in found]


def _of_entries(scores: Scores, pool: Pool) -> Scores:
    """(N, L): an image's score for each of its entries, 0 or more."""
    above = np.where(np.isfinite(scores), scores - scores[np.isfinite(scores)].min(), 0)
    return np.where(pool.askable, above[:, None], -np.inf)


def _wanted(pool: Pool, scores: Scores) -> Rows:
    """The places of what a strategy would ask in this round: images, or entries row by row."""
    if scores.ndim == 2:
        return highest_entries(pool.askable, scores, pool.ties, pool.picks("entry"))
    return highest(scores, lambda at: pool.ties[at], pool.picks("image"))


def _asked_at(picks: Rows, wanted: list[Rows], p: NDArray[np.float64]) -> NDArray[np.float64]:
    """q, (n,): how likely each pick is to be asked, whichever strategy is followed."""
    return np.asarray(sum(chance * np.isin(picks, w) for chance, w in zip(p, wanted, strict=True)))


def _noted(
    pool: Pool, picks: Rows, q: NDArray[np.float64], ndim: int, rng: np.random.Generator
) -> list[list[float]]:
    """(image's number, label, q) of the entries picked, or of `NOTED` of them."""
    if ndim == 2:
        rows, cols = np.divmod(picks, pool.entries.shape[1])
    else:
        which, cols = np.nonzero(pool.askable[picks])
        rows, q = picks[which], q[which]
    some = np.sort(rng.permutation(len(rows))[:NOTED])
    numbers = _numbers(pool)[rows[some]]
    return [
        [int(number), int(col), float(chance)]
        for number, col, chance in zip(numbers, cols[some], q[some], strict=True)
    ]
