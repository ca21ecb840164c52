"""Other models' predictions from files, put in the order of a table.

What `alasl predict` writes is read back; Open Images' rows of a machine come in as well.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from alasl.data.evidence import Predictions, check_sources
from alasl.data.formats.strangers import ZIP
from alasl.data.names import Names, Places
from alasl.data.prediction_arrays import read_npy, read_npz
from alasl.data.prediction_text import read_text
from alasl.errors import DataError, UsageError
from alasl.files import readable

# From Python: by the names of the sources, probabilities (n, L) or a file of them.
Given = Mapping[str, ArrayLike | Path]

_log = logging.getLogger(__name__)

_SPEC = re.compile(r"([\w.+-]+)=(.+)", re.DOTALL)


def named(spec: str) -> tuple[str, Path]:
    """The name and the file that `NAME=FILE`, or FILE, spells."""
    found = _SPEC.fullmatch(spec)
    return (found[1], Path(found[2])) if found else (Path(spec).stem, Path(spec))


def read_all(
    specs: Sequence[str], images: Places, names: Places, *, of_more: bool = False
) -> tuple[Predictions, ...]:
    """The predictions that each `NAME=FILE` or FILE names; see `read_predictions`.

    Of one that does not speak of every entry it is said, as a warning, of how many it does.
    Raises `UsageError` where two have one name.
    """
    check_sources([named(spec)[0] for spec in specs])
    found = tuple(read_predictions(spec, images, names, of_more=of_more) for spec in specs)
    for source in found:
        if int(source.per_image.sum()) < source.shape[0] * source.shape[1]:
            _log.warning("predictions %s", source)
    return found


def predictions_of(
    given: Given, images: Sequence[str], names: Sequence[str], *, of_more: bool = False
) -> tuple[Predictions, ...]:
    """The predictions that a mapping gives, by their names: arrays (N, L), or files.

    Raises `UsageError` for what is no mapping, `DataError` for an array that is none of numbers;
    see also `read_all`.
    """
    if not isinstance(given, Mapping):
        raise UsageError(
            "predictions must be a mapping from each name to an array (N, L), or to a file",
            seen=type(given).__name__,
            do='give them so: predictions={"clip": "clip.csv"}',
        )
    files = {name: str(value) for name, value in given.items() if isinstance(value, str | Path)}
    specs = [f"{name}={file}" for name, file in files.items()]
    found = read_all(specs, images, names, of_more=of_more)
    for name, value in given.items():
        if name in files:
            continue
        try:
            # What is a file's stays there.
            plain = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            numbers: Any = value if plain else np.asarray(value, np.float32)
            found += (Predictions(name, numbers),)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"the predictions {name!r} must be numbers (N, L), or a file", seen=str(error)
            ) from error
    return found


def read_predictions(
    spec: str, images: Places, names: Places, *, of_more: bool = False
) -> Predictions:
    """The predictions of a file, `NAME=FILE` or FILE, for a table's N images and L labels.

    CSV or Parquet `image,label,probability` or `image,label1,label2,...`, npz of probabilities,
    images and names, npy (N, L) in the table's order, JSON lines, or Open Images' CSV, of which the
    machine's rows count. An empty cell, and what is not there, is nothing said. Arrays stay where
    they are; of rows that are many, what they say is put into a file.
    of_more: whether the file may speak of more images, which are left out and counted.
    Raises `DataError` for images and labels that the table does not have, what is no probability,
    and two of one entry that differ.
    """
    name, path = named(spec)
    with readable(path), path.open("rb") as file:
        head = file.read(65536)
    if head.startswith(np.lib.format.MAGIC_PREFIX):
        return _said(path, Predictions(name, read_npy(path, (len(images), len(names)))))
    whose = "the images asked about" if of_more else "the data set"
    known = Names(images, names, "predictions", whose)
    if head.startswith(ZIP):
        table = read_npz(path, known, of_more=of_more)
    else:
        table = read_text(path, head, known, of_more=of_more)
    known.note_taken(path)
    return _said(path, Predictions(name, table))


def _said(path: Path, found: Predictions) -> Predictions:
    """Raises `DataError` where a file predicts nothing."""
    if not found.per_image.any():
        raise DataError("the file predicts nothing", where=str(path))
    return found
