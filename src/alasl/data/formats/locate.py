"""Where a data set's files are: its table in a folder, and one image file for each image id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path, PurePosixPath, PureWindowsPath

from alasl.data.images import EXTENSIONS
from alasl.errors import DataError

IMAGE_FOLDERS = ("images", "JPEGImages")
_KNOWN = frozenset(extension for group in EXTENSIONS.values() for extension in group)


def check_ids(images: Sequence[str]) -> None:
    """Raise a `DataError` unless every image id is a path that stays inside its folder."""
    bad = [image for image in images if not _stays_inside(image)]
    if bad:
        raise DataError(
            f"{len(bad)} image ids are no paths inside the images folder",
            more=[repr(image) for image in bad],
            do="an id is a file's path below images/, with or without its extension",
        )


def _stays_inside(image: str) -> bool:
    if not image or "\0" in image:
        return False
    if image[0] not in "/\\" and ".." not in image and ":" not in image:
        return True  # nearly all
    windows = PureWindowsPath(image)
    absolute = PurePosixPath(image).is_absolute() or bool(windows.anchor)
    return not absolute and ".." not in windows.parts


def locate_images(images: Sequence[str], root: Path) -> tuple[list[Path], list[int]]:
    """(N paths, rows whose file is missing): the id as it is, else the id + a known extension.

    The path of a missing file is where it was expected.
    """
    listed: dict[str, tuple[set[str], dict[str, list[str]]]] = {}
    paths: list[Path] = []
    missing: list[int] = []
    for row, image in enumerate(images):
        folder, _, name = image.rpartition("/")
        if folder not in listed:
            listed[folder] = _list(root / folder)
        names, stems = listed[folder]
        fits = [name] if name in names else stems.get(name, [])
        if len(fits) > 1:
            raise DataError(
                f"several files fit the image id {image!r}",
                where=str(root / folder),
                seen=", ".join(sorted(fits)),
                do="give the extension in the id",
            )
        if not fits:
            missing.append(row)
        paths.append(root / folder / (fits[0] if fits else name))
    return paths, missing


def _list(folder: Path) -> tuple[set[str], dict[str, list[str]]]:
    """File names of a folder, and those of images by their name without extension."""
    # One listing costs far less than asking for each of many thousand files.
    try:
        names = {entry.name for entry in folder.iterdir()}
    except (OSError, ValueError):
        return set(), {}
    stems: dict[str, list[str]] = {}
    for name in names:
        stem, dot, extension = name.rpartition(".")
        if dot and f".{extension.lower()}" in _KNOWN:
            stems.setdefault(stem, []).append(name)
    return names, stems
