"""Checksums follow every way in which a row can change."""

from __future__ import annotations

import sqlite3
from itertools import chain

import pytest

from alasl.project.checksums import BY_BYTES, SINCE, checksum_by_text, differences
from alasl.project.database import register
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


@pytest.mark.parametrize("damaged", [False, True])
def test_sums_by_text_become_sums_by_bytes_where_rows_are_as_they_were(damaged: bool) -> None:
    db = sqlite3.connect(":memory:")
    register(db)
    # As a version before wrote them.
    db.create_function("checksum", -1, checksum_by_text, deterministic=True)
    for statement in chain.from_iterable(MIGRATIONS[:BY_BYTES]):
        db.execute(statement)
    db.execute("INSERT INTO chances VALUES (3, x'00', x'01', x'0203')")
    db.execute("INSERT INTO notes VALUES ('a', '1')")
    if damaged:
        db.execute("UPDATE sums SET sum = sum + 1 WHERE name = 'chances'")
    bad = ["chances: the rows are not those that were written (by their checksums)"] * damaged
    assert list(differences(db, SINCE)) == bad
    register(db)
    for statement in chain.from_iterable(MIGRATIONS[BY_BYTES:]):
        db.execute(statement)
    assert list(differences(db)) == bad
    db.execute("UPDATE chances SET now = x'04'")
    assert list(differences(db)) == bad
