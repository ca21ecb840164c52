"""What models were worth, training by training: the curve of mAP against answers.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3

from alasl.project.records import Training
from alasl.project.scheme import Scheme


def note_training(db: sqlite3.Connection, training: Training, now: Scheme) -> None:
    """Keep what a model was worth, and of which labels its AP is."""
    labels = json.dumps(now.cols.tolist())
    values = {**vars(training), "ap": json.dumps(training.ap), "labels": labels}
    db.execute(
        f"INSERT INTO trainings ({', '.join(values)})"
        f" VALUES ({', '.join(':' + name for name in values)})",
        values,
    )


def trainings(db: sqlite3.Connection, now: Scheme) -> list[Training]:
    """Every training noted, the first one first; AP of the table's labels, None of later ones."""
    rows = db.execute(
        "SELECT at, event, answers, seconds, took, map, ap, model, judged, labels FROM trainings"
        " ORDER BY training"
    ).fetchall()
    return [Training(*(*row[:6], _ap(row[6], row[9], now), *row[7:9])) for row in rows]


def _ap(noted: str, labels: str | None, now: Scheme) -> tuple[float | None, ...]:
    ap = json.loads(noted)
    numbers = json.loads(labels) if labels else range(len(ap))
    by_number = dict(zip(numbers, ap, strict=True))
    return tuple(by_number.get(number) for number in now.cols.tolist())
