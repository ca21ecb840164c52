"""The rate of a probe, found on held-out entries."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
import torch

from alasl.data.inputs import Inputs
from alasl.losses import resolve
from alasl.metrics import average_precision, mean_ap
from alasl.models.base import Job
from alasl.models.estimators.probe import Probe, ProbeSettings
from alasl.models.held_out import Train
from alasl.models.rates import FEW, RATES, choose_rate

USUAL = 1e-3


def table(images: int = 600, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((images, 3)), (rng.random((images, 4)) < 0.4).astype(np.int8)


def as_good_as(truth: np.ndarray, good: Mapping[float, float], by: float = 1) -> Train[float]:
    """A training whose logits say so much of the truth by rate, in a noise that all share."""
    noise = np.random.default_rng(1).standard_normal(truth.shape)

    def train(_kept: np.ndarray, held: np.ndarray, rate: float, _part: int) -> np.ndarray:
        return by * (good[rate] * np.where(truth[held] == 1, 1, -1) + noise[held])

    return train


def rated(*good: float) -> dict[float, float]:
    return {USUAL * part: one for part, one in zip(RATES, good, strict=True)}


@pytest.mark.parametrize("by", [0.1, 1.0, 10.0])
def test_the_lowest_rate_that_is_not_surely_worse_is_taken(by: float) -> None:
    features, truth = table()
    train = as_good_as(truth, rated(0.2, 0.5, 1.0, 0.2, 0.1), by)
    assert choose_rate(train, features, truth, None, USUAL) == pytest.approx(USUAL / 3)
    train = as_good_as(truth, rated(0.2, 0.5, 1.0, 1.0, 0.1), by)
    assert choose_rate(train, features, truth, None, USUAL) == pytest.approx(USUAL / 10)
    train = as_good_as(truth, rated(1.0, 0.5, 0.3, 0.2, 0.1), by)
    assert choose_rate(train, features, truth, None, USUAL) == pytest.approx(3 * USUAL)
    # Below one that is surely worse none is taken.
    train = as_good_as(truth, rated(0.2, 1.0, 0.2, 1.0, 1.0), by)
    rate = choose_rate(train, features, truth, None, USUAL)
    assert rate in (USUAL, pytest.approx(USUAL / 30))


def test_the_usual_rate_stays_where_presents_alone_are_known() -> None:
    features, truth = table()
    train = as_good_as(truth, rated(0.2, 0.5, 1.0, 0.2, 0.1))
    tags = np.where(truth == 1, 1, -1).astype(np.int8)
    assert choose_rate(train, features, tags, None, USUAL) == USUAL
    few = np.where(np.arange(len(truth))[:, None] < FEW, truth, tags)[: 2 * FEW]
    assert (few == 0).sum() > FEW
    assert choose_rate(train, features, few.astype(np.int8), None, USUAL) == pytest.approx(
        USUAL / 3
    )


def kinds(seed: int, images: int) -> tuple[np.ndarray, np.ndarray]:
    """Features and truth of images of twelve kinds, each of its own labels."""
    rng = np.random.default_rng(seed)
    of = rng.integers(0, 12, images)
    features = rng.standard_normal((12, 40))[of] + rng.standard_normal((images, 40))
    truth = (rng.random((12, 6)) < 0.3)[of]
    return features.astype(np.float32), (truth ^ (rng.random(truth.shape) < 0.05)).astype(np.int8)


@pytest.mark.parametrize("loss", ["bce", "asl"])
def test_where_little_is_known_a_tuned_probe_ranks_better(loss: str) -> None:
    gains = []
    for seed in range(3):
        features, truth = kinds(seed, 1000)
        targets = truth[:600].copy()
        targets[np.random.default_rng(seed).random(targets.shape) < 0.9] = -1
        inputs = Inputs(features=features)
        ranked = []
        for tune in (True, False):
            probe = Probe(6, ProbeSettings(loss=loss, rate=0.1, tune=tune))
            probe.fit(inputs.take(np.arange(600)), targets)
            test = probe.logits(inputs.take(np.arange(600, 1000)))
            ranked.append(mean_ap(average_precision(test, truth[600:])))
        gains.append(ranked[0] - ranked[1])
    assert min(gains) > 0
    assert np.mean(gains) > 1


def test_probes_tuned_together_are_those_tuned_alone() -> None:
    features, truth = kinds(0, 300)
    inputs = Inputs(features=features)
    settings = ProbeSettings(loss="bce", epochs=3, tune=True)
    jobs = []
    for seed in range(3):
        targets = truth[seed * 50 : seed * 50 + 150].copy()
        targets[np.random.default_rng(seed).random(targets.shape) < 0.1 + 0.3 * seed] = -1
        jobs.append(Job(np.arange(seed * 50, seed * 50 + 150), targets, None, seed))
    together = [Probe(6, settings) for _ in jobs]
    Probe.fit_many(together, inputs, jobs)
    for job, one in zip(jobs, together, strict=True):
        alone = Probe(6, settings)
        alone.fit(inputs.take(job.rows), job.targets, seed=job.seed)
        for name, tensor in alone.tensors().items():
            torch.testing.assert_close(one.tensors()[name], tensor)


def test_the_usual_rate_is_the_losss_own(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def choose(*given: object) -> float:
        asked.append(given[-1])
        return 0.5

    monkeypatch.setattr("alasl.models.estimators.probe.choose_rate", choose)
    features, truth = kinds(0, 40)
    for rate in (None, 0.25):
        probe = Probe(6, ProbeSettings(loss="asl", epochs=1, rate=rate, tune=True))
        probe.fit(Inputs(features=features), truth)
    assert asked == [resolve("asl").kind.probe_rate, 0.25]
