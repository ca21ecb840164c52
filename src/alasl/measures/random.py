"""Random: the baseline that stands beside every other measure."""

from __future__ import annotations

from alasl.measures.base import Pool, Scores, measure


@measure("random", paper="the baseline")
def random(pool: Pool) -> Scores:
    """Any image, by chance alone."""
    return pool.ties
