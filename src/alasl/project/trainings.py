"""What models were worth, training by training: the curve of mAP against answers.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import TypeVar

from alasl.evaluate.audit import NO_ABSENT, NO_AUDIT, NO_PRESENT
from alasl.project import ground as grounds
from alasl.project.ground import Ground
from alasl.project.records import Training
from alasl.project.scheme import Scheme

T = TypeVar("T")

# Why a label has no figures by a training from before it came: it is new, merged or split off.
CAME = "no training yet"
# Why a label has no AP, by the word that a page's sentence goes by.
LACKS = {
    NO_PRESENT: "no-present",
    NO_ABSENT: "no-absent",
    NO_AUDIT: "no-audit",
    CAME: "no-training",
}


def note_training(db: sqlite3.Connection, training: Training, now: Scheme) -> None:
    """Keep what a model was worth, and of which labels its AP is.

    A training anew on the same answers takes the place of the one before.
    """
    db.execute(
        "DELETE FROM trainings WHERE model = ? AND event = ?"
        " AND training = (SELECT max(training) FROM trainings)",
        (training.model, training.event),
    )
    labels = json.dumps(now.cols.tolist())
    ground = None if training.ground is None else json.dumps(training.ground, default=vars)
    values = {
        **vars(training), "ap": json.dumps(training.ap), "labels": labels, "ground": ground
    }  # fmt: skip
    # These are the labels that have an AP.
    del values["over"]
    db.execute(
        f"INSERT INTO trainings ({', '.join(values)})"
        f" VALUES ({', '.join(':' + name for name in values)})",
        values,
    )


def trainings(db: sqlite3.Connection, now: Scheme) -> list[Training]:
    """Every training noted, the first one first; AP of the table's labels, None of later ones."""
    rows = db.execute(
        "SELECT at, event, answers, seconds, took, map, ap, model, judged, labels, ground"
        " FROM trainings ORDER BY training"
    ).fetchall()
    found = []
    for *figures, noted, model, judged, labels, ground in rows:
        ap = json.loads(noted)
        numbers = json.loads(labels) if labels else list(range(len(ap)))
        over = tuple(n for n, value in zip(numbers, ap, strict=True) if value is not None)
        told = _ground(ground, numbers, now)
        placed = _placed(ap, numbers, now)
        found.append(Training(*(*figures, placed, model, judged, told, over)))
    return found


def _placed(noted: Sequence[T], numbers: Sequence[int], now: Scheme) -> tuple[T | None, ...]:
    """What was noted for each label of a training, for those that the table has now."""
    by_number = dict(zip(numbers, noted, strict=True))
    return tuple(by_number.get(number) for number in now.cols.tolist())


def _ground(text: str | None, numbers: Sequence[int], now: Scheme) -> Ground | None:
    if text is None:
        return None
    there = set(numbers)
    came = {col: CAME for col, number in enumerate(now.cols.tolist()) if number not in there}
    return grounds.read(json.loads(text), lambda noted: _placed(noted, numbers, now), came)
