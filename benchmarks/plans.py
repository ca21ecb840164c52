"""How often the forecasts of `alasl plan` hold: simulated projects on a complete table.

Each project knows a share of the entries by chance and forecasts how many answers its strategy, and
chance, take to a mAP. Then it is answered in truth. Prints, for each project and way, the forecast,
its 80 % interval and what it took, and how often the intervals held and how wide they are.
Run: python -m benchmarks.plans FOLDER [--table labels.csv] [--projects 10] [--known 0.1]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.split import Split
from alasl.labels import UNKNOWN, Labels
from alasl.learner import ActiveLearner, Known
from alasl.metrics import average_precision, mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.project.forecast import CHANCE, Forecast, forecasts
from alasl.project.planning import by_chance, curves
from alasl.project.settings import ProjectSettings
from alasl.seeds import stream

# A model that trains in a second.
MODEL, ROUNDS, SEEDS = "logistic:spread=3.6:smooth=0", 4, 4


def took(
    prepared: Prepared, split: Split, labels: Labels, known: NDArray[np.bool_], way: str, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Answers and mAP of a project that is answered in truth, twice as many as it knew."""
    batch = max(1, 2 * int(known.sum()) // ROUNDS)
    settings = ProjectSettings(data="x", model=MODEL, seed=seed, answers=batch, ask="entries")
    truth = labels.entries[split.test]
    learner = ActiveLearner(prepared, split, settings, np.full(truth.shape, UNKNOWN, np.int8))
    hidden = ~known
    hidden[split.test] = False
    at_first, maps = hidden.copy(), []
    for number in range(ROUNDS + 1):
        asked = at_first & ~hidden
        state = Known.by_masks(labels.forget(hidden), at_first, asked, asked, round=number)
        logits = learner.train(state, by_folds=False).logits
        maps.append(mean_ap(average_precision(logits, truth)))
        if number < ROUNDS:
            query = learner.ask(state, by="random" if way == CHANCE else None)
            hidden[query.rows, query.cols] = False
    return batch * np.arange(ROUNDS + 1.0), np.maximum.accumulate(maps)


def project(
    x: NDArray[np.floating], truth: NDArray[np.int8], share: float, seed: int
) -> list[tuple[str, float, Forecast]]:
    """By each way: the answers that it took to a target, and the forecast."""
    rng = stream(seed, "plans")
    rows = rng.permutation(len(truth))
    some = round(0.2 * len(rows))
    split = Split(clean=rows[:0], pool=rows[some:], test=rows[:some])
    prepared = Prepared.of(resolve(MODEL), Inputs(features=x), np.sort(rows[some:]))
    names = tuple(map(str, range(truth.shape[1])))
    labels = Labels(truth, names, tuple(map(str, range(len(truth)))))
    known = rng.random(truth.shape) < share
    known[split.test] = True
    audit = by_chance(truth[split.test])
    settings = ProjectSettings(data="x", model=MODEL, seed=seed)
    told = curves(prepared, split, labels.forget(~known), audit, settings, SEEDS)
    pool = known.copy()
    pool[split.test] = False
    found = []
    for way in ("strategy", CHANCE):
        answers, maps = took(prepared, split, labels, pool, way, seed)
        # One in the middle of what was reached.
        target = float(rng.uniform(maps[0] + 0.2 * (maps[-1] - maps[0]), maps[-1]))
        actual = float(np.interp(target, maps, answers))
        (one,) = (f for f in forecasts(told, target, seed) if f.way == way)
        found.append((way, actual, one))
    return found


def main() -> None:
    """Simulate, and print a line for each project and way, then how often intervals held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", default="labels.csv")
    parser.add_argument("--projects", type=int, default=10)
    parser.add_argument("--known", type=float, default=0.1)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = read(asked.folder, labels=asked.table)
    x, truth = np.asarray(features_of(dataset)), dataset.labels.entries
    held: dict[str, list[bool]] = {}
    off: dict[str, list[float]] = {}
    wide: dict[str, list[float]] = {}
    for seed in range(asked.projects):
        for way, actual, one in project(x, truth, asked.known, seed):
            held.setdefault(way, []).append(one.low <= actual <= (one.high or np.inf))
            wide.setdefault(way, []).append((one.high or np.inf) / max(one.low, 1.0))
            off.setdefault(way, []).append(np.log(actual / (one.answers or np.inf)))
            print(f"{seed} {way}: took {actual:.0f}; {one}; worth {one.worth:.1f}", flush=True)
    for way, of in held.items():
        finite = np.array(off[way])[np.isfinite(off[way])]
        print(
            f"{way}: held in {100 * np.mean(of):.0f} % of {len(of)}; log off by "
            f"{finite.mean():+.2f}, standard deviation {finite.std():.2f}; the upper end is "
            f"{np.median(wide[way]):.1f} times the lower one (median)",
            flush=True,
        )


if __name__ == "__main__":
    main()
