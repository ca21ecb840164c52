"""The SHA-256 of files that were read before, so that the same files are not read through again.

A file is taken to be the one that was read where its path, size, inode and time of change are the
same. What changed just now is not kept: it might change again within the same tick of the clock.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from alasl.files import cache_folder

_log = logging.getLogger(__name__)

# Of a file: its absolute path, its size in bytes, its inode, and when it changed, in nanoseconds.
Mark = tuple[str, int, int, int]

_FILE = "digests.sqlite"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, size INTEGER, inode INTEGER,"
    " changed INTEGER, digest BLOB) WITHOUT ROWID"
)
# Seconds for which a file must have stood as it is; clocks of file systems tick in up to two.
SETTLED = 3.0
_WAIT = 5.0  # seconds for another process that writes


def mark_of(path: Path) -> Mark | None:
    """What tells a file from others; None where it cannot be looked at."""
    try:
        about = path.stat()
    except OSError:
        return None
    return str(path.absolute()), about.st_size, about.st_ino, about.st_mtime_ns


def recall(marks: Sequence[Mark]) -> dict[Mark, bytes]:
    """The digests that are known of these files."""
    sql = "SELECT size, inode, changed, digest FROM digests WHERE path = ?"
    found: dict[Mark, bytes] = {}
    with _slower_without(), _open() as db:
        for mark in marks:
            row = db.execute(sql, mark[:1]).fetchone()
            if row is not None and row[:3] == mark[1:]:
                found[mark] = row[3]
    return found


def keep(read: Mapping[Mark, bytes]) -> None:
    """Keep what was read, except files that changed just now."""
    settled = (time.time() - SETTLED) * 1e9
    rows = [(*mark, digest) for mark, digest in read.items() if mark[3] < settled]
    if rows:
        with _slower_without(), _open() as db:
            db.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?)", rows)


@contextmanager
def _open() -> Iterator[sqlite3.Connection]:
    """The file of digests, written when the block ends."""
    path = cache_folder() / _FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path, timeout=_WAIT)) as db, db:
        db.execute(_TABLE)
        yield db


@contextmanager
def _slower_without() -> Iterator[None]:
    """Whatever is wrong with the file, nobody is stopped by it: without it all files are read."""
    try:
        yield
    except (OSError, sqlite3.Error, UnicodeEncodeError) as error:
        _log.debug("%s: digests of files are not kept: %s", cache_folder() / _FILE, error)
