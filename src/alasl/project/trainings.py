"""What models were worth, training by training: the curve of mAP against answers.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict
from typing import TypeVar

from alasl.project.records import Ground, Training
from alasl.project.scheme import Scheme

T = TypeVar("T")


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
    ground = None if training.ground is None else json.dumps(asdict(training.ground))
    values = {
        **vars(training), "ap": json.dumps(training.ap), "labels": labels, "ground": ground
    }  # fmt: skip
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
    for *figures, ap, model, judged, labels, ground in rows:
        placed = _placed(json.loads(ap), labels, now)
        found.append(Training(*(*figures, placed, model, judged, _ground(ground, labels, now))))
    return found


def _placed(noted: Sequence[T], labels: str | None, now: Scheme) -> tuple[T | None, ...]:
    """What was noted for each label of a training, for those that the table has now."""
    numbers = json.loads(labels) if labels else range(len(noted))
    by_number = dict(zip(numbers, noted, strict=True))
    return tuple(by_number.get(number) for number in now.cols.tolist())


def _ground(text: str | None, labels: str | None, now: Scheme) -> Ground | None:
    if text is None:
        return None
    values = json.loads(text)
    pairs = [None if pair is None else tuple(pair) for pair in values["ap"]]
    reasons = [values["left_out"].get(str(column)) for column in range(len(pairs))]
    placed = _placed(reasons, labels, now)
    left_out = {column: reason for column, reason in enumerate(placed) if reason}
    whole, gain = (None if values[k] is None else tuple(values[k]) for k in ("map", "gain"))
    ap = _placed(pairs, labels, now)
    return Ground(**{**values, "ap": ap, "left_out": left_out, "map": whole, "gain": gain})
