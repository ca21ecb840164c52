"""What an answer tells of an image's other labels by the rules between labels, and what it saves.

An absent parent makes its children absent, a present child its parents present, and a present label
those absent that it excludes. So an answer is worth its own score, and part of the scores of those
that it tells: parents come first, as most are absent and each then settles all its children.

How much it is worth to be told a value hangs on how far off it the model was, |y - p|. That it is
present, with probability p, and that it is absent are then each half of what an entry's own answer
is expected to be worth, p (1 - p). So an answer that tells a value brings half the score, times how
much of the cases with this value are told. Were absents that follow worth as much as any answer,
there would soon be absents of all labels, and no presents for a model to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.learner.known import Known
from alasl.learner.picking import shares_present
from alasl.sparse import Made
from alasl.strategies import Pool
from alasl.strategies.streamed import Streamed

# No probability is taken for less.
TINY = 1e-9

Pairs = Sequence[tuple[int, int]]
Mask = NDArray[np.bool_]


def credited(
    scores: NDArray[np.floating],
    askable: Mask,
    chances: NDArray[np.floating],
    implies: Pairs,
    excludes: Pairs,
) -> tuple[NDArray[np.float64], Mask]:
    """Scores (n, L) with what each answer tells of others, and which entries to ask of now (n, L).

    scores: of entries, higher = ask first; counted from the least that may be asked. chances:
    (n, L), how likely each entry is present. implies: all (child, ancestor), by columns. An entry
    waits where another one that may settle it, or that it may settle, is worth more: the answer to
    that one comes first.

    >>> import numpy as np
    >>> dog, cat, animal = 0, 1, 2
    >>> found, now = credited(
    ...     np.ones((1, 3)), np.ones((1, 3), bool), np.array([[0.1, 0.1, 0.2]]),
    ...     [(dog, animal), (cat, animal)], [],
    ... )
    >>> found.round(2).tolist(), now.tolist()
    ([[1.25, 1.25, 1.89]], [[False, False, True]])
    """
    least = scores[askable].min() if askable.any() else 0.0
    # As they are where none is below 0, so that a score keeps its scale.
    own = np.where(askable, scores - min(float(least), 0.0), 0.0)
    worth, present, absent = own.copy(), chances, 1 - chances
    for child, parent in implies:
        worth[:, parent] += own[:, child] * _told(absent[:, parent], absent[:, child])
        worth[:, child] += own[:, parent] * _told(present[:, child], present[:, parent])
    for one, other in excludes:
        worth[:, one] += own[:, other] * _told(present[:, one], absent[:, other])
        worth[:, other] += own[:, one] * _told(present[:, other], absent[:, one])
    now = askable.copy()
    for child, parent in implies:
        both = askable[:, child] & askable[:, parent]
        above = worth[:, parent] >= worth[:, child]
        now[:, child] &= ~(both & above)
        now[:, parent] &= ~(both & ~above)
    return worth, now


def _told(answer: NDArray[np.floating], value: NDArray[np.floating]) -> NDArray[np.floating]:
    """(n,): the share of a score that an answer brings which comes with probability `answer` and
    tells a value that has the probability `value`, at least as likely."""
    return np.asarray(answer / (2 * np.maximum(np.maximum(answer, value), TINY)))


def with_credit(scores: Any, pool: Pool | Streamed, known: Known) -> tuple[Any, Any]:
    """As `credited`, of a pool's N images; scores (N,) of images count for each of their entries.

    Of a `Streamed` pool the two are made by rows. Where the strategy looks at no probabilities, a
    label is as likely as it is among known entries.
    """
    chances: Any = pool.probabilities
    usual = shares_present(known.sparse) if chances is None else None

    def of(rows: NDArray[np.int64] | slice) -> tuple[NDArray[np.float64], Mask]:
        askable, each = pool.askable[rows], scores[rows]
        each = each if each.ndim == 2 else np.broadcast_to(each[:, None], askable.shape)
        likely = chances[rows] if usual is None else np.broadcast_to(usual, askable.shape)
        return credited(each, askable, likely, known.implies, known.excludes)

    if isinstance(pool, Pool):
        return of(slice(None))
    if scores.ndim == 1:
        # Counted from the least of all, as those of a whole table are.
        scores = scores - min(scores.min(), 0.0)
    return Made(pool.shape, lambda rows: of(rows)[0]), Made(pool.shape, lambda rows: of(rows)[1])
