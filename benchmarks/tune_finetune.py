"""Find fine-tuning's settings on the drawn scenes, on a validation part of the clean set.

Never looks at a test set. One setting is varied at a time, in the order of `VARIED`, from the best
so far.
Run: python -m benchmarks.tune_finetune DRAWN_SCENES_FOLDER [SIZE [EPOCHS]]
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.split import stratified_split
from alasl.metrics import average_precision, mean_ap
from alasl.models.estimators.finetune import Finetune
from alasl.models.recipe import FinetuneSettings
from alasl.seeds import stream

VALIDATION = 1 / 3
VARIED = {
    "rate": (1e-3, 3e-4, 3e-3),
    "batch": (16, 8, 32),
    "decay": (1e-4, 0.0, 1e-2),
    "augment": (True, False),
}


def main(folder: Path, size: int = 128, epochs: int = 20) -> None:
    """Print the mAP of each setting on the validation part, mean over epochs and last."""
    dataset = read(folder, labels="labels.csv")
    clean = stream(0, "validation").permutation(stratified_split(dataset.labels, 0).clean)
    held = round(len(clean) * VALIDATION)
    validation, train = clean[:held], clean[held:]
    inputs, entries = Inputs(paths=dataset.paths), dataset.labels.entries
    print(f"{len(train)} images to train on, {held} to validate, {size} px, {epochs} epochs")
    print("setting".ljust(16), "mAP mean", "mAP last", "seconds", sep="  ")

    def measure(settings: FinetuneSettings) -> tuple[float, float]:
        maps: list[float] = []

        def tell(_: int, logits: NDArray[np.float32]) -> None:
            maps.append(mean_ap(average_precision(logits, entries[validation])))

        Finetune(entries.shape[1], settings).fit(
            inputs.take(train),
            entries[train],
            seed=0,
            eval_on=inputs.take(validation),
            on_epoch=tell,
        )
        return float(np.mean(maps)), maps[-1]

    best, height = FinetuneSettings(size=size, epochs=epochs), -1.0
    for name, values in VARIED.items():
        start = best
        for value in values:
            if height >= 0 and value == getattr(start, name):
                continue
            began, settings = time.perf_counter(), replace(start, **{name: value})
            mean, last = measure(settings)
            seconds = time.perf_counter() - began
            print(
                f"{name}={value}".ljust(16), f"{mean:8.2f}  {last:8.2f}  {seconds:7.0f}", flush=True
            )
            if last > height:
                best, height = settings, last
    print("best:", best)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
