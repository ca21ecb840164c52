"""Seconds to choose 50 images by each measure, and how that compares with plain entropy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from alasl.measures import Measure, Pool, available
from alasl.query import Budget, Query, select

LABELS = 80
BATCH = 50


def drawn_pool(images: int, seed: int = 0) -> Pool:
    """A pool with 40 % of its entries unknown and 3 % positives."""
    rng = np.random.default_rng(seed)
    entries = (rng.random((images, LABELS), dtype=np.float32) < 0.03).astype(np.int8)
    entries[rng.random((images, LABELS), dtype=np.float32) < 0.4] = -1
    return Pool(
        entries=entries,
        ties=rng.random(images),
        probabilities=rng.random((images, LABELS), dtype=np.float32) ** 4,
        features=rng.standard_normal((images, 64), dtype=np.float32),
        budget=10 * BATCH,
    )


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """The shortest of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def plain_entropy(pool: Pool) -> object:
    """The least that entropy can cost: one NumPy expression, in float32, and a partition."""
    p = pool.probabilities
    assert p is not None
    return np.argpartition((p * np.log(p + 1e-12)).sum(axis=1), BATCH)[:BATCH]


def choose(pool: Pool, measure: Measure) -> Query:
    """Score and select, on a pool of which nothing has been counted yet."""
    fresh = replace(pool)
    return select(fresh.askable, measure(fresh), fresh.ties, "images", Budget(images=BATCH))


def main() -> None:
    """Print a table for 10 000 and 100 000 images."""
    for images in (10_000, 100_000):
        pool = drawn_pool(images)
        plain = seconds(partial(plain_entropy, pool))
        print(f"{images} images x {LABELS} labels, {BATCH} chosen; ratio to plain float32 entropy")
        print(f"  {'plain entropy':28} {plain:8.4f} s  {1:6.2f}")
        for measure in available():
            took = seconds(partial(choose, pool, measure))
            print(f"  {measure.spec:28} {took:8.4f} s  {took / plain:6.2f}")


if __name__ == "__main__":
    main()
