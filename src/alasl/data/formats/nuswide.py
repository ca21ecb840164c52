"""NUS-WIDE, a folder: ImageList, a line an image, and Groundtruth, a file a label.

Chua et al., "NUS-WIDE: a real-world web image database from National University of Singapore",
CIVR 2009. `Groundtruth/AllLabels/Labels_LABEL.txt` has a line 1 or 0 for each of
`ImageList/Imagelist.txt`; where it is not there, `Labels_LABEL_Train.txt` and `..._Test.txt` in
`Groundtruth/TrainTestLabels` have those of `TrainImagelist.txt` and `TestImagelist.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.data.formats.base import Options, Table, table_format
from alasl.data.formats.text_file import lines
from alasl.errors import DataError
from alasl.labels import Labels

_ALL, _PARTS = ("Groundtruth", "AllLabels"), ("Groundtruth", "TrainTestLabels")


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    lists = path / "ImageList"
    return lists.is_dir() and any(path.joinpath(*place).is_dir() for place in (_ALL, _PARTS))


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    if not path.is_dir():
        raise DataError("NUS-WIDE is a folder, with ImageList and Groundtruth", where=str(path))
    parts = list(_parts(path))
    names = sorted({name for _, labels in parts for name in labels})
    if not names:
        raise DataError(
            "no Labels_LABEL.txt here", where=str(path.joinpath(*_ALL)), do="unpack Groundtruth.zip"
        )
    images: list[str] = []
    columns: list[NDArray[np.int8]] = []
    for listed, labels in parts:
        ids = [line.strip().replace("\\", "/") for _, line in lines(listed)]
        if lost := [name for name in names if name not in labels]:
            raise DataError("some labels have a file of one part only", where=str(path), more=lost)
        columns.append(np.stack([_column(labels[name], len(ids), listed) for name in names], 1))
        images += ids
    return Table(Labels(np.concatenate(columns), tuple(names), tuple(images)))


def _parts(path: Path) -> Iterator[tuple[Path, dict[str, Path]]]:
    """Each list of images, with the files of the labels that go with it."""
    lists = path / "ImageList"
    if found := _labels(path.joinpath(*_ALL), ""):
        yield lists / "Imagelist.txt", found
        return
    for part in ("Train", "Test"):
        if found := _labels(path.joinpath(*_PARTS), f"_{part}"):
            yield lists / f"{part}Imagelist.txt", found


def _labels(folder: Path, end: str) -> dict[str, Path]:
    start = "Labels_"
    files = sorted(folder.glob(f"{start}*{end}.txt"))
    return {file.stem.removeprefix(start).removesuffix(end): file for file in files}


def _column(file: Path, images: int, listed: Path) -> NDArray[np.int8]:
    """(images,): a label's entries."""
    found = lines(file)
    for number, line in found:
        if line not in ("0", "1"):
            raise DataError("expected 1 or 0", where=f"{file}:{number}", seen=repr(line))
    if len(found) != images:
        raise DataError(
            f"expected a line for each image of {listed.name}",
            where=str(file),
            seen=f"{len(found)} lines, {images} images",
        )
    return np.array([int(line) for _, line in found], np.int8)


table_format(
    "nuswide",
    "NUS-WIDE folder: ImageList, and Groundtruth with a file a label",
    holds=_holds,
)(_read)
