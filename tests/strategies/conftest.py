"""Pools that every strategy must cope with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alasl.strategies import Labelled, Pool

POOLS = ("uneven", "even", "wide", "nothing known", "one image", "one label", "sure", "in vain")
MEMBERS, LABELLED, WIDTH = 4, 9, 5


@pytest.fixture
def make_pool() -> Callable[..., Pool]:
    """A pool by kind and seed that brings all a strategy may need.

    Its hidden truth changes with `truth_seed` alone. Where nothing is known nothing is labelled
    either; elsewhere a few entries of the labelled images are unknown. "in vain" has entries that
    nobody could answer, an image of nothing but such among them.
    """

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
        closed = None
        if kind == "in vain":
            closed = hidden & (rng.random((images, labels)) < 0.5)
            closed[0], closed[-1] = hidden[0], False
        return Pool(
            entries=np.where(hidden, -1, truth).astype(np.int8),
            ties=rng.random(images),
            probabilities=p,
            features=rng.standard_normal((images, WIDTH), dtype=np.float32),
            members=_members(rng, p),
            labelled=_labelled(rng, 0 if kind == "nothing known" else LABELLED, labels),
            closed=closed,
            asked=1,
            budget=20,
            batch=4,
        )

    return make


def _members(rng: np.random.Generator, p: np.ndarray) -> np.ndarray:
    """An ensemble around `p`, as sure of itself as `p` is."""
    shape = (MEMBERS, *p.shape)
    if np.isin(p, (0, 1)).all():
        return (rng.random(shape) < 0.2 + 0.6 * p).astype(np.float32)
    return np.clip(p + rng.normal(0, 0.1, shape), 0, 1).astype(np.float32)


def _labelled(rng: np.random.Generator, images: int, labels: int) -> Labelled:
    entries = (rng.random((images, labels)) < 0.3).astype(np.int8)
    entries[:1, :1] = -1
    return Labelled(
        entries,
        rng.random((images, labels), dtype=np.float32) ** 3,
        rng.standard_normal((images, WIDTH), dtype=np.float32),
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that asks for a `kind` of pool runs on all of them.

    One that asks for a `spec` of a strategy as well runs on what its module's `cases` gives.
    """
    if {"spec", "kind"} <= set(metafunc.fixturenames):
        metafunc.parametrize(("spec", "kind"), metafunc.module.cases(POOLS))
    elif "kind" in metafunc.fixturenames:
        metafunc.parametrize("kind", POOLS)
