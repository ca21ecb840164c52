"""What a project was given: its images, their files and roles, its labels, and the table.

It is written once and never changes. Each function works in the caller's transaction, on its
connection `db`.
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
    count = len(labels.names)
    db.executemany("INSERT INTO labels VALUES (?, ?)", enumerate(map(_raw, labels.names)))
    db.executemany("INSERT INTO counts (label) VALUES (?)", [(j,) for j in range(count)])
    db.executemany(
        "INSERT INTO images VALUES (?, ?, ?, ?, ?)",
        (
            (i, _raw(name), None if file is None else _raw(file), role, entries.tobytes())
            for i, (name, file, role, entries) in enumerate(
                zip(labels.images, files, roles, labels.entries, strict=True)
            )
        ),
    )


def images(
    db: sqlite3.Connection,
) -> tuple[tuple[str, ...], tuple[str | None, ...], tuple[str, ...]]:
    """(N,) each: the images' names, their files and their roles."""
    rows = db.execute("SELECT name, file, role FROM images ORDER BY image").fetchall()
    return (
        tuple(_text(row[0]) for row in rows),
        tuple(None if row[1] is None else _text(row[1]) for row in rows),
        tuple(row[2] for row in rows),
    )


def names(db: sqlite3.Connection) -> tuple[str, ...]:
    """(L,): the labels' names."""
    return tuple(_text(row[0]) for row in db.execute("SELECT name FROM labels ORDER BY label"))


def entries(db: sqlite3.Connection, image: int | None = None) -> Entries:
    """int8 (N, L): the table before anybody answered, or (1, L) of one image."""
    (labels,) = db.execute("SELECT count(*) FROM labels").fetchone()
    one = "" if image is None else " WHERE image = :image"
    sql = f"SELECT given FROM images{one} ORDER BY image"
    blobs = [row[0] for row in db.execute(sql, {"image": image})]
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
