"""Find a probe's learning rate for each loss on the drawn scenes, as `tune_probe` does for two.

Never looks at a test set. Run: python -m benchmarks.tune_losses DRAWN_SCENES_FOLDER [LOSS ...]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch

from alasl.data.formats import read
from alasl.data.missingness import hide
from alasl.data.split import stratified_split, stratify
from alasl.labels import UNKNOWN
from alasl.losses import available
from alasl.metrics import average_precision, mean_ap
from alasl.models.device import small_products
from alasl.models.estimators.probe import Probes, ProbeSettings
from alasl.models.features import features_of
from alasl.models.transforms import Standardise
from alasl.seeds import stream

SEEDS, FOLDS = 1, 4
# Explicit answers and positives only, most of it missing: what these losses are for.
HIDDEN = (("uniform", 0.6), ("positives", 0.6))
RATES = (1e-4, 3e-4, 1e-3, 3e-3)


def main(folder: Path, names: list[str]) -> None:
    """Print the mAP of each loss at each rate, mean over epochs and last, by what is hidden."""
    dataset = read(folder, labels="labels.csv")
    features, entries = features_of(dataset), dataset.labels.entries
    prepared = []
    for seed in range(SEEDS):
        split = stratified_split(dataset.labels, seed)
        fold = stratify(
            entries[split.clean] == 1,
            (len(split.clean) // FOLDS,) * FOLDS,
            stream(seed, "folds"),
        )
        seen = Standardise.fit(features, split.seen).apply(features)
        prepared.append((torch.from_numpy(seen), split, fold))
    print("loss,rate,hidden,map_mean,map_last", flush=True)
    for name in names or available():
        for rate in RATES:
            found: dict[str, list[list[float]]] = {kind: [] for kind, _ in HIDDEN}
            for seed, (inputs, split, fold) in enumerate(prepared):
                rows, targets, held, kinds = [], [], [], []
                for kind, share in HIDDEN:
                    pool = entries[split.pool]
                    hidden = np.where(hide(pool, kind, share, seed), np.int8(UNKNOWN), pool)
                    for k in range(FOLDS):
                        kept = split.clean[fold != k]
                        rows.append(np.concatenate([kept, split.pool]))
                        targets.append(np.concatenate([entries[kept], hidden]))
                        held.append(split.clean[fold == k])
                        kinds.append(kind)
                for kind, maps in zip(
                    kinds, _maps(inputs, entries, rows, targets, held, name, rate), strict=True
                ):
                    found[kind].append(maps)
            for kind, maps in found.items():
                mean, last = np.mean(maps), np.mean([m[-1] for m in maps])
                print(f"{name},{rate:g},{kind},{mean:.2f},{last:.2f}", flush=True)


def _maps(
    inputs: torch.Tensor,
    entries: np.ndarray,
    rows: list[np.ndarray],
    targets: list[np.ndarray],
    held: list[np.ndarray],
    loss: str,
    rate: float,
) -> list[list[float]]:
    """The mAP of each probe on what it did not see, after each epoch."""
    probes = Probes(inputs, len(rows), entries.shape[1], ProbeSettings(loss=loss, rate=rate))
    judged = np.unique(np.concatenate(held))
    maps: list[list[float]] = [[] for _ in rows]

    def evaluate(_: int, logits: torch.Tensor) -> None:
        for run, own in enumerate(held):
            seen = logits[run, np.searchsorted(judged, own)].numpy()
            maps[run].append(mean_ap(average_precision(seen, entries[own])))

    with small_products(inputs.device):
        probes.fit(
            rows,
            targets,
            seeds=list(range(len(rows))),
            eval_features=inputs[torch.from_numpy(judged)],
            on_epoch=evaluate,
        )
    return maps


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
