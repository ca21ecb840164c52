"""Medium with entropy."""

from __future__ import annotations

from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.combine import Combine, combined
from alasl.strategies.entropy import Form, Over, entropy
from alasl.strategies.medium import medium


@strategy("medium+entropy", paper="eq. 4, eq. 6", needs=("probabilities",), reads_rows=True)
def medium_entropy(
    pool: Pool, *, combine: Combine = "product", form: Form = "printed", over: Over = "all"
) -> Scores:
    """About half unknown and the model unsure: Medium combined with entropy.

    combine: the paper does not say how. `product` of both scores, each brought to 0..1 over the
        pool; the sum of both `ranks`, equal scores sharing theirs; `ties`: entropy decides between
        equals only. form, over: see `entropy`.
    """
    return combined(medium(pool), entropy(pool, form=form, over=over), combine)
