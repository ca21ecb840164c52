"""Images that are the same: by their file's content, and by features that are nearly equal."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from alasl.data import tars
from alasl.data.dataset import Dataset
from alasl.data.images import each
from alasl.data.known_digests import keep, recall
from alasl.errors import DataError
from alasl.files import let_go, readable

Groups = NDArray[np.intp]

# The cosine distance of lite0's features up to which two images count as one. Of COCO's photos
# 0.06 joins over nine in ten with their copy saved anew, mirrored or a little brighter, and no two
# others (the nearest are at 0.22); of Corel's 5000, nine pairs, all of one scene.
NEAR = 0.06
# Directions on which images are compared first, and images that are compared at once.
_COARSE, _BLOCK = 64, 1024
# Numbers of features that are summed at a time.
_WORDS = 2**24


def digest(path: Path) -> bytes:
    """The SHA-256 of a file's content. Raises a `DataError` where it cannot be read."""
    with readable(tars.holder(path)), tars.opened(path) as file:
        return hashlib.file_digest(file, "sha256").digest()


def digests(paths: Sequence[Path]) -> tuple[list[bytes], dict[int, DataError]]:
    """The SHA-256 of each file's content, by threads; empty where the row is among the errors.

    A file that was read before, and has not changed since, is not read again.
    """
    marks = [tars.mark(path) for path in paths]
    kept = recall([mark for mark in marks if mark is not None])

    def try_digest(path: Path) -> bytes | DataError:
        try:
            return digest(path)
        except DataError as error:
            return error

    new = [row for row, mark in enumerate(marks) if mark is None or mark not in kept]
    read = dict(zip(new, each(try_digest, [paths[row] for row in new]), strict=True))
    bad = {row: one for row, one in read.items() if isinstance(one, DataError)}
    found = {row: one for row, one in read.items() if isinstance(one, bytes)}
    keep({mark: one for row, one in found.items() if (mark := marks[row]) is not None})
    for row, mark in enumerate(marks):
        if mark is not None and mark in kept:
            found[row] = kept[mark]
    return [found.get(row, b"") for row in range(len(paths))], bad


def groups_of(dataset: Dataset, features: NDArray[np.floating] | None = None) -> Groups | None:
    """(N,): the same number for images with equal files, or equal rows of features of their own.

    features: (N, D) of a backbone, by which images that are nearly the same count as one, too.
    None where no two images are the same. A file that cannot be read is like no other.
    """
    return groups_among(len(dataset), dataset.paths, dataset.features, features)


def groups_among(
    images: int,
    paths: Sequence[Path] | None,
    own: NDArray[np.floating] | None,
    seen: NDArray[np.floating] | None,
) -> Groups | None:
    """As `groups_of`, of so many images with these files, features of their own, a backbone's."""
    found = []
    if paths is not None:
        found.append(same_content(digests(paths)[0]))
    if own is not None:
        found.append(same_rows(own))
    pairs = near_pairs(seen) if seen is not None else ()
    if not len(pairs) and all(each.max(initial=-1) + 1 == images for each in found):
        return None
    groups = joined(images, *found, pairs=pairs)
    return groups if groups.max(initial=-1) + 1 < images else None


def same_content(contents: Sequence[bytes]) -> Groups:
    """(N,): the group of each image, 0, 1, ... in the order in which they come first.

    contents: N digests; equal ones are one group, and empty ones are like no other.
    """
    first: dict[bytes | int, int] = {}
    return np.array(
        [first.setdefault(one or row, len(first)) for row, one in enumerate(contents)], np.intp
    )


def same_rows(features: NDArray[np.floating]) -> Groups:
    """(N,): as `same_content`, of rows of `features` (N, D), equal where all their bits are.

    Rows are told apart by a sum of their words; only those with a sum in common are compared.
    """
    factors = np.random.default_rng(0).integers(2**64, size=features.shape[1], dtype=np.uint64)
    # Modulo 2^64: of millions of different rows hardly two have one sum.
    sums = np.empty(len(features), np.uint64)
    step = max(1, _WORDS // features.shape[1])
    for start in range(0, len(features), step):
        rows = np.ascontiguousarray(features[start : start + step])
        sums[start : start + step] = np.einsum("nd,d->n", rows.view(f"u{rows.itemsize}"), factors)
        let_go(features)
    groups = np.arange(len(features))
    ascending = np.sort(sums)
    twice = ascending[1:][ascending[1:] == ascending[:-1]]
    if not len(twice):
        return groups
    shared = np.flatnonzero(np.isin(sums, twice))
    same = same_content([features[row].tobytes() for row in shared])
    _, first = np.unique(same, return_index=True)
    groups[shared] = shared[first[same]]
    return np.unique(groups, return_inverse=True)[1]


def near_pairs(
    features: NDArray[np.floating], within: float = NEAR, since: int = 0
) -> NDArray[np.intp]:
    """(n, 2): the pairs of rows of `features` (N, D) whose cosine distance is at most `within`.

    since: rows before this one were compared with each other before, and are not again. The first
    of a pair is the smaller row, and pairs ascend. Rows of zeros are like no other.
    Exact: the images are first compared on a few directions, in which no two are farther apart
    than they are, and in the order of the widest, so that most pairs are never looked at.
    """
    if len(features) < 2:
        return np.empty((0, 2), np.intp)
    units = np.asarray(features, np.float32)
    length = np.linalg.norm(units, axis=1, keepdims=True)
    rows = np.flatnonzero(length[:, 0] > 0)
    units = units[rows] / length[rows]
    # Of unit vectors, |a - b|^2 = 2 (1 - cosine). A little more, as float32 is rounded.
    apart = 2 * within + 1e-5
    coarse = _projected(units)
    order = np.argsort(coarse[:, 0], kind="stable")
    units, coarse, rows = units[order], coarse[order], rows[order]
    widest = coarse[:, 0]
    fresh = np.flatnonzero(rows >= since)
    begins = np.searchsorted(widest, widest - np.sqrt(apart)) if since else np.arange(len(rows))
    ends = np.searchsorted(widest, widest + np.sqrt(apart), side="right")
    square = np.einsum("nd,nd->n", coarse, coarse)
    pairs = []
    for start in range(0, len(fresh), _BLOCK):
        block = fresh[start : start + _BLOCK]
        begin, end = int(begins[block[0]]), int(ends[block[-1]])
        between = square[block, None] + square[None, begin:end]
        between -= 2 * coarse[block] @ coarse[begin:end].T
        one, other = np.nonzero(between <= apart)
        one, other = block[one], other + begin
        kept = (one < other) | (rows[other] < since)
        one, other = one[kept], other[kept]
        cosine = np.einsum("nd,nd->n", units[one], units[other], dtype=np.float64)
        close = 1 - cosine <= within
        pairs.append(np.stack([rows[one[close]], rows[other[close]]], axis=1))
    found = np.sort(np.concatenate(pairs) if pairs else np.empty((0, 2), np.intp), axis=1)
    return found[np.lexsort((found[:, 1], found[:, 0]))]


def near_rows(old: NDArray[np.floating], new: NDArray[np.floating]) -> dict[int, int]:
    """For each row of `new` (M, D) that is nearly the same as some of `old` (N, D), their first."""
    found: dict[int, int] = {}
    for one, other in near_pairs(np.concatenate([old, new]), since=len(old)).tolist():
        if one < len(old) <= other:
            found.setdefault(other - len(old), one)
    return found


def joined(images: int, *found: Groups, pairs: ArrayLike = ()) -> Groups:
    """(N,): groups that join all that any of the groups `found`, each (N,), or `pairs` (n, 2) join.

    They are numbered 0, 1, ... in the order in which they come first.
    """
    links = [np.asarray(pairs, np.intp).reshape(-1, 2)]
    for groups in found:
        _, first, group = np.unique(groups, return_index=True, return_inverse=True)
        links.append(np.stack([np.arange(images), first[group]], axis=1))
    one, other = np.concatenate(links).T
    graph = coo_matrix((np.ones(len(one), bool), (one, other)), (images, images))
    _, labels = connected_components(graph, directed=False)
    _, first, group = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.intp)
    rank[np.argsort(first)] = np.arange(len(first))
    return rank[group]


def _projected(units: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, d): unit vectors on a few orthogonal directions in which they differ much."""
    if units.shape[1] <= _COARSE:
        return units
    # Steps of the power method: far cheaper than eigenvectors, and any directions are right.
    sample = units[:: max(1, len(units) // 4096)]
    sample = sample - sample.mean(axis=0)
    start = np.random.default_rng(0).standard_normal((units.shape[1], _COARSE), np.float32)
    for _ in range(2):
        start = np.linalg.qr(sample.T @ (sample @ start))[0]
    return units @ start
