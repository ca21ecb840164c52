"""What a project was given: its images, their files and roles, its labels, and the table.

What is written never changes; images and labels that come later are added below and beside it.
All is by number (see `scheme`). Each function works in the caller's transaction, on its connection
`db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

import numpy as np

from alasl.labels import Entries, Labels


def write(
    db: sqlite3.Connection, labels: Labels, files: Sequence[str | None], roles: Sequence[str]
) -> None:
    """Write a table of N images, the file (N) and the role (N) of each, into a new store."""
    add_labels(db, labels.names, since=0)
    add_images(db, labels.images, files, roles, labels.entries, since=0)


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
            (i, _raw(name), None if file is None else _raw(file), role, row.tobytes(), since)
            for i, name, file, role, row in zip(numbers, images, files, roles, entries, strict=True)
        ),
    )
    return numbers


def images(
    db: sqlite3.Connection,
) -> tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...], tuple[int, ...]]:
    """(all,) each: the images' names, files and roles, and the event that brought each or 0."""
    rows = db.execute("SELECT name, file, role, since FROM images ORDER BY image").fetchall()
    return (
        tuple(_text(row[0]) for row in rows),
        tuple(None if row[1] is None else _text(row[1]) for row in rows),
        tuple(row[2] for row in rows),
        tuple(row[3] for row in rows),
    )


def names(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """The first name of each label, and the event that brought it or 0."""
    rows = db.execute("SELECT name, since FROM labels ORDER BY label").fetchall()
    return [(_text(row[0]), row[1]) for row in rows]


def entries(db: sqlite3.Connection, image: int | None = None) -> Entries:
    """int8 (all, all): what was given of each image and label, or (1, all) of one image."""
    (labels,) = db.execute("SELECT count(*) FROM labels").fetchone()
    one = "" if image is None else " WHERE image = :image"
    sql = f"SELECT given FROM images{one} ORDER BY image"
    # Of labels that came after an image nothing was given; -1 is the byte 255.
    blobs = [row[0].ljust(labels, b"\xff") for row in db.execute(sql, {"image": image})]
    return np.frombuffer(b"".join(blobs), np.int8).reshape(len(blobs), labels).copy()


def _raw(text: str) -> str | bytes:
    """A name as SQLite keeps it: text, or bytes where it is no valid text or holds a NUL."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return raw if b"\0" in raw else text


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogatepass")
