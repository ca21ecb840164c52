"""The exposure model: a step of EM by plain loops, and what it makes of unknown entries."""

from __future__ import annotations

import math

import numpy as np
import pytest

from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models.estimators.exposure import Exposure, ExposureSettings, Factors

IMAGES, WIDTH, LABELS, FACTORS = 6, 4, 3, 2


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


def expected(u, v, mu, target, count):
    """Of an entry: how far it was exposed, times what it counts, and omega."""
    psi = float(u @ v)
    absent = mu * (1 - sigmoid(psi))
    share = count if target >= 0 else absent / (absent + 1 - mu)
    return share, math.tanh(psi / 2) / (2 * psi)


def by_loops(x, targets, counts, start: Factors, settings: ExposureSettings) -> Factors:
    """One step as published: u, v, mu and W, each from what came before it."""
    images, labels, mu = start.images.copy(), start.labels.copy(), start.exposed.copy()
    for i in range(IMAGES):
        left = settings.images * np.eye(FACTORS)
        right = settings.images * start.map @ x[i]
        for j in range(LABELS):
            p, omega = expected(start.images[i], labels[j], mu[j], targets[i, j], counts[i, j])
            y = max(targets[i, j], 0)
            left = left + p * omega * np.outer(labels[j], labels[j])
            right = right + p * (y - 0.5) * labels[j]
        images[i] = np.linalg.inv(left) @ right
    for j in range(LABELS):
        left, right = settings.labels * np.eye(FACTORS), np.zeros(FACTORS)
        for i in range(IMAGES):
            p, omega = expected(images[i], start.labels[j], mu[j], targets[i, j], counts[i, j])
            y = max(targets[i, j], 0)
            left = left + p * omega * np.outer(images[i], images[i])
            right = right + p * (y - 0.5) * images[i]
        labels[j] = np.linalg.inv(left) @ right
    for j in range(LABELS):
        of = [
            expected(images[i], labels[j], start.exposed[j], targets[i, j], 1)[0]
            for i in range(IMAGES)
        ]
        mu[j] = sum(of) / IMAGES
    strength = np.diag([settings.map * (WIDTH - 1)] * (WIDTH - 1) + [1])
    ridge = np.linalg.inv(x.T @ x + strength)
    return Factors(images, labels, mu, (ridge @ x.T @ images).T)


def test_a_step_is_the_published_one():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((IMAGES, WIDTH))
    targets = rng.integers(-1, 2, (IMAGES, LABELS)).astype(float)
    counts = rng.random((IMAGES, LABELS)) + 0.5
    settings = ExposureSettings(factors=FACTORS, images=0.7, labels=1.3, map=0.4)

    def start() -> Factors:
        rng = np.random.default_rng(1)
        shapes = (IMAGES, FACTORS), (LABELS, FACTORS), (FACTORS, WIDTH)
        images, labels, through = (rng.standard_normal(shape) for shape in shapes)
        return Factors(images, labels, np.array([0.2, 0.5, 0.9]), through)

    found, loops = start(), by_loops(x, targets, counts, start(), settings)
    found.step(x, targets, counts, settings)
    for name in ("images", "labels", "exposed", "map"):
        np.testing.assert_allclose(getattr(found, name), getattr(loops, name), err_msg=name)


def test_each_step_raises_the_posterior():
    """EM: the log of the joint posterior never falls; without the map's ridge and exposure."""
    rng = np.random.default_rng(0)
    x, targets = rng.standard_normal((40, 3)), rng.integers(0, 2, (40, 5)).astype(float)
    settings = ExposureSettings(factors=2, exposed=False, map=0.5)
    found = Factors(np.zeros((40, 2)), rng.standard_normal((5, 2)), np.zeros(5), np.zeros((2, 3)))

    def posterior() -> float:
        psi = found.images @ found.labels.T
        away = found.images - x @ found.map.T
        told = (targets * psi - np.logaddexp(0, psi)).sum()
        # The ridge's own term makes W part of what is found.
        return told - ((away**2).sum() + (found.labels**2).sum() + (found.map**2).sum()) / 2

    before = posterior()
    for _ in range(10):
        found.step(x, targets, np.ones(targets.shape), settings)
        assert posterior() >= before
        before = posterior()


@pytest.mark.parametrize("exposed", [True, False])
def test_unknown_entries_are_absent_ones_where_they_may_be(exposed: bool):
    """Presents alone are known: without exposure there is nothing that says absent."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 5), dtype=np.float32)
    truth = features[:, :2] > 0.5
    entries = np.where(truth & (rng.random(truth.shape) < 0.8), 1, -1).astype(np.int8)
    inputs = Inputs(features=features)
    model = Exposure(2, ExposureSettings(exposed=exposed))
    model.fit(inputs, entries)
    assert model.learns_from_unknown == exposed
    p = model.predict_proba(inputs)
    assert (p[~truth].mean() < 0.35) == exposed
    if exposed:
        assert p[truth].mean() > p[~truth].mean() + 0.3


@pytest.mark.parametrize("wrong", [{"factors": 0}, {"map": 0.0}, {"images": float("nan")}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UsageError, match="must be"):
        ExposureSettings(**wrong)
