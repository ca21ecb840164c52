"""Tables that are not held whole: of which few entries hold anything, or that are made by rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

Places = NDArray[np.int64]
# Entries of a table that are looked at at a time.
_BLOCK = 2**22


@dataclass(frozen=True, eq=False)
class Sparse:
    """A table of N rows x L columns; no method changes it.

    shape: (N, L). places: int64 (m,), ascending: row times L plus column of what is held. values:
    (m,), what it is. empty: what all other entries are; (L,) where that differs by column.

    >>> import numpy as np
    >>> table = Sparse.of(np.array([[-1, 1], [-1, -1], [0, -1]], np.int8))
    >>> len(table), table.per_row().tolist(), table.at([0, 1], [1, 1]).tolist()
    (2, [1, 0, 1], [1, -1])
    >>> table[[2, 0]]
    array([[ 0, -1],
           [-1,  1]], dtype=int8)
    """

    shape: tuple[int, int]
    places: Places
    values: NDArray[Any]
    empty: float | NDArray[Any] = -1

    ndim: ClassVar[int] = 2

    @classmethod
    def of(cls, table: NDArray[Any], empty: int = -1) -> Sparse:
        """What a whole table (N, L) holds."""
        step = max(1, _BLOCK // max(1, table.shape[1]))
        places, values = [np.zeros(0, np.int64)], [table[:0].ravel()]
        for start in range(0, len(table), step):
            block = table[start : start + step]
            found = np.flatnonzero(block != empty)
            places.append(start * table.shape[1] + found)
            values.append(block.ravel()[found])
        shape = (len(table), table.shape[1])
        return cls(shape, np.concatenate(places), np.concatenate(values), empty)

    @classmethod
    def at_places(
        cls,
        shape: tuple[int, int],
        rows: ArrayLike,
        cols: ArrayLike,
        values: Any,
        empty: float = -1,
    ) -> Sparse:
        """With values, (m,) or one for all, at rows and columns (m,); of equal places the last."""
        nothing = cls(shape, np.zeros(0, np.int64), np.asarray(values).ravel()[:0], empty)
        return nothing.put(rows, cols, values)

    def put(self, rows: ArrayLike, cols: ArrayLike, values: Any) -> Sparse:
        """With values, (m,) or one for all, at rows and columns (m,); of equal places the last."""
        new = np.asarray(rows, np.int64) * self.shape[1] + np.asarray(cols, np.int64)
        values = np.broadcast_to(np.asarray(values, self.values.dtype), new.shape)
        # The last of equal places is the first from behind.
        places = np.concatenate([self.places, new])[::-1]
        places, first = np.unique(places, return_index=True)
        whole = np.concatenate([self.values, values])[::-1]
        return Sparse(self.shape, places, whole[first], self.empty)

    def __len__(self) -> int:
        return len(self.places)

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        """NumPy would make a whole table of it unasked, element by element."""
        raise TypeError("a sparse table is no array: take some rows, or all by dense()")

    @cached_property
    def rows(self) -> Places:
        """(m,): the row of what is held."""
        return np.asarray(self.places // max(1, self.shape[1]))

    @cached_property
    def cols(self) -> Places:
        """(m,): the column of what is held."""
        return np.asarray(self.places - self.rows * self.shape[1])

    def dense(self) -> NDArray[Any]:
        """(N, L): the whole table."""
        table = np.full(self.shape, self.empty, self.values.dtype)
        table.ravel()[self.places] = self.values
        return table

    def __getitem__(self, at: ArrayLike | slice | tuple[ArrayLike, ArrayLike]) -> NDArray[Any]:
        """As of the whole table: some rows (n,), whole, or the entries at rows and columns."""
        if isinstance(at, tuple):
            return self.at(*at)
        rows = _numbers(at, self.shape[0])
        if not rows.ndim:
            return np.asarray(self[rows[None]][0])
        table = np.full((len(rows), self.shape[1]), self.empty, self.values.dtype)
        to, at = self._within(rows)
        table[to, self.places[at] - rows[to] * self.shape[1]] = self.values[at]
        return table

    def _within(self, rows: Places) -> tuple[Places, Places]:
        """Of what is held in some rows (n,): which of them each is in, and its number; row by row,
        in their order."""
        if len(rows) > len(self) and (np.diff(rows) > 0).all():
            # Of more rows than are held anything of, what is held is looked up, not the rows.
            to = np.full(self.shape[0], -1, np.int64)
            to[rows] = np.arange(len(rows))
            at = np.flatnonzero(to[self.rows] >= 0)
            return to[self.rows[at]], at
        labels = self.shape[1]
        first = np.searchsorted(self.places, rows * labels)
        many = np.searchsorted(self.places, (rows + 1) * labels) - first
        at = np.repeat(first - (many.cumsum() - many), many) + np.arange(many.sum())
        return np.repeat(np.arange(len(rows)), many), at

    def at(self, rows: ArrayLike, cols: ArrayLike) -> NDArray[Any]:
        """(n,): the entries at rows and columns (n,)."""
        wanted = np.asarray(rows, np.int64) * self.shape[1] + np.asarray(cols, np.int64)
        empty = np.asarray(self.empty, self.values.dtype)
        if empty.ndim:
            empty = empty[np.asarray(cols, np.intp)]
        if not len(self):
            return np.broadcast_to(empty, wanted.shape).copy()
        found = np.minimum(np.searchsorted(self.places, wanted), len(self) - 1)
        held = self.places[found] == wanted
        return np.where(held, self.values[found], empty)

    def held(self, rows: slice) -> tuple[Places, Places]:
        """(m,) rows and columns of what is held in some rows, one after the other."""
        ends = np.array([rows.start, rows.stop], np.int64) * self.shape[1]
        first, end = np.searchsorted(self.places, ends)
        return np.divmod(self.places[first:end], max(1, self.shape[1]))

    def per_row(self) -> NDArray[np.int64]:
        """(N,): how many entries of each row are held."""
        return np.bincount(self.rows, minlength=self.shape[0])

    def per_col(self) -> NDArray[np.int64]:
        """(L,): how many entries of each column are held."""
        return np.bincount(self.cols, minlength=self.shape[1])

    def only(self, held: NDArray[np.bool_]) -> Sparse:
        """With those alone, of what is held, that a mask (m,) says."""
        return Sparse(self.shape, self.places[held], self.values[held], self.empty)

    def where(self, test: Callable[[NDArray[Any]], NDArray[np.bool_]]) -> Sparse:
        """With those alone whose values a test keeps."""
        return self.only(test(self.values))

    def take(self, rows: ArrayLike) -> Sparse:
        """The table of some rows (n,), in their order."""
        rows = np.asarray(rows, np.int64)
        to, at = self._within(rows)
        places = self.places[at] + (to - rows[to]) * self.shape[1]
        return Sparse((len(rows), self.shape[1]), places, self.values[at], self.empty)

    def take_cols(self, cols: NDArray[np.integer]) -> Sparse:
        """The table of some columns (n,), each once, in their order."""
        to = np.full(self.shape[1], -1, np.int64)
        to[cols] = np.arange(len(cols))
        held = to[self.cols] >= 0
        places = self.rows[held] * len(cols) + to[self.cols[held]]
        order = np.argsort(places, kind="stable")
        empty = self.empty[cols] if isinstance(self.empty, np.ndarray) else self.empty
        shape = (self.shape[0], len(cols))
        return Sparse(shape, places[order], self.values[held][order], empty)

    def drop(self, values: int) -> Sparse:
        """Without what holds such a value."""
        return self.only(self.values != values)

    def by_column(self) -> Sparse:
        """The same table turned: (L, N), column by column; of columns whose `empty` is one."""
        places = self.cols * self.shape[0] + self.rows
        order = np.argsort(places, kind="stable")
        return Sparse(self.shape[::-1], places[order], self.values[order], self.empty)


@dataclass(frozen=True, eq=False)
class Made:
    """A table of N rows x L columns of which rows are made when they are asked for, and not kept.

    shape: (N, L). make: gives the table (n, L) of some rows (n,); threads may call it.

    >>> import numpy as np
    >>> table = Made((3, 2), lambda rows: 10 * rows[:, None] + np.arange(2))
    >>> table[1:].tolist(), table[[2, 0], [1, 0]].tolist()
    ([[10, 11], [20, 21]], [21, 0])
    """

    shape: tuple[int, int]
    make: Callable[[NDArray[np.int64]], NDArray[Any]]

    ndim: ClassVar[int] = 2

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, *_: Any, **__: Any) -> NDArray[Any]:
        """NumPy would make a whole table of it unasked."""
        raise TypeError("a table that is made by rows is no array: take some rows")

    def __getitem__(self, at: ArrayLike | slice | tuple[ArrayLike, ArrayLike]) -> NDArray[Any]:
        """As of the whole table: some rows (n,), whole, or the entries at rows and columns."""
        return self._at(*at) if isinstance(at, tuple) else self.make(_numbers(at, len(self)))

    def _at(self, rows: ArrayLike, cols: ArrayLike) -> NDArray[Any]:
        """(n,): the entries at rows and columns (n,); a few rows in hand at a time."""
        images, of = np.unique(np.asarray(rows, np.int64), return_inverse=True)
        cols = np.asarray(cols, np.intp)
        order = np.argsort(of, kind="stable")
        first = np.searchsorted(of[order], np.arange(len(images) + 1))
        step = max(1, _BLOCK // max(1, self.shape[1]))
        parts = [np.zeros(0)]
        for start in range(0, len(images), step):
            end = min(start + step, len(images))
            here = order[first[start] : first[end]]
            parts.append(self.make(images[start:end])[of[here] - start, cols[here]])
        ordered = np.concatenate(parts[len(images) > 0 :])
        found = np.empty_like(ordered)
        found[order] = ordered
        return found


def _numbers(rows: ArrayLike | slice, count: int) -> Places:
    """The numbers of some of so many rows."""
    if isinstance(rows, slice):
        return np.arange(*rows.indices(count))
    return np.asarray(rows, np.int64)
