"""What a project was given: its images, their files and roles, its labels, and the table.

What is written never changes; images and labels that come later are added below and beside it.
All is by number (see `scheme`). Each function works in the caller's transaction, on its connection
`db`.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Sequence

import numpy as np

from alasl.labels import UNKNOWN, Entries, Labels
from alasl.sparse import Sparse

# Entries that are written at a time.
_ENTRIES = 2**24
# Images that are read at a time.
_ROWS = 2**14
# An unknown entry as a byte.
_UNKNOWN = np.int8(UNKNOWN).tobytes()


def write(
    db: sqlite3.Connection, labels: Labels, files: Sequence[str | None], roles: Sequence[str]
) -> None:
    """Write a table of N images, the file (N) and the role (N) of each, into a new store."""
    add_labels(db, labels.names, since=0)
    step = max(1, _ENTRIES // max(1, len(labels.names)))
    for start in range(0, len(labels.images), step):
        part = slice(start, start + step)
        entries = labels.of(np.arange(len(labels.images))[part])
        add_images(db, labels.images[part], files[part], roles[part], entries, since=0)


def add_labels(db: sqlite3.Connection, names: Sequence[str], since: int) -> list[int]:
    """Add labels that the event `since` brings; their numbers."""
    (first,) = db.execute("SELECT count(*) FROM labels").fetchone()
    numbers = list(range(first, first + len(names)))
    db.executemany(
        "INSERT INTO labels (label, name, since) VALUES (?, ?, ?)",
        [(j, _raw(name), since) for j, name in zip(numbers, names, strict=True)],
    )
    db.executemany("INSERT INTO counts (label) VALUES (?)", [(j,) for j in numbers])
    return numbers


def add_images(
    db: sqlite3.Connection,
    images: Sequence[str],
    files: Sequence[str | None],
    roles: Sequence[str],
    entries: Entries,
    since: int,
) -> list[int]:
    """Add images that the event `since` brings, (n,) each, with their entries (n, all labels)."""
    (first,) = db.execute("SELECT count(*) FROM images").fetchone()
    numbers = list(range(first, first + len(images)))
    db.executemany(
        "INSERT INTO images (image, name, file, role, given, since) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (i, _raw(name), None if file is None else _raw(file), role, _known(row), since)
            for i, name, file, role, row in zip(numbers, images, files, roles, entries, strict=True)
        ),
    )
    return numbers


def images(
    db: sqlite3.Connection,
) -> tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...], tuple[int, ...]]:
    """(all,) each: the images' names, files and roles, and the event that brought each or 0."""
    found: list[str] = []
    files: list[str | None] = []
    roles: list[str] = []
    events: list[int] = []
    # One after the other, and the few roles once, so that millions take little memory.
    for name, file, role, since in db.execute(
        "SELECT name, file, role, since FROM images ORDER BY image"
    ):
        found.append(_text(name))
        files.append(None if file is None else _text(file))
        roles.append(sys.intern(role))
        events.append(since)
    return tuple(found), tuple(files), tuple(roles), tuple(events)


def names(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """The first name of each label, and the event that brought it or 0."""
    rows = db.execute("SELECT name, since FROM labels ORDER BY label").fetchall()
    return [(_text(row[0]), row[1]) for row in rows]


def known(db: sqlite3.Connection, image: int | None = None) -> Sparse:
    """int8 (all, all): what was given of each image and label, or (1, all) of one image."""
    (labels,) = db.execute("SELECT count(*) FROM labels").fetchone()
    if image is None:
        (images,) = db.execute("SELECT count(*) FROM images").fetchone()
        rows = db.execute("SELECT image, given FROM images WHERE given <> x'' ORDER BY image")
    else:
        images = 1
        rows = db.execute("SELECT 0, given FROM images WHERE image = ?", (image,))
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    while part := rows.fetchmany(_ROWS):
        numbers, given = zip(*part, strict=True)
        whole = np.frombuffer(b"".join(given), np.int8)
        ends = np.cumsum([len(one) for one in given])
        at = np.flatnonzero(whole != UNKNOWN)
        of = np.searchsorted(ends, at, side="right")
        starts = np.concatenate([[0], ends[:-1]])
        places.append(np.array(numbers, np.int64)[of] * labels + at - starts[of])
        values.append(whole[at])
    return Sparse((images, labels), np.concatenate(places), np.concatenate(values))


def _known(row: Entries) -> bytes:
    """An image's entries up to the last one that is known: of the rest nothing was given."""
    return row.tobytes().rstrip(_UNKNOWN)


def _raw(text: str) -> str | bytes:
    """A name as SQLite keeps it: text, or bytes where it is no valid text or holds a NUL."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return raw if b"\0" in raw else text


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogatepass")
