"""With what chance the audit has drawn each entry of the test set: kept as exact as it was drawn.

Each function works in the caller's transaction, on its connection `db`. Images (T,), ascending, and
labels (L,), ascending, are numbers.
"""

from __future__ import annotations

import sqlite3

import numpy as np

from alasl.project.records import Chances, Floats, Ints, Mask

# No REPLACE: that would take the row away without the triggers that keep its checksum.
_WRITE = (
    "INSERT INTO chances (label, images, before, now) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
    " images = excluded.images, before = excluded.before, now = excluded.now"
)


def write(db: sqlite3.Connection, chances: Chances, images: Ints, labels: Ints) -> None:
    """Put the chances of these images and labels in the place of those there are."""
    for col, label in enumerate(labels.tolist()):
        some = chances.now[:, col] > 0
        blobs = (
            images[some].astype("<i8").tobytes(),
            chances.before[some, col].astype("<f8").tobytes(),
            chances.now[some, col].astype("<f8").tobytes(),
        )
        db.execute(_WRITE, (label, *blobs))


def read(db: sqlite3.Connection, images: Ints, labels: Ints) -> Chances:
    """The chances (T, L) of images and labels; 0 where an entry never had any."""
    before, now = np.zeros((len(images), len(labels))), np.zeros((len(images), len(labels)))
    col_of = {label: col for col, label in enumerate(labels.tolist())}
    for label, *blobs in db.execute("SELECT label, images, before, now FROM chances"):
        if label not in col_of:
            continue
        place, here = _places(np.frombuffer(blobs[0], "<i8"), images)
        before[place, col_of[label]] = np.frombuffer(blobs[1], "<f8")[here]
        now[place, col_of[label]] = np.frombuffer(blobs[2], "<f8")[here]
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


def response(db: sqlite3.Connection, labels: Ints) -> Floats:
    """(L,): the share of each label's audit questions in the queue that are done; 1 without any."""
    shares = dict(
        db.execute("SELECT label, avg(done) FROM queue WHERE pi IS NOT NULL GROUP BY label")
    )
    return np.array([shares.get(label, 1.0) for label in labels.tolist()])


def _places(found: Ints, images: Ints) -> tuple[Ints, Mask]:
    """The places of those of `found` that are among `images`, and which these are."""
    place = np.searchsorted(images, found)
    here = place < len(images)
    here[here] = images[place[here]] == found[here]
    return place[here], here
