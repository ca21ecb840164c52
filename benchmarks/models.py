"""What a model makes of a table with holes, before any answer: its mAP, and its lead on another's.

A fifth of the images tests; of the others each entry is unknown by chance. No images are clean.
Run: python -m benchmarks.models FOLDER [TABLE] [--seeds 3] [--model NAME ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.labels import UNKNOWN
from alasl.metrics import average_precision, mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream

MISSING, TEST = (0.98, 0.9), 0.2
MODELS = ("logistic", "curriculum", "curriculum:threshold=4", "curriculum:present=true")


def main(folder: Path, table: str | None, seeds: int, models: list[str]) -> None:
    """Print a row for each share unknown and model; the lead is on the first model, by seed."""
    data = read(folder, labels=table)
    inputs, truth = Inputs(features=np.asarray(features_of(data))), data.labels.entries
    print("missing,model,map,lead,least,most", flush=True)
    for missing in MISSING:
        found = np.array(
            [[trained(inputs, truth, model, missing, seed) for model in models]
             for seed in range(seeds)]
        )  # fmt: skip
        lead = found - found[:, :1]
        for place, model in enumerate(models):
            worth = found[:, place].mean()
            own = lead[:, place]
            print(
                f"{missing:g},{model},{worth:.1f},{own.mean():+.1f},{own.min():+.1f},"
                f"{own.max():+.1f}",
                flush=True,
            )


def trained(inputs: Inputs, truth: np.ndarray, model: str, missing: float, seed: int) -> float:
    """mAP in per cent on the test images, of one training."""
    order = stream(seed, "test").permutation(len(truth))
    test, seen = np.split(order, [round(TEST * len(truth))])
    hidden = stream(seed, "missing").random((len(seen), truth.shape[1])) < missing
    targets = np.where(hidden, np.int8(UNKNOWN), truth[seen])
    kind = resolve(model)
    prepared = Prepared.of(kind, inputs, seen)
    estimator = kind.estimator(truth.shape[1])
    estimator.fit(prepared.inputs.take(seen), targets, seed=seed)
    logits = estimator.logits(prepared.inputs.take(test))
    return mean_ap(average_precision(logits, truth[test]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models")
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", dest="models", nargs="+", default=list(MODELS))
    given = parser.parse_args()
    main(given.folder, given.table, given.seeds, given.models)
