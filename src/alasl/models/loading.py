"""Image files to batches of pixels, the same whatever loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from alasl.data.images import load_square
from alasl.errors import AlaslError
from alasl.models.augment import augment
from alasl.seeds import stream
from alasl.threads import processors

# The most bytes of pixels that are kept: 7 000 images of 224 pixels.
KEPT = 2**30


@dataclass(frozen=True)
class Squares(Dataset[Tensor | AlaslError]):
    """Images squished to squares, uint8 (3, size, size), distorted where `epoch` is given.

    What is done to an image hangs on seed, epoch and its place alone.
    """

    paths: Sequence[Path]
    size: int
    seed: int = 0
    epoch: int | None = None

    def __getitem__(self, place: int) -> Tensor | AlaslError:
        try:
            square = load_square(self.paths[place], self.size)
        except AlaslError as error:
            # Raised in a worker it would arrive with a traceback for a message.
            return error
        if self.epoch is not None:
            square = augment(square, stream(self.seed, "augment", self.epoch, int(place)))
        return torch.from_numpy(square.copy()).permute(2, 0, 1)


def load_batches(
    squares: Squares, places: Sequence[NDArray[np.intp]], workers: int | None, device: torch.device
) -> Iterator[Tensor]:
    """The images of each of `places`, uint8 (n, 3, size, size) on `device`.

    workers: processes that load; None: none beside a CPU, which they would only hold up.
    """
    if workers is None:
        workers = min(8, processors()) if device.type == "cuda" else 0
    loader = DataLoader(
        squares,
        batch_sampler=[batch.tolist() for batch in places],
        num_workers=workers,
        collate_fn=_stack,
        pin_memory=device.type == "cuda",
        # Of its own, since a loader draws from the global one by default.
        generator=torch.Generator(),
    )
    for images in loader:
        if isinstance(images, AlaslError):
            raise images
        yield images.to(device, non_blocking=True)


class Batches:
    """Batches of pixels that are gone through again and again: loaded once, if memory allows.

    load: begins to load them. size: how many bytes they are; more than `KEPT` are not kept.
    """

    def __init__(self, load: Callable[[], Iterator[Tensor]], size: int) -> None:
        self._load, self._fits = load, size <= KEPT
        self._batches: list[Tensor] | None = None

    def __iter__(self) -> Iterator[Tensor]:
        if not self._fits:
            return self._load()
        if self._batches is None:
            self._batches = list(self._load())
        return iter(self._batches)


def _stack(items: list[Tensor | AlaslError]) -> Tensor | AlaslError:
    for item in items:
        if isinstance(item, AlaslError):
            return item
    return torch.stack(items)  # type: ignore[arg-type]
