"""What a prior that is found, and features smoothed over neighbours, bring: mAP against neither.

    python -m benchmarks.smoothing DATA/corel5k --labels labels_top80.csv
    python -m benchmarks.smoothing DATA/posters --wrong 0.05
    python -m benchmarks.smoothing DATA/posters --answers 0 --backbone lite0@320

For each share of unknown entries and each seed, before any answer and after four rounds of 500 by
the default strategy: `alasl run` with the default model, with a spread of 3.6 and no neighbours
as it once was. Nothing is set for a data set.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split, read_data
from alasl.data.split import Split
from alasl.labels import Labels
from alasl.models.estimators.logistic import Logistic
from alasl.models.features import features_of
from alasl.models.prepare import prepare
from alasl.models.registry import resolve
from alasl.models.transforms import Standardise
from alasl.seeds import stream
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.simulation.together import run_together

MODELS = {"before": "logistic:spread=3.6:smooth=0", "now": "logistic"}


def main() -> None:
    """Parse, run, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--labels")
    parser.add_argument("--features", help="features.npy, in place of the backbone's")
    parser.add_argument("--backbone", default="lite0", help="as for alasl run")
    parser.add_argument("--standardise", action="store_true", help="do not flatten features")
    parser.add_argument("--missing", type=float, nargs="+", default=[0.98, 0.9, 0.0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--answers", type=int, default=500, help="answers in each of four rounds")
    parser.add_argument("--wrong", type=float, default=0.0, help="share of wrong entries")
    parser.add_argument("--models", nargs="+", help="specs, in place of the two")
    given = parser.parse_args()
    base = RunSettings(
        data=given.data, labels=given.labels, features=given.features, clean=0.02, summary="last"
    )
    dataset = read_data(base)
    dataset = replace(dataset, features=np.asarray(features_of(dataset, given.backbone)))
    if given.standardise:
        Logistic.make_transform = classmethod(lambda _, *given: Standardise.fit(*given))
    models = {spec: spec for spec in given.models} if given.models else MODELS
    for missing in given.missing:
        asking = replace(base, rounds=4 if missing and given.answers else 0, missing=missing)
        asking = replace(asking, ask="entries", answers=given.answers or 1)
        runs = [replace(asking, model=spec) for spec in models.values()]
        maps = np.array([together(dataset, runs, seed, given.wrong) for seed in range(given.seeds)])
        for place, name in enumerate(models):
            gain = maps[:, place] - maps[:, 0]
            print(
                f"{given.data} {missing:.0%} unknown, {name}: mAP {maps[:, place].mean(axis=0)}, "
                f"more {gain.mean(axis=0)}, least more {gain.min(axis=0)}",
                flush=True,
            )


def together(
    dataset: Dataset, runs: Sequence[RunSettings], seed: int, wrong: float
) -> list[list[float]]:
    """mAP of each run after each round, on the same split and with the same entries unknown."""
    runs = [replace(run, seed=seed) for run in runs]
    split = make_split(dataset, runs[0])
    prepared = prepare(dataset, split.seen, runs[0])
    labels = spoiled(dataset.labels, split, seed, wrong)
    simulations = [
        Simulation(labels, split, run, replace(prepared, kind=resolve(run.model))) for run in runs
    ]
    return [[each.map_last for each in one] for one in run_together(simulations)]


def spoiled(labels: Labels, split: Split, seed: int, wrong: float) -> Labels:
    """The table with a share of its entries wrong, those of the test set aside."""
    flipped = stream(seed, "wrong").random(labels.shape) < wrong
    flipped[split.test] = False
    return labels.but(np.where(flipped, 1 - labels.entries, labels.entries))


if __name__ == "__main__":
    np.set_printoptions(precision=2, suppress=True)
    main()
