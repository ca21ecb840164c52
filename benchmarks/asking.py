"""Is the default ever the loser? Strategies on weak features, cold starts and wrong entries.

Each cell is a kind of features and a state of the table. Features: `all`; `N`, the first N
principal axes; `N+M`, M more of pure noise, as strong as an axis is on average; `all~S`, noise of S
standard deviations added to each. States: a share `98` or `90` of the entries unknown; `absents`,
20 absents of each label known and nothing else; `nothing`; `98w`, `90w`, with 5 % of all entries
and answers wrong, those of the test set aside.

Strategies ask in rounds from the same start, and the default model learns. For each cell: mAP at
the start, at the end, and on average over the rounds, and how many times the answers of the best
other strategy one needs, as the mean of logarithms over twenty values of mAP, from half
of what all but chance reach to the whole; above 1 another strategy asks less. From `low` to `high`
is the jackknife's 95 % interval of that over seeds. Seeds are paired: each draws images, labels and
entries. `apart` is how far mAP on average is above the best other's, with its standard error.

Run: python -m benchmarks.asking FOLDER [TABLE] [--features all 50] [--missing 98 90] [--seeds 4]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import read
from alasl.data.inputs import Inputs, Rows
from alasl.data.split import Split
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries, Labels
from alasl.learner import ActiveLearner, Known
from alasl.metrics import mean_ap
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream
from alasl.settings import RunSettings
from alasl.study.stats import student_t

STRATEGIES = ("variance", "entry-entropy", "entry-positive", "random-entry")
CHANCE = "random-entry"
FEATURES = ("all", "100", "50", "20", "50+50", "all~2")
STATES = ("98", "90", "absents", "nothing", "98w", "90w")
ABSENTS, WRONG = 20, 0.05
# Images of the pool and of the test set at most, and of a small data set the share that is pool.
POOL, TEST, SHARE = 1200, 1500, 0.6
# Labels that are drawn, of those with so many presents.
LABELS, FEWEST = 20, 12

Features = NDArray[np.floating]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What all strategies and states of one seed have in common.

    prepared: all images as the model sees them. pool, test: rows. truth: int8 (N, L), complete.
    """

    seed: int
    prepared: Prepared
    pool: Rows
    test: Rows
    truth: Entries

    @classmethod
    def of(cls, features: Features, truth: Entries, seed: int) -> Trial:
        """Images and labels drawn by a seed."""
        draw = stream(seed, "asking")
        images = draw.permutation(len(truth))
        some = min(POOL, round(SHARE * len(images)))
        pool, test = np.sort(images[:some]), np.sort(images[some : some + TEST])
        usual = np.flatnonzero((truth == PRESENT).sum(axis=0) >= FEWEST)
        prepared = Prepared.of(resolve("logistic"), Inputs(features=features), pool)
        return cls(seed, prepared, pool, test, truth[:, np.sort(draw.permutation(usual)[:LABELS])])


def made(kind: str, features: Features) -> Features:
    """(N, width): features (N, D) of that kind; always the same noise."""
    if kind == "all":
        return features
    draw = stream(0, "noise", kind)
    if kind.startswith("all~"):
        noise = draw.standard_normal(features.shape, np.float32) * features.std(axis=0)
        return np.asarray(features + float(kind.removeprefix("all~")) * noise, np.float32)
    axes, _, noise_axes = kind.partition("+")
    centred = features - features.mean(axis=0)
    _, _, main = np.linalg.svd(centred, full_matrices=False)
    found = centred @ main[: int(axes)].T
    noise = draw.standard_normal((len(found), int(noise_axes or 0))) * found.std()
    return np.column_stack([found, noise]).astype(np.float32)


def curve(trial: Trial, state: str, strategy: str, each: int, rounds: int) -> Floats:
    """(rounds + 1,): mAP in per cent after each round of `each` answers a label."""
    draw = stream(trial.seed, "asking", state)
    pool, test, truth = trial.pool, trial.test, trial.truth
    if state.endswith("w"):
        wrong = draw.random(truth.shape) < WRONG
        wrong[test] = False
        truth = np.where(wrong, 1 - truth, truth)
    entries = _start(truth, pool, state.removesuffix("w"), draw)
    unknown = entries == UNKNOWN
    unknown[test] = False
    labels = truth.shape[1]
    settings = RunSettings(
        data="", seed=trial.seed, strategy=strategy, ask="entries", answers=each * labels
    )
    settings = replace(settings, rounds=rounds)
    learner = ActiveLearner(trial.prepared, Split(pool[:0], pool, test), settings, truth[test])
    asked, nothing = np.zeros(truth.shape, np.bool_), np.zeros(truth.shape, np.bool_)
    names, ids = tuple(map(str, range(labels))), tuple(map(str, range(len(truth))))
    found = []
    for number in range(rounds + 1):
        known = Known.by_masks(Labels(entries, names, ids), unknown, asked, nothing, round=number)
        some_known = (entries != UNKNOWN).any()
        if some_known:
            found.append(mean_ap(learner.train(known).ap))
        else:
            found.append(100 * float((truth[test] == PRESENT).mean()))
        if number < rounds:
            query = learner.ask(known, by=None if some_known else "random-entry:within=label")
            entries[query.rows, query.cols] = truth[query.rows, query.cols]
            asked[query.rows, query.cols] = True
    return np.array(found)


def _start(truth: Entries, pool: Rows, state: str, draw: np.random.Generator) -> Entries:
    """What is known of `truth` (N, L) at first, of the images `pool`."""
    entries = np.full(truth.shape, UNKNOWN, np.int8)
    if state == "absents":
        for label in range(truth.shape[1]):
            absent = pool[truth[pool, label] == ABSENT]
            entries[draw.choice(absent, ABSENTS, replace=False), label] = ABSENT
    elif state != "nothing":
        known = draw.random((len(pool), truth.shape[1])) >= float(state) / 100
        entries[pool] = np.where(known, truth[pool], UNKNOWN)
    return entries


def ratio(one: Floats, others: Sequence[Floats], goals: Floats) -> float:
    """How many times the answers that the quickest of some curves needs, by the mean logarithm.

    Curves of mAP by rounds, (rounds + 1,); goals: of mAP.
    """
    least = np.min([_needed(other, goals) for other in others], axis=0)
    return float(np.exp(np.mean(np.log(_needed(one, goals) / least))))


def _needed(values: Floats, goals: Floats) -> Floats:
    """Rounds until each goal is reached; what is beyond the end counts as twice the end."""
    highest = np.maximum.accumulate(values)
    found = np.interp(goals, highest + 1e-9 * np.arange(len(highest)), np.arange(len(highest)))
    return np.maximum(np.where(goals > highest[-1], 2.0 * (len(values) - 1), found), 0.05)


def times(curves: Mapping[str, Floats], one: str) -> tuple[float, float, float]:
    """How many times the answers of the best other strategy one needs, and its 95 % interval.

    curves: of each strategy, (seeds, rounds + 1). The interval is the jackknife's over seeds, of
    the logarithm; of fewer than three seeds NaN.
    """
    seeds = len(curves[one])
    logs = [np.log(_times(curves, one))]
    if seeds < 3:
        return float(np.exp(logs[0])), np.nan, np.nan
    for left_out in range(seeds):
        some = {name: np.delete(found, left_out, axis=0) for name, found in curves.items()}
        logs.append(np.log(_times(some, one)))
    parts = np.array(logs[1:])
    error = np.sqrt((seeds - 1) * parts.var()) * student_t(seeds)
    return float(np.exp(logs[0])), float(np.exp(logs[0] - error)), float(np.exp(logs[0] + error))


def _times(curves: Mapping[str, Floats], one: str) -> float:
    means = {name: found.mean(axis=0) for name, found in curves.items()}
    start = np.mean([mean[0] for mean in means.values()])
    end = min(mean.max() for name, mean in means.items() if name != CHANCE)
    goals = np.linspace((start + end) / 2, end, 20)
    return ratio(means[one], [means[other] for other in means if other != one], goals)


def rows(
    trials: Sequence[Trial], state: str, strategies: Sequence[str], each: int, rounds: int
) -> Iterator[str]:
    """A row for each strategy in one cell."""
    curves = {
        one: np.array([curve(trial, state, one, each, rounds) for trial in trials])
        for one in strategies
    }
    means = {one: found.mean(axis=0) for one, found in curves.items()}
    for one, mean in means.items():
        found = ",".join(f"{value:.2f}" for value in times(curves, one))
        others = [other for other in strategies if other != one]
        best = max(others, key=lambda other: float(means[other][1:].mean()))
        apart = (curves[one] - curves[best])[:, 1:].mean(axis=1)
        error = apart.std(ddof=1) / len(apart) ** 0.5 if len(apart) > 1 else np.nan
        yield (
            f"{one},{mean[0]:.1f},{mean[1:].mean():.2f},{mean[-1]:.2f},{found},"
            f"{apart.mean():+.2f},{error:.2f}"
        )


def main() -> None:
    """Parse, run, print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asking")
    parser.add_argument("folder", type=Path)
    parser.add_argument("table", nargs="?")
    parser.add_argument("--features", nargs="+", default=FEATURES)
    parser.add_argument("--missing", nargs="+", default=STATES)
    parser.add_argument("--strategies", nargs="+", default=STRATEGIES)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--answers", type=int, default=8, help="answers a label and round")
    parser.add_argument("--rounds", type=int, default=8)
    given = parser.parse_args()
    data = read(given.folder, labels=given.table)
    features, truth = np.asarray(features_of(data)), data.labels.entries
    seeds = range(given.seed, given.seed + given.seeds)
    print("features,state,strategy,start,map,end,times,low,high,apart,error", flush=True)
    for kind in given.features:
        seen = made(kind, features)
        trials = [Trial.of(seen, truth, seed) for seed in seeds]
        for state in given.missing:
            for row in rows(trials, state, given.strategies, given.answers, given.rounds):
                print(f"{kind},{state},{row}", flush=True)


if __name__ == "__main__":
    main()
