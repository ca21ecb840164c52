"""How often automatic answers break their promise, and how many there are: simulated projects.

Models are trained once on a table of each kind, five of them on ever more answers, each image by
folds that did not see it. Each project then has a test set, given entries and an audit of its own,
drawn by chance, and five trainings. Prints, for answers that the audit calibrates and for the old
way (given entries, label by label), in how many projects the promise about the table was broken at
any training, and the answers after the last one.
Run: python -m benchmarks.promises FOLDER [--table labels.csv] [--projects 1000]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from alasl.data.formats import read
from alasl.evaluate.draw import FLOOR_AUTOMATIC, inclusion, permanent_numbers, weights
from alasl.labeller import audited, given
from alasl.labeller.bound import Automatic, Bound
from alasl.labels import Labels
from alasl.models.features import features_of
from alasl.models.transforms import Flatten
from alasl.seeds import stream
from benchmarks.audits import DIRECTIONS, KINDS
from benchmarks.simulated import fit, given_entries

BUDGETS, FOLDS, TESTED = (12, 25, 50, 100, 200), 5, 0.2

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def models(x: NDArray[np.float32], truth: NDArray[np.int8], kind: str) -> list[Floats]:
    """(N, L) probabilities after each of five trainings, each image by models of the others."""
    rng = stream(0, "promises", kind)
    known = np.where(given_entries(truth, kind, rng), truth, np.int8(-1)).astype(np.int8)
    fold = rng.permutation(len(x)) % FOLDS
    found, before = [], 0
    for budget in BUDGETS:
        # What is unsure is asked, as projects do.
        if found:
            unsure = np.where(known < 0, np.abs(found[-1] - 0.3), np.inf).ravel()
            pick = np.argsort(unsure, kind="stable")[: (budget - before) * truth.shape[1]]
            known.ravel()[pick] = truth.ravel()[pick]
        before = budget
        seen = np.zeros(truth.shape)
        for number in range(FOLDS):
            rows = (known >= 0).any(axis=1) & (fold != number)
            held = fold == number
            solution = fit(x[rows], known[rows])
            seen[held] = expit(solution.logits(torch.from_numpy(x[held])).numpy())
        found.append(seen)
    return found


def broken(said: Automatic, truth: NDArray[np.int8], wrong: float) -> bool:
    """Whether more is wrong, of the table's automatic answers or of what they should leave."""
    for side in (0, 1):
        mask = said.entries == side
        mistakes = int((mask & (truth != side)).sum())
        others = int((truth != side).sum())
        if mistakes > wrong * mask.sum() or mistakes > wrong * others:
            return True
    return False


def project(
    seen: list[Floats], truth: NDArray[np.int8], kind: str, bound: Bound, seed: int
) -> dict[str, tuple[bool, int, int]]:
    """By each way: whether the promise was ever broken, and the answers on either side at last."""
    rng = stream(seed, "promise", kind)
    mask = given_entries(truth, kind, rng)
    rows = rng.permutation(len(truth))
    test, pool = np.split(rows, [round(TESTED * len(rows))])
    numbers = permanent_numbers(len(test), truth.shape[1], seed)
    pi, counted = np.zeros(numbers.shape), ~mask[test]
    names = tuple(map(str, range(truth.shape[1])))
    told = {way: [False, 0, 0] for way in ("audit", "given")}
    looks, hidden = 0, ~mask[pool]
    entries = np.where(hidden, np.int8(-1), truth[pool])
    labels = Labels(entries, names, tuple(map(str, pool)))
    for budget, p in zip(BUDGETS, seen, strict=True):
        pi = inclusion(weights(p[test], FLOOR_AUTOMATIC), counted, budget, pi)
        known = np.where(counted & (numbers < pi), truth[test], np.int8(-1))
        sample = audited.Sample(known, counted, pi, p[test])
        said = audited.answer(sample, entries, p[pool], hidden, bound.after(looks))
        looks += said is not None
        old = None
        if budget == BUDGETS[-1]:
            old = given.answer(labels, p[pool], np.arange(len(pool)), hidden, bound)
        for way, answers in (("audit", said), ("given", old)):
            if answers is not None:
                told[way][0] |= broken(answers, truth[pool], bound.wrong)
                told[way][1:] = [int((answers.entries == side).sum()) for side in (0, 1)]
    return {way: (values[0], values[1], values[2]) for way, values in told.items()}


def main() -> None:
    """Simulate, and print a line for each kind of table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--table", default="labels.csv")
    parser.add_argument("--projects", type=int, default=1000)
    parser.add_argument("--wrong", type=float, default=0.05)
    parser.add_argument("--kinds", nargs="*", default=KINDS, choices=KINDS)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    dataset = read(asked.folder, labels=asked.table)
    truth = dataset.labels.entries
    features = features_of(dataset)
    flat = Flatten.fit(features, np.arange(len(truth))).apply(features)
    x = np.ascontiguousarray(flat[:, -DIRECTIONS:])
    for kind in asked.kinds:
        seen = models(x, truth, kind)
        found = [
            project(seen, truth, kind, Bound(asked.wrong), seed) for seed in range(asked.projects)
        ]
        for way in ("audit", "given"):
            of = np.array([one[way] for one in found], float)
            unknown = (~given_entries(truth, kind, stream(0, "promise", kind))).sum()
            none = 100 * (of[:, 1:].sum(axis=1) == 0).mean()
            print(
                f"{kind}, {way}: broken in {100 * of[:, 0].mean():.1f} % of {len(of)}; absent "
                f"{of[:, 1].mean():.0f}, present {of[:, 2].mean():.0f} of "
                f"{(1 - TESTED) * unknown:.0f}; none in {none:.0f} %",
                flush=True,
            )


if __name__ == "__main__":
    main()
