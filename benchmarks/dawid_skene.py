"""Errors left by what several people's answers come to, by how many entries they answered.

Beside most votes (a tie is a coin) and rates that are the same for all labels. Labels are as hard
as each other, or differ strongly.

Run: python -m benchmarks.dawid_skene
"""

from __future__ import annotations

import itertools
from unittest import mock

import numpy as np

from alasl.project import dawid_skene as module
from alasl.project.agreement import Answers
from alasl.project.dawid_skene import MOST, dawid_skene
from alasl.seeds import stream

LABELS = 8
PEOPLE = ((0.05, 0.2, 0.2), (0.1, 0.1, 0.1), (0.05, 0.1, 0.2, 0.2, 0.3), (0.15, 0.15), (0.05, 0.25))
PRESENT, SPREADS = (0.03, 0.1, 0.3, 0.6), (0.0, 0.5, 1.0)
# Images, and seeds.
SIZES = ((12, 40), (36, 20), (125, 8), (400, 4), (1250, 2))


def main() -> None:
    """Print a row for each number of entries: per cent wrong on average, and the worst case."""
    print("entries,most_votes,same_rates,ours,worst_to_the_better_of_both,where")
    cases = list(itertools.product(PEOPLE, PRESENT, SPREADS))
    for images, seeds in SIZES:
        rows = np.array([_wrong(images, seeds, *case) for case in cases])
        better = np.minimum(rows[:, 0], rows[:, 1])
        worst = rows[:, 2] / np.maximum(better, 1e-9)
        # Where next to nothing is wrong either way, a ratio says nothing.
        worst[rows[:, 2] - better < 0.1] = 1.0
        mean, at = rows.mean(axis=0), int(worst.argmax())
        figures = ",".join(f"{value:.1f}" for value in mean)
        where = " ".join(map(str, cases[at]))
        print(f"{images * LABELS},{figures},{worst[at]:.2f},{where}", flush=True)


def _wrong(
    images: int, seeds: int, errors: tuple[float, ...], present: float, spread: float
) -> tuple[float, float, float]:
    votes = same = ours = 0.0
    for seed in range(seeds):
        answers, truth = _answered(images, seed, errors, present, spread)
        ours += _share_wrong(answers, truth)
        with mock.patch.object(module, "_strength", return_value=MOST):
            same += _share_wrong(answers, truth)
        said = np.zeros(truth.shape)
        np.add.at(said, (answers.rows, answers.cols), answers.values)
        tied = said * 2 == len(errors)
        votes += float(np.where(tied, 0.5, (said * 2 > len(errors)) != truth).mean())
    return 100 * votes / seeds, 100 * same / seeds, 100 * ours / seeds


def _share_wrong(answers: Answers, truth: np.ndarray) -> float:
    found = dawid_skene(answers)
    return float(((found.probability > 0.5) != truth[found.rows, found.cols]).mean())


def _answered(
    images: int, seed: int, errors: tuple[float, ...], present: float, spread: float
) -> tuple[Answers, np.ndarray]:
    rng = stream(seed, "answers", images, len(errors), round(100 * present), round(10 * spread))
    truth = (rng.random((images, LABELS)) < present).astype(np.int8)
    rows, cols = (places.ravel() for places in np.indices(truth.shape))
    said = []
    for error in errors:
        rates = error * np.exp(spread * rng.standard_normal((2, LABELS)))
        wrong = rng.random(truth.shape) < np.where(truth == 1, *np.clip(rates, 0.01, 0.45))
        said.append(np.where(wrong, 1 - truth, truth).ravel())
    people = len(errors)
    names = np.repeat([f"p{p}" for p in range(people)], len(rows)).tolist()
    values = np.concatenate(said)
    return Answers.of(np.tile(rows, people), np.tile(cols, people), names, values), truth


if __name__ == "__main__":
    main()
