"""The candidates of `variance` among any number of images, in little memory.

The first images, by their draws, are gone through label by label. They tell what matters, and how
good a candidate must be. Then all images are gone through, some in hand at a time, for many labels
at once. What h x^T C x can be at most takes no arithmetic but p: with B the mean covariance of some
labels, it is h x^T B x times the largest eigenvalue of B^-1/2 C B^-1/2, so that p between two
limits could be enough. What is so is looked at along the eigenvectors of the largest, for all else
the next one is the most: along as many as usually tell. Only what could be a candidate even so is
looked at in full.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alasl.labels import UNKNOWN
from alasl.ranking import Best
from alasl.strategies.blocks import cut, in_blocks
from alasl.strategies.posterior import (
    LEAST,
    SAMPLE,
    Matrix,
    Plan,
    Scale,
    at_least,
    covariance_of,
    in_turn,
    scatter,
    slope_of,
    top,
    variances,
)
from alasl.strategies.seeking import CANDIDATES as SOUGHT
from alasl.strategies.seeking import clipped, sought
from alasl.strategies.streamed import Find, Streamed, needed
from alasl.threads import on_one_thread

# Labels in hand at a time, of the first images so few where these are many; entries of these;
# images, and those of them whose p is found.
FEW, LABELS, BEGUN, IMAGES, SAID = 16, 128, 2**22, 2**14, 1024
# Of the first images, the part by which it is told how good a candidate must be.
TRIED = 512
# Labels whose covariances bounds go by; shares of all eigenvectors that are looked along.
SHAPES, ALONG = 16, tuple(part / 8 for part in range(1, 7))
# Known entries of a label whose features are held, which then stand for the others: features that
# are asked for here and there keep the whole file in memory.
ENOUGH = 1024
# More than rounding could take from a bound; less than any x^T B x that matters.
ROUNDING, TINY = 1.001, 1e-30

Rows = NDArray[np.intp]


def finder(pool: Streamed, most: int, *, target: Literal["top", "all"] = "top") -> Find | None:
    """What finds the entries of some labels among the `most` highest of all; see `variance`.

    None where those may be more than a label's candidates.
    """
    plan = Plan.of(pool)
    seek = plan.presents == 0
    whole = plan.asked_of & ~seek & (pool.open_of >= plan.many)
    if most > plan.many * max(1, whole.sum()) or (most > SOUGHT and (plan.asked_of & seek).any()):
        return None
    return _Search(pool, plan, target).find


@dataclass(frozen=True, eq=False)
class _Bound:
    """What x^T C x is at most, told along some of the eigenvectors of B^-1/2 C B^-1/2.

    values: (D,), their values, the highest first. along: (D, k), the first of them, times B^1/2.
    counts: how many of them tell. usual: what those come to for most x, in x^T B x.
    """

    values: Matrix
    along: Matrix
    counts: list[int]
    usual: Matrix

    @classmethod
    def of(cls, values: Matrix, along: Matrix) -> _Bound:
        counts = [int(share * len(values)) for share in ALONG]
        usual = np.maximum(values, values[counts, None]).mean(axis=1)
        return cls(values, along[:, : counts[-1]].copy(), counts, usual)

    def most(self, count: int, features: Matrix, lengths: Matrix) -> Matrix:
        """(n,): along so many of them, of x (n, D) whose x^T B x are (n,)."""
        rest = self.values[count]
        seen = np.square(features @ self.along[:, :count])
        return np.asarray(seen @ (self.values[:count] - rest) + rest * lengths)


@dataclass(frozen=True, eq=False)
class _Shape:
    """B, which all labels' covariances are much like.

    mean: (D, D), B. root, inverse: B^-1/2 and B^1/2, but for a turn.
    """

    mean: Matrix
    root: Matrix
    inverse: Matrix

    @classmethod
    def of(cls, mean: Matrix) -> _Shape:
        values, axes = eigh(mean)
        return cls(mean, axes / np.sqrt(values), axes * np.sqrt(values))

    def bound(self, covariance: Matrix) -> _Bound:
        """That of a label's covariance."""
        values, axes = eigh(self.root.T @ covariance @ self.root)
        return _Bound.of(values[::-1] * np.float32(ROUNDING), self.inverse @ axes[:, ::-1])


@dataclass(eq=False)
class _Label:
    """The candidates of a label so far, and what decides between them.

    bound: None where no present is known yet, so that p ranks. matters: as for `in_turn`, or for
    `sought`. best: the candidates, by image.
    """

    bound: _Bound | None
    covariance: Matrix
    matters: Matrix
    best: Best
    lock: Lock = field(default_factory=Lock)

    def worth_of(self, chances: Matrix, features: Matrix) -> Matrix:
        """(n,): what ranks images, by their p and features (n, D)."""
        if self.bound is None:
            return np.asarray(clipped(chances), np.float32)
        return slope_of(chances) * variances(features, self.covariance)

    @property
    def slopes(self) -> list[float]:
        """What h x^T B x of a candidate must reach at least; then what it does not, where one more
        of the bound's counts does not usually tell. Where p ranks, -p, and nothing."""
        border = self.best.border
        if self.bound is None:
            every = border <= clipped(np.zeros(1))[0]
            return [0.0 if every else -border, *[-np.inf] * len(ALONG)]
        return [border / each for each in (self.bound.values[0], *self.bound.usual)]

    def sift(
        self, at: Rows, chances: Matrix, ends: Rows, rows: Rows, features: Matrix, lengths: Matrix
    ) -> None:
        """Take what can be one of them of images at some places (n,), of this p.

        ends: where those end that each of the bound's counts usually tells. rows, features,
        lengths: of all places, which images they are, x, and x^T B x.
        """
        if self.bound is not None:
            size, reach = lengths[at], self.best.border / slope_of(chances)
            kept = np.ones(len(at), np.bool_)
            for count, start, end in zip(self.bound.counts, [0, *ends], ends, strict=False):
                part = slice(start, end)
                x = features.take(at[part], axis=0)
                kept[part] = self.bound.most(count, x, size[part]) >= reach[part]
            at, chances = at[kept], chances[kept]
        worth = self.worth_of(chances, features.take(at, axis=0))
        with self.lock:
            self.best.add(worth, np.ones(len(worth), np.bool_), lambda high: rows[at[high]])


class _Search:
    def __init__(self, pool: Streamed, plan: Plan, target: str) -> None:
        self._pool, self._plan, self._target = pool, plan, target
        self._first = needed(pool.features, "features")
        self._chances = needed(pool.chances, "probabilities")
        self._labelled = needed(pool.labelled, "labelled")
        beside = self._labelled.need("features")
        with on_one_thread():
            self._scale = Scale.fit(self._first, slice(None), beside, plan.spread)
            self._there = self._scale.of(beside)
        self._likely = self._labelled.need("probabilities")

    def find(self, labels: Rows) -> tuple[Rows, Rows, NDArray[np.float64]]:
        """See `Find`."""
        labels = labels[self._plan.asked_of[labels]]
        found: dict[int, _Label] = {}
        with on_one_thread():
            shape = _Shape.of(self._mean(labels))

        def begin(part: slice) -> None:
            some = labels[part]
            chances = np.empty((len(some), len(self._first)), np.float32)
            for rows in cut(len(self._first), SAID):
                chances[:, rows] = self._chances(self._first[rows], some).T
            for label, p in zip(some.tolist(), chances, strict=True):
                found[label] = self._begun(label, p, shape)

        def go_on(part: slice) -> None:
            self._look(np.arange(part.start, part.stop), shape, found)

        def score(part: slice) -> None:
            for label in labels[part].tolist():
                scores[label] = self._scores(label, found[label])

        in_blocks(begin, len(labels), max(FEW, min(LABELS, BEGUN // len(self._first))))
        in_blocks(go_on, len(self._pool.ties), IMAGES)
        scores: dict[int, NDArray[np.float64]] = {}
        in_blocks(score, len(labels), FEW)
        rows = [found[label].best.found()[0] for label in scores]
        cols = np.repeat(np.array(list(scores), np.intp), [len(each) for each in rows])
        return (
            np.concatenate([labels[:0], *rows]),
            cols,
            np.concatenate([np.empty(0), *scores.values()]),
        )

    def _mean(self, labels: Rows) -> Matrix:
        """(D, D): the mean covariance of some labels."""
        some = labels[:: max(1, len(labels) // SHAPES)].tolist()
        width = self._there.shape[1]
        total = sum((self._known(label)[1] for label in some), np.zeros((width, width)))
        return np.asarray(total / max(len(some), 1), np.float32)

    def _known(self, label: int) -> tuple[Matrix, Matrix]:
        """The scatter of a label's known entries in the pool; the covariance that all leave."""
        known = self._pool.known_rows(label)
        some = known[: np.searchsorted(known, len(self._first))][:SAMPLE]
        if len(some) < min(ENOUGH, SAMPLE, len(known)):
            others = known[len(some) :]
            order = np.argsort(self._pool.ties[others], kind="stable")
            some = np.concatenate([some, others[order[: SAMPLE - len(some)]]])
        seen = self._pool.at(some)
        slope = slope_of(self._chances(seen, np.array([label]))[:, 0])
        answered = scatter(self._scale.of(seen), slope, np.arange(len(some)))
        answered *= np.float32(len(known) / max(len(some), 1))
        there = np.flatnonzero(self._labelled.entries[:, label] != UNKNOWN)
        around = scatter(self._there, slope_of(self._likely[:, label]), there)
        return answered, covariance_of(answered + around)

    def _begun(self, label: int, p: Matrix, shape: _Shape) -> _Label:
        """What decides between a label's candidates; p: (n,), of the first images."""
        pool, plan = self._pool, self._plan
        known, closed = (
            rows[: np.searchsorted(rows, len(p))]
            for rows in (pool.known_rows(label), pool.closed_rows(label))
        )
        answered, covariance = self._known(label)
        p[known] = -1
        seeks, by_top = not plan.presents[label], self._target == "top"
        if by_top and not seeks:
            left = top(p)
            count, left = len(left), left[:SAMPLE]
        else:
            count, left = len(p) - len(known), np.flatnonzero(p[: SAMPLE + len(known)] >= 0)
            left = left[:SAMPLE]
        matters = scatter(self._at_first(left), slope_of(p[left]), np.arange(len(left)))
        # As if there were as many more as there are other images.
        matters *= np.float32(count / max(len(left), 1) * (len(pool.ties) / len(p)))
        if seeks or not by_top:
            matters = answered + matters
        p[closed] = -1
        many = SOUGHT if seeks else plan.many
        bound = None if seeks else shape.bound(covariance)
        one = _Label(bound, covariance, matters, Best(pool.ties.__getitem__, many))
        one.best.border = 0.0
        # What the highest reach of those that are likely the highest, the others must reach, too.
        rows = at_least(p if seeks else p * (1 - p), max(many, len(p) // TRIED))
        rows = rows[p[rows] >= 0]
        if len(rows) >= many:
            worth = one.worth_of(p[rows], self._at_first(rows))
            one.best.border = float(np.partition(worth, -many)[-many]) / ROUNDING
        return one

    def _at_first(self, rows: Rows | slice) -> Matrix:
        return self._scale.of(self._first[rows])

    def _look(self, rows: Rows, shape: _Shape, found: dict[int, _Label]) -> None:
        """Look for candidates among images, (n,), one after the other."""
        features = self._pool.at(rows)
        taken, of = self._pool.taken(slice(rows[0], rows[-1] + 1))
        scaled = self._scale.of(features)
        lengths = variances(scaled, shape.mean)
        # Those of like lengths together, so that the same p is enough.
        order = np.argsort(lengths)
        taken = np.argsort(order)[taken]
        rows, lengths = rows[order], lengths[order]
        features, scaled = features[order], scaled[order]
        place = np.full(self._pool.shape[1], -1)
        labels = np.array(list(found), np.intp)
        for part in cut(len(labels), LABELS):
            some = labels[part]
            ones = [found[label] for label in some.tolist()]
            place[:] = -1
            place[some] = np.arange(len(some))
            to = place[of]
            here = np.flatnonzero(to >= 0)
            here = here[np.argsort(taken[here])]
            closed = taken[here], to[here]
            at, p, ends = self._likely_of(features, lengths, ones, some, closed)
            for one, start, own in zip(ones, [0, *ends[:, -1]], ends, strict=False):
                part = slice(start, own[-1])
                one.sift(at[part], p[part], own - start, rows, scaled, lengths)

    def _likely_of(
        self,
        features: Matrix,
        lengths: Matrix,
        ones: list[_Label],
        labels: Rows,
        closed: tuple[Rows, Rows],
    ) -> tuple[Rows, Matrix, Rows]:
        """Places of images whose p could be enough, label by label, p, and where they end, (L, n).

        features, lengths: (n, D), (n,). closed: places, ascending, and columns, of what may not be
        asked. For the ends see `_Label.sift`.
        """
        by_chance = np.flatnonzero([one.bound is None for one in ones])
        slopes, levels = np.array([one.slopes for one in ones]).T, len(ALONG) + 1
        found, keys, chances = [], [], []
        for block in cut(len(lengths), SAID):
            p = self._chances(features[block], labels)
            far = np.abs(p - np.float32(1 / 2))
            far[:, by_chance] = -p[:, by_chance]
            inside = slice(*np.searchsorted(closed[0], [block.start, block.stop]))
            far[closed[0][inside] - block.start, closed[1][inside]] = np.inf
            limits = _aside(slopes / max(lengths[block].max(), TINY))
            limits[:, by_chance] = slopes[:, by_chance]
            limits = limits.astype(np.float32)
            high = np.flatnonzero(far <= limits[0])
            image, col = np.divmod(high, len(labels))
            near, key = far.ravel()[high], (col * levels).astype(np.uint16)
            for limit in limits[1:]:
                key += near <= limit[col]
            found.append(image + block.start)
            chances.append(p.ravel()[high])
            keys.append(key)
        key = np.concatenate(keys)
        order = np.argsort(key, kind="stable")
        ends = np.bincount(key, minlength=len(labels) * levels).cumsum()
        ends = ends.reshape(-1, levels)
        return np.concatenate(found)[order], np.concatenate(chances)[order], ends

    def _scores(self, label: int, one: _Label) -> NDArray[np.float64]:
        """Those of a label's candidates, as `variance` gives them."""
        rows, picks = one.best.found()[0], self._plan.picks
        seen = self._pool.at(rows)
        x, p = self._scale.of(seen), self._chances(seen, np.array([label]))[:, 0]
        if one.bound is None:
            usual, every = self._plan.usual[label], np.arange(len(x))
            of_it = one.covariance, one.matters, usual, picks, self._pool.ties[rows]
            return sought(x, p, every, *of_it)
        noise = np.asarray(1 / slope_of(p), np.float32)
        scores = np.empty(len(x))
        order = in_turn(x, x @ one.covariance, noise, one.matters, picks)
        scores[order] = 1 / np.arange(1, len(x) + 1)
        return scores


def _aside(slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far from 1/2 p is at most, where it has such slopes, or more."""
    aside = np.sqrt(np.maximum(1 / 4 - slopes, 0))
    aside[slopes > 1 / 4] = -1
    aside[slopes <= LEAST * (1 - LEAST)] = 1
    return aside
