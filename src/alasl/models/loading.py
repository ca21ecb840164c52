"""Image files to batches of pixels, the same whatever loads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from alasl.data.images import load_square
from alasl.errors import AlaslError
from alasl.models.decoding import HOW
from alasl.seeds import stream
from alasl.threads import processors

# The most bytes of pixels that are kept: 7 000 images of 224 pixels.
KEPT = 2**30

# An image to load: the epoch that distorts it, None for none, and its place.
Item = tuple[int | None, int]


@dataclass(frozen=True)
class Squares(Dataset[Tensor | AlaslError]):
    """Images squished to squares, uint8 (3, size, size), by epoch and place.

    What is done to an image hangs on seed, epoch and its place alone; without an epoch, nothing is.
    """

    paths: Sequence[Path]
    size: int
    seed: int = 0

    def __getitem__(self, item: Item) -> Tensor | AlaslError:
        epoch, place = item
        try:
            square = load_square(self.paths[place], self.size)
        except AlaslError as error:
            # Raised in a worker it would arrive with a traceback for a message.
            return error
        if epoch is not None:
            from alasl.models.augment import augment  # takes seconds

            square = augment(square, stream(self.seed, "augment", epoch, place))
        return torch.from_numpy(square.copy()).permute(2, 0, 1)


def load_batches(
    squares: Squares,
    batches: Iterable[tuple[int | None, NDArray[np.intp]]],
    workers: int | None,
    device: torch.device,
) -> Iterator[Tensor]:
    """The images of each batch, uint8 (n, 3, size, size) on `device`.

    batches: the epoch that distorts them, None for none, and their places. They are asked for as
    they are needed, so those of a whole training may come from a generator.
    workers: processes that load; None: none beside a CPU, which they would only hold up.
    """
    if workers is None:
        workers = min(8, processors()) if device.type == "cuda" else 0
    loader = DataLoader(
        squares,
        batch_sampler=_Items(batches),
        num_workers=workers,
        # Named, as in a process of a study the default is that of whoever started it.
        multiprocessing_context=HOW if workers else None,
        collate_fn=_stack,
        pin_memory=device.type == "cuda",
        # Of its own, since a loader draws from the global one by default.
        generator=torch.Generator(),
    )
    for images in loader:
        if isinstance(images, AlaslError):
            raise images
        yield images.to(device, non_blocking=True)


class _Items:
    """Batches as a loader takes them: a list of items each."""

    def __init__(self, batches: Iterable[tuple[int | None, NDArray[np.intp]]]) -> None:
        self._batches = batches

    def __iter__(self) -> Iterator[list[Item]]:
        for epoch, places in self._batches:
            yield [(epoch, place) for place in places.tolist()]


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
