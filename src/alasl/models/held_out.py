"""Known entries held out in parts, and how well trainings on the others explain them.

So settings are found without a look at any test entry.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from alasl.data.inputs import Rows
from alasl.models.base import Table, counting
from alasl.seeds import stream

# Parts of the images; as many are held out, one after the other, as have so many known entries.
PARTS, ENOUGH = 5, 8000
# Entries that a label's share of presents among all labels' counts for.
SHRUNK = 5

Floats = NDArray[np.float64]
C = TypeVar("C", bound=Hashable)

# The logits (n, L) of the images `held`, by a training on the images `kept` with a choice of
# settings; the last is the part's number, by which a training may begin where the last one of that
# part ended.
Train = Callable[[Rows, Rows, C, int], NDArray[np.float32]]


class Trials(Generic[C]):
    """What each choice came to on the held-out entries; each is trained once.

    held: from `held_out`. targets, weights: (n, L), as for `Estimator.fit`.
    without: as `losses`, of the labels' shares of presents alone, with no features.
    """

    def __init__(
        self,
        train: Train[C],
        held: Sequence[tuple[int, Rows, Rows]],
        targets: Table,
        weights: Table,
    ) -> None:
        self._train, self._held = train, held
        self._targets, self._weights = targets, weights
        rows = np.concatenate([np.zeros(0, np.intp), *(each for _, _, each in held)])
        self._images = len(rows)
        # The known entries of held-out images: little of a table where little is known.
        self._at, self._cols, judge, count = counting(targets, weights, rows)
        self._judge, self._count = judge.astype(np.float64), count.astype(np.float64)
        self._done: dict[C, Floats] = {}
        self._rate = self._all(lambda kept, held, _: self._rates(kept, held))
        self.without = self._losses(self._rate)

    @property
    def known(self) -> tuple[int, int]:
        """How many held-out entries are absent, and how many present."""
        present = int((self._judge > 0.5).sum())
        return len(self._judge) - present, present

    def losses(self, choice: C) -> Floats:
        """(m,): the log-loss of the known entries of each held-out image."""
        return self._losses(self._logits(choice))

    def scaled(self, choice: C, *, by_label: bool = False) -> Floats:
        """The same with all logits scaled and shifted as is best: being too sure costs nothing.

        by_label: shifted by a part of each label's rate, too, so that its own ranking counts.
        """
        parts = [self._logits(choice)]
        if by_label:
            parts.append(self._rate)
        sized = [part / max(float(part.std()), 1e-12) for part in parts]
        return self._best_of(np.stack([*sized, np.ones(len(self._at))]))

    def _best_of(self, parts: Floats) -> Floats:

        def judged(by: Floats) -> tuple[float, Floats]:
            found = by @ parts
            slope = parts @ (self._count * (expit(found) - self._judge))
            return float(self._loss(found).sum()), slope

        start = [1.0, *np.zeros(len(parts) - 1)]
        by = minimize(judged, start, jac=True, method="L-BFGS-B").x
        return self._losses(by @ parts)

    def _logits(self, choice: C) -> Floats:
        if choice not in self._done:
            self._done[choice] = self._all(
                lambda kept, held, number: self._train(kept, held, choice, number)
            )
        return self._done[choice]

    def _all(self, logits_of: Callable[[Rows, Rows, int], NDArray[np.floating]]) -> Floats:
        """The logits of all known entries of held-out images, part by part."""
        found = [logits_of(kept, held, number) for number, kept, held in self._held]
        if not found:
            return np.zeros(0)
        ends = np.cumsum([len(part) for part in found])
        at = np.split(np.arange(len(self._at)), np.searchsorted(self._at, ends[:-1]))
        parts = zip(found, at, ends.tolist(), strict=True)
        known = [part[self._at[i] - (end - len(part)), self._cols[i]] for part, i, end in parts]
        return np.concatenate(known).astype(np.float64)

    def _loss(self, logits: Floats) -> Floats:
        """The log-loss of each known entry."""
        loss: Floats = self._count * (np.logaddexp(0, logits) - self._judge * logits)
        return loss

    def _losses(self, logits: Floats) -> Floats:
        losses = np.bincount(self._at, self._loss(logits), self._images)
        return np.asarray(losses, np.float64)

    def _rates(self, kept: Rows, held: Rows) -> Floats:
        """(held, L): the log-odds of a present entry of each label, drawn to those of all."""
        # Of the known entries alone: they are few of a large table.
        _, cols, targets, counts = counting(self._targets, self._weights, kept)
        labels = self._targets.shape[1]
        present = np.bincount(cols, counts * targets, labels)
        known = np.bincount(cols, counts, labels)
        shares = present.sum() / known.sum()
        shares = (present + SHRUNK * shares) / (known + SHRUNK)
        shares = np.clip(shares, 1e-6, 1 - 1e-6)
        return np.broadcast_to(np.log(shares) - np.log1p(-shares), (len(held), len(shares)))


def held_out(
    features: NDArray[np.floating],
    targets: Table,
    weights: Table,
    enough: int = ENOUGH,
) -> list[tuple[int, Rows, Rows]]:
    """The number of each part that is held out, the images that are kept, and those that are not.

    enough: known entries of held-out images after which no further part is held out.
    features: (n, D), by which copies are told: copies of an image come into one part, as a model
    that saw one would know the other by heart. Drawn by chance, but the same each time.
    """
    known = np.bincount(counting(targets, weights).rows, minlength=len(features))
    rows = np.flatnonzero(known)
    contents = [zlib.crc32(np.ascontiguousarray(features[row]).tobytes()) for row in rows]
    _, first, of = np.unique(contents, return_index=True, return_inverse=True)
    part = stream(0, "held out").permutation(len(rows))[first[of]] % PARTS
    found, entries = [], 0
    for number in range(PARTS):
        kept, held = rows[part != number], rows[part == number]
        if len(kept) and len(held) and entries < enough:
            found.append((number, kept, held))
            entries += int(known[held].sum())
    return found
