"""Stop advice judged in simulation: do its intervals hold, what does stopping save and forgo?

Run: python -m benchmarks.advice PLACE ..., each a folder of drawn scenes, a table of labels beside
images/, of which features are taken from the cache, or FILE=COUNT: the results.csv of a study,
whose curves are on the test set alone, and how many images that has. Prints Markdown.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from alasl.advice import LEAST, advise
from alasl.data.dataset import Dataset
from alasl.settings import RunSettings

# The first images of each data set, so that it takes minutes.
IMAGES = 800
ROUNDS = 12
# Of a study's curves one in so many, a number that no count of seeds or strategies divides.
EACH = 29
SEEDS = 2
# How a run asks, and from how much of the pool hidden.
WAYS = (("random", "entries", 0.9), ("entropy", "entries", 0.98), ("random", "images", 0.9))
# mAP points per 1000 answers.
THRESHOLDS = (0.1, 0.3, 1.0, 3.0)


@dataclass(frozen=True)
class Run:
    """For each evaluation the cost and the mAP on the test set.

    held: mAP on the clean set by models that did not see it; empty where nobody looked.
    judged: images that either was measured on.
    """

    costs: Sequence[float]
    maps: Sequence[float]
    held: Sequence[float]
    judged: dict[str, int]


def main(places: Sequence[str]) -> None:
    """Print a table of intervals and one of stopping for each data set."""
    begun = time.process_time()
    for place in places:
        path, _, judged = place.partition("=")
        if judged:
            title, runs = Path(path).parent.as_posix(), _of_study(Path(path), int(judged))
        else:
            dataset, base = _read(Path(path))
            images, labels = dataset.labels.shape
            title = f"{dataset.name}, {images} images, {labels} labels"
            runs = list(_runs(dataset, base))
        print(f"\n## {title}: {len(runs)} runs\n")
        print("\n".join([*intervals(runs), "", *stops(runs)]), flush=True)
    print(f"\n{time.process_time() - begun:.0f} s of one core.")


def intervals(runs: Sequence[Run]) -> Iterator[str]:
    """How often the 80 % interval held the next gain, how wide it is, and how far off the gain."""
    yield "| by | gain on | evaluations so far | forecasts | held | width | error | error of 0 |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for by, on, (first, last) in (
        (by, on, points)
        for by, on in (("maps", "maps"), ("held", "held"), ("held", "maps"))
        for points in ((LEAST, 7), (8, len(runs[0].maps) - 1))
    ):
        if not runs[0].held and "held" in (by, on):
            continue
        held, widths, errors, gains = [], [], [], []
        for run in runs:
            seen, real = getattr(run, by), getattr(run, on)
            for points in range(first, last + 1):
                batch = run.costs[points] - run.costs[points - 1]
                told = advise(run.costs[:points], seen[:points], batch, judged=run.judged[by])
                gain = real[points] - real[points - 1]
                held.append(told.low <= gain <= told.high)  # type: ignore[operator]
                widths.append(told.high - told.low)  # type: ignore[operator]
                errors.append(told.gain - gain)  # type: ignore[operator]
                gains.append(gain)
        names = {"maps": "test set", "held": "clean set, unseen"}
        yield (
            f"| {names[by]} | {names[on]} | {first} to {last} | {len(held)} | "
            f"{np.mean(held):.0%} | {np.mean(widths):.2f} | "
            f"{_rms(errors):.2f} | {_rms(gains):.2f} |"
        )


def stops(runs: Sequence[Run]) -> Iterator[str]:
    """What stopping at the first such advice saves and forgoes, against going on to the end.

    The worth of a run is its mAP less the threshold for each 1000 answers; the loss is the worth of
    the best round, seen afterwards, less that of the round stopped at.
    """
    yield (
        "| threshold | by | stopped | answers saved | mAP forgone | loss of worth | "
        "loss without stopping |"
    )
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for threshold in THRESHOLDS:
        for by, name in (("maps", "test set"), ("held", "clean set, unseen")):
            if not getattr(runs[0], by):
                continue
            saved, forgone, lost, without = [], [], [], []
            for run in runs:
                at = _stop(run, by, threshold)
                worth = np.array(run.maps) - threshold * np.array(run.costs) / 1000
                saved.append(1 - run.costs[at] / run.costs[-1])
                forgone.append(run.maps[-1] - run.maps[at])
                lost.append(worth.max() - worth[at])
                without.append(worth.max() - worth[-1])
            yield (
                f"| {threshold:g} | {name} | {np.mean(np.array(saved) > 0):.0%} | "
                f"{np.mean(saved):.0%} | {np.mean(forgone):.2f} | {np.mean(lost):.2f} | "
                f"{np.mean(without):.2f} |"
            )


def _stop(run: Run, by: str, threshold: float) -> int:
    """The first evaluation after which it is advised to stop; the last where it never is."""
    costs, maps = run.costs, getattr(run, by)
    for points in range(LEAST, len(costs)):
        told = advise(
            costs[:points],
            maps[:points],
            costs[points] - costs[points - 1],
            threshold,
            judged=run.judged[by],
        )
        if told.verdict == "stop":
            return points - 1
    return len(costs) - 1


def _runs(dataset: Dataset, base: RunSettings) -> Iterator[Run]:
    from alasl.simulation.run import simulate

    for seed in range(SEEDS):
        for strategy, ask, missing in WAYS:
            settings = replace(base, seed=seed, strategy=strategy, ask=ask, missing=missing)
            record = simulate(settings, dataset=dataset)
            held = [one.map or np.nan for one in record.out_of_fold]
            sizes = record.start.sizes
            judged = {"maps": sizes["test"], "held": sizes["clean"]}
            yield Run(record.costs, record.maps, held, judged)


def _of_study(path: Path, judged: int) -> list[Run]:
    """Some curves of a study's table, of all strategies and seeds, among those with answers."""
    curves: dict[tuple[str, ...], list[tuple[float, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            names = list(row)[: list(row).index("round")]
            curve = curves.setdefault(tuple(row[name] for name in names), [])
            curve.append((float(row["cost"]), float(row["map"])))
    asked = [list(zip(*c, strict=True)) for c in curves.values() if c[-1][0] > 0]
    return [Run(costs, maps, (), {"maps": judged}) for costs, maps in asked[::EACH]]


def _read(place: Path) -> tuple[Dataset, RunSettings]:
    """The data with its features, and runs on it that ask for a fifth of what there is."""
    from alasl.data.opening import read_data
    from alasl.models.features import features_of

    folder, table = (place, "labels.csv") if place.is_dir() else (place.parent, place.name)
    settings = RunSettings(data=str(folder), labels=table, model="logistic", summary="last")
    dataset = read_data(settings)
    rows = np.arange(min(IMAGES, len(dataset.labels.images)))
    features = features_of(dataset)[rows]
    dataset = Dataset(dataset.labels.take(rows), features=features, name=dataset.name)
    images, labels = dataset.labels.shape
    return dataset, replace(
        settings,
        rounds=ROUNDS,
        answers=round(0.2 * 0.7 * images * labels / ROUNDS),
        images=round(0.2 * 0.7 * images / ROUNDS),
        folds=3,
        stop_below=1.0,  # so that the clean set is judged too
    )


def _rms(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


if __name__ == "__main__":
    main(sys.argv[1:])
