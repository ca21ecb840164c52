"""Latent factors with an exposure model (Jain, Modhe and Rai, "Scalable generative models for
multi-label learning with missing labels", ICML 2017).

An image has factors u ~ N(W x, I / lambda_u), a label v ~ N(0, I / lambda_v), and an entry is
present with probability s(u^T v), s the sigmoid, where its label was exposed, absent where it was
not. So an unknown entry is an absent one that may not have been exposed: it was with probability

    p = mu_l (1 - s) / (mu_l (1 - s) + 1 - mu_l),

while a known one was for sure. Each step of EM is a row of weighted least squares, by the bound of
Scott and Sun (2013): with omega = tanh(psi / 2) / (2 psi) at psi = u^T v, and kappa = y - 1/2,

    u = (sum over labels of p omega v v^T + lambda_u I)^-1 (sum of p kappa v + lambda_u W x),

v likewise over images without the last term, mu_l the mean of p, and W the ridge regression of the
factors on the features. A new image has the factors W x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

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

Matrix = NDArray[np.float64]

# Numbers of the matrices of images, (n, K, K), in hand at a time.
BLOCK = 2**22


@dataclass(frozen=True)
class ExposureSettings:
    """factors: of an image and of a label. steps: of EM. exposed: whether unknown entries may be
    absent ones; else they teach nothing. images, labels: the strengths of the priors of u
    (lambda_u) and v (lambda_v). map: that of W, times the number of features.
    """

    factors: int = 50
    steps: int = 50
    exposed: bool = True
    images: float = 1.0
    labels: float = 1.0
    map: float = 2.0

    def __post_init__(self) -> None:
        for name in ("factors", "steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be 1 or more", seen=repr(getattr(self, name)))
        for name in ("images", "labels", "map"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} must be more than 0", seen=repr(getattr(self, name)))


@dataclass
class Factors:
    """u (N, K) of images, v (L, K) of labels, mu (L,), and W (K, D + 1), its last column for 1."""

    images: Matrix
    labels: Matrix
    exposed: Matrix
    map: Matrix

    def step(
        self, features: Matrix, targets: Matrix, counts: Matrix, settings: ExposureSettings
    ) -> None:
        """A step of EM. features: (N, D + 1), the last 1. targets: (N, L), negative for unknown.

        counts: (N, L), how much each known entry counts.
        """
        known = targets >= 0
        wanted = np.where(known, targets, 0) - 0.5
        share, curve = self._expected(known, counts)
        prior = settings.images * features @ self.map.T
        self.images = solved(share * curve, share * wanted, self.labels, settings.images, prior)
        share, curve = self._expected(known, counts)
        self.labels = solved((share * curve).T, (share * wanted).T, self.images, settings.labels)
        if settings.exposed:
            share, _ = self._expected(known, np.ones(known.shape))
            self.exposed = np.asarray(share.mean(axis=0), np.float64)
        strength = np.full(features.shape[1], settings.map * (features.shape[1] - 1))
        strength[-1] = 1
        squares = features.T @ features + np.diag(strength)
        self.map = np.asarray(np.linalg.solve(squares, features.T @ self.images).T, np.float64)

    def _expected(self, known: NDArray[np.bool_], counts: Matrix) -> tuple[Matrix, Matrix]:
        """(N, L) each: how far an entry was exposed, times what it counts, and omega."""
        psi = self.images @ self.labels.T
        absent = self.exposed * expit(-psi)
        share = np.where(known, counts, absent / np.maximum(absent + 1 - self.exposed, 1e-12))
        small = np.abs(psi) < 1e-4
        safe = np.where(small, 1, psi)
        return share, np.where(small, 0.25, np.tanh(safe / 2) / (2 * safe))


@model("exposure")
class Exposure(Estimator):
    """Latent factors, unknown entries absent ones or not looked at (Jain et al. 2017)."""

    Settings = ExposureSettings
    soft_targets = True

    def __init__(self, labels: int, settings: ExposureSettings | None = None) -> None:
        self.labels = labels
        self._settings = settings or ExposureSettings()
        self._map: Matrix | None = None
        self._labels: Matrix | None = None

    @property
    def learns_from_unknown(self) -> bool:
        """See `Estimator.learns_from_unknown`."""
        return self._settings.exposed

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
        """See `Estimator.fit`; it counts as one epoch."""
        settings, features = self._settings, _with_one(inputs)
        counts = np.ones(targets.shape) if weights is None else weights.astype(np.float64)
        entries = np.where(counts > 0, targets, -1).astype(np.float64)
        known = entries >= 0
        exposed = known.mean(axis=0) if settings.exposed else np.zeros(self.labels)
        if self._map is None or self._labels is None or not warm_start:
            shape = self.labels, settings.factors
            labels = stream(seed, "exposure").standard_normal(shape) / np.sqrt(settings.factors)
            through = np.zeros((settings.factors, features.shape[1]))
        else:
            labels, through = self._labels, self._map
        found = Factors(features @ through.T, labels, exposed, through)
        for _ in range(settings.steps):
            found.step(features, entries, counts, settings)
        self._map, self._labels = found.map, found.labels
        if eval_on is not None and on_epoch:
            on_epoch(0, self.logits(eval_on))

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        if self._map is None or self._labels is None:
            raise RuntimeError("fit comes first")
        return np.asarray(_with_one(inputs) @ (self._labels @ self._map).T, np.float32)

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`."""
        if self._map is None or self._labels is None:
            raise RuntimeError("fit comes first")
        return {"map": torch.from_numpy(self._map), "labels": torch.from_numpy(self._labels)}

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        through, labels = (each.cpu().numpy() for each in restored(tensors, "map", "labels"))
        check_labels(len(labels), self.labels)
        self._map, self._labels = through, labels


def solved(
    curves: Matrix, wanted: Matrix, others: Matrix, strength: float, prior: Matrix | None = None
) -> Matrix:
    """(n, K): for each row (sum of curve o o^T + strength I)^-1 (sum of wanted o + prior).

    curves, wanted: (n, m), the sums going over `others` (m, K). prior: (n, K), or none.
    """
    factors = others.shape[1]
    products = (others[:, :, None] * others[:, None, :]).reshape(len(others), -1)
    right = wanted @ others + (0 if prior is None else prior)
    found = np.empty((len(curves), factors))
    step = max(1, BLOCK // factors**2)
    for start in range(0, len(curves), step):
        rows = slice(start, start + step)
        left = (curves[rows] @ products).reshape(-1, factors, factors)
        left += strength * np.eye(factors)
        found[rows] = np.linalg.solve(left, right[rows, :, None])[:, :, 0]
    return found


def _with_one(inputs: Inputs) -> Matrix:
    """(n, D + 1): the features, and 1."""
    features = inputs.array().astype(np.float64)
    return np.column_stack([features, np.ones(len(features))])
