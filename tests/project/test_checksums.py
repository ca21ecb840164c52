"""Checksums follow every way in which a row can change."""

from __future__ import annotations

import sqlite3
from itertools import chain

import pytest

from alasl.project.checksums import differences, register
from alasl.project.schema import MIGRATIONS


@pytest.mark.parametrize(
    "change",
    [
        "INSERT INTO notes VALUES ('c', '3')",
        "INSERT OR REPLACE INTO notes VALUES ('a', '3')",
        "INSERT INTO notes VALUES ('a', '3') ON CONFLICT DO UPDATE SET value = excluded.value",
        "UPDATE notes SET value = '3' WHERE key = 'a'",
        "UPDATE OR REPLACE notes SET key = 'b' WHERE key = 'a'",
        "DELETE FROM notes WHERE key = 'a'",
        "DELETE FROM notes",
    ],
)
def test_a_change_is_no_damage(change: str) -> None:
    db = sqlite3.connect(":memory:")
    register(db)
    for statement in chain.from_iterable(MIGRATIONS):
        db.execute(statement)
    db.execute("INSERT INTO notes VALUES ('a', '1'), ('b', '2')")
    db.execute(change)
    assert list(differences(db)) == []
