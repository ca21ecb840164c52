"""One seed determines everything: each use draws from a named stream of its own."""

from __future__ import annotations

import zlib

import numpy as np
from numpy.typing import NDArray


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A random generator for one use, e.g. `stream(0, "pick", 3)`.

    Streams of different paths are independent, so that adding a use, or leaving one out, moves no
    other: strategies compared under one seed share split, missing entries and initial weights.
    """
    words = [zlib.crc32(str(part).encode()) for part in path]
    return np.random.default_rng(np.random.SeedSequence([seed, len(words), *words]))


def torch_seed(seed: int, *path: str | int) -> int:
    """A 63-bit seed for a `torch.Generator`, from the same named streams."""
    return int(stream(seed, *path).integers(2**63 - 1))


def spread(ties: NDArray[np.float64], columns: int, first: int = 0) -> NDArray[np.float64]:
    """(N, columns) draws in [0, 1), from one draw (N,) in [0, 1) for each row.

    A row's draws depend on its own draw and the column alone, so that they travel with the row;
    the columns `first` and on are made.
    """
    return spread_at(ties[:, None], np.arange(first, first + columns)[None])


def spread_at(ties: NDArray[np.float64], cols: NDArray[np.integer]) -> NDArray[np.float64]:
    """As `spread`, of entries by the draws of their rows and their columns, of like shapes."""
    # SplitMix64 (Steele, Lea and Flood 2014) of the draw's bits, one step of the sequence a column.
    step = np.uint64(0x9E3779B97F4A7C15)
    bits = np.ascontiguousarray(ties, np.float64).view(np.uint64)
    state = bits + step * (cols.astype(np.uint64) + np.uint64(1))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(((state ^ (state >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53)
