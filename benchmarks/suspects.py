"""How many wrong given entries stand at the head of the lists of suspects.

A share of the given presents, and as many of the absents, is made wrong by chance, in a table that
is complete or has a share of its entries unknown. Models that did not see an image judge it; of the
wrong presents, and of the wrong absents, the share is printed that is in the first 5 % of its list:
ranked by plain probability, as ALASL does, and with the labels set on one scale first (each
probability less the mean of its label's, as confident learning does).

Run: python -m benchmarks.suspects FOLDER [TABLE]
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.split import Split
from alasl.evaluate.suspects import suspects
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels
from alasl.learner import ActiveLearner, Known
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream
from alasl.settings import RunSettings

SEEDS, WRONG, FIRST, UNKNOWN_SHARES = 3, 0.05, 0.05, (0.0, 0.9)


def main(folder: Path, table: str | None) -> None:
    """Print a row for each share unknown: means over seeds, in per cent."""
    data = read(folder, labels=table)
    features, truth = np.asarray(features_of(data)), data.labels.entries
    print("unknown,presents,absents,presents_one_scale,absents_one_scale", flush=True)
    for unknown in UNKNOWN_SHARES:
        found = [_shares(features, truth, unknown, seed) for seed in range(SEEDS)]
        print(f"{unknown:g}," + ",".join(f"{100 * one:.1f}" for one in np.mean(found, axis=0)))


def _shares(
    features: NDArray[np.floating], truth: NDArray[np.int8], unknown: float, seed: int
) -> list[float]:
    draw = stream(seed, "suspects")
    given = np.where(draw.random(truth.shape) < unknown, np.int8(UNKNOWN), truth)
    presents, absents = (np.flatnonzero(given == value) for value in (PRESENT, ABSENT))
    many = round(WRONG * len(presents))
    wrong = np.zeros(given.shape, np.bool_)
    for side in (presents, absents):
        wrong.flat[draw.choice(side, many, replace=False)] = True
    given[wrong] = 1 - given[wrong]
    rows = np.arange(len(truth))
    # One image has to be the test set's.
    split = Split(clean=rows[:0], pool=rows[:-1], test=rows[-1:])
    prepared = Prepared.of(resolve("logistic"), Inputs(features=features), rows)
    names = tuple(f"{number}" for number in range(truth.shape[1]))
    learner = ActiveLearner(
        prepared, split, RunSettings(data="", seed=seed), np.full((1, truth.shape[1]), UNKNOWN)
    )
    labels, nothing = Labels(given, names, tuple(map(str, rows))), np.zeros(given.shape, np.bool_)
    known = Known.by_masks(labels, given == UNKNOWN, nothing, nothing)
    seen = learner.out_of_fold(known)
    among = given != UNKNOWN
    shares = []
    means = np.stack(
        [np.nanmean(np.where(given == value, seen, np.nan), axis=0) for value in (0, 1)]
    )
    for chances in (seen, seen - means[np.clip(given, 0, 1), np.arange(truth.shape[1])]):
        for side in suspects(given, chances, among):
            head = side.first(round(FIRST * len(side)))
            caught = wrong[head.rows, head.cols].sum()
            shares.append(float(caught / wrong[side.rows, side.cols].sum()))
    return shares


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None)
