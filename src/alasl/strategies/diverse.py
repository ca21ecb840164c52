"""Diverse: of the best by another strategy, those that do not ask the same thing twice."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import UsageError
from alasl.ranking import highest, highest_entries
from alasl.strategies.base import Names, Need, Pool, Scores, resolve, strategy
from alasl.strategies.picks import Distances, Matrix, Rows, between, by_draws, plus_plus, squared

By = Literal["k-means++", "log-det"]

# Candidates for each pick.
CANDIDATES = 10
OF = Names("entry-entropy")


def _needs(of: str, by: By) -> tuple[Need]:  # noqa: ARG001  `of` brings its own
    return ("features",) if by == "k-means++" else ("members",)


@strategy(
    "diverse",
    paper="Arthur 2007 (k-means++), Kirsch 2019 (joint information)",
    needs=_needs,
    unit=None,
    work="picks^2 D",
    reads_rows=True,
)
def diverse(pool: Pool, *, of: Names = OF, by: By = "k-means++") -> Scores:
    """A batch of different ones among the best by another strategy, ten for each pick.

    of: the strategy, of images or of entries. Its best is the first pick, and its order is that of
        what is not picked.
    by: `k-means++` draws each pick in proportion to its squared distance from those before, by
        features; entries of different labels have nothing in common. `log-det` picks what the
        ensemble foretells least from the picks before: greedily the largest determinant of
        V V^T + s^2, with V the members' predictions less their mean, s^2 the mean variance of an
        answer.
    """
    if len(of.each) > 1:
        raise UsageError("a batch is made diverse of one strategy", seen=of)
    worth = resolve(of.each[0])(pool)
    entrywise = worth.ndim == 2
    picks = pool.picks("entry" if entrywise else "image")
    most = CANDIDATES * picks
    # Best first: an order that travels with the images.
    if entrywise:
        places = highest_entries(pool.askable, worth, pool.ties, most)
        rows, cols = np.divmod(places, worth.shape[1])
    else:
        rows = places = highest(worth, lambda at: pool.ties[at], most)
        cols = None
    if by == "k-means++":
        _, rng = by_draws(pool.ties)
        anywhere = np.full(len(rows), np.inf, np.float32)
        chosen = plus_plus(_apart(pool, rows, cols), anywhere, picks, rng, first=0)
    else:
        chosen = most_joint(*_disagreement(pool, rows, cols), picks)
    there = np.isfinite(worth)
    low, high = min(worth[there].min(), 0), worth.max()
    scores = np.where(there, (worth - low) / (high - low if high > low else 1), 0)
    scores.ravel()[places[chosen]] = 2 - np.arange(len(chosen)) / len(chosen)
    return scores


def _apart(pool: Pool, rows: Rows, cols: Rows | None) -> Distances:
    """Squared distances between images `rows`, (n,), or between their entries in columns `cols`:
    as if an entry had its image's features in its own label and zeros in all others."""
    features = pool.need("features")[rows].astype(np.float32)
    features -= features.mean(axis=0, dtype=np.float64).astype(np.float32)
    lengths = squared(features)
    label = np.zeros(len(rows), np.intp) if cols is None else cols
    members = {int(c): np.flatnonzero(label == c) for c in np.unique(label)}

    def to(pick: int) -> Matrix:
        apart: Matrix = lengths + lengths[pick]
        same = members[int(label[pick])]
        product = features[same] @ features[pick]
        apart[same] = between(lengths[same], lengths[pick], product)
        return apart

    return to


def _disagreement(pool: Pool, rows: Rows, cols: Rows | None) -> tuple[NDArray[np.float64], float]:
    """V, (n, E) for entries and (n, E L) for images, and s^2 of `diverse`.

    An image's unknown entries stand side by side, so that products of rows are sums over labels.
    """
    members = pool.need("members")
    if cols is None:
        seen = members[:, rows].astype(np.float64)
        asked = pool.askable[rows]
    else:
        seen = members[:, rows, cols].astype(np.float64)[:, :, None]
        asked = np.ones((len(rows), 1), np.bool_)
    mean = seen.mean(axis=0)
    apart = np.where(asked, seen - mean, 0) / np.sqrt(len(seen))
    noise = float((mean * (1 - mean))[asked].mean())
    return apart.transpose(1, 0, 2).reshape(len(rows), -1), max(noise, 1e-6)


def most_joint(vectors: NDArray[np.float64], noise: float, count: int) -> list[int]:
    """The rows of V, (n, d), that greedily make det(V V^T + noise I) of the picks largest.

    Each adds log(1 + v^T A^-1 v / noise), A = I + the picks' v v^T / noise; the first is given: 0.
    """
    inverse = np.eye(vectors.shape[1])
    variance = np.einsum("nd,nd->n", vectors, vectors)
    left = np.ones(len(vectors), np.bool_)
    picks: list[int] = []
    best = 0
    while len(picks) < min(count, len(vectors)):
        picks.append(best)
        left[best] = False
        towards = inverse @ vectors[best]
        scale = noise + vectors[best] @ towards
        shared = vectors @ towards
        variance -= shared**2 / scale
        inverse -= np.outer(towards, towards) / scale
        best = int(np.argmax(np.where(left, variance, -np.inf)))
    return picks
