"""Predictions as files: CSV with a row an image or an entry, npz, JSON lines, Label Studio."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO
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
    """Predictions to be written.

    names: L labels. blocks: of images with probabilities (n, L). thresholds: (L,), from which
    on a label is called present, NaN where that is not known. calls: whether to say so.
    model: its name. prefix: what makes an image's address out of its id.
    """

    names: tuple[str, ...]
    blocks: Iterator[Predicted]
    thresholds: NDArray[np.float32]
    calls: bool = False
    model: str = ""
    prefix: str = ""

    def called(self, probabilities: NDArray[np.float32]) -> Entries:
        """int8 (n, L): 1 called present, 0 not, -1 where the label has no threshold."""
        found = np.where(probabilities >= self.thresholds, PRESENT, ABSENT)
        return np.where(np.isnan(self.thresholds), UNKNOWN, found).astype(np.int8)

    def images(self) -> Iterator[tuple[str, list[float], list[int]]]:
        """Image by image: its id, its probabilities (L), and what is called present (L)."""
        for block in self.blocks:
            values, called = block.probabilities.tolist(), self.called(block.probabilities).tolist()
            yield from zip(block.images, values, called, strict=True)

    def present(self, called: Sequence[int]) -> list[str]:
        """The names of the labels that are called present."""
        return [name for name, value in zip(self.names, called, strict=True) if value == PRESENT]


@dataclass(frozen=True)
class Format:
    """A way to write predictions. lines: as text, line by line; write: as a file."""

    name: str
    about: str
    suffix: str
    write: Callable[[Predictions, Path], None]
    lines: Callable[[Predictions], Iterator[str]] | None = None


def write(predictions: Predictions, out: Path, format: str) -> None:
    """Write predictions into a file, whole or not at all."""
    with replacing(out) as beside:
        FORMATS[format].write(predictions, beside)


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
    if out is None and FORMATS[format].lines is None:
        raise UsageError(f"the format {format} needs a file", do="name one with --out")
    return format


def _wide(predictions: Predictions) -> Iterator[str]:
    more = [PRESENT_COLUMN] if predictions.calls else []
    if more and PRESENT_COLUMN in predictions.names:
        raise DataError(
            f"a label is called {PRESENT_COLUMN!r}, as the column of what is called present is",
            do="take --format csv-long",
        )
    yield row("image", *predictions.names, *more)
    for image, values, called in predictions.images():
        present = [";".join(predictions.present(called))] if more else []
        yield row(image, *map(_number, values), *present)


def _long(predictions: Predictions) -> Iterator[str]:
    calls = predictions.calls
    yield row("image", "label", "probability", *([PRESENT_COLUMN] if calls else []))
    cells = {PRESENT: "1", ABSENT: "0", UNKNOWN: ""}
    for image, values, called in predictions.images():
        for name, probability, value in zip(predictions.names, values, called, strict=True):
            yield row(image, name, _number(probability), *([cells[value]] if calls else []))


def _json(predictions: Predictions) -> Iterator[str]:
    for image, values, called in predictions.images():
        numbers = (float(_number(probability)) for probability in values)
        line: dict[str, object] = {
            "image": image,
            "probabilities": dict(zip(predictions.names, numbers, strict=True)),
        }
        if predictions.calls:
            line[PRESENT_COLUMN] = predictions.present(called)
        yield json_file.dump(line)


def _number(probability: float) -> str:
    """Seven digits: as many as float32 has."""
    return f"{probability:.7g}"


def _write_lines(
    lines: Callable[[Predictions], Iterator[str]],
) -> Callable[[Predictions, Path], None]:
    def put(predictions: Predictions, path: Path) -> None:
        write_lines(path, lines(predictions))

    return put


def _npz(predictions: Predictions, path: Path) -> None:
    """Tables go into files of their own first: their size, which comes first, is known at last."""
    images: list[str] = []
    with _beside(path) as probabilities, _beside(path) as present:
        for block in predictions.blocks:
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


def _label_studio(predictions: Predictions, path: Path) -> None:
    """A task an image; what it ticks is called present, by 0.5 where there is no threshold."""
    tasks = _tasks(predictions)
    write_tasks(path, tasks, names=predictions.names, prefix=predictions.prefix)


def _tasks(predictions: Predictions) -> Iterator[Task]:
    at = np.where(np.isnan(predictions.thresholds), 0.5, predictions.thresholds)
    names = np.array(predictions.names, object)
    for image, found, _ in predictions.images():
        probabilities = np.array(found)
        present = tuple(names[probabilities >= at])
        # Label Studio sorts by 1 - priority, lowest first: the least sure image comes first.
        doubt = float(np.minimum(probabilities, 1 - probabilities).mean())
        yield Task(image, predictions.names, Guess(predictions.model, present, 2 * doubt))


FORMATS = {
    each.name: each
    for each in (
        Format("csv-wide", "image,label1,label2,...", ".csv", _write_lines(_wide), _wide),
        Format("csv-long", "image,label,probability", ".csv", _write_lines(_long), _long),
        Format("jsonl", "a JSON object a line", ".jsonl", _write_lines(_json), _json),
        Format("npz", "arrays probabilities, names and images", ".npz", _npz),
        Format("label-studio", "tasks with predictions", ".json", _label_studio),
    )
}
