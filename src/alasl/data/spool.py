"""Entries of a table that come in any order, more of them than fit in memory, put in order."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.data.placed import Placed
from alasl.errors import DataError
from alasl.files import cache_folder, resource_errors
from alasl.sparse import Sparse

# An entry as it came: its row times the columns plus its column, what it is, and in which line.
RECORD = np.dtype([("place", "<i8"), ("value", "<f4"), ("line", "<u4")])
# Entries in hand at a time, 16 MB of them; of fewer than this no file is made.
HELD = 2**20
# A table that holds more than one in so many of its entries takes less room whole.
FULL = 3


class Spool:
    """Collects entries of N rows x L columns; a file in the cache's folder holds what is many.

    path: of what they are read from.
    """

    def __init__(self, path: Path, shape: tuple[int, int]) -> None:
        self._path, self._shape = path, shape
        self._blocks: list[NDArray[Any]] = []
        self._file: Any = None
        self._held = self._filed = 0
        self._per_row = np.zeros(shape[0], np.int64)
        self._per_col = np.zeros(shape[1], np.int64)

    def add(self, places: ArrayLike, values: ArrayLike, lines: ArrayLike) -> None:
        """Take entries (m,), NaN among them for those of which nothing is said."""
        values = np.asarray(values, np.float32)
        kept = np.flatnonzero(~np.isnan(values))
        block = np.empty(len(kept), RECORD)
        block["place"], block["value"] = np.asarray(places, np.int64)[kept], values[kept]
        block["line"] = np.broadcast_to(np.asarray(lines), len(values))[kept]
        rows, cols = np.divmod(block["place"], max(1, self._shape[1]))
        np.add.at(self._per_row, rows, 1)
        np.add.at(self._per_col, cols, 1)
        self._blocks.append(block)
        self._held += len(block)
        if self._held >= HELD:
            self._write()

    def __len__(self) -> int:
        return self._filed + self._held

    def table(self) -> Placed:
        """(N, L): what was collected. Raises `DataError` for an entry with two values."""
        rows, cols = (np.flatnonzero(per) for per in (self._per_row, self._per_col))
        with resource_errors(cache_folder()):
            if FULL * len(self) >= len(rows) * len(cols):
                return self._whole(rows, cols)
            places, values = self._column(), self._column()
            for part in self._in_order():
                places.add(part["place"])
                values.add(part["value"])
            return Placed(Sparse(self._shape, places.array(), values.array(), np.nan))

    def _whole(self, rows: NDArray[np.intp], cols: NDArray[np.intp]) -> Placed:
        """The rows and columns of which anything is said, whole."""
        row, col = (np.full(count, -1, np.int64) for count in self._shape)
        row[rows], col[cols] = np.arange(len(rows)), np.arange(len(cols))
        table, done = self._column(), 0
        table.add(np.zeros((0, len(cols)), np.float32))
        step = max(1, HELD // max(1, len(cols)))
        for part in self._in_order():
            at, of = np.divmod(part["place"], self._shape[1])
            at, of = row[at], col[of]
            end = int(at[-1]) + 1
            # Few entries may be of very many rows.
            for start in range(done, end, step):
                block = np.full((min(step, end - start), len(cols)), np.nan, np.float32)
                here = slice(*np.searchsorted(at, (start, start + len(block))))
                block[at[here] - start, of[here]] = part["value"][here]
                table.add(block)
            done = end
        return Placed(table.array(), row, col)

    def _in_order(self) -> Iterator[NDArray[Any]]:
        """All entries by their places, each once, some whole rows at a time."""
        for part in self._by_rows():
            ordered = part[np.argsort(part["place"], kind="stable")]
            twice = np.diff(ordered["place"]) == 0
            clash = np.flatnonzero(twice & (np.diff(ordered["value"]) != 0))
            if len(clash):
                lines = ordered["line"]
                raise DataError(
                    f"{len(clash)} entries are predicted twice, and differently",
                    where=str(self._path),
                    more=[
                        f"{self._path}:{lines[i]} and {self._path}:{lines[i + 1]}" for i in clash
                    ],
                    do="leave one prediction for each image and label",
                )
            yield ordered[np.append(True, ~twice)]

    def _by_rows(self) -> Iterator[NDArray[Any]]:
        """All entries in parts of some rows, one part's rows after another's."""
        if self._file is None:
            if self._held:
                yield np.concatenate(self._blocks)
            return
        self._write()
        part_of = (self._per_row.cumsum() - self._per_row) // HELD
        ends = np.bincount(part_of, self._per_row).astype(np.int64).cumsum()
        starts = np.concatenate([[0], ends[:-1]])
        parted, filled = _file(), starts.copy()
        for start in range(0, self._filed, HELD):
            block = _records(self._file, start, min(HELD, self._filed - start))
            part = part_of[block["place"] // self._shape[1]]
            order = np.argsort(part, kind="stable")
            numbers, first = np.unique(part[order], return_index=True)
            for number, some in zip(numbers, np.split(order, first[1:]), strict=True):
                parted.seek(int(filled[number]) * RECORD.itemsize)
                parted.write(block[some].data)
                filled[number] += len(some)
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            if end > start:
                yield _records(parted, start, end - start)

    def _write(self) -> None:
        """Put what is held into the file."""
        with resource_errors(cache_folder()):
            if self._file is None:
                self._file = _file()
            # Where it was read since.
            self._file.seek(0, os.SEEK_END)
            for block in self._blocks:
                self._file.write(block.data)
            self._file.flush()
        self._filed += self._held
        self._blocks, self._held = [], 0

    def _column(self) -> Column:
        return Column(filed=self._file is not None)


class Column:
    """An array that grows, in memory or in a file."""

    def __init__(self, *, filed: bool) -> None:
        self._file = _file() if filed else None
        self._blocks: list[NDArray[Any]] = []
        self._many = 0

    def add(self, block: NDArray[Any]) -> None:
        """Add rows (n, ...) of one type and width."""
        block = np.ascontiguousarray(block)
        self._many += len(block)
        if self._file is not None:
            self._file.write(block.data)
            block = block[:0]
        self._blocks.append(block)

    def array(self) -> NDArray[Any]:
        """All rows."""
        found = np.concatenate(self._blocks)
        if self._file is None:
            return found
        self._file.flush()
        return np.memmap(self._file, found.dtype, "r", shape=(self._many, *found.shape[1:]))


def _records(file: Any, first: int, many: int) -> NDArray[Any]:
    file.seek(first * RECORD.itemsize)
    return np.frombuffer(file.read(many * RECORD.itemsize), RECORD)


def _file() -> Any:
    """A file without a name, which is gone once nothing needs it."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return TemporaryFile(dir=folder)
