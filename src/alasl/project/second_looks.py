"""Second looks: which answers of the audit are asked for once more, and what files call them.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import hashlib
import sqlite3

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.intervals import log_odds
from alasl.labels import UNKNOWN
from alasl.project import remembered
from alasl.project.events import NOT_UNDONE
from alasl.project.records import AGAIN, RECHECK, Ints, Mask

# Of an event e: an answer to what chance drew, that was not taken back.
AN_ANSWER_DRAWN = f"e.pi IS NOT NULL AND e.value >= 0 AND {NOT_UNDONE}"
# By how much an answer moves the log-odds of an entry (as if 2 of 100 were wrong), how sure a model
# may be before it, how sure both are together when it is settled (19 to 1), and the most answers.
_AN_ANSWER, _SUREST, _SETTLED, _MOST = 3.9, 7.0, 2.94, 5
# Of the names of questions: no vowels, so no words.
_SIGNS = "bcdfghjklmnpqrstvwxz"


def question(image: int, label: int, look: int) -> str:
    """A name for the question for an entry's answer number `look`: what files that are read twice,
    or late, answer. It does not show that there was an earlier one, and is not a word.
    """
    digest = hashlib.sha256(f"{image} {label} {look}".encode()).digest()
    return "".join(_SIGNS[byte % len(_SIGNS)] for byte in digest[:6])


def looked(db: sqlite3.Connection, image: int, label: int) -> tuple[int, int]:
    """How many answers to an entry that chance drew say absent, and how many present."""
    presents, many = db.execute(
        "SELECT coalesce(sum(value), 0), count(*) FROM events e WHERE image = ? AND label = ?"
        f" AND {AN_ANSWER_DRAWN}",
        (image, label),
    ).fetchone()
    return many - presents, presents


def once_more(
    absents: Ints | int, presents: Ints | int, odds: NDArray[np.floating] | float
) -> Mask:
    """Whether an entry is to be asked once more, of numbers or arrays.

    It is where its first answer speaks against the model; and then until one answer leads and is
    likely enough to be right, or there are too many.
    absents, presents: answers so far. odds: the model's log-odds of presence.
    """
    many, lead = np.add(absents, presents), np.subtract(presents, absents)
    believed = np.clip(odds, -_SUREST, _SUREST) + _AN_ANSWER * lead
    against = (many == 1) & ((lead > 0) == np.less(odds, 0))
    doubted = (lead == 0) | (np.abs(believed) < _SETTLED)
    return np.asarray((many > 0) & (many < _MOST) & (against | doubted))


def chance(db: sqlite3.Connection, image: int, label: int) -> float | None:
    """The chance by which an entry was drawn that people answered; None where it was not."""
    sql = f"SELECT pi FROM events e WHERE image = ? AND label = ? AND {AN_ANSWER_DRAWN} LIMIT 1"
    row = db.execute(sql, (image, label)).fetchone()
    return None if row is None else float(row[0])


def second_look(db: sqlite3.Connection, image: int, label: int, value: int) -> bool:
    """Ask once more, at the end, for an answer of the audit that `once_more` names; whether so."""
    if value == UNKNOWN or not remembered.value(db, "again"):
        return False
    slots = db.execute(
        "SELECT probability, model, round, pi, why, done FROM queue"
        " WHERE image = ? AND label = ? AND pi IS NOT NULL ORDER BY place",
        (image, label),
    ).fetchall()
    if not slots or slots[0][0] is None or slots[0][4] == RECHECK:
        return False
    p, model, round, pi = slots[0][:4]
    asked = any(why == AGAIN and not done for *_, why, done in slots)
    if asked or not once_more(*looked(db, image, label), log_odds(p)):
        return False
    db.execute(
        "INSERT INTO queue (image, label, probability, model, round, why, pi)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (image, label, p, model, round, AGAIN, pi),
    )
    return True
