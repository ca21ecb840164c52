"""What other models say of a data set's entries: evidence to learn from, never an entry."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import logit

from alasl.data.placed import Placed
from alasl.errors import DataError, UsageError

# Probabilities nearer to 0 or 1 are as good as these: their log-odds stay finite.
LEAST = 1e-6
# It becomes the name of a file.
Counted = tuple[NDArray[np.integer], NDArray[np.integer]]

_NAME = re.compile(r"\w[\w.+-]*")
# Sources of evidence at most: how far they are believed is weighed for every choice of them.
MOST = 8


@dataclass(frozen=True, eq=False)
class Predictions:
    """The probabilities that one other model gives N images x L labels.

    name: what the source is called. probabilities: (N, L) in [0, 1], NaN where it says nothing; an
    array, or where they lie in a file. stamp: names the content of that file where it says so
    itself; what is in it was looked at before, and is not again. counts_given: `counted`, likewise.

    >>> import numpy as np
    >>> clip = Predictions("clip", np.array([[0.9, np.nan], [np.nan, np.nan]], np.float32))
    >>> print(clip)
    clip: 1 of 4 entries, in 1 of 2 images and 1 of 2 labels
    """

    name: str
    probabilities: NDArray[np.floating] | Placed
    stamp: str = ""
    counts_given: Counted | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.stamp:
            return
        plain = self.probabilities.shape
        low, high = (np.nan, np.nan) if len(plain) != 2 else self._looked_at[:2]
        if len(plain) != 2 or low < 0 or high > 1:
            raise DataError(
                f"the predictions {self.name!r} must be probabilities (N, L) from 0 to 1",
                seen=f"shape {plain}" + ("" if np.isnan(low) else f", {low} to {high}"),
            )

    @cached_property
    def table(self) -> Placed:
        """(N, L): the probabilities, of which some are found when they are asked for."""
        found = self.probabilities
        return found if isinstance(found, Placed) else Placed(found)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return self.table.shape

    @cached_property
    def _looked_at(self) -> tuple[float, float, Counted]:
        """The least and the largest, NaN where nothing is predicted; and `counted`."""
        images, labels = self.shape
        low = high = np.nan
        by_row, by_col = np.zeros(images, np.int64), np.zeros(labels, np.int64)
        for rows, block in self.table.blocks():
            said = ~np.isnan(block)
            by_row[rows] = np.count_nonzero(said, axis=1)
            by_col += np.count_nonzero(said, axis=0)
            if by_row[rows].any():
                low = np.fmin(low, np.fmin.reduce(block, axis=None))
                high = np.fmax(high, np.fmax.reduce(block, axis=None))
        return float(low), float(high), (by_row, by_col)

    def check_shape(self, shape: tuple[int, int]) -> None:
        """Raise a `DataError` unless these are of N images x L labels, as `shape` says."""
        if self.shape != shape:
            raise DataError(
                f"the predictions {self.name!r} do not fit the images and labels",
                seen=f"{self.shape}, expected {shape}",
            )

    @cached_property
    def per_image(self) -> NDArray[np.integer]:
        """(N,): of how many labels of each image anything is predicted."""
        return self.counted[0]

    @cached_property
    def counted(self) -> Counted:
        """Of how many entries of each image (N,), and of each label (L,), anything is predicted."""
        return self._looked_at[2] if self.counts_given is None else self.counts_given

    def counts(self) -> dict[str, int]:
        """Of how many entries, images and labels anything is predicted."""
        by_row, by_col = self.counted
        return {
            "entries": int(by_row.sum()),
            "images": int(np.count_nonzero(by_row)),
            "labels": int(np.count_nonzero(by_col)),
        }

    def __str__(self) -> str:
        """Of how much anything is predicted."""
        of, (images, labels) = self.counts(), self.shape
        return (
            f"{self.name}: {of['entries']} of {images * labels} entries, in "
            f"{of['images']} of {images} images and {of['labels']} of {labels} labels"
        )

    def __repr__(self) -> str:
        return f"<Predictions {self.name}: {self.shape[0]} images, {self.shape[1]} labels>"

    @cached_property
    def digest(self) -> str:
        """Names the content: equal predictions, in whatever file, have equal digests.

        By the stamp, where there is one, and by which rows and columns of the file these are.
        """
        found = hashlib.sha256(self.stamp.encode() + str(self.shape).encode())
        if self.stamp:
            for numbers in (self.table.rows, self.table.cols):
                found.update(b"" if numbers is None else numbers.tobytes())
            return found.hexdigest()[:16]
        for _, block in self.table.blocks():
            # One pattern of bits for every NaN.
            found.update(np.where(np.isnan(block), np.float32(-1), block).astype("<f4").tobytes())
        return found.hexdigest()[:16]

    def take(self, rows: ArrayLike) -> Predictions:
        """Those of some images, in the order of `rows` (n,)."""
        return replace(self, probabilities=self.table.take(rows), counts_given=None)


@dataclass(frozen=True, eq=False)
class Evidence:
    """(S, N, L): the log-odds that S other models give each entry, found when they are asked for.

    NaN where one says nothing. tables: S of probabilities, or of log-odds where `plain`.
    """

    tables: tuple[Placed, ...]
    plain: bool = False

    @classmethod
    def of(cls, logits: NDArray[np.floating]) -> Evidence:
        """Of an array (S, N, L) of log-odds."""
        return cls(tuple(map(Placed, logits)), plain=True)

    def __len__(self) -> int:
        return len(self.tables)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(S, N, L): sources, images, labels."""
        return len(self), *self.tables[0].shape

    def take(self, rows: ArrayLike) -> Evidence:
        """That of some images, in the order of `rows` (n,)."""
        return replace(self, tables=tuple(table.take(rows) for table in self.tables))

    def take_cols(self, cols: ArrayLike) -> Evidence:
        """That of some labels, in the order of `cols` (n,)."""
        return replace(self, tables=tuple(table.take_cols(cols) for table in self.tables))

    def __getitem__(self, rows: ArrayLike | slice) -> NDArray[np.float32]:
        """(S, n, L): of some images, all labels."""
        return self._logits([table[rows] for table in self.tables])

    def at(self, rows: ArrayLike, cols: ArrayLike) -> NDArray[np.float32]:
        """(S, m): of entries at rows and columns (m,)."""
        return self._logits([table.at(rows, cols) for table in self.tables])

    def columns(self, cols: ArrayLike) -> NDArray[np.float32]:
        """(S, N, n): of all images, some labels."""
        return self._logits([table.columns(cols) for table in self.tables])

    def _logits(self, found: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        stacked = np.stack(found)
        return stacked if self.plain else log_odds(stacked)


def log_odds(probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
    """Log-odds of probabilities, which stay finite; NaN of NaN."""
    clipped = np.clip(probabilities.astype(np.float64), LEAST, 1 - LEAST)
    return np.asarray(logit(clipped), np.float32)


def digests(sources: Sequence[Predictions]) -> dict[str, str]:
    """What names the content of each source, by its name."""
    return {source.name: source.digest for source in sources}


def evidence_of(sources: Sequence[Predictions]) -> Evidence | None:
    """What S sources say, as `Inputs.evidence` has it; None of no source.

    Raises `UsageError` where two have one name, or there are more than `MOST`.
    """
    check_sources([source.name for source in sources])
    return Evidence(tuple(source.table for source in sources)) if sources else None


def check_name(name: str) -> None:
    """Raise a `UsageError` where a source may not be called so."""
    if not _NAME.fullmatch(name):
        raise UsageError("a name of predictions is of letters, digits, . _ + -", seen=repr(name))


def check_sources(names: Sequence[str]) -> None:
    """Raise a `UsageError` where two sources have one name, or there are more than `MOST`."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UsageError(
            "two files of predictions have one name",
            seen=", ".join(map(repr, twice)),
            do="name them: --predictions NAME=FILE",
        )
    if len(names) > MOST:
        raise UsageError(f"there are more than {MOST} files of predictions", seen=str(len(names)))
