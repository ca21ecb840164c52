"""How strong a prior is, and how much neighbours count: found on known entries, held out in parts.

The part that is left out is judged by a training on the others, so no test entry is looked at. What
is usual stays as it is unless held-out entries surely say otherwise.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from alasl.data.inputs import Rows
from alasl.metrics import surely_above
from alasl.models.base import Targets, Weights
from alasl.seeds import stream

# Parts of the images; as many are held out, one after the other, as have so many known entries.
PARTS, ENOUGH = 5, 8000
# Known entries, and held-out images, of fewer than which nothing is sure, so nothing is looked for.
FEW, IMAGES = 1000, 10
# Spreads that are tried, as parts of the usual one. Larger ones were never surely better.
SPREADS = (1 / 2, 1 / 4, 1 / 8)
# The share of the neighbours that is tried, and taken where it explains so much more than features
# alone do, by more than so many standard errors. A little more does not rank better.
SMOOTH, MORE, ERRORS = 0.5, 0.02, 2
# Entries that a label's share of presents among all labels' counts for.
SHRUNK = 5

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Choice:
    """spread: standard deviation of a logit before anything is known, of features of mean square 1.

    smooth: share of the neighbours' mean in what is seen of an image, 0 for none, below 1.
    """

    spread: float = 3.6
    smooth: float = 0.0


# Where nothing says otherwise.
USUAL = Choice()

# The logits (n, L) of the images `held`, by a training on the images `kept`; the last is the part's
# number, by which a training may begin where the last one of that part ended.
Train = Callable[[Rows, Rows, Choice, int], NDArray[np.float32]]


def choose(
    train: Train,
    features: NDArray[np.floating],
    targets: Targets,
    weights: Weights | None,
    usual: Choice,
    *,
    spread: bool = True,
    smooth: bool = True,
) -> Choice:
    """The spread of the least log-loss, and neighbours where they say a good deal more.

    Each stays as in `usual` unless another is better by more than a standard error over images.
    features: (n, D) of all images of the training, by which copies are told. targets, weights:
    (n, L), as for `Estimator.fit`. spread, smooth: whether each is to be found.
    """
    if (targets >= 0).sum() < FEW:
        return usual
    tried = _Trials(train, _held(features, targets, weights), targets, weights)
    if len(tried.without) < IMAGES:
        return usual
    found = _spread(tried, usual) if spread else usual
    if smooth:
        other = replace(found, smooth=SMOOTH)
        explained = tried.without - tried.scaled(found)
        more = tried.scaled(found) - tried.scaled(other)
        least = np.full_like(more, MORE * max(explained.mean(), 0))
        if surely_above(more, least, errors=ERRORS):
            found = _spread(tried, replace(usual, smooth=SMOOTH)) if spread else other
    return found


def _spread(tried: _Trials, usual: Choice) -> Choice:
    """Step by step below the usual one, as long as the log-loss falls."""
    best = usual
    for part in SPREADS:
        other = replace(usual, spread=USUAL.spread * part)
        if other.spread >= usual.spread:
            continue
        if tried.losses(other).mean() >= tried.losses(best).mean():
            break
        best = other
    return best if surely_above(-tried.losses(best), -tried.losses(usual)) else usual


class _Trials:
    """What each choice came to on the held-out entries; each is trained once.

    without: as `losses`, of the labels' shares of presents alone, with no features.
    """

    def __init__(
        self,
        train: Train,
        held: Sequence[tuple[int, Rows, Rows]],
        targets: Targets,
        weights: Weights | None,
    ) -> None:
        self._train, self._held = train, held
        self._targets, self._weights = targets, weights
        rows = np.concatenate([np.zeros(0, np.intp), *(each for _, _, each in held)])
        counts = targets[rows] >= 0 if weights is None else (targets >= 0)[rows] * weights[rows]
        self._images = len(rows)
        # The known entries of held-out images: little of a table where little is known.
        self._at, self._cols = np.nonzero(counts)
        self._judge = targets[rows][self._at, self._cols].astype(np.float64)
        self._count = counts[self._at, self._cols].astype(np.float64)
        self._done: dict[Choice, Floats] = {}
        self.without = self._losses(self._all(lambda kept, held, _: self._rates(kept, held)))

    def losses(self, choice: Choice) -> Floats:
        """(m,): the log-loss of the known entries of each held-out image."""
        return self._losses(self._logits(choice))

    def scaled(self, choice: Choice) -> Floats:
        """The same with all logits scaled and shifted as is best: being too sure costs nothing."""
        logits = self._logits(choice)
        size = max(float(logits.std()), 1e-12)
        parts = np.stack([logits / size, np.ones_like(logits)])

        def judged(by: Floats) -> tuple[float, Floats]:
            found = by @ parts
            slope = parts @ (self._count * (expit(found) - self._judge))
            return float(self._loss(found).sum()), slope

        by = minimize(judged, [1.0, 0.0], jac=True, method="L-BFGS-B").x
        return self._losses(by @ parts)

    def _logits(self, choice: Choice) -> Floats:
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
        return np.concatenate(found)[self._at, self._cols].astype(np.float64)

    def _loss(self, logits: Floats) -> Floats:
        """The log-loss of each known entry."""
        loss: Floats = self._count * (np.logaddexp(0, logits) - self._judge * logits)
        return loss

    def _losses(self, logits: Floats) -> Floats:
        losses = np.bincount(self._at, self._loss(logits), self._images)
        return np.asarray(losses, np.float64)

    def _rates(self, kept: Rows, held: Rows) -> Floats:
        """(held, L): the log-odds of a present entry of each label, drawn to those of all."""
        targets = self._targets[kept]
        counts = (targets >= 0).astype(np.float32)
        if self._weights is not None:
            counts *= self._weights[kept]
        present = (counts * targets).sum(axis=0, dtype=np.float64)
        known = counts.sum(axis=0, dtype=np.float64)
        shares = present.sum() / known.sum()
        shares = (present + SHRUNK * shares) / (known + SHRUNK)
        shares = np.clip(shares, 1e-6, 1 - 1e-6)
        return np.broadcast_to(np.log(shares) - np.log1p(-shares), (len(held), len(shares)))


def _held(
    features: NDArray[np.floating], targets: Targets, weights: Weights | None
) -> list[tuple[int, Rows, Rows]]:
    """The number of each part that is held out, the images that are kept, and those that are not.

    By chance, but the same each time. Copies of an image come into one part: a model that saw one
    would know the other by heart.
    """
    known = targets >= 0 if weights is None else (targets >= 0) & (weights > 0)
    rows = np.flatnonzero(known.any(axis=1))
    contents = [zlib.crc32(np.ascontiguousarray(features[row]).tobytes()) for row in rows]
    _, first, of = np.unique(contents, return_index=True, return_inverse=True)
    part = stream(0, "held out").permutation(len(rows))[first[of]] % PARTS
    found, entries = [], 0
    for number in range(PARTS):
        kept, held = rows[part != number], rows[part == number]
        if len(kept) and len(held) and entries < ENOUGH:
            found.append((number, kept, held))
            entries += int(known[held].sum())
    return found
