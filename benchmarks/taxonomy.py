"""What asking parents first saves: questions for a whole table, and mAP for the same answers.

The labels of COCO, or of the drawn scenes, get their super-categories as labels of their own.
Three ways of asking: `alone` knows no rule; `follows` fills in what follows from answers, but asks
as if nothing did; `credit` counts what an answer tells of others, and asks parents first (a
project's way). `table` asks one entry of an image after the other until all are known, by how often
labels are present alone. `map` asks a queue in each round, trains, and judges on a fifth of the
images; the first queue is drawn by chance.

Run: python -m benchmarks.taxonomy table FILE
     python -m benchmarks.taxonomy map FOLDER [--answers 500] [--rounds 10] [--seeds 3]
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
from alasl.labels import PRESENT, UNKNOWN, Entries, Labels
from alasl.learner import ActiveLearner, Known
from alasl.learner.implied import credited
from alasl.metrics import mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.project.inference import completed
from alasl.project.scheme import Rules
from alasl.seeds import stream
from alasl.settings import RunSettings

WAYS = ("alone", "follows", "credit")
TEST = 0.2
SCENES = {
    "animal": "bird cat dog sheep",
    "vehicle": "bicycle boat bus car",
    "furniture": "bench chair lamp table",
    "small thing": "banana book bottle clock cup kite umbrella",
    "outdoors": "flower house tree traffic_light",
}
# COCO's 80 labels in its order, 12 super-categories, each with how many of them.
COCO = {
    "person (super)": 1, "vehicle": 8, "outdoor": 5, "animal": 10, "accessory": 5, "sports": 10,
    "kitchen": 7, "food": 10, "furniture": 6, "electronic": 6, "appliance": 5, "indoor": 7,
}  # fmt: skip

Pairs = tuple[tuple[int, int], ...]


def with_parents(labels: Labels) -> tuple[Entries, Pairs]:
    """The entries (N, L + parents) of a complete table, and (child, parent) by column."""
    columns = {name.replace(" ", "_"): place for place, name in enumerate(labels.names)}
    if len(labels.names) == sum(COCO.values()):
        ends = np.cumsum(list(COCO.values())).tolist()
        below = [
            list(range(end - many, end)) for end, many in zip(ends, COCO.values(), strict=True)
        ]
    else:
        below = [[columns[name] for name in names.split()] for names in SCENES.values()]
    parents = [labels.entries[:, children].max(axis=1) for children in below]
    first = len(labels.names)
    pairs = [(child, first + n) for n, children in enumerate(below) for child in children]
    return np.column_stack([labels.entries, *parents]).astype(np.int8), tuple(pairs)


def table(path: Path) -> None:
    """Print the questions an image that each way takes."""
    data = read(path.parent, labels=path.name, require_images=False).labels
    truth, implies = with_parents(data)
    usual = np.broadcast_to(((truth == PRESENT).sum(axis=0) + 1) / (len(truth) + 2), truth.shape)
    print(f"{len(truth)} images, {len(data.names)} labels, {truth.shape[1]} with parents")
    print("way,questions_an_image")
    for way in WAYS:
        known, asked = np.full(truth.shape, UNKNOWN, np.int8), 0
        rules = Rules() if way == "alone" else Rules(implies=implies)
        while (known == UNKNOWN).any():
            askable = known == UNKNOWN
            # Without credit every entry is worth the same: in the order of the labels.
            scores = np.broadcast_to(np.linspace(1, 0.99, truth.shape[1]), truth.shape)
            if way == "credit":
                scores, askable = credited(scores, askable, usual, implies, ())
            rows = np.flatnonzero(askable.any(axis=1))
            cols = np.where(askable, scores, -1)[rows].argmax(axis=1)
            known[rows, cols] = truth[rows, cols]
            known = completed(known, rules)
            asked += len(rows)
        print(f"{way},{asked / len(truth):.1f}", flush=True)


def curves(folder: Path, name: str | None, answers: int, rounds: int, seeds: int) -> None:
    """Print mAP of the labels, without their parents, after each round: means over seeds."""
    data = read(folder, labels=name)
    features, (truth, implies) = np.asarray(features_of(data)), with_parents(data.labels)
    leaves = len(data.labels.names)
    print(f"{len(truth)} images, {leaves} labels, {truth.shape[1]} with parents, {seeds} seeds")
    print("way,answers,known,map,map_with_parents", flush=True)
    for way in WAYS:
        runs = [
            list(_rounds(features, truth, implies, leaves, way, answers, rounds, seed))
            for seed in range(seeds)
        ]
        for number, row in enumerate(np.mean(runs, axis=0), 1):
            print(f"{way},{number * answers}," + ",".join(f"{one:.1f}" for one in row), flush=True)


def _rounds(
    features: NDArray[np.floating],
    truth: Entries,
    implies: Pairs,
    leaves: int,
    way: str,
    answers: int,
    rounds: int,
    seed: int,
) -> Iterator[tuple[float, float, float]]:
    """Known entries, mAP of the labels, and of these and their parents, after each round."""
    images = len(truth)
    draw = stream(seed, "taxonomy")
    test, pool = (np.sort(p) for p in np.split(draw.permutation(images), [round(TEST * images)]))
    settings = RunSettings(data="", seed=seed, ask="entries", answers=answers)
    prepared = Prepared.of(resolve("logistic"), Inputs(features=features), pool)
    learner = ActiveLearner(prepared, Split(pool[:0], pool, test), settings, truth[test])
    entries = np.full(truth.shape, UNKNOWN, np.int8)
    unknown = np.ones(truth.shape, np.bool_)
    unknown[test] = False
    asked, nothing = np.zeros(truth.shape, np.bool_), np.zeros(truth.shape, np.bool_)
    names, ids = tuple(map(str, range(truth.shape[1]))), tuple(map(str, range(images)))
    rules = Rules() if way == "alone" else Rules(implies=implies)
    for number in range(rounds):
        known = Known.by_masks(
            *(Labels(completed(entries, rules), names, ids), unknown, asked, nothing),
            implies=implies if way == "credit" else (),
            round=number,
        )
        query = learner.ask(known, by=None if number else "random")
        entries[query.rows, query.cols] = truth[query.rows, query.cols]
        asked[query.rows, query.cols] = True
        after = completed(entries, rules)
        judged = learner.train(
            Known.by_masks(Labels(after, names, ids), unknown, asked, nothing, round=number + 1)
        )
        yield float((after != UNKNOWN).sum()), mean_ap(judged.ap[:leaves]), mean_ap(judged.ap)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.taxonomy")
    parser.add_argument("what", choices=("table", "map"))
    parser.add_argument("data", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--answers", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    if given.what == "table":
        table(given.data)
    else:
        curves(given.data, given.table, given.answers, given.rounds, given.seeds)
