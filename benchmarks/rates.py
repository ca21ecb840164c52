"""What the rate of a probe that is found on held-out known entries is worth, by share unknown.

mAP on a test set with the loss's own rate, with the rate that is found, and with the best of those
that were tried, which nobody can know without a test set.

Run: python -m benchmarks.rates FOLDER [TABLE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.labels import UNKNOWN, Entries
from alasl.losses import resolve
from alasl.metrics import average_precision, mean_ap
from alasl.models.estimators.probe import Probe, ProbeSettings
from alasl.models.features import features_of
from alasl.models.rates import RATES
from alasl.models.transforms import Standardise
from alasl.seeds import stream

SEEDS, TEST, UNKNOWN_SHARES, LOSSES = 3, 0.2, (0.98, 0.9, 0.5), ("bce", "asl")


def main(folder: Path, table: str | None) -> None:
    """Print a row for each share of unknown entries and loss: means over seeds, in per cent."""
    data = read(folder, labels=table)
    features, truth = features_of(data), data.labels.entries
    print("unknown,loss,own_rate,found,best_tried,found_less_best_worst", flush=True)
    for share in UNKNOWN_SHARES:
        for loss in LOSSES:
            rows = np.array([_judged(features, truth, share, loss, seed) for seed in range(SEEDS)])
            own, found, best = rows.mean(axis=0)
            worst = (rows[:, 1] - rows[:, 2]).min()
            print(f"{share},{loss},{own:.1f},{found:.1f},{best:.1f},{worst:+.1f}", flush=True)


def _judged(
    features: np.ndarray, truth: Entries, share: float, loss: str, seed: int
) -> tuple[float, float, float]:
    order = stream(seed, "test").permutation(len(truth))
    test, seen = np.split(order, [round(TEST * len(truth))])
    inputs = Inputs(features=Standardise.fit(features, seen).apply(features))
    hidden = stream(seed, "hidden").random(truth[seen].shape) < share
    targets = np.where(hidden, np.int8(UNKNOWN), truth[seen])

    def worth(settings: ProbeSettings) -> float:
        probe = Probe(truth.shape[1], settings)
        probe.fit(inputs.take(seen), targets, seed=seed)
        return mean_ap(average_precision(probe.logits(inputs.take(test)), truth[test]))

    usual = resolve(loss).kind.probe_rate
    tried = [worth(ProbeSettings(loss=loss, rate=usual * part)) for part in RATES]
    return tried[RATES.index(1)], worth(ProbeSettings(loss=loss, tune=True)), max(tried)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
