"""Separation margin and label cardinality inconsistency (Li and Guo 2013), at a fixed mix."""

from __future__ import annotations

from typing import Annotated

import numpy as np

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.cardinality import THRESHOLD, mean_cardinality, predicted

# The least margin that is told from none.
CLOSE = 1e-9


@strategy(
    "margin+cardinality",
    paper="Li and Guo 2013",
    needs=("probabilities", "labelled"),
    reads_rows=True,
)
def margin_cardinality(pool: Pool, *, b: Annotated[float, Between(0, 1)] = 0.5) -> Scores:
    """Predicted labels close to the others, and more or fewer of them than is usual.

    The score is margin^-b x inconsistency^(1 - b): b = 1 is the margin alone, b = 0 the
    inconsistency. The margin is the least p of the predicted labels, those of p > 0.5, less the
    largest of the others (where none is predicted, which the formula leaves open, 0.5 stands in for
    that least p); the inconsistency is how far their number is from the mean of the
    labelled images.
    """
    margin, inconsistency = margin_and_inconsistency(pool)
    return mixed(margin, inconsistency, b)


def mixed(margin: Scores, inconsistency: Scores, b: float) -> Scores:
    """(N,) scores from both parts."""
    return np.asarray(margin**-b * inconsistency ** (1 - b))


def margin_and_inconsistency(pool: Pool) -> tuple[Scores, Scores]:
    """Two (N,): how far predicted labels lie above the others, and how unusual their number is.

    The margin is the least probability of the predicted labels less the largest of the others.
    Where there are none of either kind the threshold stands in for them, so that an image of
    which nothing is predicted is judged by how near it is to a prediction.
    """
    probabilities = pool.need("probabilities")
    margin, count = np.empty(len(pool)), np.empty(len(pool))

    def fill(rows: slice) -> None:
        p = probabilities[rows].astype(np.float64)
        mine = predicted(p)
        least = np.where(mine, p, np.inf).min(axis=1)
        largest = np.where(mine, -np.inf, p).max(axis=1)
        least[~mine.any(axis=1)] = THRESHOLD
        largest[mine.all(axis=1)] = THRESHOLD
        margin[rows] = np.maximum(least - largest, CLOSE)
        count[rows] = np.count_nonzero(mine, axis=1)

    in_blocks(fill, len(pool))
    return margin, np.abs(count - mean_cardinality(pool))
