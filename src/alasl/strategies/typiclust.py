"""TypiClust: typical images of clusters that nobody has labelled; for a cold start."""

from __future__ import annotations

import numpy as np

from alasl.strategies.base import Pool, Scores, strategy
from alasl.strategies.clusters import k_means
from alasl.strategies.picks import Matrix, Rows, between, by_draws, in_turn, normalised, squared

# As published: the most clusters, the least images of one, and the neighbours that make typical.
CLUSTERS, SMALLEST, NEIGHBOURS = 500, 5, 20
# Images of a cluster that are compared with each other, at most: its first by their draws.
COMPARED = 1000


@strategy(
    "typiclust",
    paper="Hacohen 2022",
    needs=("features", "labelled"),
    work="N D clusters",
    reads_rows=True,
)
def typiclust(pool: Pool) -> Scores:
    """The image most like its neighbours, of each of the largest clusters without labelled ones.

    Features, scaled to length 1, are clustered into as many clusters as there are labelled images
    and picks, at most `CLUSTERS`. The clusters with the fewest labelled images take turns, the
    larger first, those of `SMALLEST` images or fewer left out; typical is a short mean distance to
    the `NEIGHBOURS` nearest of the cluster. At most `COMPARED` images of a cluster are compared.
    """
    order, rng = by_draws(pool.ties)
    here = normalised(pool.need("features")[order])
    there = normalised(pool.need("labelled").need("features"))
    picks = pool.picks("image")
    centres, cluster = k_means(
        np.concatenate([here, there]), min(len(there) + picks, CLUSTERS), rng
    )
    mine, theirs = cluster[: len(here)], cluster[len(here) :]
    size = np.bincount(mine, minlength=len(centres))
    labelled = np.bincount(theirs, minlength=len(centres))
    large = size > SMALLEST if (size > SMALLEST).any() else size > 0
    turns = np.lexsort((-size, labelled))
    turns = turns[large[turns]][:picks]
    members = np.split(np.argsort(mine, kind="stable"), size.cumsum()[:-1])
    typical = [_typical_first(here, members[c][:COMPARED]) for c in turns]
    found = [int(rows[turn]) for turn in range(COMPARED) for rows in typical if turn < len(rows)]
    away = ((here - centres[mine]) ** 2).sum(axis=1)
    return in_turn(order, found[:picks], -away)


def _typical_first(features: Matrix, rows: Rows) -> Rows:
    """Images of one cluster, (n,) rows of features (N, D), the most typical first."""
    here = features[rows]
    neighbours = max(1, min(NEIGHBOURS, len(rows) // 2))
    if len(rows) <= neighbours:
        return rows
    lengths = squared(here)
    apart = np.sqrt(np.maximum(between(lengths[:, None], lengths, here @ here.T), 0))
    np.fill_diagonal(apart, np.inf)
    near = np.partition(apart, neighbours - 1, axis=1)[:, :neighbours]
    return rows[np.argsort(near.mean(axis=1), kind="stable")]
