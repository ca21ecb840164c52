"""What follows from known entries by the rules between labels: a table of 1, 0, -1 completed.

1 flows from a child to its parent, 0 from a parent to its children; 1 of a label makes those that
it excludes 0; a label made of others is 1 where one of them is, 0 where all of them are. What is
known stays as it is, so an entry that somebody answered never gives way to one that follows.
Open Images' rule is the same: presents go to all ancestors, absents to all descendants.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.project.records import Mask
from alasl.project.scheme import Pair, Rules


def completed(entries: Entries, rules: Rules) -> Entries:
    """int8 (N, L): the entries with what follows from them; -1 where two things follow.

    >>> import numpy as np
    >>> dogs_are_animals = Rules(implies=((0, 1),))
    >>> completed(np.array([[1, -1], [-1, 0], [-1, 1]], np.int8), dogs_are_animals).tolist()
    [[1, 1], [0, 0], [-1, 1]]
    """
    if not rules:
        return entries
    yes, no = _flow(entries, rules)
    follows = np.select([yes & ~no, no & ~yes], [np.int8(PRESENT), np.int8(ABSENT)], UNKNOWN)
    return np.where(entries == UNKNOWN, follows, entries).astype(np.int8)


@dataclass(frozen=True)
class Contradiction:
    """Two known entries of an image that a rule forbids, by row and column.

    values: what each of the two labels is. why: `implies` or `excludes`.
    """

    row: int
    labels: Pair
    values: Pair
    why: str


def contradictions(entries: Entries, rules: Rules) -> list[Contradiction]:
    """Known entries that contradict each other by what people stated of labels, image by image.

    entries: int8 (N, L), without what only follows.
    """
    found = []
    for child, parent in closed(rules.implies):
        for row in np.flatnonzero((entries[:, child] == 1) & (entries[:, parent] == 0)).tolist():
            found.append(Contradiction(row, (child, parent), (PRESENT, ABSENT), "implies"))
    for one, other in rules.excludes:
        for row in np.flatnonzero((entries[:, one] == 1) & (entries[:, other] == 1)).tolist():
            found.append(Contradiction(row, (one, other), (PRESENT, PRESENT), "excludes"))
    return sorted(found, key=lambda one: (one.row, one.labels))


def _flow(entries: Entries, rules: Rules) -> tuple[Mask, Mask]:
    """(N, L) each: what is present, and what is absent, by the known entries and all rules."""
    # Column by column: every step is over all images of one label.
    yes = np.asfortranarray(entries == PRESENT)
    no = np.asfortranarray(entries == ABSENT)
    known = np.asfortranarray(entries != UNKNOWN)
    while True:
        before = int(yes.sum()) + int(no.sum())
        for child, parent in rules.upward:
            yes[:, parent] |= yes[:, child] & ~known[:, parent]
        for one, other in rules.excludes:
            no[:, other] |= yes[:, one] & ~known[:, other]
            no[:, one] |= yes[:, other] & ~known[:, one]
        for child, parent in reversed(rules.upward):
            no[:, child] |= no[:, parent] & ~known[:, child]
        for whole, parts in rules.wholes:
            no[:, whole] |= no[:, list(parts)].all(axis=1) & ~known[:, whole]
        if int(yes.sum()) + int(no.sum()) == before:
            return yes, no


def closed(pairs: tuple[Pair, ...]) -> list[Pair]:
    """The pairs, and those that follow from them: a dog is an animal is alive."""
    above: dict[int, set[int]] = {}
    for child, parent in pairs:
        above.setdefault(child, set()).add(parent)
    found = []
    for start in above:
        seen, todo = set(), [start]
        while todo:
            for parent in above.get(todo.pop(), ()):
                if parent not in seen:
                    seen.add(parent)
                    todo.append(parent)
        found += [(start, parent) for parent in seen]
    return sorted(found)
