"""Hard: the images of which the least is known (eq. 5)."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy


@strategy("hard", paper="eq. 5", reads_rows=True)
def hard(pool: Pool) -> Scores:
    """Largest ratio of unknown to known entries; images of which nothing is known come first.

    The score is unknown / L, in (0, 1]: it orders images as unknown / known does and stays finite
    where known = 0, so that it can be combined with other scores.
    """
    return np.asarray(pool.unknown_per_image / pool.entries.shape[1])
