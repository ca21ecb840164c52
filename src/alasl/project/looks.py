"""How often the audit was looked at for automatic answers: each look spends some of its chance.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass

from alasl.project import remembered

_NAME = "look"


@dataclass(frozen=True)
class Look:
    """The last look: its number, from 1, and the audit's answers and the bound by then.

    wrong, delta, share: as of a `Bound`; delta is that of all looks together.
    """

    number: int
    answers: int
    wrong: float
    delta: float
    share: str


def last(db: sqlite3.Connection) -> Look | None:
    """The last look; None before the first."""
    kept = remembered.value(db, _NAME)
    return None if kept is None else Look(**json.loads(kept))


def note(db: sqlite3.Connection, look: Look) -> None:
    """Put a look in the place of the last."""
    remembered.keep(db, _NAME, json.dumps(asdict(look)))
