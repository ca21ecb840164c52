"""Hard + Medium: the first part of the budget by Hard, the rest by Medium."""

from __future__ import annotations

from typing import Annotated

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.combine import in_stages
from alasl.strategies.hard import hard
from alasl.strategies.medium import medium


@strategy("hard+medium", paper="section 3.1, fig. 7", reads_rows=True)
def hard_medium(pool: Pool, *, share: Annotated[float, Between(0, 1)] = 0.1) -> Scores:
    """The first `share` of the run's budget by Hard, the rest by Medium.

    0.1 is the paper's 50 of 500 images.
    """
    return in_stages(pool, hard(pool), medium(pool), share)
