"""Pools that every measure must cope with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alasl.measures import Pool

POOLS = ("uneven", "even", "wide", "nothing known", "one image", "one label", "sure")


@pytest.fixture
def make_pool() -> Callable[..., Pool]:
    """A pool by kind and seed; `truth` of it changes with `truth_seed` alone."""

    def make(kind: str = "uneven", seed: int = 0, truth_seed: int = 0) -> Pool:
        rng = np.random.default_rng([seed, POOLS.index(kind)])
        images = {"one image": 1, "wide": 60, "even": 60}.get(kind, 12)
        labels = {"one label": 1, "wide": 83}.get(kind, 6)
        rates = rng.random((images, 1)) if kind == "uneven" else np.full((images, 1), 0.4)
        hidden = rng.random((images, labels)) < rates
        if kind == "nothing known":
            hidden[:] = True
        elif images > 2:
            hidden[0], hidden[1] = True, False
        hidden[-1, 0] = True
        truth = np.random.default_rng(7).random((images, labels)) < 0.3
        other = np.random.default_rng(truth_seed).random((images, labels)) < 0.5
        truth = np.where(hidden, other, truth)
        p = rng.random((images, labels), dtype=np.float32) ** 3
        if kind == "sure":
            p = np.round(p)
        p[0, 0], p[-1, -1] = 0, 1
        return Pool(
            entries=np.where(hidden, -1, truth).astype(np.int8),
            ties=rng.random(images),
            probabilities=p,
            features=rng.standard_normal((images, 5), dtype=np.float32),
            asked=1,
            budget=20,
        )

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `kind` of pool runs on all of them."""
    if "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", POOLS)
