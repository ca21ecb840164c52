"""With what chance the audit has drawn each entry of the test set: kept as exact as it was drawn.

Each function works in the caller's transaction, on its connection `db`. Images (T,), ascending, and
labels (L,), ascending, are numbers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np

from alasl.labels import UNKNOWN
from alasl.project import initial, queue, second_looks
from alasl.project.records import RECHECK, Chances, Floats, Ints, Mask

# Of one label: images, and their chances before the queue and with it.
_OneLabel = tuple[Ints, Floats, Floats]

_WRITE = (
    "INSERT INTO chances (label, images, before, now) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " images = excluded.images, before = excluded.before, now = excluded.now"
)
_READ = "SELECT images, before, now FROM chances WHERE label = ?"


def write(db: sqlite3.Connection, chances: Chances, images: Ints, labels: Ints) -> None:
    """Put the chances of these images and labels in the place of those there are.

    Those of images and labels that were taken out stay, as both may come back with their answers.
    To be called while the last queue is still there: it tells how many of these were answered.
    """
    col_of = {label: col for col, label in enumerate(labels.tolist())}
    asked, given = queue.audited(db), None
    of_all = _of_all(asked)
    before = {label for (label,) in db.execute("SELECT label FROM chances")}
    # One label after the other, as all of them may be large tables.
    for label in sorted(before.union(col_of)):
        parts = _of(chances, images, col_of[label]) if label in col_of else None
        if label in before:
            old = _numbers(*db.execute(_READ, (label,)).fetchone())
            if parts:
                out = ~_places(old[0], images)[1]
                old = old[0][out], old[1][out], old[2][out]
            if not parts or len(old[0]):
                given = initial.known(db) if given is None else given
                open_, checks = _shares(asked.get(label, ()), old[0], of_all)
                ended = _ended(np.where(given[old[0], label] == UNKNOWN, open_, checks), *old)
                parts = _joined(parts, ended) if parts else ended
        if parts:
            rows, chance, now = parts
            blobs = rows.astype("<i8"), chance.astype("<f8"), now.astype("<f8")
            db.execute(_WRITE, (label, *(blob.tobytes() for blob in blobs)))


def _of(chances: Chances, images: Ints, col: int) -> _OneLabel:
    some = chances.now[:, col] > 0
    return images[some], chances.before[some, col], chances.now[some, col]


def _joined(first: _OneLabel, second: _OneLabel) -> _OneLabel:
    images, before, now = (np.concatenate(parts) for parts in zip(first, second, strict=True))
    return images, before, now


def _ended(share: Floats, images: Ints, before: Floats, now: Floats) -> _OneLabel:
    """The chances of what is out, once the queue with its questions is thrown away."""
    reached = before + share * (now - before)
    reached = np.where(reached > 0, reached, now)
    return images, reached, reached


def read(db: sqlite3.Connection, images: Ints, labels: Ints) -> Chances:
    """The chances (T, L) of images and labels; 0 where an entry never had any."""
    before, now = np.zeros((len(images), len(labels))), np.zeros((len(images), len(labels)))
    col_of = {label: col for col, label in enumerate(labels.tolist())}
    for label, *blobs in db.execute("SELECT label, images, before, now FROM chances"):
        if label not in col_of:
            continue
        numbers, first, last = _numbers(*blobs)
        place, here = _places(numbers, images)
        before[place, col_of[label]] = first[here]
        now[place, col_of[label]] = last[here]
    return Chances(images, before, now)


def answered(db: sqlite3.Connection, images: Ints, labels: Ints) -> Mask:
    """(T, L): entries that people answered because chance drew them."""
    mask = np.zeros((len(images), len(labels)), np.bool_)
    found = db.execute(
        "SELECT DISTINCT s.image, s.label FROM standing s JOIN events e ON e.id = s.event"
        " WHERE e.pi IS NOT NULL"
    ).fetchall()
    if found:
        image, label = np.array(found, np.intp).T
        label_here = np.isin(label, labels)
        place, here = _places(image[label_here], images)
        mask[place, np.searchsorted(labels, label[label_here][here])] = True
    return mask


def looks(db: sqlite3.Connection, images: Ints, labels: Ints) -> Ints:
    """(2, T, L): how many answers to each entry that chance drew say absent, and how many present.

    A person's answers to the same entry count each. Without those that were taken back.
    """
    many = np.zeros((2, len(images), len(labels)), np.intp)
    found = db.execute(
        "SELECT image, label, value, count(*) FROM events e"
        f" WHERE {second_looks.AN_ANSWER_DRAWN} GROUP BY image, label, value"
    ).fetchall()
    row_of = {image: row for row, image in enumerate(images.tolist())}
    col_of = {label: col for col, label in enumerate(labels.tolist())}
    for image, label, value, count in found:
        if image in row_of and label in col_of:
            many[value, row_of[image], col_of[label]] = count
    return many


def response(db: sqlite3.Connection, images: Ints, labels: Ints) -> Floats:
    """(2, L): the share of each label's audit questions in the queue that are done.

    First of those about open entries, then of those that check what was given, as these are not
    asked everywhere. Where a label has none, the share of all: had it any, so many would be done.
    Only of these images, as nobody is asked about others.
    """
    asked = queue.audited(db)
    of_all = _of_all(asked)
    return np.array([_shares(asked.get(n, ()), images, of_all) for n in labels.tolist()]).T


def _of_all(asked: Mapping[int, Sequence[tuple[int, int, str]]]) -> float:
    """Which share of all questions is done; 1 without any."""
    done = [one for some in asked.values() for _, one, _ in some]
    return sum(done) / len(done) if done else 1.0


def _shares(
    asked: Sequence[tuple[int, int, str]], images: Ints, none: float
) -> tuple[float, float]:
    """Which share of the questions about these images is done, of open entries and of checks.

    asked: image, 1 if done, and why. none: where there are none.
    """
    # Most of many labels have no question, so nothing is made for these.
    here = set(images.tolist()) if asked else ()
    done: tuple[list[int], list[int]] = ([], [])
    for image, one, why in asked:
        if image in here:
            done[why == RECHECK].append(one)
    open_, checks = (sum(each) / len(each) if each else none for each in done)
    return open_, checks


def _numbers(images: bytes, before: bytes, now: bytes) -> _OneLabel:
    return np.frombuffer(images, "<i8"), np.frombuffer(before, "<f8"), np.frombuffer(now, "<f8")


def _places(found: Ints, images: Ints) -> tuple[Ints, Mask]:
    """The places of those of `found` that are among `images`, and which these are."""
    place = np.searchsorted(images, found)
    here = place < len(images)
    here[here] = images[place[here]] == found[here]
    return place[here], here
