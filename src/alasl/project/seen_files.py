"""Which image files are others than those that a project's features were made of.

A file counts as the same where its size and time of change are, else where its content is.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data import tars
from alasl.data.duplicates import digests
from alasl.data.images import each
from alasl.project.arrays import load_array, save_array

# Of each image by its number: size, time of change in nanoseconds, the first bytes of its digest.
# 0 where nothing is known.
MARKS = "marks.npy"

Rows = NDArray[np.intp]


def changed(folder: Path, numbers: Rows, paths: Sequence[Path]) -> NDArray[np.bool_]:
    """(n,): which files of the images `numbers` (n,) have other content than was noted.

    Of one that is not there nothing is said. What has the same content is noted anew.
    """
    kept = _kept(folder, numbers)
    found = np.zeros(len(numbers), np.bool_)
    known = np.flatnonzero(kept[:, 2])
    if not len(known):
        return found
    now = _marks([paths[at] for at in known.tolist()])
    others = (now[:, 0] >= 0) & (now != kept[known, :2]).any(axis=1)
    if not others.any():
        return found
    doubtful = known[others]
    digest = _digests([paths[at] for at in doubtful.tolist()])
    same = digest == kept[doubtful, 2]
    found[doubtful[~same]] = True
    if same.any():
        _save(folder, numbers[doubtful[same]], now[others][same], digest[same])
    return found


def note(folder: Path, numbers: Rows, paths: Sequence[Path]) -> None:
    """Note the files that features are made of, of the images `numbers` (n,)."""
    _save(folder, numbers, _marks(paths), _digests(paths))


def _marks(paths: Sequence[Path]) -> NDArray[np.int64]:
    """(n, 2): size and time of change of files; -1 of one that is not there."""
    marks = each(tars.mark, paths)
    found = [(-1, -1) if mark is None else (mark[1], mark[3]) for mark in marks]
    return np.array(found, np.int64).reshape(-1, 2)


def _digests(paths: Sequence[Path]) -> NDArray[np.int64]:
    """(n,): what tells contents apart; -1 of a file that cannot be read."""
    found, _ = digests(paths)
    return np.array([int.from_bytes(one[:7], "big") + 1 if one else -1 for one in found], np.int64)


def _kept(folder: Path, numbers: Rows) -> NDArray[np.int64]:
    """(n, 3): what is noted of images."""
    path = folder / MARKS
    found = np.zeros((len(numbers), 3), np.int64)
    if path.exists():
        kept = load_array(path)
        there = numbers < len(kept)
        found[there] = kept[numbers[there]]
    return found


def _save(folder: Path, numbers: Rows, marks: NDArray[np.int64], digest: NDArray[np.int64]) -> None:
    path = folder / MARKS
    before = load_array(path) if path.exists() else np.zeros((0, 3), np.int64)
    every = np.zeros((max(len(before), int(numbers.max(initial=-1)) + 1), 3), np.int64)
    every[: len(before)] = before
    every[numbers] = np.column_stack([marks, digest])
    save_array(path, every)
