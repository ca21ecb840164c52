"""The paper's run from cached features: 11 trainings of 20 epochs, 10 selections, all evaluations.

Its floor is the time that its matrix products alone take on the same machine.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch

from alasl.data.dataset import Dataset
from alasl.labels import Labels
from alasl.models.estimators.probe import ProbeSettings
from alasl.settings import RunSettings
from alasl.simulation.run import simulate

IMAGES, LABELS, DIM = 4999, 80, 1280
ALLOWED = 10.0
SETTINGS = RunSettings(
    data="made", strategy="hard+entropy", missing=0.4, train="clean", model="probe"
)


def main(repeats: int = 3) -> None:
    """Print the seconds of a run and its ratios to what is allowed and to the bare products."""
    dataset = made_up()
    simulate(SETTINGS, dataset=dataset)
    taken, floors = [], []
    for _ in range(repeats):
        taken.append(_timed(lambda: simulate(SETTINGS, dataset=dataset)))
        floors.append(_timed(products))
    seconds, floor = statistics.median(taken), statistics.median(floors)
    print(f"run of {IMAGES} x {LABELS}: {seconds:.2f} s, {seconds / ALLOWED:.2f} of 10 s allowed")
    print(
        f"its matrix products alone: {floor:.2f} s; the run takes {seconds / floor:.1f} times that"
    )


def made_up() -> Dataset:
    """Random features of the paper's shape and labels that depend on them, 3 % present."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((IMAGES, DIM), dtype=np.float32)
    wanted = features @ rng.standard_normal((DIM, LABELS), dtype=np.float32)
    entries = (wanted > np.quantile(wanted, 0.97, axis=0)).astype(np.int8)
    names = tuple(f"label{j}" for j in range(LABELS))
    return Dataset(Labels(entries, names, tuple(map(str, range(IMAGES)))), features=features)


def products() -> None:
    """The matrix products of the run's trainings and evaluations, and nothing else."""
    batch, epochs = ProbeSettings().batch, ProbeSettings().epochs
    x, w = torch.randn(batch, DIM), torch.randn(DIM, LABELS)
    test, slopes = torch.randn(round(SETTINGS.test * IMAGES), DIM), torch.randn(batch, LABELS)
    for number in range(SETTINGS.rounds + 1):
        images = round(SETTINGS.clean * IMAGES) + number * SETTINGS.images
        for _ in range(epochs):
            for _ in range(-(-images // batch)):
                x @ w
                x.T @ slopes
            test @ w


def _timed(function: object) -> float:
    begun = time.perf_counter()
    function()  # type: ignore[operator]
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
