"""What models say of images that they did not see: the images in parts, a model for each part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.data.split import Split
from alasl.errors import UsageError
from alasl.labels import Entries
from alasl.models.classifier import Classifier, Probabilities, Rows
from alasl.seeds import stream, torch_seed


def deal(split: Split, images: int, folds: int, seed: int) -> Rows:
    """(N,): the part, 0 to folds - 1, of each image of the clean set and of the pool; -1 elsewhere.

    Each of the two sets is shared out evenly by itself, by chance.
    Raises `UsageError` where there are more parts than clean images.
    """
    if folds > min(len(split.clean), len(split.pool)):
        raise UsageError(
            "each part needs a clean image and one of the pool",
            seen=f"--folds {folds}, {len(split.clean)} clean images, {len(split.pool)} in the pool",
            do="lower --folds",
        )
    part = np.full(images, -1, np.intp)
    for name, rows in (("clean", split.clean), ("pool", split.pool)):
        part[stream(seed, "folds", name).permutation(rows)] = np.arange(len(rows)) % folds
    return part


def out_of_fold(
    classifier: Classifier,
    rows: Rows,
    targets: Entries,
    part: Rows,
    *,
    seed: int,
    weights: NDArray[np.floating] | None = None,
) -> Probabilities:
    """(N, L): the probabilities of each image by a model that was trained on the other parts.

    rows (n,), targets and weights (n, L): the whole training set, as for `Classifier.fit`, which
    each model gets without one part. part: (N,), from `deal`; images of part -1 get NaN.
    """
    told = np.full((len(part), targets.shape[1]), np.nan, np.float32)
    for number in range(part.max() + 1):
        kept, held = part[rows] != number, np.flatnonzero(part == number)
        classifier.fit(
            rows[kept],
            targets[kept],
            seed=torch_seed(seed, "fold", number),
            weights=None if weights is None else weights[kept],
        )
        told[held] = classifier.predict(held)
    return told
