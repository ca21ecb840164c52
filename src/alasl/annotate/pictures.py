"""Images as the page shows them: decoded here, scaled down, upright, without metadata, as JPEG.

The page names an image by its row in the table. What is sent is always a JPEG that we wrote, so a
file that only claims to be an image, or holds more than one, reaches no browser.
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import Literal

from alasl.data import tars
from alasl.data.images import each, load_within
from alasl.errors import DataError

Size = Literal["small", "medium", "large", "screen", "huge"]

# The longer side, in pixels. The page is told them; it takes the smallest that is sharp where it
# shows the image, and the last one for zooming in.
SIDES: dict[Size, int] = {
    "small": 420,
    "medium": 840,
    "large": 1200,
    "screen": 1600,
    "huge": 4096,
}

_CACHE = 128 * 1024 * 1024


class Missing(DataError):  # noqa: N818 - reads as what it says
    """An image's file is not there."""


class Elsewhere(DataError):  # noqa: N818 - reads as what it says
    """An image's file lies where the page may not look."""


class Pictures:
    """The images of a project, by row; those sent last are kept, up to 128 MB.

    files: for each image a path, absolute or below `root`, or None. root: the folder in which every
    file must really lie, wherever links lead; or in one of `folders`, which are below it or not, or
    in one of `links`, folders elsewhere that links may lead to.
    """

    def __init__(
        self,
        files: Sequence[str | None],
        root: Path,
        folders: Callable[[], Sequence[str]] = tuple,
        links: Sequence[Path] = (),
    ) -> None:
        self._files = files
        self._root = root.resolve()
        self._links = tuple(folder.resolve() for folder in links)
        self._folders = folders
        self._kept: OrderedDict[tuple[int, Size], bytes] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._files)

    def get(self, image: int, size: Size) -> bytes:
        """An image as JPEG, no side longer than its size allows, never enlarged.

        Raises a `DataError` where there is no such file, where it lies elsewhere, or where it
        cannot be decoded.
        """
        key = image, size
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        content = _jpeg(self._path(image), SIDES[size])
        with self._lock:
            if key not in self._kept:
                self._kept[key] = content
                self._bytes += len(content)
            while self._bytes > _CACHE:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= len(oldest)
        return content

    def problems(self, images: Iterable[int], asked: Collection[int]) -> dict[int, DataError]:
        """Those of the images that cannot be shown, and why.

        Of all it is looked whether the file is there and ours, of those `asked` also whether it can
        be decoded.
        """
        found: dict[int, DataError] = {}
        there: dict[int, Path] = {}
        # Looked up once: of millions of images, not for each.
        files, own = self._files[:], self._own()
        for image in images:
            try:
                path = self._found(image, files[image], own)
            except DataError as error:
                found[image] = error
            else:
                if image in asked:
                    there[image] = path
        errors = dict(zip(there, each(_fault, list(there.values())), strict=True))
        return found | {image: error for image, error in errors.items() if error is not None}

    def _path(self, image: int) -> Path:
        file = self._files[image] if 0 <= image < len(self._files) else None
        return self._found(image, file, self._own())

    def _own(self) -> tuple[Path, ...]:
        """The folders in which an image's file may really lie."""
        folders = ((self._root / folder).resolve() for folder in self._folders())
        return (self._root, *folders, *self._links)

    def _found(self, image: int, file: str | None, own: Sequence[Path]) -> Path:
        if file is None:
            raise Missing("there is no file of this image", seen=str(image))
        try:
            path = (self._root / file).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise Missing("the image's path cannot be followed", where=file) from error
        if not any(path.is_relative_to(folder) for folder in own):
            raise Elsewhere(
                "the image lies outside the project's images, so it is not shown",
                where=file,
                seen=str(path),
                do=f"if it may be: alasl annotate --links {tars.holder(path).parent}",
            )
        if not tars.is_file(path):
            raise Missing("the image file does not exist", where=file)
        return path


def _fault(path: Path) -> DataError | None:
    try:
        load_within(path, 8)
    except DataError as error:
        return error
    return None


def _jpeg(path: Path, side: int) -> bytes:
    file = io.BytesIO()
    load_within(path, side).save(file, "JPEG", quality=85)
    return file.getvalue()
