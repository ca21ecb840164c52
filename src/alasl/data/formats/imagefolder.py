"""Hugging Face ImageFolder's `metadata.jsonl`: a line an image, `labels` present, `absent` absent.

Both lists may be null, and a single text is a list of one. The format `imagefolder:labels=tags`
reads what is present from another key. With `labels` alone a line cannot say
whether the other labels are absent or unknown, so that has to be told (`empty`), as for the empty
cells of a CSV.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from alasl.data.formats import json_file
from alasl.data.formats.base import Features, Options, Table, entries_at, table_format
from alasl.errors import DataError, UsageError
from alasl.labels import ABSENT, PRESENT, Labels

_FILE, _PRESENT, _ABSENT = "file_name", "labels", "absent"
# The first line also has all labels in their order, of which the lists may lack some.
_NAMES = "names"


def _holds(path: Path, head: bytes) -> bool:
    return path.suffix.lower() == ".jsonl" and f'"{_FILE}"'.encode() in head


def _read(path: Path, options: Options, *, labels: str = _PRESENT) -> Table:
    images: list[str] = []
    names: dict[str, int] = {}
    cells = array("q")
    half: list[tuple[int, int]] = []  # (row, line) without a list of what is absent
    silent: list[str] = []
    for line, record in json_file.load_lines(path):
        where = f"{path}:{line}"
        if not isinstance(record, dict) or not isinstance(record.get(_FILE), str):
            raise DataError(
                f"expected an object with {_FILE!r}", where=where, seen=repr(record)[:80]
            )
        row = len(images)
        images.append(record[_FILE])
        for name in _texts(record, _NAMES, where) or ():
            names.setdefault(name, len(names))
        if labels not in record and record.get(_ABSENT) is None:
            silent.append(f"line {line} has {', '.join(map(repr, record))}")
            continue
        present, absent = (_texts(record, name, where) for name in (labels, _ABSENT))
        if both := sorted({*(present or ())} & {*(absent or ())}):
            raise DataError("a label is both present and absent", where=where, seen=repr(both[0]))
        if present is not None and absent is None:
            half.append((row, line))
        for value, tags in ((PRESENT, present), (ABSENT, absent)):
            for name in tags or ():
                cells.extend((row, names.setdefault(name, len(names)), value))
    if silent:
        raise DataError(
            f"{len(silent)} lines have neither {labels!r} nor {_ABSENT!r}",
            where=str(path),
            more=silent,
            do="name the key of the labels, --format imagefolder:labels=KEY, or call it "
            f"{labels!r}; where nobody looked, write {json_file.dump(labels)}: null",
        )
    if half and options.empty is None:
        raise UsageError(
            f"{len(half)} images have {labels!r} without {_ABSENT!r}; "
            "say what a label in neither is",
            where=f"{path}:{half[0][1]}",
            do="--empty unknown: nobody checked; --empty absent: the image does not have the label",
        )
    filled = [row for row, _ in half] if options.empty == "absent" else []
    entries = entries_at((len(images), len(names)), cells, np.array(filled, np.intp))
    return Table(Labels(entries, tuple(names), tuple(images)))


def _texts(record: dict[str, Any], key: str, where: str) -> list[str] | None:
    texts = record.get(key)
    if texts is None:
        return None
    if isinstance(texts, str):
        return [texts]
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"{key!r} must be null, a text or a list of texts", where=where, seen=repr(texts)[:80]
        )
    return texts


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    with path.open("w", encoding="ascii", newline="") as file:
        file.writelines(json_file.dump(record) + "\n" for record in _records(labels))


def _records(labels: Labels) -> Iterator[dict[str, Any]]:
    for row, (image, (cols, values)) in enumerate(
        zip(labels.images, labels.by_image(), strict=True)
    ):
        record: dict[str, Any] = {_FILE: image, _PRESENT: None, _ABSENT: None}
        if cols:
            entries = list(zip(cols, values, strict=True))
            for key, value in ((_PRESENT, PRESENT), (_ABSENT, ABSENT)):
                record[key] = [labels.names[col] for col, one in entries if one == value]
        yield record | {_NAMES: labels.names} if row == 0 else record


table_format(
    "imagefolder",
    "Hugging Face metadata.jsonl: file_name, and lists labels and absent that may be null",
    holds=_holds,
    write=_write,
    suffixes=(".jsonl",),
    broken=(".jsonl",),
)(_read)
