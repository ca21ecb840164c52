"""Images in parts, so that each is judged by a model that did not see it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from alasl.data.inputs import Inputs, Rows
from alasl.data.split import Split
from alasl.errors import UsageError
from alasl.models.base import Estimator, Job, Probabilities
from alasl.seeds import stream, torch_seed
from alasl.sparse import Made


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


class Folded:
    """Models of which each was trained without one part of the images, and judges that part.

    new: makes an untrained estimator. job: the whole training set, which each model gets without
    one part. part: (N,), from `assign_folds`; images of part -1 are judged by none.
    """

    def __init__(self, new: Callable[[], Estimator], inputs: Inputs, job: Job, part: Rows) -> None:
        self._inputs, self._part = inputs, part
        self._labels = job.targets.shape[1]
        numbers = range(part.max() + 1)
        jobs = []
        for number in numbers:
            kept = np.flatnonzero(part[job.rows] != number)
            jobs.append(job.take(kept, torch_seed(job.seed, "fold", number)))
        self._estimators = [new() for _ in numbers]
        type(self._estimators[0]).fit_many(self._estimators, inputs, jobs)

    def of(self, rows: Rows) -> Probabilities:
        """(n, L): the probabilities of images `rows` (n,); NaN of those that none judges."""
        found = np.full((len(rows), self._labels), np.nan, np.float32)
        for number, estimator in enumerate(self._estimators):
            held = np.flatnonzero(self._part[rows] == number)
            if len(held):
                found[held] = estimator.predict_proba(self._inputs.take(rows[held]))
        return found

    def at(self, rows: Rows, cols: Rows) -> Probabilities:
        """(m,): the probabilities of entries at rows and columns."""
        return Made((len(self._part), self._labels), self.of)[rows, cols]


def out_of_fold(
    new: Callable[[], Estimator], inputs: Inputs, job: Job, part: Rows
) -> Probabilities:
    """(N, L): the probabilities of each image by a model that did not see it; see `Folded`."""
    return Folded(new, inputs, job, part).of(np.arange(len(part)))
