"""A linear probe on frozen features; many train at once, in one stacked product."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from alasl.data.inputs import Inputs, Rows
from alasl.losses import Loss, resolve
from alasl.models.adamw import AdamW
from alasl.models.base import (
    Estimator,
    Job,
    OnEpoch,
    Probabilities,
    Targets,
    Tensors,
    Weights,
    check_labels,
    restored,
)
from alasl.models.bootstrap import bootstrap
from alasl.models.device import all_of, pick_device, small_products, tensor_of
from alasl.models.modules import linear
from alasl.models.rates import choose_rate
from alasl.models.registry import model
from alasl.seeds import torch_seed

# Weights (D, L) and bias (1, L).
Weighted = tuple[Tensor, Tensor]

# Probes that train at once: their weights and Adam's moments are to stay in the cache.
STACK = 12


@dataclass(frozen=True)
class ProbeSettings:
    """How a probe trains. The defaults were found on the drawn scenes: docs/settings.md.

    rate: None for the loss's own. tune: find the rate on known entries, held out, beginning from
    that one; training then takes several times as long.
    """

    loss: str = "asl"
    epochs: int = 20
    rate: float | None = None
    batch: int = 64
    decay: float = 1e-2
    tune: bool = False

    def __post_init__(self) -> None:
        resolve(self.loss)


@model("probe")
class Probe(Estimator):
    """A linear probe on frozen features, trained by any loss."""

    Settings = ProbeSettings
    ensemble = True

    def __init__(self, labels: int, settings: ProbeSettings | None = None) -> None:
        self.labels = labels
        self._settings = settings or ProbeSettings()
        self._device = pick_device()
        self._fitted: Weighted | None = None
        self._members: Probes | None = None

    @property
    def learns_from_unknown(self) -> bool:
        """See `Estimator.learns_from_unknown`."""
        return resolve(self._settings.loss).kind.learns_from_unknown

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
        """See `Estimator.fit`."""
        self._fit_together(
            [self],
            self._tuned(inputs, targets, weights),
            inputs,
            [Job(inputs.places, targets, weights, seed)],
            eval_on,
            (lambda _, epoch, logits: on_epoch(epoch, logits)) if on_epoch else None,
            start=self._fitted if warm_start else None,
        )

    @classmethod
    def fit_many(
        cls,
        estimators: Sequence[Self],
        inputs: Inputs,
        jobs: Sequence[Job],
        *,
        eval_on: Inputs | None = None,
        on_epoch: Callable[[int, int, NDArray[np.float32]], None] | None = None,
    ) -> None:
        """See `Estimator.fit_many`: those of equal settings and size train in one product."""
        alike: dict[tuple[ProbeSettings, int, bool], list[int]] = {}
        for place, (one, job) in enumerate(zip(estimators, jobs, strict=True)):
            settings = one._tuned(inputs.take(job.rows), job.targets, job.weights)
            key = settings, len(job.rows), job.weights is None
            alike.setdefault(key, []).append(place)
        for (settings, *_), places in alike.items():
            for start in range(0, len(places), STACK):
                group = places[start : start + STACK]
                cls._fit_together(
                    [estimators[place] for place in group],
                    settings,
                    inputs,
                    [jobs[place] for place in group],
                    eval_on,
                    partial(_at, group, on_epoch) if on_epoch else None,
                )

    @classmethod
    def _fit_together(
        cls,
        probes: Sequence[Probe],
        settings: ProbeSettings,
        inputs: Inputs,
        jobs: Sequence[Job],
        eval_on: Inputs | None,
        on_epoch: Callable[[int, int, NDArray[np.float32]], None] | None,
        start: Weighted | None = None,
    ) -> None:
        device = probes[0]._device
        together = Probes(all_of(inputs, device), len(jobs), probes[0].labels, settings)
        if start is not None:
            together.begin_from(start)

        def evaluate(epoch: int, logits: Tensor) -> None:
            for number, each in enumerate(logits.cpu().numpy()):
                if on_epoch:
                    on_epoch(number, epoch, each)

        weights = [job.weights for job in jobs if job.weights is not None]
        with small_products(device):
            together.fit(
                [job.rows for job in jobs],
                [job.targets for job in jobs],
                seeds=[torch_seed(job.seed, "order") for job in jobs],
                weights=weights or None,
                eval_features=None if eval_on is None else tensor_of(eval_on, device),
                on_epoch=evaluate,
            )
        for number, probe in enumerate(probes):
            # Of its own, so that it keeps no others in memory, and is laid out as when restored.
            parts = together.weights[number], together.bias[number]
            probe._fitted = parts[0].contiguous().clone(), parts[1].clone()

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        weights, bias = self._trained()
        with small_products(self._device):
            found: NDArray[np.float32] = (
                torch.addmm(bias, tensor_of(inputs, self._device), weights).cpu().numpy()
            )
        return found

    def fit_members(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int,
        members: int,
    ) -> None:
        """See `Estimator.fit_members`: probes trained together that see images unequally often."""
        settings = self._tuned(inputs, targets, weights)
        probes = Probes(all_of(inputs, self._device), members, self.labels, settings)
        draws = bootstrap(seed, members, len(inputs))[:, :, None]
        if weights is not None:
            draws = draws * weights
        with small_products(self._device):
            probes.fit(
                [inputs.places] * members,
                [targets] * members,
                seeds=[torch_seed(seed, "member", "order", member) for member in range(members)],
                weights=list(draws),
            )
        self._members = probes

    def members_proba(self, inputs: Inputs) -> Probabilities:
        """See `Estimator.members_proba`."""
        if self._members is None:
            raise RuntimeError("fit_members comes first")
        with small_products(self._device):
            logits = self._members.logits(tensor_of(inputs, self._device))
            found: NDArray[np.float32] = logits.sigmoid().cpu().numpy()
            return found

    def module(self) -> nn.Module:
        """See `Estimator.module`."""
        return linear(*self._trained())

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`."""
        weights, bias = self._trained()
        return {"weights": weights, "bias": bias}

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:  # noqa: ARG002
        """See `Estimator.restore`."""
        weights, bias = restored(tensors, "weights", "bias")
        check_labels(weights.shape[-1], self.labels)
        self._fitted = weights.to(self._device), bias.to(self._device)

    def _tuned(self, inputs: Inputs, targets: Targets, weights: Weights | None) -> ProbeSettings:
        """The settings, with the rate that held-out entries say is best where it is to be found."""
        settings = self._settings
        if not settings.tune:
            return settings

        def train(kept: Rows, held: Rows, rate: float, part: int) -> NDArray[np.float32]:
            probe = Probe(self.labels, replace(settings, rate=rate, tune=False))
            known = None if weights is None else weights[kept]
            probe.fit(inputs.take(kept), targets[kept], known, seed=part)
            return probe.logits(inputs.take(held))

        usual = settings.rate or resolve(settings.loss).kind.probe_rate
        rate = choose_rate(train, inputs.array(), targets, weights, usual)
        return replace(settings, rate=rate, tune=False)

    def _trained(self) -> Weighted:
        if self._fitted is None:
            raise RuntimeError("fit comes first")
        return self._fitted


def _at(
    places: Sequence[int],
    on_epoch: Callable[[int, int, NDArray[np.float32]], None],
    number: int,
    epoch: int,
    logits: NDArray[np.float32],
) -> None:
    on_epoch(places[number], epoch, logits)


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
        targets: Sequence[Targets],
        *,
        seeds: Sequence[int],
        weights: Sequence[NDArray[np.floating]] | None = None,
        eval_features: Tensor | None = None,
        on_epoch: Callable[[int, Tensor], None] | None = None,
    ) -> None:
        """Train probe r on images rows[r] (n,) with targets[r] (n, L); n is the same for all.

        seeds: R, the order of each probe's batches. weights: R of (n, L) or (n, 1), how much each
        entry counts; None for 1. on_epoch(epoch, logits (R, n, L) of
        eval_features (n, D)).
        """
        device, settings = self.features.device, self.settings
        images = torch.as_tensor(np.stack(rows), device=device)
        entries = torch.as_tensor(np.stack(targets), device=device)
        entries = torch.where(entries < 0, -1, entries)
        counts = None if weights is None else torch.as_tensor(np.stack(weights), device=device)
        runs, count = images.shape
        first = count * torch.arange(runs, device=device)[:, None]
        loss = resolve(settings.loss, reduction="gradients")
        if not self.bias.any():
            self.bias = _log_odds(entries, counts, loss.kind.learns_from_unknown).to(self.bias)
        orders = [torch.Generator().manual_seed(seed) for seed in seeds]
        rate = settings.rate or loss.kind.probe_rate
        steps = settings.epochs * -(-count // settings.batch)
        optimiser = AdamW([self._columns, self.bias], rate, steps, decay=settings.decay)
        loss.begin(entries)
        for epoch in range(settings.epochs):
            loss.epoch(epoch, settings.epochs)
            order = torch.stack([torch.randperm(count, generator=g) for g in orders]).to(device)
            for chosen in torch.split(order, settings.batch, dim=1):
                at = chosen + first
                self._gradients(
                    optimiser.gradients,
                    loss,
                    _taken(images.flatten(), at),
                    _taken(entries.flatten(0, 1), at),
                    chosen,
                    None if counts is None else _taken(counts.flatten(0, 1), at),
                )
                optimiser.step()
            if eval_features is not None and on_epoch is not None:
                on_epoch(epoch, self.logits(eval_features))

    def _gradients(
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
        by_logit = loss(logits, targets, places) * (1 / images.shape[1])
        if weights is not None:
            by_logit = by_logit * weights
        columns, bias = gradients
        # Written where the optimiser reads it: a product's own result would have to be copied.
        torch.bmm(seen.transpose(1, 2), by_logit, out=columns.permute(1, 0, 2))
        torch.sum(by_logit, dim=1, keepdim=True, out=bias)

    def begin_from(self, start: Weighted) -> None:
        """Begin from these weights (D, L) and bias (1, L), each probe."""
        self.weights.copy_(start[0])
        self.bias.copy_(start[1])

    def logits(self, features: Tensor) -> Tensor:
        """(R, n, L): each probe's logits for features (n, D)."""
        runs, _, labels = self.bias.shape
        logits: Tensor = features @ self._columns.flatten(1)
        logits += self.bias.flatten()
        return logits.view(-1, runs, labels).permute(1, 0, 2)


def _taken(table: Tensor, places: Tensor) -> Tensor:
    """The rows of table (N, ...) at `places` (...): indexing goes by entry, many times as slow."""
    return table.index_select(0, places.flatten()).view(*places.shape, *table.shape[1:])


def _log_odds(targets: Tensor, weights: Tensor | None, learns_from_unknown: bool) -> Tensor:
    """(R, 1, L): how often each label is present among its known entries, as a logit.

    weights: (R, n, L) or (R, n, 1), how much each entry counts; None for 1.
    learns_from_unknown: among all its entries, where the loss takes unknown ones for absent, more
    or less.
    A probe that starts there does not spend its features on learning that most labels are rare.
    """
    present = targets > 0
    absent = targets <= 0 if learns_from_unknown else targets == 0
    if weights is not None:
        present, absent = present * weights, absent * weights
    return ((present.sum(1, keepdim=True) + 0.5) / (absent.sum(1, keepdim=True) + 0.5)).log()
