"""Find a probe's settings on the drawn scenes, by cross-validation within the clean set.

Never looks at a test set. Run: python -m benchmarks.tune_probe DRAWN_SCENES_FOLDER
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

import numpy as np

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.missingness import hide
from alasl.data.split import Split, stratified_split, stratify
from alasl.labels import UNKNOWN
from alasl.metrics import average_precision, mean_ap
from alasl.models.estimators.probe import Probe, ProbeSettings
from alasl.models.features import features_of
from alasl.models.transforms import Standardise
from alasl.seeds import stream

SEEDS, FOLDS, NOISE = 3, 4, 0.4
RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
BATCHES = (16, 32, 64)
DECAYS = (1e-2, 1.0)


def main(folder: Path) -> None:
    """Print the mAP of each setting, mean over epochs and last, by loss and training set."""
    dataset = read(folder, labels="labels.csv")
    features = features_of(dataset)
    entries = dataset.labels.entries
    prepared = []
    for seed in range(SEEDS):
        split = stratified_split(dataset.labels, seed)
        count = len(split.clean)
        sizes = tuple(count // FOLDS + (k < count % FOLDS) for k in range(FOLDS))
        fold = stratify(entries[split.clean] == 1, sizes, stream(seed, "folds"))
        inputs = Inputs(features=Standardise.fit(features, split.seen).apply(features))
        prepared.append((inputs, split, fold))
    print("train,loss,rate,batch,decay,map_mean,map_last", flush=True)
    for train, loss in itertools.product(("clean", "known"), ("asl", "bce")):
        for rate, batch, decay in itertools.product(RATES, BATCHES, DECAYS):
            settings = ProbeSettings(loss=loss, rate=rate, batch=batch, decay=decay)
            maps = [
                _validate(x, entries, split, fold == k, settings, train, seed)
                for seed, (x, split, fold) in enumerate(prepared)
                for k in range(FOLDS if train == "clean" else 1)
            ]
            mean, last = np.mean([m.mean() for m in maps]), np.mean([m[-1] for m in maps])
            print(f"{train},{loss},{rate:g},{batch},{decay:g},{mean:.2f},{last:.2f}", flush=True)


def _validate(
    inputs: Inputs,
    entries: np.ndarray,
    split: Split,
    held: np.ndarray,
    settings: ProbeSettings,
    train: str,
    seed: int,
) -> np.ndarray:
    rows, targets = split.clean[~held], entries[split.clean[~held]]
    if train == "known":
        pool = entries[split.pool]
        hidden = np.where(hide(pool, "uniform", NOISE, seed), np.int8(UNKNOWN), pool)
        rows, targets = np.concatenate([rows, split.pool]), np.concatenate([targets, hidden])
    probe = Probe(entries.shape[1], settings)
    maps: list[float] = []
    validation = split.clean[held]

    def evaluate(_: int, logits: np.ndarray) -> None:
        maps.append(mean_ap(average_precision(logits, entries[validation])))

    probe.fit(
        inputs.take(rows), targets, seed=seed, eval_on=inputs.take(validation), on_epoch=evaluate
    )
    return np.array(maps)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
