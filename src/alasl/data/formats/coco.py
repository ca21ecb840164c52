"""COCO instances JSON, with LVIS's `neg_category_ids` for what was checked and is absent."""

from __future__ import annotations

import re
from array import array
from pathlib import Path
from typing import Any

import numpy as np

from alasl.data.formats import json_file
from alasl.data.formats.base import Features, Options, Table, entries_at, table_format
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, Labels

_NUMBER = re.compile(r"\s*(-?\d{1,18})(?:\.0)?\s*", re.ASCII)
_NEGATIVE, _PARTIAL = "neg_category_ids", "not_exhaustive_category_ids"


def _holds(path: Path, head: bytes) -> bool:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return path.suffix.lower() == ".json" and text.startswith(b"{")


def _read(path: Path, options: Options) -> Table:
    content = _load(path)
    pictures = _records(path, content, "images")
    categories = _records(path, content, "categories")
    annotations = _records(path, content, "annotations")
    rows = _index(path, "images", pictures)
    cols = _index(path, "categories", categories)
    images = tuple(_file_name(path, i, picture) for i, picture in enumerate(pictures))
    names = tuple(_text(path, "categories", i, c, "name") for i, c in enumerate(categories))

    # Without a list of what was checked, COCO means: what is not annotated is absent.
    listed = np.array([_NEGATIVE in p or _PARTIAL in p for p in pictures], bool)
    cells, negative = array("q"), set[tuple[int, int]]()
    lost: list[str] = []
    for row, picture in enumerate(pictures):
        for category in _negatives(path, row, picture):
            col = _place(cols, category)
            if col is None:
                lost.append(f"images[{row}].{_NEGATIVE}: no category {category!r}")
            else:
                negative.add((row, col))
                cells.extend((row, col, ABSENT))
    annotated = np.zeros(len(images), bool)
    for number, annotation in enumerate(annotations):
        at = _place(rows, annotation.get("image_id")), _place(cols, annotation.get("category_id"))
        if at[0] is None or at[1] is None:
            lost.append(
                f"annotations[{number}]: image_id {annotation.get('image_id')!r}, "
                f"category_id {annotation.get('category_id')!r}"
            )
            continue
        if at in negative and listed[at[0]]:
            raise DataError(
                "a category is annotated and listed as absent",
                where=f"{path}: annotations[{number}]",
                seen=f"image {images[at[0]]!r}, category {names[at[1]]!r}",
            )
        cells.extend((at[0], at[1], PRESENT))
        annotated[at[0]] = True
    if lost:
        raise DataError(
            f"{len(lost)} references to images or categories that are not there",
            where=str(path),
            more=lost,
        )
    entries = entries_at((len(images), len(names)), cells, np.flatnonzero(~listed))
    labels = Labels(entries, names, images)
    bare = ~annotated & ~listed
    notes: list[str] = []
    if bare.any():
        kept = options.keep_unannotated
        says = "kept, all labels absent" if kept else "left out"
        notes.append(f"{int(bare.sum())} of {len(bare)} images have no annotation: {says}")
        labels = labels if kept else labels.take(np.flatnonzero(~bare))
    return Table(labels, notes=tuple(notes))


def _load(path: Path) -> dict[str, Any]:
    content = json_file.load(path)
    if not isinstance(content, dict):
        raise DataError(
            "expected a JSON object with images, annotations and categories",
            where=str(path),
            seen=type(content).__name__,
        )
    return content


def _records(path: Path, content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    records = content.get(key)
    if not isinstance(records, list) or not all(isinstance(item, dict) for item in records):
        raise DataError(
            f"{key!r} must be a list of objects",
            where=str(path),
            seen="nothing" if records is None else type(records).__name__,
            do="COCO instances JSON has images, annotations and categories",
        )
    return records


def _index(path: Path, key: str, records: list[dict[str, Any]]) -> dict[int | str, int]:
    """Place of each record by its id: ids have gaps and need not be in order."""
    places: dict[int | str, int] = {}
    for number, record in enumerate(records):
        name = _id(record.get("id"))
        where = f"{path}: {key}[{number}]"
        if name is None:
            seen = repr(record.get("id"))[:80]
            raise DataError("its id is missing or no number", where=where, seen=seen)
        if name in places:
            raise DataError("its id stands twice", where=where, seen=repr(name))
        places[name] = number
    return places


def _id(value: object) -> int | str | None:
    """An id as the number that it spells, if it does: tools write 7, "7" and 7.0 for the same."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        number = _NUMBER.fullmatch(value)
        return int(number[1]) if number else value
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _place(places: dict[int | str, int], value: object) -> int | None:
    name = _id(value)
    return None if name is None else places.get(name)


def _negatives(path: Path, number: int, picture: dict[str, Any]) -> list[Any]:
    value = picture.get(_NEGATIVE)
    missing = value is None or value != value  # NaN, as pandas has it
    if not (missing or isinstance(value, list)):
        raise DataError(
            f"{_NEGATIVE!r} must be a list", where=f"{path}: images[{number}]", seen=repr(value)
        )
    return value if isinstance(value, list) else []


def _file_name(path: Path, number: int, picture: dict[str, Any]) -> str:
    if "file_name" not in picture and isinstance(picture.get("coco_url"), str):
        return str(picture["coco_url"]).rsplit("/", 1)[-1]  # as LVIS has it
    return _text(path, "images", number, picture, "file_name")


def _text(path: Path, kind: str, number: int, record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        raise DataError(
            f"{key!r} must be a text", where=f"{path}: {kind}[{number}]", seen=repr(value)
        )
    return value


def _write(labels: Labels, path: Path, features: Features | None) -> None:  # noqa: ARG001
    images = [
        {
            "id": row + 1,
            "file_name": image,
            _NEGATIVE: [col + 1 for col, value in zip(*entries, strict=True) if value == ABSENT],
        }
        for row, (image, entries) in enumerate(zip(labels.images, labels.by_image(), strict=True))
    ]
    present = labels.sparse.where(lambda values: values == PRESENT)
    places = zip(present.rows.tolist(), present.cols.tolist(), strict=True)
    categories = [{"id": col + 1, "name": name} for col, name in enumerate(labels.names)]
    annotations = [
        {"id": number, "image_id": row + 1, "category_id": col + 1}
        for number, (row, col) in enumerate(places, 1)
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json_file.dump(content), encoding="ascii")


table_format(
    "coco",
    f"COCO instances JSON, absent labels in {_NEGATIVE} (as LVIS)",
    holds=_holds,
    write=_write,
    suffixes=(".json",),
    broken=(".json",),
)(_read)
