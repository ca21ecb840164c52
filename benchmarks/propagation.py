"""What label propagation over the graph of neighbours brings, alone and beside the default model.

    python -m benchmarks.propagation DATA/corel5k --labels labels_top80.csv

Zhou et al. 2004: known entries spread to the neighbours of their images, present ones as plus and
absent ones as minus, each side of a label weighing the same; and the default model's errors on what
is known spread likewise. mAP on a fifth of the images, of which nothing is known; mean over seeds.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import expit

from alasl.data.opening import read_data
from alasl.metrics import average_precision, mean_ap
from alasl.models.features import features_of
from alasl.models.model import Model
from alasl.models.neighbours import NEAREST, SAME
from alasl.models.transforms import Flatten
from alasl.seeds import stream
from alasl.settings import RunSettings

Floats = NDArray[np.float64]
# How far entries spread: the share that a neighbour's has in each step, and the steps.
SPREADS, STEPS = (0.5, 0.9, 0.99), 300
# How much what is spread counts beside the model's log-odds: entries and errors.
BESIDE, OF_ERRORS = (0.25, 0.5), (5.0, 20.0)


def graph(x: NDArray[np.floating]) -> sparse.csr_matrix:
    """(N, N): cosines of the nearest images, symmetric, scaled by both images' sums."""
    directions = x / np.linalg.norm(x, axis=1, keepdims=True)
    many = len(x)
    nearest = np.empty((many, NEAREST), np.intp)
    weight = np.empty((many, NEAREST))
    for start in range(0, many, 1000):
        like = directions[start : start + 1000] @ directions.T
        like[like > SAME] = 0
        nearest[start : start + 1000] = np.argpartition(-like, NEAREST, axis=1)[:, :NEAREST]
        found = np.take_along_axis(like, nearest[start : start + 1000], axis=1)
        weight[start : start + 1000] = np.maximum(found, 0)
    places = np.arange(0, many * NEAREST + 1, NEAREST)
    whole = sparse.csr_matrix((weight.ravel(), nearest.ravel(), places), shape=(many, many))
    whole = whole.maximum(whole.T)
    scale = sparse.diags((np.asarray(whole.sum(axis=1)).ravel() + 1e-9) ** -0.5)
    return sparse.csr_matrix(scale @ whole @ scale)


def spread(over: sparse.csr_matrix, start: Floats, share: float) -> Floats:
    """(N, L): numbers (N, L) once they have spread."""
    found = start
    for _ in range(STEPS):
        found = share * (over @ found) + (1 - share) * start
    return found


def scaled(values: NDArray[np.floating]) -> Floats:
    """Each label's, in standard deviations."""
    return np.asarray((values - values.mean(axis=0)) / (values.std(axis=0) + 1e-9))


def main() -> None:
    """Parse, fit, spread, print a line for each share of unknown entries."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data")
    parser.add_argument("--labels")
    parser.add_argument("--missing", type=float, nargs="+", default=[0.98, 0.9])
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    dataset = read_data(RunSettings(data=given.data, labels=given.labels))
    features, truth = np.asarray(features_of(dataset)), dataset.labels.entries
    rows = np.arange(len(truth))
    over = graph(Flatten.fit(features, rows).apply(features))
    for missing in given.missing:
        found: dict[str, list[float]] = {}

        def judge(name: str, scores: NDArray[np.floating], entries: NDArray[np.int8]) -> None:
            value = mean_ap(average_precision(scores, entries))
            found.setdefault(name, []).append(value)  # noqa: B023

        for seed in range(given.seeds):
            rng = stream(seed, "propagation")
            test = rng.permutation(len(truth))[: len(truth) // 5]
            known = np.where(rng.random(truth.shape) > missing, truth, np.int8(-1))
            known[test] = -1
            pool = np.setdiff1d(rows, test)
            logits = Model.fit(features[pool], known[pool]).logits(features)
            judge("model", logits[test], truth[test])
            sides = [(known == value).astype(np.float64) for value in (1, 0)]
            present, absent = (side / np.maximum(side.sum(axis=0), 1) for side in sides)
            for share in SPREADS:
                alone = spread(over, present - absent, share)[test]
                judge(f"propagation {share}", alone, truth[test])
                for weight in BESIDE:
                    both = scaled(logits[test]) + weight * scaled(alone)
                    judge(f"model + {weight} propagation {share}", both, truth[test])
            errors = spread(over, np.where(known >= 0, known - expit(logits), 0), 0.9)
            for weight in OF_ERRORS:
                mended = logits[test] + weight * errors[test]
                judge(f"model + {weight:g} errors", mended, truth[test])
        print(f"{missing:.0%} unknown:", flush=True)
        for name, values in found.items():
            print(f"  {name:32} {np.mean(values):5.2f}", flush=True)


if __name__ == "__main__":
    main()
