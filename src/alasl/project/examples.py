"""Images that show what a label means: those that somebody set, else some that are known.

Each function works in the caller's transaction, on its connection `db`.
"""

from __future__ import annotations

import sqlite3

from alasl.labels import PRESENT
from alasl.project.initial import holds
from alasl.project.scheme import Scheme

# Of these many given images some are chosen, far from each other: neighbours are often alike.
_AMONG = 400
# An entry that is asked now, as a gold question perhaps, must not be told.
_NOT_ASKED = "NOT IN (SELECT image FROM queue WHERE label = :label)"
# People's word, most of them first; of absents those that a model had taken for likely.
_SAID = (
    "SELECT s.image FROM standing s LEFT JOIN events e ON e.id = s.event"
    f" WHERE s.label = :label AND s.kind <> 'machine' AND s.image {_NOT_ASKED}"
    " AND NOT EXISTS (SELECT 1 FROM resolved r WHERE r.image = s.image AND r.label = s.label"
    "  AND r.value <> :value)"
    " GROUP BY s.image HAVING min(s.value) = :value AND max(s.value) = :value"
    " ORDER BY count(*) DESC, max(e.probability) DESC, s.image LIMIT :many"
)
_GIVEN = (
    f"SELECT image FROM images WHERE image {_NOT_ASKED}"
    " AND NOT EXISTS (SELECT 1 FROM resolved r WHERE r.image = images.image"
    "  AND r.label = :label AND r.value <> :value)"
)


def examples(
    db: sqlite3.Connection, scheme: Scheme, label: int, value: int, many: int
) -> list[int]:
    """Numbers of at most `many` images that have a label (`value` 1), or have it not (0)."""
    one = scheme.labels[label]
    chosen, contrary = one.examples, one.counter_examples
    if value != PRESENT:
        chosen, contrary = contrary, chosen
    found = dict.fromkeys(chosen)
    ask = {"label": label, "value": value, "many": 4 * many}
    found |= dict.fromkeys(row[0] for row in db.execute(_SAID, ask))
    if len(found) < many:
        found |= dict.fromkeys(_given(db, ask, _alike(scheme, label) if not value else [], many))
    # Whoever sets examples has the last word: what is known may say the contrary of the same image.
    shown = [image for image in found if scheme.here[image] and image not in contrary]
    return shown[:many]


def _given(db: sqlite3.Connection, ask: dict[str, int], alike: list[int], many: int) -> list[int]:
    """Given images, spread over the table; first those that have a label that is `alike`."""
    sure = " OR ".join(holds(other, PRESENT) for other in alike)
    here = holds(ask["label"], ask["value"])
    found: list[int] = []
    for which in ([f" AND ({sure})"] if sure else []) + [""]:
        sql = f"{_GIVEN} AND {here}{which} LIMIT {_AMONG}"
        rows = [row[0] for row in db.execute(sql, ask)]
        found += rows[:: max(1, len(rows) // many)]
        if len(found) >= many:
            break
    return found


def _alike(scheme: Scheme, label: int) -> list[int]:
    """Labels of which a person might think it is one: those it excludes, and of the same parent."""
    rules = scheme.rules
    found = [a + b - label for a, b in rules.excludes if label in (a, b)]
    parents = {parent for child, parent in (*rules.implies, *rules.parts) if child == label}
    found += [child for child, parent in (*rules.implies, *rules.parts) if parent in parents]
    return [one for one in dict.fromkeys(found) if one != label][:20]
