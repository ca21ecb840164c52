"""A model's probabilities for images, in blocks; images that cannot be read are left out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np

from alasl.data.evidence import Predictions
from alasl.data.images import readable_images
from alasl.data.inputs import Inputs, Rows
from alasl.data.named_images import NamedImages
from alasl.errors import DataError
from alasl.models.base import Probabilities
from alasl.models.model import Model
from alasl.prediction.formats import Predicted

Progress = Callable[[int, int], None]
OnBroken = Callable[[Path, str], None]
Found = TypeVar("Found")

# Images at a time.
BLOCK = 512


def predict(
    model: Model,
    images: NamedImages,
    predictions: Sequence[Predictions] = (),
    *,
    progress: Progress | None = None,
    on_broken: OnBroken | None = None,
) -> Iterator[Predicted]:
    """The predictions of all images that can be read, in their order, a block at a time.

    predictions: of the other models that the model learned with, on the same images.
    on_broken(path, reason): called for each image that cannot be read, and is left out.
    Raises `DataError` where no image can be read, `UsageError` where predictions are missing.
    """
    inputs = replace(images.inputs, evidence=model.evidence(predictions, len(images.ids)))
    named = NamedImages(images.ids, inputs)
    return some(blocks_of(model, named, progress, on_broken), len(images.ids))


def some(found: Iterator[Found], images: int) -> Iterator[Found]:
    """What was found of so many images. Raises `DataError` where it is nothing."""
    for first in found:
        return chain([first], found)
    raise DataError("none of the images can be read", seen=f"{images} files")


def blocks_of(
    model: Model,
    images: NamedImages,
    progress: Progress | None = None,
    on_broken: OnBroken | None = None,
) -> Iterator[Predicted]:
    """As `predict`, of images that have the evidence with them; none where none can be read."""
    ids, inputs, total = images.ids, images.inputs, len(images.ids)
    for start in range(0, total, BLOCK):
        rows = np.arange(start, min(start + BLOCK, total))

        def step(done: int, _: int, start: int = start) -> None:
            if progress:
                progress(start + done, total)

        rows, probabilities = _block(model, inputs, rows, step, on_broken)
        if progress:
            progress(min(start + BLOCK, total), total)
        if len(rows):
            yield Predicted(tuple(ids[row] for row in rows.tolist()), probabilities)


def _block(
    model: Model,
    inputs: Inputs,
    rows: Rows,
    step: Progress,
    on_broken: OnBroken | None,
) -> tuple[Rows, Probabilities]:
    """The rows of some images that can be read, and their probabilities."""
    some = inputs.take(rows)
    try:
        return rows, model.predict_proba(some, progress=step)
    except DataError:
        # Images are only looked at one by one where something is wrong with one of them.
        if some.paths is None:
            raise
        good, broken = readable_images(some.files())
        if not broken:
            raise
    for path, why in broken:
        if on_broken:
            on_broken(path, why)
    rows = rows[good]
    if not len(rows):
        return rows, np.zeros((0, len(model.names)), np.float32)
    return rows, model.predict_proba(inputs.take(rows), progress=step)
