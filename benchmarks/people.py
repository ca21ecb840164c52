"""Seconds of people's time until a mAP, by each way of asking, on tables whose truth is known.

For each seed, all ways begin with the same clean images, hidden entries and model: single entries
by `variance`, by label and by image; whole images, and tagging whole images (what is not named is
absent). Entries by label stand for scattered single entries as well, each of which opens its image,
and tags for whole images that are answered label by label: they differ in what they take alone.
Prints mAP after some seconds; for the mAP that tagging has after some, how long each way takes, and
how many times less than tagging, with a 95 % interval over seeds.
Run: python -m benchmarks.people FOLDER [--labels labels.csv] [--missing 0.98] [--seeds 10]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from alasl.data.opening import make_split, read_data
from alasl.labels import PRESENT
from alasl.metrics import mean_ap
from alasl.models.prepare import prepare
from alasl.seconds import Seconds
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.study.efficiency import crossing

Floats = NDArray[np.float64]
# What each round takes, in seconds: half as much again as the one before.
FIRST, GROWTH, ROUNDS = 150.0, 1.5, 8
POINTS = 2000
# mAP is that of tagging after so many seconds.
TARGETS = (1000.0, 3000.0)
AFTER = (500, 1000, 2000, 4000)
TAKES = Seconds()
ENTRIES = {"ask": "entries", "strategy": "variance"}
RUNS: dict[str, dict[str, object]] = {
    "quicker": ENTRIES,
    "label": {**ENTRIES, "by": "label"},
    "image": {**ENTRIES, "by": "image"},
    "tags": {"ask": "tags", "strategy": "random"},
    "overlooked": {"ask": "tags", "strategy": "random", "oracle_missed": 0.2},
    "chosen": {"ask": "tags", "strategy": "variance"},
}


# Each way: the run that it is read from, and the seconds of an image, an answer and a present; or
# the run's own.
WAYS: dict[str, tuple[str, tuple[float, float, float] | None]] = {
    "entries, whichever is quicker": ("quicker", None),
    "entries by label": ("label", (0, TAKES.grid, 0)),
    "entries by label, at 1 s": ("label", (0, 1, 0)),
    "entries, scattered": ("label", (TAKES.open, TAKES.answer, 0)),
    "entries by image, for time": ("image", (TAKES.open, TAKES.answer, 0)),
    "whole images": ("tags", (TAKES.open, TAKES.answer, 0)),
    "tagging": ("tags", (TAKES.open, 0, TAKES.tag)),
    "tagging, a fifth overlooked": ("overlooked", (TAKES.open, 0, TAKES.tag)),
    "tagging, images chosen": ("chosen", (TAKES.open, 0, TAKES.tag)),
}


def curve(run: Simulation) -> Floats:
    """(R, 5): images, answers, presents, seconds and mAP in per cent, after each round."""
    points, counts = [], np.zeros(3)
    for number in range(ROUNDS + 1):
        value = mean_ap(run.learner.train(run.known, by_folds=False).ap)
        points.append([*counts, run.time, value])
        if number == ROUNDS or not run.learner.available(run.known):
            break
        event = run.ask()
        said = [value for asked in event.asked for value in asked.answers.values()]
        counts += len(event.asked), len(said), said.count(PRESENT)
    return np.array(points)


def tell(title: str, found: dict[str, list[Floats]]) -> None:
    """Print what each way brings and takes."""
    ways = {
        way: [(p[:, :3] @ takes if takes else p[:, 3], p[:, 4]) for p in found[name]]
        for way, (name, takes) in WAYS.items()
    }
    tagging = ways["tagging"]
    print(f"{title}: mAP before any answer {np.mean([maps[0] for _, maps in tagging]):.1f}")
    print("| way | " + " | ".join(f"after {t:g} s" for t in AFTER) + " |")
    for way, runs in ways.items():
        print(f"| {way} | " + " | ".join(f"{at(runs, t).mean():.1f}" for t in AFTER) + " |")
    last = min(seconds[-1] for seconds, _ in tagging)
    for after in np.minimum(TARGETS, last):
        target = at(tagging, after)
        print(f"for the {target.mean():.1f} that tagging has after {after:.0f} s:")
        for way, runs in ways.items():
            points = np.linspace(0, min(seconds[-1] for seconds, _ in runs), POINTS)
            above = np.array([np.interp(points, *run) for run in runs]) - target[:, None]
            took = crossing(points, above)
            times = [after / each if each else np.inf for each in (took.mean, took.high, took.low)]
            print(
                f"| {way} | {took.mean:.0f} s ({took.low:.0f} to {took.high:.0f}) | "
                f"{times[0]:.2f} ({times[1]:.2f} to {times[2]:.2f}) |"
            )


def at(runs: list[tuple[Floats, Floats]], seconds: float) -> Floats:
    """(S,): the mAP of each seed after some seconds; its last, where they are beyond."""
    return np.array([np.interp(seconds, *run) for run in runs])


def main() -> None:
    """Simulate all ways seed by seed, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default="labels.csv")
    parser.add_argument("--missing", type=float, default=0.98)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--model", default="logistic")
    parser.add_argument("--keep", type=Path, help="a file.npz for the curves")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    found: dict[str, list[Floats]] = {name: [] for name in RUNS}
    base = RunSettings(
        data=str(asked.folder),
        labels=asked.labels,
        missing=asked.missing,
        clean=0.02,
        model=asked.model,
        seconds=FIRST,
        growth=GROWTH,
        rounds=ROUNDS,
    )
    dataset = read_data(base)
    for seed in range(asked.seeds):
        settings = replace(base, seed=seed)
        split = make_split(dataset, settings)
        prepared = prepare(dataset, split.seen, settings)
        for name, own in RUNS.items():
            run = Simulation(dataset.labels, split, replace(settings, **own), prepared)
            found[name].append(curve(run))
        print(f"seed {seed} done", flush=True)
    if asked.keep:
        np.savez(asked.keep, **{name: np.array(each, object) for name, each in found.items()})
    tell(f"{asked.folder.name}, {asked.missing:.0%} unknown, {asked.seeds} seeds", found)


if __name__ == "__main__":
    main()
