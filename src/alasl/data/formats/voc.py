"""PASCAL VOC, a folder: ImageSets/Main/LABEL_SUBSET.txt, or where there are none, Annotations.

A subset is one that VOC or a tool writes, or any that has a file SUBSET.txt beside.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from alasl.data.formats.base import Options, Table, table_format
from alasl.data.formats.text_file import lines
from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

_SUBSETS = ("train", "val", "trainval", "test", "valid", "default")
# 0 marks an object that is hard to recognise, which VOC leaves out of training and of testing.
_MAIN = {"1": PRESENT, "-1": ABSENT, "0": UNKNOWN}


def _holds(path: Path, head: bytes) -> bool:  # noqa: ARG001
    return path.is_dir() and (_lists(path) != [] or _annotations(path) != [])


def _read(path: Path, options: Options) -> Table:  # noqa: ARG001
    if not path.is_dir():
        raise DataError("PASCAL VOC is a folder, with Annotations or ImageSets", where=str(path))
    folder = path / "Annotations"
    entries = _from_main(_main_files(path)) or _from_annotations(folder, _annotations(path))
    if not entries:
        raise DataError(
            "no ImageSets/Main/LABEL_SUBSET.txt and no Annotations/*.xml here",
            where=str(path),
            more=[str(file.relative_to(path)) for file in _lists(path)],
            do=f"a SUBSET is {', '.join(_SUBSETS)}, or has a file SUBSET.txt beside",
        )
    images = sorted({image for image, _ in entries})
    names = sorted({name for _, name in entries})
    row, col = ({key: i for i, key in enumerate(keys)} for keys in (images, names))
    table = np.full((len(images), len(names)), UNKNOWN, np.int8)
    for (image, name), value in entries.items():
        table[row[image], col[name]] = value
    return Table(Labels(table, tuple(names), tuple(images)))


def _main_files(path: Path) -> dict[Path, str]:
    """The files that say which images have a label, each with its label."""
    files = _lists(path)
    subsets = {*_SUBSETS, *(file.stem for file in files)}
    labels: dict[Path, str] = {}
    for file in files:
        parts = file.stem.split("_")
        # The longest label: a subset may be called like the end of another.
        splits = ("_".join(parts[i:]) for i in range(len(parts) - 1, 0, -1))
        subset = next((name for name in splits if name in subsets), None)
        if subset is not None:
            labels[file] = file.stem.removesuffix(f"_{subset}")
    return labels


def _lists(path: Path) -> list[Path]:
    return _visible(path / "ImageSets" / "Main", "*.txt")


def _annotations(path: Path) -> list[Path]:
    return _visible(path / "Annotations", "**/*.xml")


def _visible(folder: Path, pattern: str) -> list[Path]:
    """The files of a folder that fit, without those that macOS puts beside them."""
    return sorted(file for file in folder.glob(pattern) if not file.name.startswith("."))


def _from_main(files: dict[Path, str]) -> dict[tuple[str, str], int]:
    entries: dict[tuple[str, str], int] = {}
    for file, label in files.items():
        for number, line in lines(file):
            *image, mark = line.rsplit(maxsplit=1)
            value = _MAIN.get(mark)
            if value is None or not image:
                raise DataError(
                    "expected an image and 1, -1 or 0", where=f"{file}:{number}", seen=repr(line)
                )
            key = image[0].strip(), label
            if entries.setdefault(key, value) != value:
                raise DataError(
                    f"image {key[0]!r} has another value for {key[1]!r} in another file",
                    where=f"{file}:{number}",
                    seen=repr(line),
                )
    return entries


def _from_annotations(folder: Path, files: list[Path]) -> dict[tuple[str, str], int]:
    ids = (file.relative_to(folder).with_suffix("").as_posix() for file in files)
    marks = {image: _objects(file) for image, file in zip(ids, files, strict=True)}
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


table_format(
    "voc",
    "PASCAL VOC folder: ImageSets/Main or Annotations; difficult: unknown",
    holds=_holds,
)(_read)
