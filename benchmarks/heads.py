"""Is the tuned BCE probe a fair baseline? The same known entries, learned by scikit-learn's head.

For each label a `LogisticRegression` on standardised features, with one C for all labels, found on
a third of the known entries by log-loss. mAP on a fifth of the images; the others are 98 or 90 %
unknown, but for 2.5 % of them that are known whole.

Run: python -m benchmarks.heads FOLDER [TABLE] [--seeds 2]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.metrics import average_precision, mean_ap
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.models.estimators.probe import Probe, ProbeSettings
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.models.transforms import Standardise

SHARES, TEST, CLEAN, PARTS = (0.98, 0.9), 0.2, 0.025, 3
# Strengths of scikit-learn's penalty, the strongest first.
CS = (1e-4, 1e-3, 3e-3, 1e-2, 1e-1)

Floats = NDArray[np.floating]


def main() -> None:
    """Print a row for each share of unknown entries: means over seeds, in per cent."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.heads")
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    data = read(given.folder, labels=given.table)
    features, truth = np.asarray(features_of(data), np.float32), data.labels.entries
    print("unknown,scikit,scikit_best,probe,ours_alone,ours", flush=True)
    for share in SHARES:
        rows = [judged(features, truth, share, seed) for seed in range(given.seeds)]
        print(f"{share}," + ",".join(f"{v:.1f}" for v in np.mean(rows, axis=0)), flush=True)


def judged(features: Floats, truth: Entries, share: float, seed: int) -> list[float]:
    """mAP by scikit-learn with the C that is found and the best, the probe, ours without and with
    neighbours.
    """
    draw = np.random.default_rng([5, seed])
    order = draw.permutation(len(truth))
    test, seen = np.split(order, [int(TEST * len(truth))])
    known = draw.random(truth[seen].shape) >= share
    known[draw.permutation(len(seen))[: round(CLEAN * len(seen))]] = True
    targets = np.where(known, truth[seen], np.int8(UNKNOWN))
    labels = truth.shape[1]

    def worth(logits: Floats) -> float:
        return mean_ap(average_precision(logits, truth[test]))

    plain = Standardise.fit(features, seen).apply(features)
    held = draw.integers(0, PARTS, len(seen)) == 0
    losses, tried = [], []
    for strength in CS:
        guesses = learned(plain, seen, np.where(held[:, None], UNKNOWN, targets), strength)
        judges = targets[held]
        signed = np.where(judges == PRESENT, -1, 1) * guesses[seen[held]]
        losses.append(np.logaddexp(0, signed)[judges != UNKNOWN].mean())
        tried.append(worth(learned(plain, seen, targets, strength)[test]))
    inputs = Inputs(features=plain)
    probe = Probe(labels, ProbeSettings(loss="bce", tune=True))
    probe.fit(inputs.take(seen), targets, seed=seed)
    found = [tried[int(np.argmin(losses))], max(tried), worth(probe.logits(inputs.take(test)))]
    prepared = Prepared.of(resolve("logistic"), Inputs(features=features), seen).inputs
    for smooth in (0.0, None):
        ours = Logistic(labels, LogisticSettings(smooth=smooth))
        ours.fit(prepared.take(seen), targets, seed=seed)
        found.append(worth(ours.logits(prepared.take(test))))
    return found


def learned(features: Floats, seen: NDArray[np.intp], targets: Entries, strength: float) -> Floats:
    """(N, L): logits of all images, each label learned from its known entries of `seen`."""
    logits = np.zeros((len(features), targets.shape[1]))
    for label, column in enumerate(targets.T):
        rows = np.flatnonzero(column != UNKNOWN)
        values = column[rows]
        if len(set(values)) < 2:
            continue
        dual = len(rows) < features.shape[1]
        head = LogisticRegression(
            C=strength, solver="liblinear", dual=dual, max_iter=300, intercept_scaling=10.0
        ).fit(features[seen[rows]], values)
        logits[:, label] = head.decision_function(features)
    return logits


if __name__ == "__main__":
    main()
