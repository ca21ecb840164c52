"""AUDI's own model (Huang and Zhou, "Active query driven by uncertainty and diversity for
incremental multi-label learning", ICDM 2013): labels ranked for each image, with a threshold that
is ranked among them.

Each label has a few vectors b in a space that all labels share: f_l(x) = max over them of b^T V x.
A dummy label is the threshold: it is to come after the labels that are present, and before those
that are absent. One step is of an image and a label that is present in it (or the dummy). Of the
labels that should come after it, drawn one after the other, the first that comes within 1 moves,

    b_present += r V x,  b_absent -= r V x,  V += r (b_present - b_absent) x^T,

r being the step size times 1 + 1/2 + ... + 1/k, where k = [labels that should come after / labels
that were drawn] stands for how many come before it. What predicts is the mean of b and V over the
steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from alasl.data.inputs import Inputs, Rows
from alasl.errors import UsageError
from alasl.models.base import (
    Estimator,
    OnEpoch,
    Targets,
    Tensors,
    Weights,
    check_labels,
    restored,
)
from alasl.models.estimators.logistic import Logistic
from alasl.models.registry import model
from alasl.models.transforms import Transform
from alasl.seeds import stream

Matrix = NDArray[np.float32]

# After so many moves the mean begins, of every so many steps.
BEGIN, EVERY = 10, 5


@dataclass(frozen=True)
class RankingSettings:
    """epochs: how often each present is gone through. rate: the step size, at features of mean
    length 1. space: dimensions that labels share, at most those of the features. vectors: of each
    label; the authors' code has 5, and half the rate.
    """

    epochs: int = 10
    rate: float = 0.1
    space: int = 200
    vectors: int = 1

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise UsageError("rate must be more than 0", seen=repr(self.rate))
        for name in ("epochs", "space", "vectors"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more", seen=repr(getattr(self, name)))


@dataclass
class Ranker:
    """The shared map V, (K, D + 1), and the vectors of the labels and the dummy, (L + 1, S, K)."""

    shared: Matrix
    vectors: Matrix

    def scores(self, features: Matrix) -> Matrix:
        """(n, L): how far each label comes before the dummy in each image."""
        each = np.einsum("lsk,nk->nls", self.vectors, features @ self.shared.T).max(axis=2)
        return np.asarray(each[:, :-1] - each[:, -1:], np.float32)


@model("ranking")
class Ranking(Estimator):
    """AUDI's label ranking with a threshold for each image (Huang and Zhou 2013)."""

    Settings = RankingSettings

    def __init__(self, labels: int, settings: RankingSettings | None = None) -> None:
        self.labels = labels
        self._settings = settings or RankingSettings()
        self._ranker: Ranker | None = None

    @classmethod
    def make_transform(cls, features: NDArray[np.floating], rows: Rows) -> Transform:
        """See `Estimator.make_transform`: as for `logistic`."""
        return Logistic.make_transform(features, rows)

    def fit(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int = 0,
        warm_start: bool = False,
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Estimator.fit`; a step is as long as the weights of its two entries, multiplied."""
        features = _scaled(inputs)
        known = targets >= 0 if weights is None else (targets >= 0) & (weights > 0)
        counts = np.ones(targets.shape, np.float32) if weights is None else weights
        rng = stream(seed, "ranking")
        if self._ranker is None or not warm_start or not self._ranker.shared.any():
            self._ranker = self._new(features.shape[1], rng)
        steps = Steps(self._ranker, self._settings.rate, rng)
        for epoch in range(self._settings.epochs):
            steps.epoch(features, known & (targets > 0), known & (targets == 0), counts)
            self._ranker = steps.mean()
            if eval_on is not None and on_epoch:
                on_epoch(epoch, self.logits(eval_on))

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`: how far a label comes before the dummy."""
        if self._ranker is None:
            raise RuntimeError("fit comes first")
        return self._ranker.scores(_scaled(inputs))

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`."""
        if self._ranker is None:
            raise RuntimeError("fit comes first")
        return {
            "shared": torch.from_numpy(self._ranker.shared),
            "vectors": torch.from_numpy(self._ranker.vectors),
        }

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        shared, vectors = (each.cpu().numpy() for each in restored(tensors, "shared", "vectors"))
        check_labels(len(vectors) - 1, self.labels)
        self._ranker = Ranker(shared, vectors)

    def _new(self, width: int, rng: np.random.Generator) -> Ranker:
        """Drawn from the normal distribution of variance 1 / D, as the authors do."""
        space = min(self._settings.space, width)
        shapes = (space, width), (self.labels + 1, self._settings.vectors, space)
        drawn = (rng.standard_normal(shape, np.float32) for shape in shapes)
        return Ranker(*(each / np.float32(np.sqrt(width)) for each in drawn))


class Steps:
    """The published steps, one after the other, from a start that is left as it is."""

    def __init__(self, start: Ranker, rate: float, rng: np.random.Generator) -> None:
        self._shared, self._vectors = start.shared.copy(), start.vectors.copy()
        self._rate, self._rng = rate, rng
        self._sums = Ranker(np.zeros_like(start.shared), np.zeros_like(start.vectors))
        self._summed = self._moves = 0
        self._harmonic = np.cumsum(1 / np.arange(1, len(start.vectors) + 1))

    def epoch(
        self,
        features: Matrix,
        present: NDArray[np.bool_],
        absent: NDArray[np.bool_],
        counts: Matrix,
    ) -> None:
        """A step for each known present, and for the dummy of each image with a known absent.

        features: (n, D). present, absent, counts: (n, L), known so, and how much each counts.
        """
        dummy = present.shape[1]
        pairs = np.argwhere(np.column_stack([present, absent.any(axis=1)]))
        for number, place in enumerate(self._rng.permutation(len(pairs))):
            row, label = pairs[place]
            after = np.flatnonzero(absent[row])
            if label != dummy:
                after = np.append(after, dummy)
            self._step(features[row], int(label), after, np.append(counts[row], np.float32(1)))
            if number == 0 or (self._moves > BEGIN and number % EVERY == 0):
                self._sums.shared += self._shared
                self._sums.vectors += self._vectors
                self._summed += 1

    def mean(self) -> Ranker:
        """What predicts; nothing before the first step, as what was drawn knows nothing."""
        if not self._summed:
            return self._sums
        count = np.float32(self._summed)
        return Ranker(self._sums.shared / count, self._sums.vectors / count)

    def _step(self, x: Matrix, label: int, after: NDArray[np.intp], counts: Matrix) -> None:
        mapped = self._shared @ x
        each = self._vectors @ mapped
        scores = each.max(axis=1)
        # Drawn with replacement, as often as there are labels, until one is within 1.
        drawn = after[self._rng.integers(len(after), size=len(after))]
        near = np.flatnonzero(scores[drawn] > scores[label] - 1)
        if not len(near):
            return
        other = drawn[near[0]]
        before = len(after) // (near[0] + 1)
        step = np.float32(self._rate * self._harmonic[before - 1] * counts[label] * counts[other])
        up, down = (label, each[label].argmax()), (other, each[other].argmax())
        direction = self._vectors[up] - self._vectors[down]
        self._vectors[up] += step * mapped
        self._vectors[down] -= step * mapped
        self._shared += np.multiply.outer(step * direction, x)
        self._moves += 1


def _scaled(inputs: Inputs) -> Matrix:
    """(n, D + 1): features of variances of mean 1 at about length 1, for the steps, and 1."""
    features = inputs.array()
    scaled = features / np.float32(np.sqrt(max(1, features.shape[1])))
    return np.column_stack([scaled, np.ones(len(scaled), np.float32)])
