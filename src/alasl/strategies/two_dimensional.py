"""2DAL: entries that are uncertain and tell much about the image's other unknown entries."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from alasl.labels import UNKNOWN
from alasl.strategies.base import Between, Pool, Scores, strategy
from alasl.strategies.entropy import binary_entropy
from alasl.strategies.mixture import fit_mixture
from alasl.strategies.picks import by_draws
from alasl.strategies.streamed import Rows, by_rows

# Images that the mixture is fitted on, at most, drawn.
FITTED = 10_000
# Outcomes of a smaller probability are taken for this one, whose logarithm there is.
TINY = np.float32(1e-30)

Matrix = NDArray[np.float32]


@strategy(
    "2dal",
    paper="Qi 2008, with a Bernoulli mixture",
    needs=("labelled",),
    unit="entry",
    work="N L^2 groups",
    reads_rows=True,
)
def two_dimensional(pool: Pool, *, groups: Annotated[int, Between(1, 100)] = 16) -> Scores:
    """Entropy of the label, and what its answer tells about the image's other unknown labels.

    H(y_l) + the sum over unknown j, not l, of I(y_j; y_l), by a Bernoulli mixture of so many
    `groups` of images: P(y_l) = sum over k of r_k mu_kl, with mu_kl the group's rate of the label
    and r_k how likely the image's known entries make the group. It needs no model, and sees no
    picture: images of which the same is known score alike.
    """
    order, rng = by_draws(pool.ties)
    some = pool.entries[order[:FITTED]]
    every = np.concatenate([pool.need("labelled").entries, some])
    informed = every[(every != UNKNOWN).any(axis=1)]
    mixture = fit_mixture(informed[rng.permutation(len(informed))[:FITTED]], groups, rng)
    rates = mixture.rates.astype(np.float32)

    def score(rows: Rows) -> Scores:
        entries = pool.entries[rows]
        likely = mixture.groups(entries).astype(np.float32)
        p = likely @ rates
        own = binary_entropy(p.astype(np.float64)).astype(np.float32)
        return own + _information(likely, rates, p, own, entries == UNKNOWN)

    return by_rows(pool, score, order)


def _information(
    likely: Matrix, rates: Matrix, p: Matrix, own: Matrix, unknown: NDArray[np.bool_]
) -> Matrix:
    """(n, L): the mutual information of each unknown label with the image's others, summed.

    likely: (n, K) how likely each group is. rates: (K, L). p, own: (n, L) probability and entropy
    of each label. I(j; l) = H(j) + H(l) - H(j, l), from the four outcomes of the pair.
    """
    found = np.zeros(p.shape, np.float32)
    for label in range(p.shape[1] - 1):
        rows, later = np.flatnonzero(unknown[:, label]), slice(label + 1, None)
        pairs = unknown[rows, later]
        # Only the pairs that are both unknown take logarithms: they are what takes the time.
        at = np.flatnonzero(pairs)
        here = rows[at // pairs.shape[1]]
        this, other = p[here, label], p[rows, later].ravel()[at]
        both = (likely[rows] @ (rates[:, label, None] * rates[:, later])).ravel()[at]
        outcomes = np.stack([both, this - both, other - both, 1 - this - other + both])
        np.maximum(outcomes, TINY, out=outcomes)
        outcomes *= np.log(outcomes)
        information = own[here, label] + own[rows, later].ravel()[at] + outcomes.sum(axis=0)
        shared = np.zeros(pairs.shape, np.float32)
        shared.ravel()[at] = np.maximum(information, 0)
        found[rows, label] += shared.sum(axis=1)
        found[rows, later] += shared
    return found
