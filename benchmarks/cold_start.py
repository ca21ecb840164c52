"""Cold starts: 20 absents known of each label and no present; which asking gets going soonest.

Five rounds of as many answers as 20 for each label. After each round, the labels of which a present
is known by then, and mAP on a fifth of the images, for `variance` (the default), asking at random,
and asking where the model's probability is highest.

Run: python -m benchmarks.cold_start FOLDER [TABLE] [--seeds 20] [--labels 80]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.split import Split
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.learner import ActiveLearner, Known
from alasl.metrics import mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream
from alasl.settings import RunSettings

STRATEGIES = ("variance", "random-entry", "entry-positive")
ROUNDS, ABSENTS, TEST, FEWEST = 5, 20, 0.2, 10


def main(folder: Path, table: str | None, seeds: int, most: int) -> None:
    """Print a row for each strategy and round: means over seeds."""
    data = read(folder, labels=table)
    features, truth = np.asarray(features_of(data)), data.labels.entries
    present = (truth == PRESENT).sum(axis=0)
    truth = truth[:, np.argsort(-present)[: min(most, int((present >= FEWEST).sum()))]]
    print(f"{len(truth)} images, {truth.shape[1]} labels, {seeds} seeds")
    print("strategy,answers,labels_with_a_present,map", flush=True)
    for strategy in STRATEGIES:
        found = [list(_rounds(features, truth, strategy, seed)) for seed in range(seeds)]
        for number, (labels, value) in enumerate(np.mean(found, axis=0)):
            answers = number * ABSENTS * truth.shape[1]
            print(f"{strategy},{answers},{labels:.1f},{value:.1f}", flush=True)


def _rounds(
    features: NDArray[np.floating], truth: NDArray[np.int8], strategy: str, seed: int
) -> Iterator[tuple[int, float]]:
    """Labels with a known present, and mAP, after each round."""
    images, labels = truth.shape
    draw = stream(seed, "cold start")
    test, pool = (np.sort(p) for p in np.split(draw.permutation(images), [round(TEST * images)]))
    entries = np.full(truth.shape, UNKNOWN, np.int8)
    for label in range(labels):
        absent = pool[truth[pool, label] == ABSENT]
        entries[draw.choice(absent, ABSENTS, replace=False), label] = ABSENT
    unknown = entries == UNKNOWN
    unknown[test] = False
    settings = RunSettings(
        data="", seed=seed, strategy=strategy, ask="entries", answers=ABSENTS * labels
    )
    prepared = Prepared.of(resolve("logistic"), Inputs(features=features), pool)
    learner = ActiveLearner(prepared, Split(pool[:0], pool, test), settings, truth[test])
    asked, nothing = np.zeros(truth.shape, np.bool_), np.zeros(truth.shape, np.bool_)
    names, ids = tuple(map(str, range(labels))), tuple(map(str, range(images)))
    for number in range(ROUNDS + 1):
        known = Known.by_masks(Labels(entries, names, ids), unknown, asked, nothing, round=number)
        judged = learner.train(known)
        yield int((entries == PRESENT).any(axis=0).sum()), mean_ap(judged.ap)
        if number < ROUNDS:
            query = learner.ask(known)
            entries[query.rows, query.cols] = truth[query.rows, query.cols]
            asked[query.rows, query.cols] = True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cold_start")
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--labels", type=int, default=80)
    given = parser.parse_args()
    main(given.folder, given.table, given.seeds, given.labels)
