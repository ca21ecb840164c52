"""Files inside tars, as webdataset packs them: `shards/00000.tar/000001.jpg` is a path like others.

A tar is gone through once. Where each of its files begins is kept, in memory and in the cache, so
that any of them is read alone and nothing is unpacked.
"""

from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
import re
import tarfile
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.known_digests import SETTLED, Mark, mark_of
from alasl.errors import DataError, ResourceError
from alasl.files import cache_folder, readable, replacing

_log = logging.getLogger(__name__)

_INSIDE = re.compile(r"\.tar[/\\]", re.IGNORECASE)
# Tars whose places are in memory: of 10 000 files a third of a megabyte, mapped from the cache.
_HELD = 4096
_AGAIN = "copy or make it again, or move it away"


def is_tar(path: Path) -> bool:
    """Whether a path names a tar file, by its ending."""
    return path.suffix.lower() == ".tar" and path.is_file()


def members(tar: Path) -> list[Path]:
    """The files in a tar, in the order of their names; hidden ones are left out.

    Raises `DataError` where it is broken, or holds two files of one name.
    """
    return [tar / os.fsdecode(name) for name in _places(tar)["name"].tolist()]


def holder(path: Path) -> Path:
    """The file on the disk that a file is in: the tar, or itself."""
    split = _split(path)
    return path if split is None else split[0]


def is_file(path: Path) -> bool:
    """Whether there is such a file, on the disk or in a tar."""
    return size(path) >= 0


def size(path: Path) -> int:
    """Bytes of a file, on the disk or in a tar; -1 where there is none."""
    if (place := _place(path)) is not None:
        return place[2]
    return path.stat().st_size if path.is_file() else -1


def opened(path: Path) -> io.BufferedReader | io.BytesIO:
    """A file, on the disk or in a tar, to read. Raises an `OSError` where there is none."""
    place = _place(path)
    if place is None and holder(path) != path:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if place is None:
        return path.open("rb")
    tar, start, count = place
    with tar.open("rb") as file:
        file.seek(start)
        return io.BytesIO(file.read(count))


def content(path: Path) -> bytes:
    """The bytes of such a file."""
    with opened(path) as file:
        return file.read()


def mark(path: Path) -> Mark | None:
    """As `mark_of`; of a file in a tar its own path, and the rest the tar's."""
    found = mark_of(holder(path))
    return None if found is None else (str(path.absolute()), *found[1:])


def ids(paths: Sequence[Path], root: Path | None = None) -> list[str]:
    """What the images in tars are called: by their names without the ending.

    Where one comes in several tars, all begin with their tar's path below root, or its name; or
    whole path, where that is no name of its own.
    Raises `DataError` where one comes twice in a tar.
    """
    tars = [holder(path) for path in paths]
    keys = [
        path.relative_to(tar).with_suffix("").as_posix()
        for path, tar in zip(paths, tars, strict=True)
    ]
    twice = [
        f"{key!r} in {tar}"
        for (tar, key), n in Counter(zip(tars, keys, strict=True)).items()
        if n > 1
    ]
    if twice:
        raise DataError(
            f"{len(twice)} images of a tar are called like another but for their endings",
            more=twice,
            do="leave one image of each",
        )
    if len(set(keys)) == len(keys):
        return keys
    shards = {
        tar: (tar.relative_to(root) if root else Path(tar.name)).with_suffix("").as_posix()
        for tar in set(tars)
    }
    if len({*shards.values()}) < len(shards):
        shards = {tar: tar.as_posix() for tar in shards}
    return [f"{shards[tar]}/{key}" for tar, key in zip(tars, keys, strict=True)]


def _split(path: Path) -> tuple[Path, str] | None:
    """The tar that a path leads into, and the rest; None where it leads into none."""
    text = os.fspath(path)
    for found in _INSIDE.finditer(text):
        tar = Path(text[: found.end() - 1])
        if tar.is_file():
            return tar, path.relative_to(tar).as_posix()
    return None


def _place(path: Path) -> tuple[Path, int, int] | None:
    """The tar that a file is in, where in it it begins, and its bytes; None where it is in none."""
    split = _split(path)
    if split is None:
        return None
    places, name = _places(split[0]), os.fsencode(split[1])
    row = bisect_left(places["name"], name)
    if row == len(places) or places["name"][row] != name:
        return None
    return split[0], int(places["start"][row]), int(places["size"][row])


def _places(tar: Path) -> NDArray[Any]:
    """(n,) of name, start, size: the files in a tar, by name."""
    found = mark_of(tar)
    if found is None:
        raise DataError("the file cannot be read", where=str(tar))
    return _kept(found)


@lru_cache(_HELD)
def _kept(found: Mark) -> NDArray[Any]:
    name = hashlib.sha256(repr(found).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    kept = cache_folder() / "tars" / f"{name}.npy"
    try:
        return np.asarray(np.load(kept, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError):
        places = _read(Path(found[0]))
    # What changed just now might change again within the same tick of the clock.
    if found[3] < (time.time() - SETTLED) * 1e9:
        try:
            with replacing(kept) as beside:
                np.save(beside, places)
        except (OSError, ResourceError) as error:
            _log.debug("%s: what a tar holds is not kept: %s", kept, error)
    return places


def _read(tar: Path) -> NDArray[Any]:
    """See `_places`."""
    try:
        with readable(tar), tarfile.open(tar, "r:", encoding="utf-8") as file:
            found = [(_inside(one.name), one.offset_data, one.size) for one in file if one.isreg()]
            file.fileobj.seek(file.offset)
            end = file.fileobj.read(512)
    except tarfile.TarError as error:
        raise _broken(tar, str(error)) from error
    if end.strip(b"\0"):
        raise _broken(tar, f"no file's header at byte {file.offset}")
    if not end:
        _log.warning("%s: the tar has no end, as if it were cut off after its last file", tar)
    kept = sorted((name, start, count) for name, start, count in found if name)
    names = [name for name, _, _ in kept]
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise DataError(
            f"{len(twice)} files are twice in the tar",
            where=str(tar),
            seen=os.fsdecode(twice[0]),
            do=_AGAIN,
        )
    width = max(map(len, names), default=1)
    return np.array(kept, [("name", f"S{width}"), ("start", np.int64), ("size", np.int64)])


def _inside(name: str) -> bytes:
    """A file's path in its tar; empty where it leads out of it, or is hidden."""
    parts = PurePosixPath(name).parts
    if name.startswith("/") or any(part.startswith(".") for part in parts):
        return b""
    return os.fsencode("/".join(parts))


def _broken(tar: Path, seen: str) -> DataError:
    with tar.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if packed:
        what, do = "the tar is compressed, so no image of it can be read alone", "gunzip it first"
    else:
        what, do = "the tar is damaged or cut off", _AGAIN
    return DataError(what, where=str(tar), seen=seen, do=do)
