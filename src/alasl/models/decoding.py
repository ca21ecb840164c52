"""Image files decoded ahead of a network, in batches: by threads, or beside a GPU by processes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from alasl.data.images import load_square
from alasl.errors import DataError
from alasl.threads import processors

# How processes that load are started. Where they can be forked, they are there at once, and need
# nothing of the program that they are made in.
HOW = "fork" if sys.platform == "linux" else "spawn"
# Batches that are begun before they are needed.
AHEAD = 2
# Batches from which on it is worth starting processes.
MANY = 16

Square = NDArray[np.uint8]


@dataclass
class Decoded:
    """A batch of files: the rows that could be decoded, and their squares (n, size, size, 3).

    bad: why the others could not be, by row.
    Between processes it is an array: a tensor would go by shared memory, of which a container has
    64 MB.
    """

    rows: list[int] = field(default_factory=list)
    squares: Square | Tensor = field(default_factory=lambda: np.empty((0, 0, 0, 3), np.uint8))
    bad: dict[int, DataError] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Sequence[tuple[int, Callable[[], Square]]]) -> Decoded:
        """Rows, and what gives the square of each."""
        found, squares = cls(), []
        for row, square in items:
            try:
                squares.append(square())
            except DataError as error:
                found.bad[row] = error
            else:
                found.rows.append(row)
        if squares:
            found.squares = np.stack(squares)
        return found

    def pin_memory(self) -> Decoded:
        """The same where a GPU copies it from; a loader's thread calls it."""
        return replace(self, squares=torch.as_tensor(self.squares).pin_memory())


def decoded(
    paths: Sequence[Path], size: int, batch: int, device: torch.device
) -> Iterator[Decoded]:
    """Successive batches of files, in order.

    Threads of one process get in each other's way where they decode for a GPU, so processes do it
    where they are there at once.
    """
    starts = range(0, len(paths), batch)
    if device.type == "cuda" and HOW == "fork" and len(starts) >= MANY:
        return _by_processes(paths, size, starts)
    return _by_threads(paths, size, starts)


def _by_threads(paths: Sequence[Path], size: int, starts: range) -> Iterator[Decoded]:
    with ThreadPoolExecutor(processors()) as pool:

        def begin(start: int) -> list[Future[Square]]:
            batch = paths[start : start + starts.step]
            return [pool.submit(load_square, path, size) for path in batch]

        ahead = [begin(start) for start in starts[:AHEAD]]
        for number, start in enumerate(starts):
            futures = ahead.pop(0)
            yield Decoded.of([(row, each.result) for row, each in enumerate(futures, start)])
            if number + AHEAD < len(starts):
                ahead.append(begin(starts[number + AHEAD]))


class _Files(Dataset[Decoded]):
    """Batches of files by the row where each begins."""

    def __init__(self, paths: Sequence[Path], size: int, batch: int) -> None:
        self._paths, self._size, self._batch = paths, size, batch

    def __getitem__(self, start: int) -> Decoded:
        some = enumerate(self._paths[start : start + self._batch], start)
        return Decoded.of([(row, partial(load_square, path, self._size)) for row, path in some])


def _by_processes(paths: Sequence[Path], size: int, starts: range) -> Iterator[Decoded]:
    yield from DataLoader(
        _Files(paths, size, starts.step),
        batch_size=None,
        sampler=starts,
        num_workers=min(processors(), len(starts)),
        pin_memory=torch.cuda.is_available(),
        multiprocessing_context=HOW,
        generator=torch.Generator(),
    )
