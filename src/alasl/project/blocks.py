"""Images by the block: which part each is of, and what was given of it.

To read this image by image takes seconds of each million. A block holds `MANY` images, in the order
of their numbers. It can be made again from them. Each function works in the caller's transaction,
on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from alasl.project.records import ROLES

# The version of the store that has them first.
SINCE = 8
MANY = 4096
_OF_BLOCK = f"image BETWEEN block * {MANY} AND block * {MANY} + {MANY - 1} ORDER BY image"
# What all blocks are, by the images.
MADE = (
    "WITH RECURSIVE each (block) AS (SELECT 0 WHERE EXISTS (SELECT 1 FROM images) UNION ALL"
    f" SELECT block + 1 FROM each WHERE block < (SELECT max(image) FROM images) / {MANY})"
    f" SELECT block, (SELECT roles_of(role) FROM (SELECT role FROM images WHERE {_OF_BLOCK})),"
    f" (SELECT given_of(given) FROM (SELECT given FROM images WHERE {_OF_BLOCK})) FROM each"
)


def statements() -> Iterator[str]:
    """What makes the blocks of a store that has images already."""
    yield (
        "CREATE TABLE blocks (block INTEGER PRIMARY KEY, roles BLOB NOT NULL, given BLOB NOT NULL)"
    )
    yield f"INSERT INTO blocks {MADE}"


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that make blocks."""
    connection.create_aggregate("roles_of", 1, _Roles)  # type: ignore[arg-type]
    connection.create_aggregate("given_of", 1, _Given)  # type: ignore[arg-type]


def grow(db: sqlite3.Connection, first: int) -> None:
    """Make anew the blocks of all images from the number `first` on, which just came in."""
    begun = first // MANY
    db.execute("DELETE FROM blocks WHERE block >= ?", (begun,))
    db.execute(f"INSERT INTO blocks {MADE} WHERE block >= ?", (begun,))


def roles(db: sqlite3.Connection) -> NDArray[np.uint8]:
    """(all,): the part of each image, by its place in `ROLES`."""
    rows = db.execute("SELECT roles FROM blocks ORDER BY block")
    return np.frombuffer(b"".join(row[0] for row in rows), np.uint8)


def given(db: sqlite3.Connection) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int8]]]:
    """Block by block its first image; how many bytes are kept of each, (n,); and all these."""
    for block, many, kept in db.execute(
        "SELECT block, length(roles), given FROM blocks ORDER BY block"
    ):
        sizes = np.frombuffer(kept, "<u4", many).astype(np.int64)
        yield block * MANY, sizes, np.frombuffer(kept, np.int8, offset=4 * many)


class _Roles:
    """The parts of images, a byte each."""

    def __init__(self) -> None:
        self._found = bytearray()

    def step(self, role: str) -> None:
        self._found.append(ROLES.index(role))

    def finalize(self) -> bytes:
        return bytes(self._found)


class _Given:
    """What was given of images: its length, four bytes each, and then all of it."""

    def __init__(self) -> None:
        self._found: list[bytes] = []

    def step(self, given: bytes) -> None:
        self._found.append(given)

    def finalize(self) -> bytes:
        sizes = np.array([len(one) for one in self._found], "<u4")
        return sizes.tobytes() + b"".join(self._found)
