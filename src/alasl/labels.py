"""The table of entries: which image has which label, which has it not, and what nobody checked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.counting import counted
from alasl.errors import ConflictError, DataError
from alasl.sparse import Sparse

PRESENT, ABSENT, UNKNOWN = 1, 0, -1
# The source of an entry that a model answered, and no person.
MACHINE = "machine"
# The source of an entry that follows from others.
INFERRED = "inferred"

Entries = NDArray[np.int8]
# Values that are looked at at a time.
_BLOCK = 2**20
# Entries of a whole table that is kept once it was made of the known ones.
KEPT = 2**22

OnConflict = Literal["refuse", "keep", "replace"]


class Labels:
    """A table of N images x L labels; no method changes it, each returns a new one.

    It holds whole tables (N, L) where it is given such, and the known entries alone where it is
    given those. Each gives the other on demand, but what is large should be asked in parts:
    `of` some images, `at` some places, `sparse`.

    entries: int8 (N, L), 1 present, 0 absent, -1 unknown; or the known ones, m.
    names: the L labels. images: the N image ids, e.g. file names.
    source: uint8 (N, L), where each known entry came from, as an index into `sources`; or (m,).
    """

    def __init__(
        self,
        entries: Entries | Sparse,
        names: tuple[str, ...],
        images: Sequence[str],
        sources: tuple[str, ...] = ("given",),
        source: NDArray[np.uint8] | None = None,
    ) -> None:
        self.names, self.images, self.sources = names, images, sources
        self._whole: tuple[Entries, NDArray[np.uint8]] | None = None
        self._few: tuple[Sparse, NDArray[np.uint8]] | None = None
        if not isinstance(entries, Sparse):
            entries = np.asarray(entries)
        shape = (len(images), len(names))
        if entries.shape != shape:
            raise DataError(
                "the table's shape differs from its image ids and label names",
                seen=f"{entries.shape}, {shape[0]} images, {shape[1]} labels",
            )
        values = entries.values[:, None] if isinstance(entries, Sparse) else entries
        bad = misfit(values)
        if bad is not None:
            place = int(entries.places[bad]) if isinstance(entries, Sparse) else bad
            row, col = divmod(place, len(names))
            raise DataError(
                "an entry must be 1 (present), 0 (absent) or -1 (unknown)",
                where=f"image {images[row]!r}, label {names[col]!r}",
                seen=str(values.ravel()[bad]),
            )
        # A store's are read when they are asked for, and were looked at when they came in.
        if isinstance(images, tuple):
            refuse_duplicates("image", images)
        refuse_duplicates("label", names)
        if isinstance(entries, Sparse):
            given = np.zeros(len(entries), np.uint8) if source is None else source
            self._few = entries, given
        else:
            # Of a table of another shape nothing is known of where its entries came from.
            fits = source is not None and source.shape == shape
            self._whole = (
                entries.astype(np.int8, copy=False),
                source if source is not None and fits else np.zeros(shape, np.uint8),
            )

    def but(
        self,
        entries: Entries | Sparse | None = None,
        names: tuple[str, ...] | None = None,
        images: Sequence[str] | None = None,
    ) -> Labels:
        """The same table with other entries, of which nobody says where they came from, or names.

        What came from where is kept where the entries are.
        """
        kept = self._table if entries is None else (entries, None)
        return Labels(kept[0], names or self.names, images or self.images, self.sources, kept[1])

    @property
    def _table(self) -> tuple[Entries | Sparse, NDArray[np.uint8]]:
        """Entries and sources as they are held."""
        found = self._whole or self._few
        if found is None:
            raise RuntimeError("a table holds entries")
        return found

    def __repr__(self) -> str:
        return f"<Labels: {self.counts}>"

    @property
    def counts(self) -> str:
        """How many images, labels and known entries, in words."""
        (images, labels), known = self.shape, self.filled
        return f"{images} images, {labels} labels, {known} of {images * labels} entries known"

    @property
    def filled(self) -> int:
        """How many entries are known."""
        return len(self._few[0]) if self._few else int(np.count_nonzero(self.known))

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return len(self.images), len(self.names)

    @property
    def entries(self) -> Entries:
        """int8 (N, L): 1 present, 0 absent, -1 unknown."""
        return self._tables()[0]

    @property
    def source(self) -> NDArray[np.uint8]:
        """uint8 (N, L): where each known entry came from, as an index into `sources`."""
        return self._tables()[1]

    def _tables(self) -> tuple[Entries, NDArray[np.uint8]]:
        if self._whole is not None:
            return self._whole
        whole = self.sparse.dense(), self._sourced.dense()
        if whole[0].size <= KEPT:
            self._whole = whole
        return whole

    @property
    def sparse(self) -> Sparse:
        """(N, L): the known entries, m."""
        return self._known()[0]

    @property
    def origin(self) -> NDArray[np.uint8]:
        """(m,): where each known entry came from, in the order of `sparse`."""
        return self._known()[1]

    @property
    def _sourced(self) -> Sparse:
        """uint8 (N, L): where each known entry came from, 0 for the others."""
        few = self.sparse
        return Sparse(few.shape, few.places, self.origin, 0)

    def _known(self) -> tuple[Sparse, NDArray[np.uint8]]:
        if self._few is None:
            entries, source = self._tables()
            few = Sparse.of(entries, UNKNOWN)
            self._few = few, source.ravel()[few.places]
        return self._few

    def of(self, rows: ArrayLike) -> Entries:
        """int8 (n, L): the entries of some images."""
        return self.sparse[rows] if self._whole is None else self.entries[np.asarray(rows)]

    def at(self, rows: ArrayLike, cols: ArrayLike) -> Entries:
        """int8 (n,): the entries at rows and columns (n,)."""
        if self._whole is None:
            return self.sparse.at(rows, cols)
        return np.asarray(self.entries[np.asarray(rows, np.intp), np.asarray(cols, np.intp)])

    def source_of(self, rows: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (n, L): where the entries of some images came from."""
        if self._whole is not None:
            return np.asarray(self.source[np.asarray(rows)])
        return self._sourced[rows]

    def source_at(self, rows: ArrayLike, cols: ArrayLike) -> NDArray[np.uint8]:
        """uint8 (n,): where the entries at rows and columns (n,) came from."""
        return self._sourced.at(rows, cols)

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
        return self.sparse.per_row()

    def unknown_per_image(self) -> NDArray[np.int64]:
        """(N,): unknown entries of each image, which is what answering it whole costs."""
        return np.asarray(len(self.names) - self.sparse.per_row())

    def known_per_label(self) -> NDArray[np.int64]:
        """(L,): known entries of each label."""
        return self.sparse.per_col()

    def present_per_label(self) -> NDArray[np.int64]:
        """(L,): images known to have each label."""
        return self.sparse.where(lambda values: values == PRESENT).per_col()

    def by_image(self) -> Iterator[tuple[list[int], list[int]]]:
        """Image by image the columns of its known entries, and their values."""
        few = self.sparse
        start = 0
        for end in few.per_row().cumsum().tolist():
            yield few.cols[start:end].tolist(), few.values[start:end].tolist()
            start = end

    def digest(self) -> str:
        """Names the table's content: equal tables, equal digests."""
        text = "\0".join([*self.names, "", *self.images]).encode("utf-8", "surrogatepass")
        found = hashlib.sha256(text)
        step = max(1, _BLOCK // max(1, len(self.names)))
        for start in range(0, len(self.images), step):
            rows = np.arange(start, min(start + step, len(self.images)))
            found.update(np.ascontiguousarray(self.of(rows)).tobytes())
        return found.hexdigest()[:16]

    def take(self, rows: ArrayLike) -> Labels:
        """The table of some images, in the order of `rows` (n,)."""
        rows = np.asarray(rows, dtype=np.intp)
        images = tuple(self.images[i] for i in rows)
        if self._whole is not None:
            whole, source = self._whole
            return Labels(whole[rows], self.names, images, self.sources, source[rows])
        few = self.sparse.take(rows)
        source = self._sourced.take(rows).values
        return Labels(few, self.names, images, self.sources, source)

    def only(self, held: NDArray[np.bool_]) -> Labels:
        """The table with those alone, of the known entries (m,), that a mask says."""
        few = self.sparse.only(held)
        return Labels(few, self.names, self.images, self.sources, self.origin[held])

    def forget(self, hidden: NDArray[np.bool_]) -> Labels:
        """The table with the entries of the mask `hidden` (N, L) made unknown."""
        entries = np.where(hidden, np.int8(UNKNOWN), self.entries)
        source = np.where(hidden, np.uint8(0), self.source)
        return Labels(entries, self.names, self.images, self.sources, source)

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
        sources = self.sources if source in self.sources else (*self.sources, source)
        if len(sources) > 256:
            raise DataError("a table can name at most 256 sources", seen=source)

        if on_conflict != "replace":
            # What stands first wins: the known entry, else the first answer to it.
            flat = row * len(self.names) + col
            _, first, group = np.unique(flat, return_index=True, return_inverse=True)
            before = self.at(row, col)
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
        place = sources.index(source)
        if self._whole is not None:
            entries, origin = self._whole[0].copy(), self._whole[1].copy()
            entries[row, col], origin[row, col] = answers, place
            return Labels(entries, self.names, self.images, sources, origin)
        few = self.sparse.put(row, col, answers)
        told = self._sourced.put(row, col, np.uint8(place))
        return Labels(few, self.names, self.images, sources, told.values)


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
