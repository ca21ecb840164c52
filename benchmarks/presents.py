"""Tables of presents only: what training makes of them, and what asking brings, in mAP.

Of the images that are not for testing a share of the presents is known and no absent; test entries
are complete. For each share and number of answers (by the default, from an oracle) it prints the
mAP of the default, of what it would be with unknown entries ignored or taken for absent, and of a
probe by each loss on the very same entries; and of the default after as many answers by chance.
Run: python -m benchmarks.presents FOLDER [--labels labels.csv] [--seeds 3] [--loss an ll-r ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from alasl.data.formats import read
from alasl.data.inputs import Inputs
from alasl.data.split import Split
from alasl.labels import PRESENT, UNKNOWN, Labels
from alasl.learner import ActiveLearner, Known
from alasl.losses import available
from alasl.models.features import features_of
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve
from alasl.seeds import stream
from alasl.settings import RunSettings

SHARES, ROUNDS, ANSWERS, SHOWN = (1.0, 0.5, 0.2), 4, 500, (0, 1, 4)
CHANCE = "random-entry"


def split_of(images: int, seed: int) -> Split:
    """A quarter to test on, a tenth that is never asked, and the rest."""
    order = stream(seed, "presents", "split").permutation(images)
    test, clean = images // 4, images // 10
    return Split(order[test : test + clean], order[test + clean :], order[:test])


def known_at_first(truth: Labels, split: Split, share: float, seed: int) -> Known:
    """A share of the presents outside the test set, and the test set."""
    entries = truth.entries.copy()
    told = (entries == PRESENT) & (stream(seed, "presents").random(entries.shape) < share)
    told[split.test] = True
    entries[~told] = UNKNOWN
    unknown = entries == UNKNOWN
    unknown[split.clean] = False
    none = np.zeros(entries.shape, np.bool_)
    return Known.by_masks(truth.but(entries), unknown, none, none)


def learner_of(
    features: np.ndarray, truth: Labels, split: Split, settings: RunSettings
) -> ActiveLearner:
    """A learner on these features by these settings."""
    kind = resolve(settings.model, settings.training())
    prepared = Prepared.of(kind, Inputs(features), split.seen)
    return ActiveLearner(prepared, split, settings, truth.entries[split.test])


def asking(learner: ActiveLearner, known: Known, truth: Labels) -> Iterator[tuple[Known, float]]:
    """What is known at first and after each round, and the mAP by then."""
    for left in range(ROUNDS, -1, -1):
        yield known, mean_ap_of(learner, known)
        if left:
            query = learner.ask(known)
            rows, cols = query.rows, query.cols
            asked = known.asked.put(rows, cols, True)
            told = known.human_labels.merge(rows, cols, truth.entries[rows, cols], "oracle")
            known = replace(
                known, human_labels=told, asked=asked, round=known.round + 1, memory=query.memory
            )


def mean_ap_of(learner: ActiveLearner, known: Known) -> float:
    """mAP on the test set after training on this."""
    return learner.train(known).epochs[-1]


def compared(losses: list[str], share: float, base: RunSettings) -> dict[str, RunSettings]:
    """What the default is compared with, by name; `propensity` is told the true share."""
    found = {"ignore": replace(base, assume="ignore"), "absent": replace(base, assume="absent")}
    for name in losses:
        loss = f"{name}:marked={share}" if name == "propensity" else name
        found[name] = replace(base, model="probe", loss=loss, assume="ignore")
    return found


def measured(
    features: np.ndarray, truth: Labels, share: float, losses: list[str], seed: int
) -> dict[str, list[float]]:
    """mAP at the answers shown, by the default, by chance, and by each that is compared."""
    split, base = split_of(len(features), seed), RunSettings(seed=seed, answers=ANSWERS)
    found: dict[str, list[float]] = {}
    start = known_at_first(truth, split, share, seed)
    for name, strategy in (("default", base.strategy), ("by chance", CHANCE)):
        learner = learner_of(features, truth, split, replace(base, strategy=strategy))
        for number, (known, reached) in enumerate(asking(learner, start, truth)):
            if number not in SHOWN:
                continue
            found.setdefault(name, []).append(reached)
            if name == "default":
                for other, settings in compared(losses, share, base).items():
                    beside = learner_of(features, truth, split, settings)
                    found.setdefault(other, []).append(mean_ap_of(beside, known))
    return found


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", default="labels.csv")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shares", nargs="*", type=float, default=SHARES)
    parser.add_argument("--loss", nargs="*", default=sorted(available()))
    told = parser.parse_args()
    torch.set_num_threads(1)
    dataset = read(told.folder, labels=told.labels)
    features = features_of(dataset)
    print("| presents known | | " + " | ".join(f"{ANSWERS * n} answers" for n in SHOWN) + " |")
    print("| --- " * (2 + len(SHOWN)) + "|")
    for share in told.shares:
        seeds = [
            measured(features, dataset.labels, share, told.loss, seed) for seed in range(told.seeds)
        ]
        for name in seeds[0]:
            mean = np.mean([each[name] for each in seeds], axis=0)
            cells = " | ".join(f"{value:.1f}" for value in mean)
            print(f"| {share:.0%} | {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
