"""What a project was given: its images, their files and roles, its labels, and the table.

What is written never changes; images and labels that come later are added below and beside it.
All is by number (see `scheme`). Each function works in the caller's transaction, on its connection
`db`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN, Entries, Labels
from alasl.project import blocks
from alasl.project.records import Ints
from alasl.sparse import Places, Sparse

# Entries that are written at a time.
_ENTRIES = 2**24
_TOUCHED = "SELECT image FROM standing UNION SELECT image FROM resolved"
# What no entry is: of an image that begins so, known entries alone are kept.
_FEW = b"\x02"
# Of the four bytes of each.
_SHIFTS, _BITS = np.array([21, 14, 7, 0]), 0x7F


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
    entries: Entries | Sparse,
    since: int,
) -> list[int]:
    """Add images that the event `since` brings, (n,) each, with their entries (n, all labels)."""
    first = how_many(db)
    numbers = list(range(first, first + len(images)))
    db.executemany(
        "INSERT INTO images (image, name, file, role, given, since) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (i, _raw(name), None if file is None else _raw(file), role, given, since)
            for i, name, file, role, given in zip(
                numbers, images, files, roles, _all_written(entries), strict=True
            )
        ),
    )
    return numbers


def how_many(db: sqlite3.Connection) -> int:
    """Images that there ever were."""
    (found,) = db.execute("SELECT coalesce(max(image) + 1, 0) FROM images").fetchone()
    return int(found)


def text(db: sqlite3.Connection, column: str, image: int) -> str | None:
    """The `name` or `file` of an image."""
    sql = f"SELECT {column} FROM images WHERE image = ?"
    (found,) = db.execute(sql, (image,)).fetchone()
    return None if found is None else _text(found)


def texts(db: sqlite3.Connection, column: str) -> Iterator[str | None]:
    """The `name` or `file` of all images, one after the other."""
    for (found,) in db.execute(f"SELECT {column} FROM images ORDER BY image"):
        yield None if found is None else _text(found)


def names(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """The first name of each label, and the event that brought it or 0."""
    rows = db.execute("SELECT name, since FROM labels ORDER BY label").fetchall()
    return [(_text(row[0]), row[1]) for row in rows]


def known(db: sqlite3.Connection, image: int | None = None, *, touched: bool = False) -> Sparse:
    """int8 (all, all): what was given of each image and label, or (1, all) of one image.

    touched: only of images of which somebody said anything.
    """
    (labels,) = db.execute("SELECT count(*) FROM labels").fetchone()
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    for numbers, sizes, kept in _kept(db, image, touched):
        of, cols, said = _read(sizes, kept)
        places.append(numbers[of] * labels + cols)
        values.append(said)
    images = how_many(db) if image is None else 1
    return Sparse((images, labels), np.concatenate(places), np.concatenate(values))


def _kept(
    db: sqlite3.Connection, image: int | None, touched: bool
) -> Iterator[tuple[Places, Places, Entries]]:
    """Of the images that `known` is asked for, some at a time: their rows (n,), how many bytes are
    kept of each (n,), and these."""
    if image is None and not touched:
        for first, sizes, kept in blocks.given(db):
            yield first + np.arange(len(sizes)), sizes, kept
        return
    if image is None:
        sql = f"SELECT image, given FROM images WHERE image IN ({_TOUCHED}) ORDER BY image"
        rows = db.execute(sql)
    else:
        rows = db.execute("SELECT 0, given FROM images WHERE image = ?", (image,))
    while part := rows.fetchmany(blocks.MANY):
        numbers, given = zip(*part, strict=True)
        sizes = np.array([len(one) for one in given], np.int64)
        yield np.array(numbers, np.int64), sizes, np.frombuffer(b"".join(given), np.int8)


def _all_written(entries: Entries | Sparse) -> Iterator[bytes]:
    """As `_written`, of some images at a time."""
    step = max(1, _ENTRIES // max(1, entries.shape[1]))
    for start in range(0, entries.shape[0], step):
        yield from _written(entries[start : start + step])


def _written(entries: Entries) -> Iterator[bytes]:
    """Each image's entries (n, L) as bytes, by whichever way takes fewer.

    Those up to the last one that is known, a byte each; or `_FEW`, and a code of four bytes for
    each that is known.
    """
    rows, cols = np.nonzero(entries != UNKNOWN)
    codes = _codes(cols, entries[rows, cols])
    ends = np.bincount(rows, minlength=len(entries)).cumsum().tolist()
    start = 0
    for row, end in enumerate(ends):
        if end == start:
            yield b""
        elif 4 * (end - start) < (last := int(cols[end - 1])):
            yield _FEW + codes[start:end].tobytes()
        else:
            yield entries[row, : last + 1].tobytes()
        start = end


def _read(sizes: Places, kept: Entries) -> tuple[Places, Places, Entries]:
    """Which of some images, label, and value (m,) each of what `_written` wrote, in order.

    sizes: (n,), how many bytes it wrote of each; kept: all these.
    """
    starts = sizes.cumsum() - sizes
    some = np.flatnonzero(sizes)
    few = np.zeros(len(sizes), np.bool_)
    few[some] = kept[starts[some]] == _FEW[0]
    of = np.repeat(np.arange(len(sizes)), sizes)
    coded = few[of]
    whole = np.flatnonzero(~coded & (kept != UNKNOWN))
    coded[starts[few]] = False
    codes = kept[coded].view(np.uint8).reshape(-1, len(_SHIFTS)).astype(np.int64) & _BITS
    code = (codes << _SHIFTS).sum(axis=1)
    images = np.concatenate([of[whole], of[coded][:: len(_SHIFTS)]])
    cols = np.concatenate([whole - starts[of[whole]], code >> 1])
    values = np.concatenate([kept[whole], (code & 1).astype(np.int8)])
    order = np.argsort(images, kind="stable")
    return images[order], cols[order], values[order]


def _codes(cols: Ints, values: Entries) -> NDArray[np.uint8]:
    """(m, 4): twice the label, and one more where it is present.

    Seven bits a byte: the highest bit of the first alone is set, so that a code is found nowhere
    but where one begins.
    """
    code = 2 * cols + (values == PRESENT)
    found: NDArray[np.uint8] = (code[:, None] >> _SHIFTS & _BITS).astype(np.uint8)
    found[:, 0] |= _BITS + 1
    return found


def holds(label: int, value: int) -> str:
    """What says in SQL whether an image's `given` has this value of a label."""
    code = _codes(np.array([label]), np.array([value], np.int8)).tobytes()
    begins = f"substr(given, 1, 1) = x'{_FEW.hex()}'"
    byte = f"substr(given, {label + 1}, 1) = x'{value:02x}'"
    return f"CASE WHEN {begins} THEN instr(given, x'{code.hex()}') > 0 ELSE {byte} END"


def _raw(text: str) -> str | bytes:
    """A name as SQLite keeps it: text, or bytes where it is no valid text or holds a NUL."""
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
    return raw if b"\0" in raw else text


def _text(raw: str | bytes) -> str:
    return raw if isinstance(raw, str) else raw.decode("utf-8", "surrogatepass")
