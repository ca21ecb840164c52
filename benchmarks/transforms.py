"""Which features are flattened, and which standardised: what logistic regression makes of both.

The median skewness of the features, and the mAP in per cent of logistic regression (spread 3.6, no
neighbours) on standardised and on flattened features, with the difference and its standard error
over seeds. A seed draws at most 1 600 images, a quarter of them for testing, and 16 labels; 98 or
90 % of the others' entries are unknown, but for 2.5 % of the images.

Run: python -m benchmarks.transforms FOLDER [TABLE] [--seeds 6]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.metrics import average_precision, mean_ap
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.models.features import features_of
from alasl.models.transforms import Flatten, Standardise, skewness

SHARES, CLEAN = (0.98, 0.9), 0.025
IMAGES, FEWEST_TESTED, LABELS, FEWEST = 1600, 52, 16, 12


def main() -> None:
    """Print a row for each share of unknown entries."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.transforms")
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seeds", type=int, default=6)
    given = parser.parse_args()
    data = read(given.folder, labels=given.table, require_images=False)
    features, truth = np.asarray(features_of(data), np.float32), data.labels.entries
    every = np.arange(len(features))
    skewed = skewness(Standardise.fit(features, every), features, every)
    print("skewness,unknown,standardised,flattened,difference,error", flush=True)
    for share in SHARES:
        rows = np.array([judged(features, truth, share, seed) for seed in range(given.seeds)])
        apart = rows[:, 1] - rows[:, 0]
        error = apart.std(ddof=1) / len(apart) ** 0.5
        plain, flat = rows.mean(axis=0)
        row = f"{skewed:.2f},{share},{plain:.1f},{flat:.1f},{apart.mean():+.1f},{error:.1f}"
        print(row, flush=True)


def judged(
    features: NDArray[np.float32], truth: Entries, share: float, seed: int
) -> tuple[float, float]:
    """mAP on standardised and on flattened features."""
    draw = np.random.default_rng([9, seed])
    order = draw.permutation(len(truth))[:IMAGES]
    count = max(len(order) // 4, FEWEST_TESTED)
    test, seen = order[:count], order[count:]
    usual = np.flatnonzero((truth == PRESENT).sum(axis=0) >= FEWEST)
    some = truth[:, draw.permutation(usual)[:LABELS]]
    known = draw.random(some[seen].shape) >= share
    known[: round(CLEAN * len(seen))] = True
    targets = np.where(known, some[seen], np.int8(UNKNOWN))
    there = (some[test] == PRESENT).any(axis=0)

    def worth(kind: type[Standardise] | type[Flatten]) -> float:
        inputs = Inputs(features=kind.fit(features, seen).apply(features))
        head = Logistic(some.shape[1], LogisticSettings(spread=3.6, smooth=0.0))
        head.fit(inputs.take(seen), targets, seed=seed)
        logits = head.logits(inputs.take(test))
        return mean_ap(average_precision(logits[:, there], some[test][:, there]))

    return worth(Standardise), worth(Flatten)


if __name__ == "__main__":
    main()
