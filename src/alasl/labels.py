"""The table of entries: which image has which label, which has it not, and what nobody checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.counting import counted
from alasl.errors import ConflictError, DataError

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
# The source of an entry that a model answered, and no person.
MACHINE = "machine"
# The source of an entry that follows from others.
INFERRED = "inferred"

Entries = NDArray[np.int8]
# Values that are looked at at a time.
_BLOCK = 2**20

OnConflict = Literal["refuse", "keep", "replace"]


@dataclass(frozen=True, eq=False)
class Labels:
    """A table of N images x L labels; no method changes it, each returns a new one.

    entries: int8 (N, L), 1 present, 0 absent, -1 unknown.
    names: the L labels. images: the N image ids, e.g. file names.
    source: uint8 (N, L), where each known entry came from, as an index into `sources`.
    """

    entries: Entries
    names: tuple[str, ...]
    images: tuple[str, ...]
    sources: tuple[str, ...] = ("given",)
    source: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0), np.uint8))

    def __post_init__(self) -> None:
        entries = np.asarray(self.entries)
        shape = (len(self.images), len(self.names))
        if entries.shape != shape:
            raise DataError(
                "the table's shape differs from its image ids and label names",
                seen=f"{entries.shape}, {shape[0]} images, {shape[1]} labels",
            )
        bad = misfit(entries)
        if bad is not None:
            row, col = divmod(bad, len(self.names))
            raise DataError(
                "an entry must be 1 (present), 0 (absent) or -1 (unknown)",
                where=f"image {self.images[row]!r}, label {self.names[col]!r}",
                seen=str(entries[row, col]),
            )
        refuse_duplicates("image", self.images)
        refuse_duplicates("label", self.names)
        object.__setattr__(self, "entries", entries.astype(np.int8, copy=False))
        if self.source.shape != shape:
            object.__setattr__(self, "source", np.zeros(shape, np.uint8))

    def __repr__(self) -> str:
        return f"<Labels: {self.counts}>"

    @property
    def counts(self) -> str:
        """How many images, labels and known entries, in words."""
        (images, labels), known = self.shape, int(self.known.sum())
        return f"{images} images, {labels} labels, {known} of {images * labels} entries known"

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return len(self.images), len(self.names)

    @property
    def known(self) -> NDArray[np.bool_]:
        """(N, L): True where the entry is known."""
        return np.asarray(self.entries != UNKNOWN)

    @property
    def unknown(self) -> NDArray[np.bool_]:
        """(N, L): True where the entry is unknown."""
        return np.asarray(self.entries == UNKNOWN)

    def known_per_image(self) -> NDArray[np.int64]:
        """(N,): known entries of each image."""
        return np.asarray(self.known.sum(axis=1))

    def unknown_per_image(self) -> NDArray[np.int64]:
        """(N,): unknown entries of each image, which is what answering it whole costs."""
        return np.asarray(self.unknown.sum(axis=1))

    def known_per_label(self) -> NDArray[np.int64]:
        """(L,): known entries of each label."""
        return np.asarray(self.known.sum(axis=0))

    def present_per_label(self) -> NDArray[np.int64]:
        """(L,): images known to have each label."""
        return np.asarray((self.entries == PRESENT).sum(axis=0))

    def digest(self) -> str:
        """Names the table's content: equal tables, equal digests."""
        text = "\0".join([*self.names, "", *self.images]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(text + self.entries.tobytes()).hexdigest()[:16]

    def take(self, rows: ArrayLike) -> Labels:
        """The table of some images, in the order of `rows` (n,)."""
        rows = np.asarray(rows, dtype=np.intp)
        return replace(
            self,
            entries=self.entries[rows],
            images=tuple(self.images[i] for i in rows),
            source=self.source[rows],
        )

    def forget(self, hidden: NDArray[np.bool_]) -> Labels:
        """The table with the entries of the mask `hidden` (N, L) made unknown."""
        entries = np.where(hidden, np.int8(UNKNOWN), self.entries)
        return replace(self, entries=entries, source=np.where(hidden, np.uint8(0), self.source))

    def merge(
        self,
        rows: ArrayLike,
        cols: ArrayLike,
        values: ArrayLike,
        source: str,
        on_conflict: OnConflict = "refuse",
    ) -> Labels:
        """The table with answers filled in, remembering that they came from `source`.

        rows, cols, values: (n,) each; a value of -1 ("cannot tell") leaves its entry as it is.
        An answer that contradicts a known entry, or another answer, is refused with a
        `ConflictError` and nothing is merged; `keep` lets the known entry stand, `replace` the
        (last) answer.
        """
        answers = np.asarray(values, np.int8)
        if misfit(answers) is not None:
            raise DataError("an answer must be 1 (present), 0 (absent) or -1 (cannot tell)")
        definite = answers != UNKNOWN
        row, col = np.asarray(rows, np.intp)[definite], np.asarray(cols, np.intp)[definite]
        answers = answers[definite]
        entries, origin = self.entries.copy(), self.source.copy()
        sources = self.sources if source in self.sources else (*self.sources, source)
        if len(sources) > 256:
            raise DataError("a table can name at most 256 sources", seen=source)

        if on_conflict != "replace":
            # What stands first wins: the known entry, else the first answer to it.
            flat = row * entries.shape[1] + col
            _, first, group = np.unique(flat, return_index=True, return_inverse=True)
            before = entries[row, col]
            current = np.where(before == UNKNOWN, answers[first][group], before)
            clash = current != answers
            if clash.any() and on_conflict == "refuse":
                cases = [
                    f"image {self.images[row[i]]!r}, label {self.names[col[i]]!r}: "
                    f"{current[i]} stands, {answers[i]} was answered"
                    for i in np.flatnonzero(clash)
                ]
                raise ConflictError(
                    f"{len(cases)} answers from {source!r} contradict what is known; "
                    "nothing was merged",
                    more=cases,
                    do="say which to believe: keep what is known, or replace it",
                )
            fresh = ~clash & (before == UNKNOWN)
            row, col, answers = row[fresh], col[fresh], answers[fresh]
        entries[row, col] = answers
        origin[row, col] = sources.index(source)
        return replace(self, entries=entries, source=origin, sources=sources)


def misfit(values: NDArray[Any]) -> int | None:
    """The place, read row by row, of the first value other than 1, 0 and -1; None without one."""
    if values.dtype.kind in "iub" and (
        values.size == 0 or (values.min() >= UNKNOWN and values.max() <= PRESENT)
    ):
        return None
    # np.isin takes 12 bytes a value: a whole table would not fit.
    width = math.prod(values.shape[1:])
    step = max(1, _BLOCK // max(1, width))
    for start in range(0, len(values), step):
        bad = ~np.isin(values[start : start + step], (PRESENT, ABSENT, UNKNOWN))
        if bad.any():
            return start * width + int(bad.argmax())
    return None


def refuse_duplicates(kind: str, names: Sequence[str]) -> None:
    """Raise a `DataError` naming every id or name that stands more than once."""
    if len(set(names)) == len(names):
        return
    seen: set[str] = set()
    twice = sorted({name for name in names if name in seen or seen.add(name)})  # type: ignore[func-returns-value]
    raise DataError(
        f"{counted(len(twice), f'{kind} name is', f'{kind} names are')} there more than once",
        more=[repr(name) for name in twice],
        do=f"give each {kind} one row or column of its own",
    )
