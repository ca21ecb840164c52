"""Predictions as files: CSV with a row an image or an entry, npz, JSON lines, Label Studio.

Images come in blocks. What is written of a block, its piece, any process can make; one joins them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
from numpy.typing import NDArray

from alasl.config import unknown
from alasl.data.formats import json_file
from alasl.data.formats.label_studio_tasks import Guess, Task, write_tasks
from alasl.data.formats.rows import row, write_lines
from alasl.errors import DataError, UsageError
from alasl.files import replacing
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

# The column, or the field, of the labels that are called present.
PRESENT_COLUMN = "present"
# Bytes that are copied at a time.
_COPIED = 2**24


@dataclass(frozen=True, eq=False)
class Predicted:
    """Images by their ids (n), and the probability (n, L) of each label."""

    images: tuple[str, ...]
    probabilities: NDArray[np.float32]

    def take(self, columns: Sequence[int]) -> Predicted:
        """The same images with some of the labels."""
        return Predicted(self.images, self.probabilities[:, columns])


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions to be written, except the images.

    names: L labels. thresholds: (L,), from which on a label is called present, NaN where that is
    not known. calls: whether to say so. model: its name. prefix: what makes an image's address out
    of its id. least: an entry of a lower probability is left out, of a format that can.
    """

    names: tuple[str, ...]
    thresholds: NDArray[np.float32]
    calls: bool = False
    model: str = ""
    prefix: str = ""
    least: float = 0.0

    def called(self, probabilities: NDArray[np.float32]) -> Entries:
        """int8 (n, L): 1 called present, 0 not, -1 where the label has no threshold."""
        found = np.where(probabilities >= self.thresholds, PRESENT, ABSENT)
        return np.where(np.isnan(self.thresholds), UNKNOWN, found).astype(np.int8)

    def images(self, block: Predicted) -> Iterator[tuple[str, list[float], list[int]]]:
        """Image by image: its id, its probabilities (L), and what is called present (L)."""
        values, called = block.probabilities.tolist(), self.called(block.probabilities).tolist()
        return zip(block.images, values, called, strict=True)

    def present(self, called: Sequence[int]) -> list[str]:
        """The names of the labels that are called present."""
        return [name for name, value in zip(self.names, called, strict=True) if value == PRESENT]


@dataclass(frozen=True)
class Format:
    """A way to write predictions.

    piece: what is written of a block; as text, lines without the last one's end. head: the lines
    before those of all pieces; None where pieces are no text, and write makes a file of them.
    leaves_out: whether it can leave entries out.
    """

    name: str
    about: str
    suffix: str
    piece: Callable[[Predictions, Predicted], Any]
    head: Callable[[Predictions], list[str]] | None = None
    write: Callable[[Predictions, Iterable[Any], Path], None] | None = None
    leaves_out: bool = False


def piece(predictions: Predictions, format: str, block: Predicted) -> Any:
    """What is written of a block of images; what `write` and `text` take."""
    return FORMATS[format].piece(predictions, block)


def text(predictions: Predictions, pieces: Iterable[Any], format: str) -> Iterator[str] | None:
    """Predictions as text, some lines at a time; None where the format is none of text."""
    head = FORMATS[format].head
    # Of a block of which all is left out there are no lines.
    return None if head is None else chain(head(predictions), filter(None, pieces))


def write(predictions: Predictions, pieces: Iterable[Any], out: Path, format: str) -> None:
    """Write predictions into a file, whole or not at all."""
    lines, put = text(predictions, pieces, format), FORMATS[format].write
    with replacing(out) as beside:
        if lines is not None:
            write_lines(beside, lines)
        elif put is not None:
            put(predictions, pieces, beside)


def format_of(out: Path | None, format: str | None) -> str:
    """The format that is named, or that the file's name says; CSV wide without either.

    Raises `UsageError` where there is no such format, or it cannot be written to stdout.
    """
    if format is not None and format not in FORMATS:
        raise unknown(format, FORMATS, what="format of predictions")
    if format is None:
        suffixes = {each.suffix: each.name for each in reversed(list(FORMATS.values()))}
        suffix = out.suffix.lower() if out else ".csv"
        if suffix not in suffixes:
            raise UsageError(
                "the name of the file does not say its format",
                where=str(out),
                do=f"name it with --format: {', '.join(FORMATS)}",
            )
        return suffixes[suffix]
    if out is None and FORMATS[format].head is None:
        raise UsageError(f"the format {format} needs a file", do="name one with --out")
    return format


def _wide_head(predictions: Predictions) -> list[str]:
    more = [PRESENT_COLUMN] if predictions.calls else []
    if more and PRESENT_COLUMN in predictions.names:
        raise DataError(
            f"a label is called {PRESENT_COLUMN!r}, as the column of what is called present is",
            do="take --format csv-long",
        )
    return [row("image", *predictions.names, *more)]


def _wide(predictions: Predictions, block: Predicted) -> str:
    return "\n".join(
        row(
            image,
            *map(_number, values),
            *([";".join(predictions.present(called))] if predictions.calls else []),
        )
        for image, values, called in predictions.images(block)
    )


def _long_head(predictions: Predictions) -> list[str]:
    more = [PRESENT_COLUMN] if predictions.calls else []
    return [row("image", "label", "probability", *more)]


def _long(predictions: Predictions, block: Predicted) -> str:
    rows, cols = np.nonzero(block.probabilities >= predictions.least)
    images, names = list(map(row, block.images)), list(map(row, predictions.names))
    cells = {PRESENT: ",1", ABSENT: ",0", UNKNOWN: ","}
    ends = [""] * len(rows)
    if predictions.calls:
        called = predictions.called(block.probabilities)[rows, cols]
        ends = [cells[value] for value in called.tolist()]
    written = zip(
        rows.tolist(), cols.tolist(), block.probabilities[rows, cols].tolist(), ends, strict=True
    )
    return "\n".join(
        f"{images[at]},{names[col]},{_number(probability)}{end}"
        for at, col, probability, end in written
    )


def _json(predictions: Predictions, block: Predicted) -> str:
    lines = []
    for image, values, called in predictions.images(block):
        line: dict[str, object] = {
            "image": image,
            "probabilities": {
                name: float(_number(probability))
                for name, probability in zip(predictions.names, values, strict=True)
                if probability >= predictions.least
            },
        }
        if predictions.calls:
            line[PRESENT_COLUMN] = predictions.present(called)
        lines.append(json_file.dump(line))
    return "\n".join(lines)


def _number(probability: float) -> str:
    """Seven digits: as many as float32 has."""
    return f"{probability:.7g}"


def _npz(predictions: Predictions, pieces: Iterable[Predicted], path: Path) -> None:
    """Tables go into files of their own first: their size, which comes first, is known at last."""
    images: list[str] = []
    with _beside(path) as probabilities, _beside(path) as present:
        for block in pieces:
            images += block.images
            probabilities.write(block.probabilities.tobytes())
            if predictions.calls:
                present.write(predictions.called(block.probabilities).tobytes())
        tables: dict[str, tuple[IO[bytes], type[np.generic]]] = {
            "probabilities": (probabilities, np.float32)
        }
        arrays = {"names": np.array(predictions.names), "images": np.array(images)}
        if predictions.calls:
            tables[PRESENT_COLUMN] = present, np.int8
            arrays["thresholds"] = predictions.thresholds
        with ZipFile(path, "w") as archive:
            for name, (content, dtype) in tables.items():
                shape = (len(images), len(predictions.names))
                header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array_header_1_0(file, header)
                    content.seek(0)
                    shutil.copyfileobj(content, file, _COPIED)
            for name, array in arrays.items():
                with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                    np.lib.format.write_array(file, array, allow_pickle=False)


def _beside(path: Path) -> IO[bytes]:
    """A file for a while, where there is room for what is written to `path`."""
    return TemporaryFile(dir=path.parent)


def _tasks(predictions: Predictions, block: Predicted) -> list[Task]:
    """A task an image; what it ticks is called present, by 0.5 where there is no threshold."""
    at = np.where(np.isnan(predictions.thresholds), 0.5, predictions.thresholds)
    names = np.array(predictions.names, object)
    tasks = []
    for image, found, _ in predictions.images(block):
        probabilities = np.array(found)
        present = tuple(names[probabilities >= at])
        # Label Studio sorts by 1 - priority, lowest first: the least sure image comes first.
        doubt = float(np.minimum(probabilities, 1 - probabilities).mean())
        tasks.append(Task(image, predictions.names, Guess(predictions.model, present, 2 * doubt)))
    return tasks


def _label_studio(predictions: Predictions, pieces: Iterable[list[Task]], path: Path) -> None:
    tasks = chain.from_iterable(pieces)
    write_tasks(path, tasks, names=predictions.names, prefix=predictions.prefix)


FORMATS = {
    each.name: each
    for each in (
        Format("csv-wide", "image,label1,label2,...", ".csv", _wide, _wide_head),
        Format("csv-long", "image,label,probability", ".csv", _long, _long_head, leaves_out=True),
        Format("jsonl", "a JSON object a line", ".jsonl", _json, lambda _: [], leaves_out=True),
        Format(
            "npz",
            "arrays probabilities, names and images",
            ".npz",
            lambda _, block: block,
            write=_npz,
        ),
        Format("label-studio", "tasks with predictions", ".json", _tasks, write=_label_studio),
    )
}
