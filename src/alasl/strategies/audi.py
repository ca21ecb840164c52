"""AUDI (Huang and Zhou 2013): of the image with an unusual number of labels, its least sure label.

AUDI trains a label ranking model with a threshold of its own for each image, and asks one entry at
a time: of the image of largest

    |number of predicted labels - mean number of labels| / max(1/2, number of its known entries),

where the divisor is for diversity, the label nearest to the threshold. Here the model's
probabilities stand in for the ranking and 1/2 for the threshold. For a batch, an entry that is
picked counts as known: so an image's second entry is worth less than its first. (A published
implementation divides by the number of unknown entries, against the purpose of the divisor.)
"""

from __future__ import annotations

import numpy as np

from alasl.seeds import spread
from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.cardinality import THRESHOLD, mean_cardinality, predicted
from alasl.strategies.streamed import Rows, by_rows

# What stands in for no known entry.
NONE_KNOWN = 0.5


@strategy(
    "audi",
    paper="selection of Huang and Zhou 2013",
    needs=("probabilities", "labelled"),
    unit="entry",
    reads_rows=True,
)
def audi(pool: Pool) -> Scores:
    """Images with an unusual number of predicted labels: a few entries of each, the least sure."""
    probabilities = pool.need("probabilities")
    usual = mean_cardinality(pool)

    def score(rows: Rows) -> Scores:
        p, askable = probabilities[rows].astype(np.float64), pool.askable[rows]
        count = np.count_nonzero(predicted(p), axis=1)
        distance = np.where(askable, np.abs(p - THRESHOLD), np.inf)
        draws = spread(pool.ties[rows], p.shape[1])
        nearest = np.lexsort((-draws, distance), axis=1)
        known = p.shape[1] - np.count_nonzero(askable, axis=1)
        counted = known[:, None] + np.arange(p.shape[1])
        worth = np.abs(count - usual)[:, None] / np.maximum(counted, NONE_KNOWN)
        scores = np.empty(p.shape, np.float32)
        np.put_along_axis(scores, nearest, worth.astype(np.float32), axis=1)
        return scores

    return by_rows(pool, score)
