"""Hard with entropy."""

from __future__ import annotations

from alasl.measures.base import Pool, Scores, measure
from alasl.measures.combine import Combine, combined
from alasl.measures.entropy import Form, Over, entropy
from alasl.measures.hard import hard


@measure("hard+entropy", paper="eq. 5, eq. 6", needs=("probabilities",))
def hard_entropy(
    pool: Pool, *, combine: Combine = "product", form: Form = "printed", over: Over = "all"
) -> Scores:
    """Much unknown and the model unsure: Hard combined with entropy."""
    return combined(hard(pool), entropy(pool, form=form, over=over), combine)
