"""CVIRS (Reyes et al. 2018): unsure labels by rank, and a labelling unlike the labelled images'.

The score is the product of two parts. The first is the Borda count of |2 p - 1|: for each label the
pool's images are ranked, the least sure first, and (N - rank) / (N - 1) is averaged over labels.
The second is the mean, over the labelled images, of how far their labels are from those predicted
for the image, both as vectors of L yes-or-no answers: (2 H(i, j) - H_i - H_j) / H(i, j), with the
entropy H_i of an answer drawn from the vector and H(i, j) of a pair of answers of the same label;
and 1 where the vectors differ in every label.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from alasl.labels import PRESENT, UNKNOWN
from alasl.strategies.balance import LABELS
from alasl.strategies.base import Labelled, Pool, Scores, strategy
from alasl.strategies.blocks import in_blocks
from alasl.strategies.cardinality import predicted
from alasl.strategies.entry_margin import margin
from alasl.strategies.picks import by_draws
from alasl.strategies.ranks import mean_ranks

Vectors = NDArray[np.float32]
# Pairs of images handled at once: 16 MB of float32.
PAIRS = 1 << 22
# Labelled images that the mean distance is of, at most.
COMPARED = 4096


@strategy(
    "cvirs",
    paper="Reyes et al. 2018",
    needs=("probabilities", "labelled"),
    work="N L min(M, 4096)",
)
def cvirs(pool: Pool) -> Scores:
    """Labels less sure than in other images, and predicted labels unlike the labelled images'.

    Of more than `COMPARED` labelled images so many, drawn, stand for all.
    """
    probabilities, labelled = pool.need("probabilities"), pool.need("labelled")
    unsure = _borda(probabilities)
    if not len(labelled.entries):
        return unsure
    known = _known(labelled)
    if len(known) > COMPARED:
        known = known[by_draws(pool.ties)[1].permutation(len(known))[:COMPARED]]
    return np.asarray(unsure * inconsistency(predicted(probabilities), known))


def _borda(probabilities: NDArray[np.floating]) -> Scores:
    """(N,): the mean over labels of (N - rank) / (N - 1), rank 1 for the least sure; equal
    probabilities share their mean rank."""
    images, labels = probabilities.shape
    points = np.empty((-(-labels // LABELS), images))

    def add(columns: slice) -> None:
        p = np.ascontiguousarray(probabilities[:, columns].T, np.float32)
        # The higher the margin the less sure: N - rank is how many are surer.
        points[columns.start // LABELS] = sum(mean_ranks(row) - 1 for row in margin(p))

    in_blocks(add, labels, LABELS)
    return np.asarray(points.sum(axis=0) / (labels * max(images - 1, 1)))


def _known(labelled: Labelled) -> NDArray[np.bool_]:
    """(M, L): the labels of the labelled images; unknown ones as the model predicts them."""
    present = labelled.entries == PRESENT
    return np.where(labelled.entries == UNKNOWN, predicted(labelled.need("probabilities")), present)


def inconsistency(here: NDArray[np.bool_], there: NDArray[np.bool_]) -> Scores:
    """(N,): the mean distance of each row of `here`, (N, L), to the rows of `there`, (M, L).

    A distance depends on three numbers only: the labels of either image and those of both. Those
    of both are a matrix product, and how often each number comes up is counted.
    """
    mine, back, _ = _distinct(here)
    theirs, _, times = _distinct(there)
    labels = here.shape[1]
    groups = [_Group.of(theirs, times, size) for size in np.unique(theirs.sum(axis=1))]
    found = np.zeros(len(mine))

    def fill(rows: slice) -> None:
        block = mine[rows]
        sizes = block.sum(axis=1).astype(np.intp)
        for group in groups:
            table = distances(labels, group.size)
            found[rows] += (group.counts(block) * table[sizes]).sum(axis=1)

    largest = max(len(group.vectors) for group in groups)
    in_blocks(fill, len(mine), max(1, min(PAIRS // largest, 4096)))
    return np.asarray(found[back] / len(there))


@dataclass(frozen=True, eq=False)
class _Group:
    """Distinct labelled vectors with equally many labels, (G, L), and how often each comes."""

    size: int
    vectors: Vectors
    times: NDArray[np.intp]

    @classmethod
    def of(cls, vectors: Vectors, times: NDArray[np.intp], size: float) -> _Group:
        mine = vectors.sum(axis=1) == size
        return cls(int(size), vectors[mine], times[mine])

    def counts(self, block: Vectors) -> NDArray[np.float64]:
        """(n, size + 1): how many of the group share 0, 1, ... labels with each of (n, L)."""
        shared = block @ self.vectors.T
        at_least = np.zeros((len(block), self.size + 2))
        at_least[:, 0] = self.times.sum()
        alone = self.times.max() == 1
        for number in range(1, self.size + 1):
            there = shared >= number
            at_least[:, number] = np.count_nonzero(there, axis=1) if alone else there @ self.times
        return at_least[:, :-1] - at_least[:, 1:]


def distances(labels: int, size: int) -> NDArray[np.float64]:
    """(L + 1, size + 1): the distance of a vector of n labels to one of `size`, with a in both.

    What cannot be, such as more in both than in one, is 0.
    """
    n = np.arange(labels + 1)[:, None]
    both = np.arange(size + 1)[None, :]
    cells = np.stack(np.broadcast_arrays(both, n - both, size - both, labels - n - size + both))
    possible = (cells >= 0).all(axis=0)
    share = np.where(possible, cells, 0) / labels
    joint = -xlogy(share, share).sum(axis=0)
    alone = np.stack([n / labels, 1 - n / labels])
    mine = -xlogy(alone, alone).sum(axis=0)
    theirs = -sum(float(xlogy(s, s)) for s in (size / labels, 1 - size / labels))
    distance = np.divide(
        2 * joint - mine - theirs, joint, out=np.zeros_like(joint), where=joint > 0
    )
    opposite = (cells[0] == 0) & (cells[3] == 0)
    return np.where(possible, np.where(opposite, 1.0, np.maximum(distance, 0)), 0.0)


def _distinct(
    vectors: NDArray[np.bool_],
) -> tuple[Vectors, NDArray[np.intp], NDArray[np.intp]]:
    """The distinct rows as numbers, where each row is among them, and how often each comes."""
    packed = np.packbits(vectors, axis=1)
    as_one = packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
    _, first, back, times = np.unique(
        as_one, return_index=True, return_inverse=True, return_counts=True
    )
    return vectors[first].astype(np.float32), back, times
