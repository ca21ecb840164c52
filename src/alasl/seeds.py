"""One seed determines everything: each use draws from a named stream of its own."""

from __future__ import annotations

import zlib

import numpy as np


def stream(seed: int, *path: str | int) -> np.random.Generator:
    """A random generator for one use, e.g. `stream(0, "pick", 3)`.

    Streams of different paths are independent, so that adding a use, or leaving one out, moves no
    other: measures compared under one seed share split, noise and initial weights.
    """
    words = [zlib.crc32(str(part).encode()) for part in path]
    return np.random.default_rng(np.random.SeedSequence([seed, len(words), *words]))


def torch_seed(seed: int, *path: str | int) -> int:
    """A 63-bit seed for a `torch.Generator`, from the same named streams."""
    return int(stream(seed, *path).integers(2**63 - 1))
