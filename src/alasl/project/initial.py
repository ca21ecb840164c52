"""What a project was given: its images, their files and roles, its labels, and the table.

What is written never changes; images and labels that come later are added below and beside it.
All is by number (see `scheme`). Each function works in the caller's transaction, on its connection
`db`.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN, Entries, Labels
from alasl.project.records import Ints
from alasl.sparse import Sparse

# Entries that are written at a time.
_ENTRIES = 2**24
# Images that are read at a time.
_ROWS = 2**14
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
    entries: Entries,
    since: int,
) -> list[int]:
    """Add images that the event `since` brings, (n,) each, with their entries (n, all labels)."""
    (first,) = db.execute("SELECT count(*) FROM images").fetchone()
    numbers = list(range(first, first + len(images)))
    db.executemany(
        "INSERT INTO images (image, name, file, role, given, since) VALUES (?, ?, ?, ?, ?, ?)",
        (
            (i, _raw(name), None if file is None else _raw(file), role, given, since)
            for i, name, file, role, given in zip(
                numbers, images, files, roles, _written(entries), strict=True
            )
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


def known(db: sqlite3.Connection, image: int | None = None, *, touched: bool = False) -> Sparse:
    """int8 (all, all): what was given of each image and label, or (1, all) of one image.

    touched: only of images of which somebody said anything.
    """
    (labels,) = db.execute("SELECT count(*) FROM labels").fetchone()
    if image is None:
        (images,) = db.execute("SELECT count(*) FROM images").fetchone()
        which = f"image IN ({_TOUCHED})" if touched else "given <> x''"
        rows = db.execute(f"SELECT image, given FROM images WHERE {which} ORDER BY image")
    else:
        images = 1
        rows = db.execute("SELECT 0, given FROM images WHERE image = ?", (image,))
    places, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int8)]
    while part := rows.fetchmany(_ROWS):
        numbers, given = zip(*part, strict=True)
        of, cols, said = _read(given)
        places.append(np.array(numbers, np.int64)[of] * labels + cols)
        values.append(said)
    return Sparse((images, labels), np.concatenate(places), np.concatenate(values))


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


def _read(given: Sequence[bytes]) -> tuple[Ints, Ints, Entries]:
    """Which of some images, label, and value (m,) each of what `_written` wrote, in order."""
    few = np.array([one[:1] == _FEW for one in given], np.bool_)
    found = []
    for which in (True, False):
        numbers = np.flatnonzero(few == which)
        parts = [given[number][int(which) :] for number in numbers.tolist()]
        whole = np.frombuffer(b"".join(parts), np.int8)
        many = np.array([len(one) for one in parts], np.int64)
        if which:
            codes = whole.reshape(-1, len(_SHIFTS)).astype(np.int64) & _BITS
            code = (codes << _SHIFTS).sum(axis=1)
            found.append((np.repeat(numbers, many // len(_SHIFTS)), code >> 1, code & 1))
        else:
            known, ends = np.flatnonzero(whole != UNKNOWN), many.cumsum()
            of = np.searchsorted(ends, known, side="right")
            found.append((numbers[of], known - (ends - many)[of], whole[known]))
    of, cols, values = (np.concatenate(each) for each in zip(*found, strict=True))
    order = np.argsort(of, kind="stable")
    return of[order], cols[order], values[order].astype(np.int8)


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
