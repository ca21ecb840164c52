"""The candidates of `variance` among any number of images, in little memory.

The first images, by their draws, are gone through label by label. They tell what matters, and how
good a candidate must be. Of the others some are in hand at a time, for many labels at once. What
h x^T C x can be at most takes one multiplication an entry: with B the mean covariance of some
labels, it is h x^T B x times the largest eigenvalue of B^-1/2 C B^-1/2. What could be among a
label's highest by that is looked at along the eigenvectors of the largest, for all else the next
one is the most. Only what could be among them even so is looked at in full.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from alasl.labels import UNKNOWN
from alasl.ranking import highest
from alasl.strategies.blocks import cut, in_blocks
from alasl.strategies.picks import squared
from alasl.strategies.posterior import (
    BLOCK,
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

# Labels in hand at a time of the first images, and of the others; images likewise.
FEW, LABELS, IMAGES = 16, 256, 2048
# Labels whose covariances bounds go by; of all eigenvectors, parts that are looked along in turn.
SHAPES, ALONG = 16, (8, 2)
# Known entries of a label whose features are held, which then stand for the others: features that
# are asked for here and there keep the whole file in memory.
ENOUGH = 1024
# More than rounding could take from a bound.
ROUNDING = 1.001

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
class _Shape:
    """B, which all labels' covariances are much like, and what bounds them by it.

    mean: (D, D), B. root, inverse: B^-1/2 and B^1/2, but for a turn.
    """

    mean: Matrix
    root: Matrix
    inverse: Matrix

    @classmethod
    def of(cls, mean: Matrix) -> _Shape:
        values, axes = eigh(mean)
        return cls(mean, axes / np.sqrt(values), axes * np.sqrt(values))

    def limits(self, covariance: Matrix) -> list[tuple[float, Matrix]]:
        """Numbers c, each below the one before, and A (D, k), of which the first has no columns:
        x^T C x is at most c x^T B x + |x A|^2."""
        values, axes = eigh(self.root.T @ covariance @ self.root)
        found = [(float(values[-1]) * ROUNDING, self.root[:, :0])]
        for share in ALONG:
            start = len(values) - max(1, len(values) // share)
            rest = values[max(0, start - 1)]
            along = self.inverse @ axes[:, start:] * np.sqrt(values[start:] - rest)
            found.append((float(rest) * ROUNDING, along * ROUNDING**0.5))
        return found


@dataclass(eq=False)
class _Label:
    """The candidates of a label so far, best first, and what decides between them.

    seeks: whether no present is known yet, so that p ranks them. matters: as for `in_turn`, or for
    `sought`. limits: see `_Shape`. rows, worth, chances: (m,), of at most `many` images; ties:
    (N,), draws of all.
    """

    seeks: bool
    many: int
    ties: NDArray[np.float64]
    covariance: Matrix
    matters: Matrix
    limits: list[tuple[float, Matrix]]
    rows: Rows
    worth: Matrix
    chances: Matrix
    lock: Lock = field(default_factory=Lock)

    @property
    def border(self) -> float:
        """What all that can be one of them must reach."""
        return float(self.worth[-1]) if len(self.rows) == self.many else 0.0

    def add(self, rows: Rows, chances: Matrix, features: Matrix) -> None:
        """Take images, with their p and features (n, D)."""
        worth = clipped(chances)
        if not self.seeks:
            worth = slope_of(chances) * variances(features, self.covariance)
        rows, worth = np.concatenate([self.rows, rows]), np.concatenate([self.worth, worth])
        best = highest(worth, lambda at: self.ties[rows[at]], self.many)
        self.rows, self.worth = rows[best], worth[best]
        self.chances = np.concatenate([self.chances, chances])[best]

    def sift(self, rows: Rows, chances: Matrix, features: Matrix, lengths: Matrix) -> None:
        """As `add`, of what can be one of them; lengths: (n,), x^T B x."""
        slope = slope_of(chances)
        for rest, along in self.limits[1:]:
            most = slope * (rest * lengths + squared(features @ along))
            left = np.flatnonzero(most >= self.border)
            rows, chances, slope = rows[left], chances[left], slope[left]
            features, lengths = features[left], lengths[left]
        if len(rows):
            with self.lock:
                self.add(rows, chances, features)


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
        lengths = np.empty(len(self._first), np.float32)
        with on_one_thread():
            shape = _Shape.of(self._mean(labels))

        def measure(rows: slice) -> None:
            lengths[rows] = variances(self._scale.of(self._first[rows]), shape.mean)

        def begin(part: slice) -> None:
            some = labels[part]
            chances = np.empty((len(some), len(lengths)), np.float32)
            for rows in cut(len(lengths), IMAGES):
                chances[:, rows] = self._chances(self._first[rows], some).T
            ones = [
                self._begun(label, p, lengths, shape)
                for label, p in zip(some.tolist(), chances, strict=True)
            ]
            # Block by block, so that their features stay in the processor's cache.
            for block in cut(len(lengths), 4 * IMAGES):
                x = self._at_first(block)
                for one, p in zip(ones, chances[:, block], strict=True):
                    bound = clipped(p) if one.seeks else _bound(p, lengths[block])
                    bound[p < 0] = -1
                    high = np.flatnonzero(bound >= one.border / one.limits[0][0])
                    one.sift(high + block.start, p[high], x[high], lengths[block][high])
            found.update(zip(some.tolist(), ones, strict=True))

        in_blocks(measure, len(lengths), BLOCK)
        in_blocks(begin, len(labels), FEW)

        def go_on(part: slice) -> None:
            rows = np.arange(part.start, part.stop) + len(lengths)
            self._look(rows, shape, found)

        in_blocks(go_on, len(self._pool.ties) - len(lengths), BLOCK)
        rows = [one.rows for one in found.values()]
        scores = [self._scores(label, one) for label, one in found.items()]
        cols = np.repeat(np.array(list(found), np.intp), [len(each) for each in rows])
        return np.concatenate([labels[:0], *rows]), cols, np.concatenate([np.empty(0), *scores])

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

    def _begun(self, label: int, p: Matrix, lengths: Matrix, shape: _Shape) -> _Label:
        """Those of the first images that are likely the best.

        p, lengths: (n,), p of the first, and x^T B x; p is then below 0 where there is no more to
        look for.
        """
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
        bound, many, limits = clipped(p), SOUGHT, [(1.0, shape.mean)]
        if not seeks:
            bound, many, limits = _bound(p, lengths), plan.many, shape.limits(covariance)
        bound[p < 0] = -1
        nothing = slice(0)
        one = _Label(
            *(seeks, many, pool.ties, covariance, matters, limits),
            *(left[nothing], p[nothing], p[nothing]),
        )
        # Those of the highest bounds tell what the others must reach.
        rows = at_least(bound, many)
        rows = rows[bound[rows] >= 0]
        one.add(rows, p[rows], self._at_first(rows))
        p[rows] = -1
        return one

    def _at_first(self, rows: Rows | slice) -> Matrix:
        return self._scale.of(self._first[rows])

    def _look(self, rows: Rows, shape: _Shape, found: dict[int, _Label]) -> None:
        """Look for candidates among other images, (n,), one after the other."""
        features = self._pool.at(rows)
        scaled = self._scale.of(features)
        lengths = variances(scaled, shape.mean)
        taken, of = self._pool.taken(slice(rows[0], rows[-1] + 1))
        place = np.full(self._pool.shape[1], -1)
        labels = np.array(list(found), np.intp)
        for part in cut(len(labels), LABELS):
            some = labels[part]
            ones = [found[label] for label in some.tolist()]
            border = np.array([one.border / one.limits[0][0] for one in ones], np.float32)
            by_chance = np.flatnonzero([one.seeks for one in ones])
            place[:] = -1
            place[some] = np.arange(len(some))
            to = place[of]
            here, col = taken[to >= 0], to[to >= 0]
            cols, at, chances = [], [], []
            for block in cut(len(rows), IMAGES):
                p = self._chances(features[block], some)
                bound = _bound(p, lengths[block, None])
                bound[:, by_chance] = clipped(p[:, by_chance])
                inside = slice(*np.searchsorted(here, [block.start, block.stop]))
                bound[here[inside] - block.start, col[inside]] = -1
                high = np.flatnonzero(bound >= border)
                image, label = np.divmod(high, len(some))
                at.append(image + block.start)
                cols.append(label)
                chances.append(p.ravel()[high])
            where, p = np.concatenate(cols), np.concatenate(chances)
            order = np.argsort(where, kind="stable")
            high, p = np.concatenate(at)[order], p[order]
            ends = np.bincount(where, minlength=len(some)).cumsum()
            for one, end, many in zip(ones, ends, np.diff(ends, prepend=0), strict=True):
                own = slice(end - many, end)
                if many:
                    image = high[own]
                    one.sift(rows[image], p[own], scaled[image], lengths[image])

    def _scores(self, label: int, one: _Label) -> NDArray[np.float64]:
        """Those of a label's candidates, as `variance` gives them."""
        x, picks = self._scale.of(self._pool.at(one.rows)), self._plan.picks
        if one.seeks:
            usual, every = self._plan.usual[label], np.arange(len(one.rows))
            of_it = one.covariance, one.matters, usual, picks, one.ties[one.rows]
            return sought(x, one.chances, every, *of_it)
        noise = np.asarray(1 / slope_of(one.chances), np.float32)
        scores = np.empty(len(x))
        order = in_turn(x, x @ one.covariance, noise, one.matters, picks)
        scores[order] = 1 / np.arange(1, len(x) + 1)
        return scores


def _bound(chances: Matrix, lengths: Matrix) -> Matrix:
    """h times the lengths."""
    found = chances * (1 - chances)
    np.maximum(found, LEAST * (1 - LEAST), out=found)
    found *= lengths
    return found
