"""Images in parts, so that each is judged by a model that did not see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Inputs, Rows
from alasl.data.split import Split
from alasl.errors import UsageError
from alasl.models.base import Estimator, Job, Probabilities
from alasl.seeds import stream, torch_seed


def assign_folds(split: Split, images: int, folds: int, seed: int) -> Rows:
    """(N,): the part, 0 to folds - 1, of each image of the clean set and of the pool; -1 elsewhere.

    Each of the two sets is shared out evenly by itself, by chance; images of one group of the split
    come into one part. Raises `UsageError` where there are more parts than images of the pool, or
    than clean images, if there are any.
    """
    if folds > min(len(part) for part in (split.clean, split.pool) if len(part)):
        raise UsageError(
            "each part needs a clean image and one of the pool",
            seen=f"--folds {folds}, {len(split.clean)} clean images, {len(split.pool)} in the pool",
            do="lower --folds",
        )
    part = np.full(images, -1, np.intp)
    sets = (("clean", split.clean), ("pool", split.pool))
    if split.groups is None or len(np.unique(split.groups[split.seen])) == len(split.seen):
        for name, rows in sets:
            part[stream(seed, "folds", name).permutation(rows)] = np.arange(len(rows)) % folds
        return part
    of_group: dict[int, int] = {}
    for name, rows in sets:
        _assign_groups(part, rows, split.groups, of_group, folds, stream(seed, "folds", name))
    return part


def _assign_groups(
    part: Rows,
    rows: Rows,
    groups: Rows,
    of_group: dict[int, int],
    folds: int,
    rng: np.random.Generator,
) -> None:
    """Share out one set by whole groups: large ones first, each to the part with fewest images.

    of_group: where groups are already, which is added to.
    """
    shuffled = rng.permutation(rows)
    members: dict[int, list[int]] = {}
    for row, group in zip(shuffled.tolist(), groups[shuffled].tolist(), strict=True):
        members.setdefault(group, []).append(row)
    filled = [0] * folds
    ordered = sorted(members, key=lambda group: (group not in of_group, -len(members[group])))
    for group in ordered:
        number = of_group.setdefault(group, min(range(folds), key=filled.__getitem__))
        part[members[group]] = number
        filled[number] += len(members[group])


def out_of_fold(
    new: Callable[[], Estimator], inputs: Inputs, job: Job, part: Rows
) -> Probabilities:
    """(N, L): the probabilities of each image by a model that was trained on the other parts.

    new: makes an untrained estimator. job: the whole training set, which each model gets without
    one part. part: (N,), from `assign_folds`; images of part -1 get NaN.
    """
    found: NDArray[np.float32] = np.full((len(part), job.targets.shape[1]), np.nan, np.float32)
    numbers = range(part.max() + 1)
    jobs = []
    for number in numbers:
        kept = np.flatnonzero(part[job.rows] != number)
        jobs.append(job.take(kept, torch_seed(job.seed, "fold", number)))
    estimators = [new() for _ in numbers]
    type(estimators[0]).fit_many(estimators, inputs, jobs)
    for number, estimator in zip(numbers, estimators, strict=True):
        held = np.flatnonzero(part == number)
        found[held] = estimator.predict_proba(inputs.take(held))
    return found
