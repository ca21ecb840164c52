"""Runs in step: those that share features train their probes together, in one stacked product."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from alasl.loop import Loop
from alasl.metrics import average_precision, mean_ap
from alasl.models.probe import Probes, ProbeSettings, fit_members, order_seed
from alasl.runs import Evaluation
from alasl.seeds import torch_seed

# Probes that train at once: their weights and Adam's moments are to stay in the processor's cache.
STACK = 12


@dataclass
class Training:
    """One probe to train: all runs that are to train the same share it, and its outcome."""

    settings: ProbeSettings
    rows: NDArray[np.intp]
    targets: NDArray[np.int8]
    seed: int
    loops: list[Loop] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    ap: NDArray[np.float64] | None = None
    weights: tuple[Tensor, Tensor] | None = None


def run_stack(loops: Sequence[Loop], features: Tensor) -> list[list[Evaluation]]:
    """Every run's evaluations; the runs share data, split and seed, and restart each round.

    features: (N, D) standardised. A training that several runs have in common, as all have the
    first of a seed, is done once. Each run's outcome is what it would have been alone.
    """
    outcome: list[list[Evaluation]] = [[] for _ in loops]
    place = {id(loop): number for number, loop in enumerate(loops)}
    active = list(loops)
    while active:
        trainings = _distinct(active)
        for together in _stacks(trainings):
            _train(together, features)
        for training in trainings:
            for loop in training.loops:
                outcome[place[id(loop)]].append(_evaluation(loop, training))
                if loop.round < loop.settings.rounds:
                    loop.ask(HeadSight(features, training))
        active = [loop for loop in active if len(outcome[place[id(loop)]]) <= loop.settings.rounds]
    return outcome


def _distinct(loops: Sequence[Loop]) -> list[Training]:
    found: dict[bytes, Training] = {}
    for loop in loops:
        settings = ProbeSettings(**loop.settings.training())
        rows, targets = loop.training_set(settings.learns_from_unknown)
        seed = torch_seed(loop.settings.seed, "train", loop.round)
        key = hashlib.sha256(rows.tobytes() + targets.tobytes())
        key.update(repr((settings, seed)).encode())
        training = found.setdefault(key.digest(), Training(settings, rows, targets, seed))
        training.loops.append(loop)
    return list(found.values())


def _stacks(trainings: Sequence[Training]) -> list[list[Training]]:
    """Trainings of equal settings and size, at most `STACK` together."""
    alike: dict[tuple[ProbeSettings, int], list[Training]] = {}
    for training in trainings:
        alike.setdefault((training.settings, len(training.rows)), []).append(training)
    return [
        group[start : start + STACK]
        for group in alike.values()
        for start in range(0, len(group), STACK)
    ]


def _train(together: Sequence[Training], features: Tensor) -> None:
    loop = together[0].loops[0]
    probes = Probes(features, len(together), loop.labels.shape[1], together[0].settings)

    def evaluate(_: int, logits: Tensor) -> None:
        for training, ap in zip(
            together, average_precision(logits.cpu().numpy(), loop.test_entries), strict=True
        ):
            training.ap = ap
            training.epochs.append(mean_ap(ap))

    probes.fit(
        [training.rows for training in together],
        [training.targets for training in together],
        seeds=[order_seed(training.seed) for training in together],
        watch=loop.split.test,
        on_epoch=evaluate,
    )
    for number, training in enumerate(together):
        training.weights = probes.weights[number], probes.bias[number]


def _evaluation(loop: Loop, training: Training) -> Evaluation:
    assert training.ap is not None
    return Evaluation(
        round=loop.round,
        images=loop.images,
        cost=loop.cost,
        epochs=tuple(training.epochs),
        ap=tuple(float(v) for v in 100 * training.ap),
        seconds=0.0,
        time=loop.time,
    )


@dataclass(frozen=True)
class HeadSight:
    """What a strategy may see by a trained probe."""

    inputs: Tensor
    training: Training

    def predict(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """(n, L): probabilities."""
        assert self.training.weights is not None
        weights, bias = self.training.weights
        return torch.sigmoid(self._take(rows) @ weights + bias).cpu().numpy()

    def members(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """(E, n, L): probabilities by an ensemble trained on the same images."""
        t, settings = self.training, self.training.loops[0].settings
        seed = torch_seed(settings.seed, "members", self.training.loops[0].round)
        probes = fit_members(self.inputs, t.rows, t.targets, t.settings, seed, settings.members)
        return probes.logits(rows).sigmoid().cpu().numpy()

    def features(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """(n, D): the standardised features."""
        return self._take(rows).cpu().numpy()

    def _take(self, rows: NDArray[np.intp]) -> Tensor:
        return self.inputs[torch.as_tensor(rows, device=self.inputs.device)]
