"""Where a data set's image files are: one for each image id, by its name or one that means it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from alasl.data import tars
from alasl.data.alike import Paths, path_parts
from alasl.data.images import KNOWN, images_in
from alasl.errors import DataError

IMAGE_FOLDERS = ("images", "JPEGImages", "Flickr", "mirflickr")
# How many folders below a root a file is looked for that is not where its id says.
_DEPTH = 3
# The nearest name is looked for only where it will be shown: it takes long among 100 000 files.
_NEAREST = 5


@dataclass(frozen=True)
class Located:
    """The file of each image.

    paths: N files; that of a missing one is where it was expected. missing: rows without a file,
    and what is to be said of each. notes: what was found under another name.
    """

    paths: tuple[Path, ...]
    missing: dict[int, str]
    notes: tuple[str, ...] = ()


def check_ids(images: Sequence[str]) -> None:
    """Raise a `DataError` unless every image id can name a file."""
    bad = [image for image in images if not image or "\0" in image]
    if bad:
        raise DataError(
            f"{len(bad)} image ids are no names of files",
            more=[repr(image) for image in bad],
            do="an id is a file's path below images/, with or without its extension",
        )


def locate_images(images: Sequence[str], roots: Sequence[Path]) -> Located:
    """The file of each id: its path below a root, with or without its extension.

    An id without such a file may mean one by another name: a path on another machine, with back
    slashes, in another case or Unicode form, with other blanks, zeros or percent signs. It is
    taken where it is the only one, and no other id's; no file outside the roots ever is.
    Raises a `DataError` where two ids name one file, or one id several.
    """
    folders = _Folders(roots)
    exact = [folders.named(image) for image in images]
    _refuse_shared(images, exact)
    taken = {path for path in exact if path is not None}
    guessed: dict[int, list[Path]] = {
        row: folders.alike(images[row]) for row, path in enumerate(exact) if path is None
    }
    times = Counter(fits[0] for fits in guessed.values() if len(fits) == 1)
    found = {
        row: fits[0]
        for row, fits in guessed.items()
        if len(fits) == 1 and times[fits[0]] == 1 and fits[0] not in taken
    }
    paths = tuple(
        path or found.get(row) or roots[0].joinpath(*path_parts(images[row]))
        for row, path in enumerate(exact)
    )
    missing: dict[int, str] = {}
    for row in (row for row in guessed if row not in found):
        near = folders.near(images[row], guessed[row]) if len(missing) < _NEAREST else ""
        missing[row] = f"{paths[row]}{near}"
    notes: tuple[str, ...] = ()
    if found:
        row, path = next(iter(found.items()))
        notes = (
            f"{len(found)} image files lie elsewhere or are called otherwise than the table says; "
            f"first {images[row]!r}: {path}",
        )
    return Located(paths, missing, notes)


def any_image(images: Sequence[str], roots: Sequence[Path]) -> bool:
    """Whether there is an image file below the roots at all, or a file of some id's very name."""
    files = (path for root in roots for path in _walk(root, _DEPTH))
    return next(files, None) is not None or any(map(_Folders(roots).named, images))


def _refuse_shared(images: Sequence[str], paths: Sequence[Path | None]) -> None:
    first: dict[Path, str] = {}
    shared = [
        f"{first[path]!r} and {image!r}: {path}"
        for image, path in zip(images, paths, strict=True)
        if path is not None and first.setdefault(path, image) != image
    ]
    if shared:
        raise DataError(
            f"{len(shared)} image files are named by two ids each",
            more=shared,
            do="leave one row for each image file",
        )


class _Folders:
    """The image files below some folders, listed as they are asked for."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = roots
        self._listed: dict[str, list[tuple[Path, set[str], dict[str, list[str]]]]] = {}

    def named(self, image: str) -> Path | None:
        """The file below the first root that has it: the id as it is, else with an extension."""
        if not _stays_inside(image):
            return None
        folder, _, name = image.rpartition("/")
        if folder not in self._listed:
            places = [root / folder for root in self._roots]
            self._listed[folder] = [(place, *_list(place)) for place in places]
        for place, names, stems in self._listed[folder]:
            fits = [name] if name in names else stems.get(name, [])
            if len(fits) > 1:
                raise DataError(
                    f"several files fit the image id {image!r}",
                    where=str(place),
                    seen=", ".join(sorted(fits)),
                    do="give the extension in the id",
                )
            if fits:
                return place / fits[0]
        stem, _, ending = image.rpartition(".")
        found = self._packed.get(stem)
        if found is not None and found.suffix == f".{ending}":
            return found
        return self._packed.get(image)

    def alike(self, image: str) -> list[Path]:
        """The files that an id may mean whose own file is not there."""
        return self._files.fits(image)

    def near(self, image: str, fits: Sequence[Path]) -> str:
        """What to say of an id that no single file fits."""
        if len(fits) > 1:
            return "; it may mean " + " or ".join(map(str, fits[:3]))
        if fits:
            return f"; nearest: {fits[0]}, which is another id's"
        nearest = self._files.nearest(image)
        return f"; nearest: {nearest}" if nearest else ""

    @cached_property
    def _packed(self) -> dict[str, Path]:
        """The images in the tars of each root, by their ids; of the first root that has one."""
        found: dict[str, Path] = {}
        for root in reversed(self._roots):
            images = [path for tar in sorted(root.glob("*.tar")) for path in _in_tar(tar)]
            found |= zip(tars.ids(images, root), images, strict=True)
        return found

    @cached_property
    def _files(self) -> Paths[Path]:
        """Every image file below the roots, by its path below each root that it lies in."""
        return Paths(
            (path.relative_to(root).parts, path)
            for root in self._roots
            for path in _walk(root, _DEPTH)
        )


def _stays_inside(image: str) -> bool:
    if image[0] not in "/\\" and ".." not in image and ":" not in image:
        return True  # nearly all
    windows = PureWindowsPath(image)
    absolute = PurePosixPath(image).is_absolute() or bool(windows.anchor)
    return not absolute and ".." not in windows.parts


def _is_image(name: str) -> bool:
    return not name.startswith(".") and os.path.splitext(name)[1].lower() in KNOWN  # noqa: PTH122


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """The image files in a folder and in those below it, hidden ones left out."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except (OSError, ValueError):
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if depth and not entry.name.startswith("."):
                yield from _walk(folder / entry.name, depth - 1)
        elif _is_image(entry.name):
            yield folder / entry.name
        else:
            yield from _in_tar(folder / entry.name)


def _in_tar(tar: Path) -> list[Path]:
    """The images in a tar; none where a file is none, or hidden, as those that macOS adds."""
    if tar.name.startswith(".") or not tars.is_tar(tar):
        return []
    return images_in(tar)


def _list(folder: Path) -> tuple[set[str], dict[str, list[str]]]:
    """File names of a folder, and those of images by their name without extension."""
    # One listing costs far less than asking for each of many thousand files.
    try:
        names = {entry.name for entry in folder.iterdir()}
    except (OSError, ValueError):
        return set(), {}
    stems: dict[str, list[str]] = {}
    for name in names:
        if _is_image(name):
            stems.setdefault(name.rpartition(".")[0], []).append(name)
    return names, stems
