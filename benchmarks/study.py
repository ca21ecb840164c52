"""One seed of the paper's study from cached features: 42 runs, their probes stacked, on one core.

A study of 20 seeds on two cores is ten times that. The share of the peak counts the products that
were really made (what runs have in common is made once), against one large product. Both are by
the processor's time, so that what else the machine does hardly counts.
"""

from __future__ import annotations

import time

import numpy as np
import torch

from alasl.data.opening import make_split
from alasl.models.device import small_products
from alasl.models.estimators.probe import Probes
from alasl.models.prepare import prepare
from alasl.simulation.simulation import Simulation
from alasl.simulation.together import run_together
from alasl.study.spec import shipped
from benchmarks.run import DIM, LABELS, made_up

SIDE = 2048


def main() -> None:
    """Print the seconds of a seed, of 20 seeds on two cores, and the share of the product peak."""
    study = shipped()["paper"]
    dataset = made_up()
    runs = [run for _, run in study.runs(0)]
    split = make_split(dataset, runs[0])
    prepared = prepare(dataset, split.seen, runs[0])
    simulations = [Simulation(dataset.labels, split, run, prepared) for run in runs]
    counted = Counted(len(split.test))
    with small_products(torch.device("cpu")):
        peak = _peak()
        begun, clock = time.process_time(), time.perf_counter()
        with counted:
            run_together(simulations)
        seconds, elapsed = time.process_time() - begun, time.perf_counter() - clock
    rate = counted.operations / seconds
    print(f"one seed, {len(runs)} runs, one core: {seconds:.1f} s ({elapsed:.1f} s by the clock)")
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
