"""Predictions by many processes at once, on one machine or a cluster of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from alasl.clusters import Workers
from alasl.data.evidence import Predictions
from alasl.data.inputs import Inputs
from alasl.data.named_images import NamedImages
from alasl.models.device import use_gpu
from alasl.models.model import Model
from alasl.prediction.formats import Predicted
from alasl.prediction.predict import BLOCK, OnBroken, Progress, blocks_of, some

# Entries that a worker takes at a time at most: their pieces are held until they are written.
SHARE = 2**22

Piece = Callable[[Predicted], Any]


def predict_by(
    workers: Workers,
    model: Model,
    file: Path,
    images: NamedImages,
    piece: Piece,
    predictions: Sequence[Predictions] = (),
    *,
    trust: bool = False,
    progress: Progress | None = None,
    on_broken: OnBroken | None = None,
) -> Iterator[Any]:
    """`piece` of each block that `predict` gives, in their order, made by workers.

    file: the model's, which workers must reach by the same path, as image files; features are sent
    to them. trust: as for `Model.load`. progress(done, of) is called after each share.
    """
    total = len(images.ids)
    inputs = replace(images.inputs, evidence=model.evidence(predictions, total))
    # Of whole blocks, so that they are those that one process makes.
    most = SHARE // (BLOCK * len(model.names))
    size = BLOCK * max(1, min(most, -(-total // (BLOCK * workers.count))))
    parts = [slice(start, start + size) for start in range(0, total, size)]
    jobs = [
        (number, file.resolve(), trust, NamedImages(images.ids[rows], _cut(inputs, rows)), piece)
        for number, rows in enumerate(parts)
    ]

    def pieces() -> Iterator[Any]:
        waiting: dict[int, tuple[list[Any], list[tuple[Path, str]]]] = {}
        written = done = 0
        for number, count, *found in workers.map(_share, jobs):
            waiting[number] = found
            done += count
            if progress:
                progress(done, total)
            while written in waiting:
                made, broken = waiting.pop(written)
                for path, why in broken:
                    if on_broken:
                        on_broken(path, why)
                yield from made
                written += 1

    return some(pieces(), total)


def _cut(inputs: Inputs, rows: slice) -> Inputs:
    """Some of all images, which hold nothing of the others."""
    features, paths, evidence = inputs.features, inputs.paths, inputs.evidence
    return Inputs(
        None if features is None else features[rows],
        None if paths is None else paths[rows],
        None if evidence is None else evidence.take(np.arange(len(inputs))[rows]),
    )


def _share(
    number: int, file: Path, trust: bool, images: NamedImages, piece: Piece
) -> tuple[int, int, list[Any], list[tuple[Path, str]]]:
    """What a worker does: its number, how many images, the pieces, and what cannot be read."""
    use_gpu(number)
    broken: list[tuple[Path, str]] = []
    blocks = blocks_of(
        Model.load(file, trust=trust), images, on_broken=lambda *one: broken.append(one)
    )
    return number, len(images.ids), [piece(block) for block in blocks], broken
