"""Seconds to choose 50 images, or 4 000 entries, by each strategy; wall and processor time.

    python -m benchmarks.strategies
    python -m benchmarks.strategies growth [NAME...]

`growth` prints the exponents by which seconds of processors grow with images (an eighth more are
labelled), labels, and what is asked: of the largest size over the one before.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from alasl.query import Budget, Query, select
from alasl.strategies import Labelled, Pool, Strategy, available

LABELS, WIDTH, MEMBERS = 80, 64, 8
IMAGES, ANSWERS = 50, 4000
# As many images are labelled as in the paper's split: an eighth of the pool.
LABELLED = 1 / 8


# Sizes between which growth is looked at: images, labels, times as much asked.
GROWTH = ((40_000, 160_000), (80, 320), (1, 16))


def drawn_pool(images: int, seed: int = 0, labels: int = LABELS) -> Pool:
    """A pool with 40 % of its entries unknown and 3 % positives, and all that a strategy may need.

    Its probabilities are those of a sharp model: 3 labels of 80 are predicted on average.
    """
    rng = np.random.default_rng(seed)
    entries = _drawn_entries(rng, images, labels)
    entries[rng.random((images, labels), dtype=np.float32) < 0.4] = -1
    probabilities = _drawn_probabilities(rng, images, labels)
    members = np.empty((MEMBERS, images, labels), np.float32)
    for member in members:
        noise = rng.standard_normal((images, labels), dtype=np.float32)
        np.clip(probabilities + 0.05 * noise, 0, 1, out=member)
    labelled = round(LABELLED * images)
    return Pool(
        entries=entries,
        ties=rng.random(images),
        probabilities=probabilities,
        features=rng.standard_normal((images, WIDTH), dtype=np.float32),
        members=members,
        labelled=Labelled(
            _drawn_entries(rng, labelled, labels),
            _drawn_probabilities(rng, labelled, labels),
            rng.standard_normal((labelled, WIDTH), dtype=np.float32),
        ),
        budget=10 * IMAGES,
        batch=IMAGES,
    )


def seconds(call: Callable[[], object], repeats: int = 5) -> tuple[float, float]:
    """The shortest of some calls: by the clock, and of all processors together."""
    clock, processors = [], []
    for _ in range(repeats):
        start, used = time.perf_counter(), time.process_time()
        call()
        clock.append(time.perf_counter() - start)
        processors.append(time.process_time() - used)
    return min(clock), min(processors)


def plain_entropy(pool: Pool) -> object:
    """The least that entropy can cost: one NumPy expression, in float32, and a partition."""
    p = pool.probabilities
    assert p is not None
    return np.argpartition((p * np.log(p + 1e-12)).sum(axis=1), IMAGES)[:IMAGES]


def choose(pool: Pool, strategy: Strategy, times: int = 1) -> Query:
    """Score and select, on a pool of which nothing has been counted yet; so many times as much.

    It brings an ensemble only where it is needed, as in a run.
    """
    members = pool.members if "members" in strategy.needs else None
    if strategy.unit == "image":
        fresh = replace(pool, members=members, batch=times * IMAGES, memory={})
        budget = Budget(images=times * IMAGES)
        return select(fresh.askable, strategy(fresh), fresh.ties, "images", budget)
    fresh = replace(pool, members=members, batch=times * ANSWERS, ask="entries", memory={})
    budget = Budget(answers=times * ANSWERS)
    return select(fresh.askable, strategy(fresh), fresh.ties, "entries", budget)


def growth(names: list[str]) -> None:
    """Print the exponents of each strategy, or of those named."""
    found = [each for each in available() if not names or each.name in names]
    print(f"{'':26}{'images':>8}{'labels':>8}{'asked':>8}")
    images, labels, times = GROWTH
    base, wide = drawn_pool(images[0]), drawn_pool(images[0], labels=labels[1])
    large = drawn_pool(images[1])
    for strategy in found:
        used = [
            seconds(partial(choose, pool, strategy, many), repeats=2)[1]
            for pool, many in ((base, times[0]), (large, 1), (wide, 1), (base, times[1]))
        ]
        powers = [
            math.log(more / used[0]) / math.log(large / small)
            for more, (small, large) in zip(used[1:], GROWTH, strict=True)
        ]
        print(f"{strategy.spec:26}" + "".join(f"{power:8.2f}" for power in powers), flush=True)


def main() -> None:
    """Print a table for 10 000 and 100 000 images."""
    for images in (10_000, 100_000):
        pool = drawn_pool(images)
        plain, used = seconds(partial(plain_entropy, pool))
        print(f"{images} images x {LABELS} labels, {len(pool.labelled.entries)} more labelled")  # type: ignore[union-attr]
        print(f"choosing {IMAGES} images or {ANSWERS} entries, on {os.cpu_count()} processors")
        print(f"  {'':26} {'chosen':8}{'clock':>8} {'processors':>11} {'to plain':>9}")
        print(f"  {'plain entropy':26} {'images':8}{plain:7.3f}s {used:10.3f}s {1:9.2f}")
        for strategy in available():
            took, used = seconds(partial(choose, pool, strategy))
            asked = "images" if strategy.unit == "image" else "entries"
            ratio = took / plain
            print(f"  {strategy.spec:26} {asked:8}{took:7.3f}s {used:10.3f}s {ratio:9.2f}")


def _drawn_entries(rng: np.random.Generator, images: int, labels: int) -> np.ndarray:
    return (rng.random((images, labels), dtype=np.float32) < 0.03).astype(np.int8)


def _drawn_probabilities(rng: np.random.Generator, images: int, labels: int) -> np.ndarray:
    return rng.random((images, labels), dtype=np.float32) ** 18


if __name__ == "__main__":
    if sys.argv[1:2] == ["growth"]:
        growth(sys.argv[2:])
    else:
        main()
