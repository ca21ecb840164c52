"""k-means on a random sample: groups of images that look alike."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix

from alasl.strategies.picks import Matrix, Rows, euclidean, nearest_of, plus_plus

# Images that a cluster is found by, at most, on average; and steps of k-means.
SAMPLE, STEPS = 32, 10


def k_means(features: Matrix, count: int, rng: np.random.Generator) -> tuple[Matrix, Rows]:
    """The centres, (K, D), of at most `count` clusters, and the cluster of each image, (N,).

    features: (N, D). `SAMPLE` times `count` of them, drawn, make the centres, by k-means++ and
    `STEPS` steps of Lloyd's; fewer centres where fewer images differ.
    """
    sample = features[rng.permutation(len(features))[: SAMPLE * count]]
    anywhere = np.full(len(sample), np.inf, np.float32)
    start = plus_plus(euclidean(sample), anywhere, count, rng, first=0)
    centres = sample[start]
    for _ in range(STEPS):
        _, cluster = nearest_of(sample, centres)
        size = np.bincount(cluster, minlength=len(centres))
        members = csr_matrix(
            (np.ones(len(sample), np.float32), (cluster, np.arange(len(sample)))),
            shape=(len(centres), len(sample)),
        )
        # A centre that lost all of its images stays where it is.
        found = np.where(
            size[:, None] > 0, (members @ sample) / np.maximum(size, 1)[:, None], centres
        ).astype(np.float32)
        if (found == centres).all():
            break
        centres = found
    return centres, nearest_of(features, centres)[1]
