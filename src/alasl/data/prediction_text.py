"""Other models' predictions from files of rows: CSV, JSON lines, Parquet; one row at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats import json_file, openimages
from alasl.data.formats.rows import head_row, read_sheet
from alasl.data.formats.strangers import stranger
from alasl.data.names import Names
from alasl.data.placed import Placed
from alasl.data.spool import Spool
from alasl.errors import DataError, ResourceError

# Line, image, what each label may be called, the probability of each as it is written.
Row = tuple[int, str, tuple[tuple[str, ...], ...], Sequence[Any]]

_LONG = ["image", "label", "probability"]
# A column, or a field, by which `alasl predict` says what it calls present.
_PRESENT = "present"
# What a cell says where nothing is predicted, in lower case.
_NOTHING = frozenset(("", "nan", "na", "n/a", "none", "null", "<na>"))
# Entries that are handed on at a time, cells that are told of at most, and rows of Parquet.
_BLOCK, _TOLD, _ROWS = 2**18, 1000, 2**14
_PARQUET = b"PAR1"


def read_text(path: Path, head: bytes, known: Names, *, of_more: bool) -> Placed:
    """(N, L): what the rows of a file that begins with `head` predict; see `read_predictions`."""
    return _Reading(path, known).table(_rows(path, head, known), of_more=of_more)


class _Reading:
    """Puts what is said at its place of (N, L)."""

    def __init__(self, path: Path, known: Names) -> None:
        self._path, self._known = path, known
        self._spool = Spool(path, known.shape)
        self._labels = known.shape[1]
        self._cols: dict[tuple[str, ...], int | None] = {}
        self._places, self._values, self._lines = array("q"), array("d"), array("q")
        self._wide: list[tuple[NDArray[np.int64], NDArray[np.float64], int]] = []
        self._bad: list[str] = []
        self._many = 0

    def table(self, rows: Iterator[Row], *, of_more: bool) -> Placed:
        """All that the rows say."""
        known, path = self._known, self._path
        lost: dict[str, int | None] = {}
        last, row, some = None, None, False
        called: tuple[tuple[str, ...], ...] = ()
        cols: NDArray[np.int64] = np.zeros(0, np.int64)
        for line, image, names, cells in rows:
            if image != last:
                last, row = image, known.images.get(image)
                if row is None and image not in lost:
                    lost[image] = known.row(image, f"{path}:{line}")
                row = lost[image] if row is None else row
                some = some or row is not None
            if len(cells) == 1:
                self._add(line, image, names[0], cells[0], row)
            else:
                if names is not called:
                    called = names
                    found = (self._column(each, line) for each in names)
                    cols = np.array([-1 if col is None else col for col in found], np.int64)
                self._add_all(line, image, names, cells, row, cols)
        self._flush()
        if of_more and some:
            known.leave_images(path)
        known.refuse_lost(path)
        if self._many:
            raise no_probabilities(path, self._bad, self._many)
        return self._spool.table()

    def _column(self, called: tuple[str, ...], line: int) -> int | None:
        if called not in self._cols:
            known = self._known
            best = next((name for name in called if known.has_label(name)), called[-1])
            self._cols[called] = known.column(best, f"{self._path}:{line}")
        return self._cols[called]

    def _add(self, line: int, image: str, called: tuple[str, ...], cell: Any, row: Any) -> None:
        value, col = _probability(cell), self._column(called, line)
        if value is None:
            self._refuse(line, image, called, cell)
        elif row is not None and col is not None:
            self._places.append(row * self._labels + col)
            self._values.append(value)
            self._lines.append(line)
            if len(self._places) >= _BLOCK:
                self._flush()

    def _add_all(
        self,
        line: int,
        image: str,
        names: tuple[tuple[str, ...], ...],
        cells: Sequence[Any],
        row: Any,
        cols: NDArray[np.int64],
    ) -> None:
        """The cells of an image, of which most are plain numbers."""
        try:
            values = np.array(cells, np.float64)
        except (TypeError, ValueError):
            values = np.full(len(cells), np.inf)
        if not (np.isnan(values) | ((values >= 0) & (values <= 1))).all():
            each = [_probability(cell) for cell in cells]
            for called, cell, value in zip(names, cells, each, strict=True):
                if value is None:
                    self._refuse(line, image, called, cell)
            values = np.array([np.nan if value is None else value for value in each])
        if row is None:
            return
        held = cols >= 0
        self._wide.append((row * self._labels + cols[held], values[held], line))
        if len(self._wide) * len(cells) >= _BLOCK:
            self._flush()

    def _flush(self) -> None:
        self._spool.add(
            np.array(self._places, np.int64),
            np.array(self._values),
            np.array(self._lines, np.int64),
        )
        del self._places[:], self._values[:], self._lines[:]
        if self._wide:
            places, values, lines = zip(*self._wide, strict=True)
            sizes = [len(each) for each in places]
            self._spool.add(np.concatenate(places), np.concatenate(values), np.repeat(lines, sizes))
            self._wide = []

    def _refuse(self, line: int, image: str, called: tuple[str, ...], cell: Any) -> None:
        self._many += 1
        if len(self._bad) < _TOLD:
            self._bad.append(
                f"{self._path}:{line}: image {image!r}, label {called[-1]!r}: {cell!r}"
            )


def no_probabilities(path: Path, bad: list[str], many: int) -> DataError:
    """The error for numbers, `many` of them, that are no probabilities."""
    return DataError(
        f"{many} predictions are no probabilities from 0 to 1",
        where=str(path),
        more=bad,
        do="of logits take the sigmoid first; divide per cents by 100",
    )


def _rows(path: Path, head: bytes, known: Names) -> Iterator[Row]:
    if head.startswith(_PARQUET):
        return _parquet(path, known)
    if found := stranger(path, head):
        raise DataError(f"this is {found[0]}, not predictions", where=str(path), do=found[1])
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"["):
        return _json_lines(path)
    header = head_row(head)
    if header[:1] == ["ImageID"]:
        return _open_images(path)
    long = [name.casefold() for name in header[:3]] == _LONG
    return _long(path) if long else _wide(path, known)


def _probability(cell: object) -> float | None:
    """A cell as a number, NaN where it says nothing; None where it is no probability."""
    if isinstance(cell, str):
        cell = cell.strip()
        if cell.lower() in _NOTHING:
            return float("nan")
    try:
        value = float(cell)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError):
        return None
    return value if value != value or 0 <= value <= 1 else None


def _long(path: Path) -> Iterator[Row]:
    for line, cells in read_sheet(path).rows:
        yield line, cells[0], ((cells[1],),), cells[2:3]


def _wide(path: Path, known: Names) -> Iterator[Row]:
    sheet = read_sheet(path)
    called = _called(sheet.header[1:], known)
    for line, cells in sheet.rows:
        yield line, cells[0], called, cells[1 : 1 + len(called)]


def _called(names: Sequence[str], known: Names) -> tuple[tuple[str, ...], ...]:
    """The labels of columns, without the one that says what is called present."""
    if names[-1:] == [_PRESENT] and not known.has_label(_PRESENT):
        names = names[:-1]
    return tuple((name,) for name in names)


def _open_images(path: Path) -> Iterator[Row]:
    for line, image, names, confidence in openimages.guesses(path):
        yield line, image, (tuple(names),), (confidence,)


def _json_lines(path: Path) -> Iterator[Row]:
    for number, content in json_file.load_lines(path):
        image = content.get("image") if isinstance(content, dict) else None
        predicted = content.get("probabilities") if isinstance(content, dict) else None
        if not isinstance(image, str) or not isinstance(predicted, dict):
            raise DataError(
                'a line must be like {"image": "a.jpg", "probabilities": {"dog": 0.9}}',
                where=f"{path}:{number}",
                seen=json_file.dump(content)[:80],
            )
        for label, value in predicted.items():
            yield number, image, ((label,),), ("" if value is None else value,)


def _parquet(path: Path, known: Names) -> Iterator[Row]:
    """A row an entry or a row an image, as in CSV; the number of the row stands for its line."""
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ResourceError(
            "reading Parquet needs pyarrow", where=str(path), do="pip install 'alasl[parquet]'"
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            long = [name.casefold() for name in names[:3]] == _LONG
            if names[:1] != _LONG[:1]:
                raise DataError(
                    "the first column must be called 'image'",
                    where=str(path),
                    seen=", ".join(names[:5]),
                )
            called, first = _called(names[1:], known), 1
            for batch in file.iter_batches(_ROWS):
                columns = [column.to_pylist() for column in batch.columns]
                for number, (image, *cells) in enumerate(zip(*columns, strict=True), first):
                    if long:
                        yield number, str(image), ((str(cells[0]),),), (_said(cells[1]),)
                    else:
                        said = [_said(cell) for cell in cells[: len(called)]]
                        yield number, str(image), called, said
                first += len(batch)
    except (OSError, ArrowException) as error:
        raise DataError(
            "the file cannot be read as Parquet", where=str(path), seen=str(error).splitlines()[0]
        ) from error


def _said(cell: Any) -> Any:
    return float("nan") if cell is None else cell
