"""PASCAL VOC, a folder: ImageSets/Main/LABEL_SPLIT.txt, or where there are none, Annotations."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Format, Options, Table
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

_LABEL_SPLIT = re.compile(r"(.+)_(train|val|trainval|test)\.txt")
# 0 marks an object that is hard to recognise, which VOC leaves out of training and of testing.
_MAIN = {"1": PRESENT, "-1": ABSENT, "0": UNKNOWN}


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return path.is_dir() and (_main_files(path) != [] or _annotations(path) != [])


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    if not path.is_dir():
        raise DataError("PASCAL VOC is a folder, with Annotations or ImageSets", where=str(path))
    entries = _from_main(_main_files(path)) or _from_annotations(_annotations(path))
    if not entries:
        raise DataError(
            "no ImageSets/Main/LABEL_SPLIT.txt and no Annotations/*.xml here", where=str(path)
        )
    images = sorted({image for image, _ in entries})
    names = sorted({name for _, name in entries})
    row, col = ({key: i for i, key in enumerate(keys)} for keys in (images, names))
    table = np.full((len(images), len(names)), UNKNOWN, np.int8)
    for (image, name), value in entries.items():
        table[row[image], col[name]] = value
    return Table(Labels(table, tuple(names), tuple(images)))


def _main_files(path: Path) -> list[Path]:
    folder = path / "ImageSets" / "Main"
    return sorted(file for file in folder.glob("*.txt") if _LABEL_SPLIT.fullmatch(file.name))


def _annotations(path: Path) -> list[Path]:
    return sorted((path / "Annotations").glob("*.xml"))


def _from_main(files: list[Path]) -> dict[tuple[str, str], int]:
    entries: dict[tuple[str, str], int] = {}
    for file in files:
        match = _LABEL_SPLIT.fullmatch(file.name)
        assert match is not None
        for number, line in enumerate(_text(file).splitlines(), 1):
            if not line.strip():
                continue
            image, _, mark = line.strip().rpartition(" ")
            value = _MAIN.get(mark)
            if value is None or not image.strip():
                raise DataError(
                    "expected an image and 1, -1 or 0", where=f"{file}:{number}", seen=repr(line)
                )
            key = image.strip(), match[1]
            if entries.setdefault(key, value) != value:
                raise DataError(
                    f"image {key[0]!r} has another value for {key[1]!r} in another file",
                    where=f"{file}:{number}",
                    seen=repr(line),
                )
    return entries


def _from_annotations(files: list[Path]) -> dict[tuple[str, str], int]:
    marks = {file.stem: _objects(file) for file in files}
    names = sorted({name for objects in marks.values() for name in objects})
    return {
        (image, name): objects.get(name, ABSENT)
        for image, objects in marks.items()
        for name in names
    }


def _objects(file: Path) -> dict[str, int]:
    """Labels of one image: present, or unknown where all its objects are difficult."""
    try:
        root = ElementTree.fromstring(file.read_bytes())
    except ElementTree.ParseError as error:
        line = error.position[0]
        raise DataError("this is not valid XML", where=f"{file}:{line}", seen=str(error)) from error
    except (ValueError, LookupError) as error:
        raise DataError(
            "this XML is in an encoding that cannot be read", where=str(file), seen=str(error)
        ) from error
    except OSError as error:
        raise DataError("the file cannot be read", where=str(file), seen=error.strerror) from error
    objects: dict[str, int] = {}
    for item in root.iter("object"):
        name = (item.findtext("name") or "").strip()
        if not name:
            raise DataError("an object has no name", where=str(file))
        if (item.findtext("difficult") or "0").strip() != "1":
            objects[name] = PRESENT
        else:
            objects.setdefault(name, UNKNOWN)
    return objects


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("the file is not UTF-8", where=str(file)) from error
    except OSError as error:
        raise DataError("the file cannot be read", where=str(file), seen=error.strerror) from error


FORMAT = Format(
    "voc", "PASCAL VOC folder: ImageSets/Main or Annotations; difficult: unknown", _holds, _read
)
