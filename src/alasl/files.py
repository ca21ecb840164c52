"""Writing to disk so that a kill, a full disk or a second run leaves no half-written file."""

from __future__ import annotations

import csv
import errno
import io
import mmap
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alasl.errors import DataError, ResourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Bytes of a file of which no more than a part should be in memory.
_LARGE = 2**30

_FORBIDDEN = {errno.EACCES, errno.EPERM}
# EFBIG: a limit of the shell's, or a disk that holds no larger files; EIO: a disk that fails.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.EIO}

# What makes a formula of a cell, in plain and in full width, or may hide that a formula follows.
_SIGN = r"(?=(?:\"|[^\S\t\r\n])*[=+\-@＝＋－＠\t\r\n])"
_FORMULA = re.compile(r"(^|[;\t\r\n])('*)" + _SIGN)
_GUARDED = re.compile(r"(^|[;\t\r\n])'('*)" + _SIGN)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?")

_SPECIAL = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def cache_folder() -> Path:
    """Where what can be made again is kept: $ALASL_CACHE, else alasl/ in the user's cache."""
    if named := os.environ.get("ALASL_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alasl"


@contextmanager
def resource_errors(path: Path) -> Iterator[None]:
    """Turn a full disk, a read-only folder or a missing permission into a `ResourceError`."""
    try:
        yield
    except OSError as error:
        if resource := as_resource_error(error, path):
            raise resource from error
        raise
    except ResourceError as error:
        # Nobody knows the file beside `path` that is written first.
        if f".{path.name}." in (error.where or ""):
            error = ResourceError(error.what, where=str(path), seen=error.seen, do=error.do)
        raise error from error.__cause__


def as_resource_error(error: OSError, path: Path | None = None) -> ResourceError | None:
    """What a user should read where the disk is full or forbids writing; None for other errors."""
    if error.errno not in _FULL | _FORBIDDEN:
        return None
    what, do = "cannot write here", "free some space, or name a folder that can be written to"
    if error.errno in _FORBIDDEN:
        what, do = "you may not read or write this", "be given the right to, or name another place"
        # What is written lies beside `path` at first; all else is what was to be read for it.
        at = error.filename if isinstance(error.filename, str) else None
        if at and path and Path(at).parent != path.parent:
            path = Path(at)
    return ResourceError(
        f"{what}; what stood before is intact",
        where=str(path or error.filename or "the output"),
        seen=error.strerror,
        do=do,
    )


def refuse_special(path: Path) -> None:
    """Raise a `DataError` for a pipe, a socket or a device, on which reading may wait for ever.

    Raises an `OSError` where there is nothing, or it cannot be looked at.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        kind = next((name for test, name in _SPECIAL if test(mode)), "no file")
        raise DataError(
            f"this is {kind}, not a file", where=str(path), do="save it to a file first"
        )


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn a file that is not there, is no file, or cannot be opened, into a `DataError`."""
    try:
        refuse_special(path)
        yield
    except OSError as error:
        raise DataError("the file cannot be read", where=str(path), seen=error.strerror) from error


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """A path beside `path` to write to; it takes `path`'s place, synced, once the block is done.

    If the block raises, or the process dies, `path` is as it was. private: its owner alone can read
    it, else it is as readable as any other file of the user's.
    """
    with resource_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix
        )
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            if not private:  # as mkstemp makes it
                umask = os.umask(0)
                os.umask(umask)
                beside.chmod(0o666 & ~umask)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)


def guarded(cell: str) -> str:
    """A text as a cell of CSV that no spreadsheet takes for a formula, and so runs.

    What begins with a sign such as =, and what would where a spreadsheet separates cells by
    semicolons or tabs, gets an apostrophe before it; what begins with apostrophes and such a sign
    gets one more, so that no two texts become one cell.
    """
    return _FORMULA.sub(r"\1'\2", cell)


def unguarded(cell: str) -> str:
    """The text that `guarded` made the cell of."""
    return _GUARDED.sub(r"\1\2", cell) if "'" in cell else cell


def csv_text(rows: Iterable[Iterable[object]]) -> str:
    """Rows as the text of a CSV file; equal rows, equal bytes on every system.

    Each cell is `guarded`, unless it is a number.
    """
    text = io.StringIO()
    safe = ([_safe(cell) for cell in cells] for cells in rows)
    csv.writer(text, lineterminator="\n").writerows(safe)
    return text.getvalue()


def _safe(cell: object) -> object:
    if not isinstance(cell, str) or _NUMBER.fullmatch(cell):
        return cell
    return guarded(cell)


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Write a text file whole or not at all, with line ends as given; private: see `replacing`."""
    with replacing(path, private=private) as beside:
        beside.write_text(text, encoding="utf-8", newline="")


def let_go(array: NDArray[Any]) -> None:
    """Give back the memory of a file's array that is mapped and large: it is read again if needed.

    What was read of it would else count as this process's, all of it in the end.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is not None and array.nbytes >= _LARGE and hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)
