"""Open Images image-level CSV: `ImageID,Source,LabelName,Confidence`; no row is unknown.

Rows of a machine are guesses with a confidence, so they never become entries.
"""

from __future__ import annotations

import itertools
from array import array
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Features, Format, Options, Table
from alasl.data.formats.csv_long import refuse_contradictions
from alasl.data.formats.rows import (
    head_row,
    read_header,
    read_rows,
    refuse_ragged,
    row,
    write_lines,
)
from alasl.errors import DataError
from alasl.files import replacing
from alasl.labels import UNKNOWN, Labels

_COLUMNS = ["ImageID", "Source", "LabelName", "Confidence"]
_CLASSES = "class-descriptions.csv"


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return head_row(head) == _COLUMNS


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    rows = read_rows(path)
    header = read_header(path, rows, _COLUMNS[0])
    if header != _COLUMNS:
        raise DataError(
            f"the columns must be {','.join(_COLUMNS)}",
            where=f"{path}:1",
            seen=",".join(header[:6]),
            do="this reads image-level labels, not boxes",
        )
    images: dict[str, int] = {}
    mids: dict[str, int] = {}
    told = array("q")
    guesses = 0
    for line, cells in rows:
        refuse_ragged(path, line, cells, header)
        at = images.setdefault(cells[0], len(images))
        col = mids.setdefault(cells[2], len(mids))
        confidence = _confidence(path, line, cells[3])
        if cells[1] == "machine" or confidence not in (0.0, 1.0):
            guesses += 1
        else:
            told.extend((at, col, int(confidence), line))
    names = _names(path.parent / _CLASSES, list(mids))
    answers = np.array(told, np.int64).reshape(-1, 4)
    refuse_contradictions(path, answers[:, :3], answers[:, 3], list(images), list(names.values()))
    entries = np.full((len(images), len(mids)), UNKNOWN, np.int8)
    entries[answers[:, 0], answers[:, 1]] = answers[:, 2]
    order = [mids[mid] for mid in names]
    labels = Labels(entries[:, order], tuple(names.values()), tuple(images))
    note = f"{guesses} rows are a machine's guesses: not taken as entries"
    return Table(labels, notes=(note,) if guesses else ())


def _confidence(path: Path, line: int, cell: str) -> float:
    try:
        confidence = float(cell)
    except ValueError:
        confidence = -1.0
    if not 0 <= confidence <= 1:
        raise DataError(
            f"column 'Confidence' holds {cell!r}; expected a number from 0 to 1",
            where=f"{path}:{line}",
        )
    return confidence


def _names(path: Path, mids: list[str]) -> dict[str, str]:
    """The name of each class id in `mids`, in the order of the class descriptions beside."""
    described = _descriptions(path)
    used = {mid: described[mid] for mid in described if mid in set(mids)}
    used.update((mid, mid) for mid in mids if mid not in used)
    names = list(used.values())
    # Some names stand for several classes: their ids tell them apart.
    return {m: f"{n} ({m})" if names.count(n) > 1 else n for m, n in used.items()}


def _descriptions(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    described: dict[str, str] = {}
    for line, cells in read_rows(path):
        if len(cells) != 2:
            raise DataError("expected an id and a name", where=f"{path}:{line}", seen=str(cells))
        described[cells[0]] = cells[1]
    return described


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    bare = {
        "images": [labels.images[i] for i in np.flatnonzero(labels.known_per_image() == 0)],
        "labels": [labels.names[i] for i in np.flatnonzero(labels.known_per_label() == 0)],
    }
    for kind, names in bare.items():
        if names:
            raise DataError(
                f"{len(names)} {kind} have no known entry, which Open Images CSV cannot carry",
                more=[repr(name) for name in names],
                do="leave them out, or write csv-long or npz",
            )
    mids = _mids(path.parent / _CLASSES, labels.names)
    ids = [row(image) for image in labels.images]
    ends = [(row("verification", mid, "0"), row("verification", mid, "1")) for mid in mids]
    known = np.nonzero(labels.known)
    cells = zip(*(i.tolist() for i in known), labels.entries[known].tolist(), strict=True)
    lines = (f"{ids[at]},{ends[col][value]}" for at, col, value in cells)
    write_lines(path, itertools.chain([row(*_COLUMNS)], lines))


def _mids(path: Path, names: tuple[str, ...]) -> list[str]:
    """The class ids of `names` by the descriptions beside; without any, names serve as ids."""
    if not path.exists():
        with replacing(path) as beside:
            write_lines(beside, (row(name, name) for name in names))
        return list(names)
    described = _descriptions(path)
    mids = {name: mid for mid, name in described.items()}
    mids.update((f"{name} ({mid})", mid) for mid, name in described.items())
    missing = [repr(name) for name in names if name not in mids]
    if missing:
        raise DataError(
            f"{len(missing)} labels have no class id here",
            where=str(path),
            more=missing,
            do="write to another folder, or add them to this file",
        )
    return [mids[name] for name in names]


FORMAT = Format(
    "openimages",
    "Open Images image-level CSV, names in class-descriptions.csv beside; no row: unknown",
    _holds,
    _read,
    _write,
)
