"""Single values that a store keeps by name: the round, the way of asking, the last look, ...

They lie in its table `notes`; people's notes are events, see `notes`. Each function works in the
caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3
from typing import Any


def value(db: sqlite3.Connection, name: str) -> Any:
    """A value, a number or a text; None where there is none of this name."""
    row = db.execute("SELECT value FROM notes WHERE key = ?", (name,)).fetchone()
    return None if row is None else row[0]


def keep(db: sqlite3.Connection, name: str, value: int | str) -> None:
    """Put a value in the place of any of this name."""
    db.execute(
        "INSERT INTO notes VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        (name, value),
    )
