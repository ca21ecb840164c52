"""A linear probe on frozen features; many of them train at once, in one stacked product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from alasl.errors import DataError
from alasl.files import replacing
from alasl.labels import Entries
from alasl.losses import Loss, resolve
from alasl.models.adamw import AdamW
from alasl.models.bootstrap import bootstrap
from alasl.models.classifier import OnEpoch, Probabilities, Rows
from alasl.models.device import pick_device, small_products
from alasl.seeds import torch_seed


@dataclass(frozen=True)
class ProbeSettings:
    """How a probe trains. The defaults were found on the drawn scenes: docs/settings.md."""

    loss: str = "asl"
    epochs: int = 20
    rate: float | None = None  # None: the loss's own
    batch: int = 64
    decay: float = 1e-2

    def __post_init__(self) -> None:
        resolve(self.loss)

    @property
    def learns_from_unknown(self) -> bool:
        """Whether unknown entries teach a probe anything."""
        return resolve(self.loss).kind.learns_from_unknown


def order_seed(seed: int) -> int:
    """The seed of the order in which a training with `seed` sees its images."""
    return torch_seed(seed, "order")


def standardised(features: NDArray[np.floating], reference: Rows) -> Tensor:
    """(N, D) float32 features with mean 0 and variance 1 over the images `reference`.

    Only images are looked at, no label; a feature that is constant there becomes 0.
    """
    seen = np.asarray(features[reference], np.float64)
    mean, std = seen.mean(axis=0), seen.std(axis=0)
    scale = np.divide(1, std, out=np.zeros_like(std), where=std > 1e-8)
    return torch.from_numpy(((features - mean) * scale).astype(np.float32))


class Probes:
    """R linear probes over the same features, one for each run; each trains as if it were alone.

    features: (N, D) standardised. weights: (R, D, L). bias: (R, 1, L).
    """

    def __init__(self, features: Tensor, runs: int, labels: int, settings: ProbeSettings) -> None:
        self.features = features
        self.settings = settings
        # The runs' columns lie side by side, so that all probes see an image in one product.
        self._columns = features.new_zeros((features.shape[1], runs, labels))
        self.weights = self._columns.permute(1, 0, 2)
        self.bias = features.new_zeros((runs, 1, labels))

    def fit(
        self,
        rows: Sequence[Rows],
        targets: Sequence[Entries],
        *,
        seeds: Sequence[int],
        weights: Sequence[NDArray[np.floating]] | None = None,
        watch: Rows | None = None,
        on_epoch: Callable[[int, Tensor], None] | None = None,
    ) -> None:
        """Train probe r on images rows[r] (n,) with targets[r] (n, L); n is the same for all.

        seeds: R, the order of each probe's batches. weights: R of (n, L) or (n, 1), how much each
        entry counts; None for 1. on_epoch(epoch, logits (R, len(watch), L)).
        """
        device, settings = self.features.device, self.settings
        images = torch.as_tensor(np.stack(rows), device=device)
        wanted = torch.as_tensor(np.stack(targets), device=device)
        counts = None if weights is None else torch.as_tensor(np.stack(weights), device=device)
        runs, count = images.shape
        first = count * torch.arange(runs, device=device)[:, None]
        loss = resolve(settings.loss, reduction="slopes")
        if not self.bias.any():
            self.bias = _log_odds(wanted, loss.kind.learns_from_unknown).to(self.bias)
        orders = [torch.Generator().manual_seed(seed) for seed in seeds]
        rate = settings.rate or loss.kind.probe_rate
        steps = settings.epochs * -(-count // settings.batch)
        optimiser = AdamW([self._columns, self.bias], rate, steps, decay=settings.decay)
        watched = None if watch is None else self.features[torch.as_tensor(watch, device=device)]
        loss.begin(wanted)
        for epoch in range(settings.epochs):
            loss.epoch(epoch, settings.epochs)
            order = torch.stack([torch.randperm(count, generator=g) for g in orders]).to(device)
            for chosen in torch.split(order, settings.batch, dim=1):
                at = chosen + first
                self._slope(
                    optimiser.gradients,
                    loss,
                    _taken(images.flatten(), at),
                    _taken(wanted.flatten(0, 1), at),
                    chosen,
                    None if counts is None else _taken(counts.flatten(0, 1), at),
                )
                optimiser.step()
            if watched is not None and on_epoch is not None:
                on_epoch(epoch, self._logits(watched))

    def _slope(
        self,
        gradients: list[Tensor],
        loss: Loss,
        images: Tensor,
        targets: Tensor,
        places: Tensor,
        weights: Tensor | None,
    ) -> None:
        """Write the gradients of a step: images, places (R, B), targets and weights (R, B, L)."""
        seen = _taken(self.features, images)
        logits = torch.baddbmm(self.bias, seen, self.weights)
        # The mean is over images; over labels and runs it is a sum, so runs stay apart.
        slopes = loss(logits, targets, places) * (1 / images.shape[1])
        if weights is not None:
            slopes = slopes * weights
        columns, bias = gradients
        # Written where the optimiser reads it: a product's own result would have to be copied.
        torch.bmm(seen.transpose(1, 2), slopes, out=columns.permute(1, 0, 2))
        torch.sum(slopes, dim=1, keepdim=True, out=bias)

    def logits(self, rows: Rows) -> Tensor:
        """(R, n, L): each probe's logits for the images `rows`."""
        return self._logits(self.features[torch.as_tensor(rows, device=self.features.device)])

    def _logits(self, features: Tensor) -> Tensor:
        runs, _, labels = self.bias.shape
        logits: Tensor = features @ self._columns.flatten(1)
        logits += self.bias.flatten()
        return logits.view(-1, runs, labels).permute(1, 0, 2)


def _taken(table: Tensor, places: Tensor) -> Tensor:
    """The rows of table (N, ...) at `places` (...): indexing goes by entry, many times as slow."""
    return table.index_select(0, places.flatten()).view(*places.shape, *table.shape[1:])


def _log_odds(targets: Tensor, learns_from_unknown: bool) -> Tensor:
    """(R, 1, L): how often each label is present among its known entries, as a logit.

    learns_from_unknown: among all its entries, where the loss takes unknown ones for absent.
    A probe that starts there does not spend its features on learning that most labels are rare.
    """
    present = (targets > 0).sum(dim=1, keepdim=True) + 0.5
    absent = (targets <= 0 if learns_from_unknown else targets == 0).sum(dim=1, keepdim=True) + 0.5
    return (present / absent).log()


def fit_members(
    features: Tensor,
    rows: Rows,
    targets: Entries,
    settings: ProbeSettings,
    seed: int,
    members: int,
    weights: NDArray[np.floating] | None = None,
) -> Probes:
    """An ensemble on the images `rows` (n,): probes trained together that see them unequally often.

    targets: (n, L). seed: of the draws and of each member's order. weights: (n, L), how much each
    entry counts besides.
    """
    probes = Probes(features, members, targets.shape[1], settings)
    draws = bootstrap(seed, members, len(rows))[:, :, None]
    if weights is not None:
        draws = draws * weights
    with small_products(features.device):
        probes.fit(
            [rows] * members,
            [targets] * members,
            seeds=[torch_seed(seed, "member", "order", member) for member in range(members)],
            weights=list(draws),
        )
    return probes


class Probe:
    """One linear probe behind the interface of a `Classifier`."""

    def __init__(
        self, features: Tensor, labels: int, settings: ProbeSettings | None = None
    ) -> None:
        self._settings = settings or ProbeSettings()
        self._features = features.to(pick_device())
        self._labels = labels
        self._heads = self._new()
        self._members: Probes | None = None

    @property
    def learns_from_unknown(self) -> bool:
        """See `Classifier.learns_from_unknown`."""
        return self._settings.learns_from_unknown

    def _new(self) -> Probes:
        return Probes(self._features, 1, self._labels, self._settings)

    def fit(
        self,
        rows: Rows,
        targets: Entries,
        *,
        seed: int,
        keep: bool = False,
        weights: NDArray[np.floating] | None = None,
        watch: Rows | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Classifier.fit`."""
        if not keep:
            self._heads = self._new()

        def tell(epoch: int, logits: Tensor) -> None:
            if on_epoch:
                on_epoch(epoch, logits[0].cpu().numpy())

        with small_products(self._features.device):
            self._heads.fit(
                [rows],
                [targets],
                seeds=[order_seed(seed)],
                weights=None if weights is None else [weights],
                watch=watch,
                on_epoch=tell,
            )

    def predict(self, rows: Rows) -> Probabilities:
        """See `Classifier.predict`."""
        with small_products(self._features.device):
            return self._heads.logits(rows)[0].sigmoid().cpu().numpy()

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
        self._members = fit_members(
            self._features, rows, targets, self._settings, seed, members, weights
        )

    def members(self, rows: Rows) -> NDArray[np.float32]:
        """See `Classifier.members`."""
        assert self._members is not None, "fit_members comes first"
        with small_products(self._features.device):
            return self._members.logits(rows).sigmoid().cpu().numpy()

    def features(self, rows: Rows) -> NDArray[np.float32]:
        """See `Classifier.features`."""
        return self._features[torch.as_tensor(rows)].cpu().numpy()

    def save(self, path: Path) -> None:
        """See `Classifier.save`."""
        with replacing(path) as beside:
            save_file(
                {"weights": self._heads.weights[0].contiguous(), "bias": self._heads.bias[0]},
                beside,
            )

    def load(self, path: Path) -> None:
        """See `Classifier.load`."""
        try:
            state = load_file(path)
            self._heads.weights[0].copy_(state["weights"])
            self._heads.bias[0].copy_(state["bias"])
        except Exception as error:  # safetensors and torch raise many kinds for a broken file
            raise DataError(
                "these weights are not of this probe", where=str(path), seen=str(error)[:200]
            ) from error
