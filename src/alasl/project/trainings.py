"""What models were worth, training by training: the curve of mAP against answers.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3

from alasl.project.records import Training


def note_training(db: sqlite3.Connection, training: Training) -> None:
    """Keep what a model was worth."""
    values = {**vars(training), "ap": json.dumps(training.ap)}
    db.execute(
        f"INSERT INTO trainings ({', '.join(values)})"
        f" VALUES ({', '.join(':' + name for name in values)})",
        values,
    )


def trainings(db: sqlite3.Connection) -> list[Training]:
    """Every training noted, the first one first."""
    rows = db.execute(
        "SELECT at, event, answers, seconds, took, map, ap, model, judged FROM trainings"
        " ORDER BY training"
    ).fetchall()
    return [Training(*(*row[:6], tuple(json.loads(row[6])), *row[7:])) for row in rows]
