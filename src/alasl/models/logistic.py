"""Logistic regression on frozen features, at its optimum: for labels of which little is known.

Where few entries are known, a probe's training stops far from, or runs far past, the best point;
the optimum of a penalised loss depends on neither rate, batch nor epochs (docs/settings.md).
"""

from __future__ import annotations

from inspect import unwrap
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from scipy.linalg import eigh
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from alasl.errors import DataError
from alasl.files import replacing
from alasl.labels import Entries
from alasl.models.bootstrap import bootstrap
from alasl.models.classifier import OnEpoch, Probabilities, Rows
from alasl.models.device import pick_device, small_products

# Standard deviation of a logit before anything is known; from 2 to 6.5 mAP hardly changes.
SPREAD = 3.6
STEPS = 50
# Main directions of the features that are kept; all 1 280 give 0.1 mAP more at thrice the work.
DIRECTIONS = 512


class Lbfgs(torch.optim.LBFGS):
    """L-BFGS without the wrapper that imports torch's compiler, for seconds, to turn it off."""

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)


def flattened(features: NDArray[np.floating], reference: Rows) -> Tensor:
    """(N, D) float32 features whose large values count less, by their main directions.

    Signed square roots scaled to length 1, then standardised over `reference`, as Perronnin et al.,
    "Improving the Fisher Kernel", ECCV 2010; then turned to their principal axes, of which the
    first `DIRECTIONS` are kept, with variances of mean 1. Only images are looked at, no label.
    """
    roots = np.sign(features) * np.sqrt(np.abs(features))
    roots /= np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-12)
    seen = np.asarray(roots[reference], np.float64)
    mean, std = seen.mean(axis=0), seen.std(axis=0)
    scale = np.divide(1, std, out=np.zeros_like(std), where=std > 1e-8)
    return _main_directions(((roots - mean) * scale).astype(np.float32), reference)


def _main_directions(features: NDArray[np.float32], reference: Rows) -> Tensor:
    seen = features[reference]
    variances, axes = eigh(seen.T @ seen / len(seen))
    variances, axes = variances[-DIRECTIONS:], axes[:, -DIRECTIONS:]
    # The sign of an axis is the solver's whim; its largest part positive makes it one thing.
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    scale = np.sqrt(len(variances) / max(float(variances.sum()), 1e-12))
    return torch.from_numpy(np.ascontiguousarray(features @ (axes * scale), np.float32))


def fit_logistic(
    features: Tensor, targets: Tensor, weights: Tensor | None = None, spread: float = SPREAD
) -> tuple[Tensor, Tensor]:
    """Weights (D, L) and bias (1, L) that minimise penalised cross-entropy over the known entries.

    sum of w * BCE + D / (2 spread^2) * |weights|^2; the bias is free.
    features: (n, D). targets: (n, L), 1, 0, or a probability between; a negative one is unknown.
    weights: (n, L), how much each entry counts, or None for 1.
    """
    known = (targets >= 0).to(features.dtype)
    counts = known if weights is None else known * weights
    wanted = targets.to(features.dtype).clamp(min=0)
    present, absent = (counts * wanted).sum(0), (counts * (1 - wanted)).sum(0)
    bias = ((present + 0.5) / (absent + 0.5)).log()[None].requires_grad_()
    columns = features.new_zeros((features.shape[1], targets.shape[1])).requires_grad_()
    penalty = features.shape[1] / (2 * spread**2)
    optimiser = Lbfgs(
        [columns, bias], max_iter=STEPS, history_size=10, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        logits = torch.addmm(bias, features, columns)
        terms = binary_cross_entropy_with_logits(logits, wanted, counts, reduction="sum")
        total = terms + penalty * columns.square().sum()
        columns.grad, bias.grad = torch.autograd.grad(total, [columns, bias])
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    return columns.detach(), bias.detach()


class Logistic:
    """Penalised logistic regression behind the interface of a `Classifier`.

    features: (N, D), from `flattened`. spread: as for `fit_logistic`.
    """

    def __init__(self, features: Tensor, labels: int, spread: float = SPREAD) -> None:
        self._features = features.to(pick_device())
        self._spread = spread
        self._weights = self._features.new_zeros((features.shape[1], labels))
        self._bias = self._features.new_zeros((1, labels))
        self._members: list[tuple[Tensor, Tensor]] = []

    @property
    def learns_from_unknown(self) -> bool:
        """See `Classifier.learns_from_unknown`."""
        return False

    def fit(
        self,
        rows: Rows,
        targets: Entries | NDArray[np.floating],
        *,
        seed: int,  # noqa: ARG002  nothing is left to chance
        keep: bool = False,  # noqa: ARG002  the optimum does not depend on where one starts
        weights: NDArray[np.floating] | None = None,
        watch: Rows | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Classifier.fit`; it counts as one epoch."""
        device = self._features.device
        with small_products(device):
            self._weights, self._bias = fit_logistic(
                self._take(rows),
                torch.as_tensor(targets, device=device),
                None if weights is None else torch.as_tensor(weights, device=device),
                self._spread,
            )
        if watch is not None and on_epoch:
            on_epoch(0, self._logits(watch).cpu().numpy())

    def predict(self, rows: Rows) -> Probabilities:
        """See `Classifier.predict`."""
        return self._logits(rows).sigmoid().cpu().numpy()

    def fit_members(
        self,
        rows: Rows,
        targets: Entries,
        *,
        seed: int,
        members: int,
        weights: NDArray[np.floating] | None = None,
    ) -> None:
        """See `Classifier.fit_members`."""
        device = self._features.device
        features, wanted = self._take(rows), torch.as_tensor(targets, device=device)
        draws = bootstrap(seed, members, len(rows))[:, :, None]
        counts = np.broadcast_to(
            draws if weights is None else draws * weights, (members, *wanted.shape)
        )
        with small_products(device):
            self._members = [
                fit_logistic(features, wanted, torch.tensor(each, device=device), self._spread)
                for each in counts
            ]

    def members(self, rows: Rows) -> Probabilities:
        """See `Classifier.members`."""
        seen = self._take(rows)
        with small_products(self._features.device):
            logits = [torch.addmm(bias, seen, weights) for weights, bias in self._members]
            return torch.stack(logits).sigmoid().cpu().numpy()

    def features(self, rows: Rows) -> NDArray[np.float32]:
        """See `Classifier.features`."""
        return self._take(rows).cpu().numpy()

    def save(self, path: Path) -> None:
        """See `Classifier.save`."""
        with replacing(path) as beside:
            save_file({"weights": self._weights, "bias": self._bias}, beside)

    def load(self, path: Path) -> None:
        """See `Classifier.load`."""
        try:
            state = load_file(path)
            self._weights.copy_(state["weights"])
            self._bias.copy_(state["bias"])
        except Exception as error:  # safetensors and torch raise many kinds for a broken file
            raise DataError(
                "these weights are not of this classifier", where=str(path), seen=str(error)[:200]
            ) from error

    def _logits(self, rows: Rows) -> Tensor:
        with small_products(self._features.device):
            return torch.addmm(self._bias, self._take(rows), self._weights)

    def _take(self, rows: Rows) -> Tensor:
        return self._features[torch.as_tensor(rows, device=self._features.device)]
