"""Random: the baseline that stands beside every other strategy."""

from __future__ import annotations

from alasl.strategies.base import Pool, Scores, strategy


@strategy("random", paper="the baseline", reads_rows=True)
def random(pool: Pool) -> Scores:
    """Any image, by chance alone."""
    return pool.ties
