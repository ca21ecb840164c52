"""Known entries that are likely wrong, by models that did not see them, and how many are.

Presents and absents are ranked apart, each by its plain probability: to set the labels on one
scale first, as confident learning does, finds fewer (docs/results/audit).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.intervals import exact_interval
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Ranked:
    """Entries of one value, the likeliest wrong one first: (n,) each.

    value: what they are known as, 1 or 0. probabilities: of present, by models that did not see
    them.
    """

    value: int
    rows: Rows
    cols: Rows
    probabilities: NDArray[np.floating]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[tuple[int, int, float]]:
        """Row, column and probability of each."""
        parts = (self.rows, self.cols, self.probabilities)
        return zip(*(part.tolist() for part in parts), strict=True)

    def first(self, count: int) -> Ranked:
        """The likeliest wrong ones alone."""
        some = slice(count)
        return Ranked(self.value, self.rows[some], self.cols[some], self.probabilities[some])


def suspects(
    entries: Entries, probabilities: NDArray[np.floating], among: Mask
) -> tuple[Ranked, Ranked]:
    """Presents by rising probability, absents by falling.

    entries: int8 (N, L). probabilities: (N, L), NaN where no such model judged: left out.
    among: (N, L), the entries that may be doubted.

    >>> import numpy as np
    >>> entries, p = np.array([[1, 0], [1, 0]], np.int8), np.array([[0.9, 0.2], [0.1, 0.7]])
    >>> presents, absents = suspects(entries, p, np.ones((2, 2), bool))
    >>> presents.rows, absents.rows
    (array([1, 0]), array([1, 0]))
    """
    rows, cols = np.nonzero(among & (entries != UNKNOWN))
    return ranked(rows, cols, entries[rows, cols], probabilities[rows, cols])


def ranked(
    rows: Rows, cols: Rows, values: Entries, chances: NDArray[np.floating]
) -> tuple[Ranked, Ranked]:
    """As `suspects`, of known entries (m,) in a list: their places, values and probabilities."""
    judged = ~np.isnan(chances)
    found = []
    for value, sign in ((PRESENT, 1), (ABSENT, -1)):
        here = np.flatnonzero(judged & (values == value))
        here = here[np.argsort(sign * chances[here], kind="stable")]
        found.append(Ranked(value, rows[here], cols[here], chances[here]))
    return found[0], found[1]


@dataclass(frozen=True)
class ErrorRate:
    """The share of entries of one value that are wrong, from those that chance chose to check.

    checked: how many people answered; wrong: of these, how many they called the other way. What
    people get wrong themselves is in it. low, high: its 95 % interval (Clopper and Pearson).
    """

    value: int
    checked: int
    wrong: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The estimate; NaN where nothing was checked."""
        return self.wrong / self.checked if self.checked else float("nan")


def error_rate(value: int, checked: int, wrong: int) -> ErrorRate:
    """The share of wrong entries, `wrong` of `checked` that chance drew."""
    return ErrorRate(value, checked, wrong, *exact_interval(wrong, checked))
