"""One seed of the paper's study from cached features: 42 runs, their probes stacked, on one core.

A study of 20 seeds on two cores is ten times that. The share of the peak counts the products that
were really made (what runs have in common is made once), against one large product. Both are by
the processor's time, so that what else the machine does hardly counts.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from alasl.data.split import stratified_split
from alasl.loop import Loop
from alasl.models.device import small_products
from alasl.models.probe import Probes, standardised
from alasl.study.spec import shipped
from alasl.study.stack import run_stack
from benchmarks.run import DIM, LABELS, made_up

SIDE = 2048


def main() -> None:
    """Print the seconds of a seed, of 20 seeds on two cores, and the share of the product peak."""
    study = shipped()["paper"]
    dataset = made_up()
    split = stratified_split(dataset.labels, 0)
    assert dataset.features is not None
    seen = np.sort(np.concatenate([split.clean, split.pool]))
    features = standardised(dataset.features, seen)
    loops = [Loop(dataset.labels, split, run) for _, run in study.runs(0)]
    counted = Counted(len(split.test))
    with small_products(torch.device("cpu")):
        peak = _peak()
        begun, clock = time.process_time(), time.perf_counter()
        with counted:
            run_stack(loops, features)
        seconds, elapsed = time.process_time() - begun, time.perf_counter() - clock
    rate = counted.operations / seconds
    print(f"one seed, {len(loops)} runs, one core: {seconds:.1f} s ({elapsed:.1f} s by the clock)")
    print(f"20 seeds on two cores, both as fast: {seconds * 10 / 60:.1f} min (goal: at most 10)")
    print(f"{rate / 1e9:.0f} of {peak / 1e9:.0f} GFLOP/s: {rate / peak:.2f} of the product peak")


class Counted:
    """Counts the floating-point operations of the products in every training within the block."""

    def __init__(self, watched: int) -> None:
        self.operations = 0.0
        self._watched = watched

    def __enter__(self) -> None:
        self._fit = fit = Probes.fit

        def counting(
            probes: Probes, rows: list[np.ndarray], *rest: object, **named: object
        ) -> None:
            an_image = 2.0 * DIM * LABELS
            epochs = probes.settings.epochs
            for mine in rows:
                self.operations += epochs * an_image * (2 * len(mine) + self._watched)
            fit(probes, rows, *rest, **named)  # type: ignore[arg-type]

        Probes.fit = counting  # type: ignore[assignment, method-assign]

    def __exit__(self, *_: object) -> None:
        Probes.fit = self._fit  # type: ignore[method-assign]


def _peak() -> float:
    one = torch.randn(SIDE, SIDE)
    best = float("inf")
    for _ in range(5):
        begun = time.process_time()
        one @ one
        best = min(best, time.process_time() - begun)
    return 2.0 * SIDE**3 / best


if __name__ == "__main__":
    main()
