"""Medium: the images of which about half is known (eq. 4)."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy


@strategy("medium", paper="eq. 4", reads_rows=True)
def medium(pool: Pool) -> Scores:
    """Ratio of unknown to known entries nearest to 1; images of which nothing is known come last.

    The score is 1 / (1 + |unknown / known - 1|), in [0, 1]: it orders images as eq. 4 does and is
    0 where known = 0. It is written as one fraction of whole numbers, so that equal distances
    on either side of 1 tie exactly.
    """
    unknown, known = pool.unknown_per_image, pool.known_per_image
    return np.asarray(known / (known + np.abs(unknown - known)))
