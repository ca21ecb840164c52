"""Hard + Medium, each with entropy."""

from __future__ import annotations

from typing import Annotated

from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.combine import Combine, combined, in_stages
from alasl.strategies.entropy import Form, Over, entropy
from alasl.strategies.hard import hard
from alasl.strategies.medium import medium


@strategy("hard+medium+entropy", paper="eq. 4 to 6", needs=("probabilities",), reads_rows=True)
def hard_medium_entropy(
    pool: Pool,
    *,
    share: Annotated[float, Between(0, 1)] = 0.1,
    combine: Combine = "product",
    form: Form = "printed",
    over: Over = "all",
) -> Scores:
    """The first `share` of the run's budget by Hard with entropy, the rest by Medium with it.

    combine: the paper does not say how. `product` of both scores, each brought to 0..1 over the
        pool; the sum of both `ranks`, equal scores sharing theirs; `ties`: entropy decides between
        equals only. form, over: see `entropy`.
    """
    unsure = entropy(pool, form=form, over=over)
    first = combined(hard(pool), unsure, combine)
    return in_stages(pool, first, combined(medium(pool), unsure, combine), share)
