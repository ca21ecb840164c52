"""One seed determines everything: each use draws from a named stream of its own."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# The step of PCG64 (O'Neill 2014), NumPy's generator: state * _FACTOR + its increment, of 128 bits.
_FACTOR = 0x2360ED051FC65DA44385DF649FCCF645
_LOW, _HALF, _32 = 2**64 - 1, np.uint64(2**32 - 1), np.uint64(32)
_Bits = NDArray[np.uint64]
Floats = NDArray[np.float64]


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


def random_at(streams: Sequence[np.random.Generator], places: NDArray[np.integer]) -> Floats:
    """(n, S): what `random(many)` of each of S fresh streams has at places (n,).

    In time by the places, not by how far they are: the streams jump there, all at once.
    """
    states = [one.bit_generator.state["state"] for one in streams]
    state = _split([one["state"] for one in states])
    step = _split([one["inc"] for one in states])
    found = np.empty((len(places), len(streams)))
    before = -1
    for at in np.argsort(places, kind="stable").tolist():
        many = int(places[at]) - before
        power = pow(_FACTOR, many, (_FACTOR - 1) << 128)
        state = _plus(_times(state, power), _times(step, (power - 1) // (_FACTOR - 1)))
        high, low = state
        turn = high >> np.uint64(58)
        mixed = high ^ low
        turned = np.bitwise_or(mixed >> turn, mixed << (-turn & np.uint64(63)))
        found[at] = (turned >> np.uint64(11)) * 2.0**-53
        before = int(places[at])
    return found


def _split(numbers: list[int]) -> tuple[_Bits, _Bits]:
    """The high and the low 64 bits of numbers."""
    high, low = zip(*(divmod(number, 2**64) for number in numbers), strict=True)
    return np.array(high, np.uint64), np.array(low, np.uint64)


def _plus(one: tuple[_Bits, _Bits], other: tuple[_Bits, _Bits]) -> tuple[_Bits, _Bits]:
    low = one[1] + other[1]
    return one[0] + other[0] + (low < other[1]).astype(np.uint64), low


def _times(number: tuple[_Bits, _Bits], factor: int) -> tuple[_Bits, _Bits]:
    (high, low), above, below = number, np.uint64(factor >> 64 & _LOW), np.uint64(factor & _LOW)
    first = (low & _HALF) * (below & _HALF)
    second = (low >> _32) * (below & _HALF) + (first >> _32)
    third = (low & _HALF) * (below >> _32) + (second & _HALF)
    carried = (low >> _32) * (below >> _32) + (second >> _32) + (third >> _32)
    return carried + high * below + low * above, low * below
