"""A table (N, L) whose rows and columns are some of another's, which may lie in a file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.files import let_go
from alasl.sparse import Sparse

# Entries that are in hand at a time.
BLOCK = 2**22
# Rows asked for that are one in fewer than this many count as a passage through the file.
NEAR = 4

Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Placed:
    """Numbers of N rows x L columns, float32; NaN where there are none. Nothing is copied.

    base: (n, l), an array or a `Sparse` whose `empty` is NaN. rows: (N,), which row of it each is,
    -1 for none; None for all, in their order. cols: (L,), likewise.

    >>> import numpy as np
    >>> table = Placed(np.array([[0.5, 1], [0, 0.25]]), rows=np.array([1, -1]))
    >>> table.shape, table[[1, 0]].tolist(), table.at([0], [1]).tolist()
    ((2, 2), [[nan, nan], [0.0, 0.25]], [0.25])
    """

    base: NDArray[Any] | Sparse
    rows: Numbers | None = None
    cols: Numbers | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L)."""
        rows, cols = self.base.shape
        return (
            rows if self.rows is None else len(self.rows),
            cols if self.cols is None else len(self.cols),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets these rows and columns, and nothing else of the file."""
        return Placed, (self[:],)

    def take(self, rows: ArrayLike) -> Placed:
        """Some rows (n,), in their order; a number below 0 for one of which there is nothing."""
        return replace(self, rows=_through(self.rows, rows))

    def take_cols(self, cols: ArrayLike) -> Placed:
        """Some columns (n,), likewise."""
        return replace(self, cols=_through(self.cols, cols))

    def __getitem__(self, rows: ArrayLike | slice) -> NDArray[np.float32]:
        """(n, L): some rows."""
        count, labels = self.shape
        some = np.arange(*rows.indices(count)) if isinstance(rows, slice) else rows
        at = _through(self.rows, some)
        found = np.full((len(at), labels), np.nan, np.float32)
        there = np.flatnonzero(at >= 0)
        if self.cols is None:
            found[there] = self.base[at[there]]
        else:
            held = np.flatnonzero(self.cols >= 0)
            found[np.ix_(there, held)] = self.base[at[there]][:, self.cols[held]]
        if len(there) and np.ptp(at[there]) < NEAR * len(there):
            self._let_go()
        return found

    def at(self, rows: ArrayLike, cols: ArrayLike) -> NDArray[np.float32]:
        """(m,): the entries at rows and columns (m,)."""
        row, col = _through(self.rows, rows), _through(self.cols, cols)
        found = np.full(len(row), np.nan, np.float32)
        there = np.flatnonzero((row >= 0) & (col >= 0))
        # As they lie in the file: many may be on one page of it.
        there = there[np.argsort(row[there], kind="stable")]
        found[there] = self.base[row[there], col[there]]
        return found

    def columns(self, cols: ArrayLike) -> NDArray[np.float32]:
        """(N, n): some columns of all rows."""
        col = _through(self.cols, cols)
        found = np.full((self.shape[0], len(col)), np.nan, np.float32)
        held = np.flatnonzero(col >= 0)
        if isinstance(self.base, Sparse):
            self._gather(self.base, found, held, col[held])
            return found
        # Side by side they are one part of each row.
        wanted: Any = col[held]
        if len(held) and (np.diff(wanted) == 1).all():
            wanted = slice(int(wanted[0]), int(wanted[-1]) + 1)
        step = max(1, BLOCK // max(1, self.base.shape[1]))
        for start in range(0, len(found), step):
            at = _through(self.rows, np.arange(start, min(start + step, len(found))))
            there = np.flatnonzero(at >= 0)
            found[np.ix_(start + there, held)] = self.base[:, wanted][at[there]]
            self._let_go()
        return found

    def _gather(
        self, base: Sparse, found: NDArray[np.float32], held: Numbers, cols: Numbers
    ) -> None:
        """Put columns of a sparse table into those `held` of found (N, n)."""
        column = np.full(base.shape[1], -1, np.int64)
        column[cols] = held
        row = np.full(base.shape[0], -1, np.int64)
        mine = np.arange(len(found)) if self.rows is None else self.rows
        row[mine[mine >= 0]] = np.flatnonzero(mine >= 0)
        for start in range(0, len(base), BLOCK):
            part = slice(start, start + BLOCK)
            at, of = np.divmod(base.places[part], base.shape[1])
            kept = np.flatnonzero((column[of] >= 0) & (row[at] >= 0))
            found[row[at[kept]], column[of[kept]]] = base.values[part][kept]
            self._let_go()

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """All rows, some at a time: which, and (n, L) of these."""
        count, labels = self.shape
        step = max(1, BLOCK // max(1, labels))
        for start in range(0, count, step):
            part = slice(start, min(start + step, count))
            yield part, self[part]

    def _let_go(self) -> None:
        base = self.base
        for array in (base.places, base.values) if isinstance(base, Sparse) else (base,):
            let_go(array)


def _through(numbers: Numbers | None, of: ArrayLike) -> Numbers:
    """The numbers that stand at places, -1 where the place is below 0."""
    places = np.asarray(of, np.int64)
    if numbers is None:
        return np.maximum(places, -1)
    return np.where(places >= 0, numbers[places], -1)
