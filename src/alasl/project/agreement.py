"""How far people agree: Krippendorff's alpha; and how often they are right, by gold questions.

"Cannot tell" counts as no answer everywhere here: alpha and the shares are over what was answered.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from alasl.errors import DataError
from alasl.evaluate.intervals import LEVEL
from alasl.labels import UNKNOWN, Entries, misfit
from alasl.project.records import Floats, Ints
from alasl.sparse import Sparse


@dataclass(frozen=True, eq=False)
class Answers:
    """What people said of the entries of a table, at most once for each person and entry.

    rows, cols: (n,) image and label of each answer. people: (n,) index into `names`.
    values: (n,) 1 present, 0 absent. Made by `Answers.of`. unsure: (rows, cols) of the entries of
    which somebody's last word is that they cannot tell: no answer, but they were asked.
    """

    rows: Ints
    cols: Ints
    people: Ints
    values: NDArray[np.int8]
    names: tuple[str, ...]
    unsure: tuple[Ints, Ints]

    def without(self, images: Ints) -> Answers:
        """Those about other images than these."""
        kept, unsure = ~np.isin(self.rows, images), ~np.isin(self.unsure[0], images)
        return replace(
            self,
            rows=self.rows[kept],
            cols=self.cols[kept],
            people=self.people[kept],
            values=self.values[kept],
            unsure=(self.unsure[0][unsure], self.unsure[1][unsure]),
        )

    @classmethod
    def of(
        cls, rows: ArrayLike, cols: ArrayLike, people: Sequence[str], values: ArrayLike
    ) -> Answers:
        """From everything that was said, in order: (n,) each, values 1, 0 or -1 (cannot tell).

        A person's last word on an entry stands; where that is "cannot tell", there is no answer.
        The people come in order of their names, those who never answered too.
        """
        row, col = np.asarray(rows, np.intp), np.asarray(cols, np.intp)
        value = np.asarray(values, np.int8)
        if not row.shape == col.shape == value.shape == (len(people),):
            raise DataError(
                "rows, cols, people and values must be as many",
                seen=f"{len(row)}, {len(col)}, {len(people)}, {len(value)}",
            )
        if misfit(value) is not None:
            raise DataError("an answer must be 1 (present), 0 (absent) or -1 (cannot tell)")
        names = tuple(sorted(set(people)))
        place = {name: i for i, name in enumerate(names)}
        person = np.array([place[name] for name in people], np.intp)
        # Each (entry, person) as one number; its last place counts.
        entry = row * (int(col.max(initial=0)) + 1) + col
        _, from_end = np.unique((entry * len(names) + person)[::-1], return_index=True)
        every = len(row) - 1 - from_end
        last, rest = every[value[every] != UNKNOWN], every[value[every] == UNKNOWN]
        unsure = row[rest], col[rest]
        return cls(row[last], col[last], person[last], value[last], names, unsure)

    def at(self, row_of: Ints, col_of: Ints) -> Answers:
        """The answers at other rows and columns, without those whose new one is negative.

        row_of, col_of: the new row of each row, the new column of each column.
        """

        def moved(rows: Ints, cols: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
            row, col = row_of[rows], col_of[cols]
            kept = (row >= 0) & (col >= 0)
            return row[kept], col[kept], kept

        row, col, kept = moved(self.rows, self.cols)
        unsure = moved(*self.unsure)[:2]
        return replace(
            self,
            rows=row,
            cols=col,
            people=self.people[kept],
            values=self.values[kept],
            unsure=unsure,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def entries(self) -> tuple[Ints, Ints, Ints]:
        """(E,) rows, (E,) cols of the entries answered, and (n,) the entry of each answer."""
        width = int(self.cols.max(initial=0)) + 1
        flat, of = np.unique(self.rows * width + self.cols, return_inverse=True)
        return flat // width, flat % width, of


@dataclass(frozen=True)
class Alpha:
    """Krippendorff's alpha: 1 all agree, 0 no more than by chance, below 0 less than that.

    Krippendorff, Content Analysis, 2004, chapter 11, for two values.

    low, high: its 95 % interval over images, NaN for one image alone. entries: how many were
    answered by two people or more. value is NaN where nothing can be said: no such entries, or
    the same answer everywhere, so that chance would agree as well.
    """

    value: float
    low: float
    high: float
    entries: int


@dataclass(frozen=True)
class Agreement:
    """Alpha over everything, for each label that was asked, and for each person against the rest.

    labels: by column of the table. people: by name.
    """

    overall: Alpha
    labels: dict[int, Alpha]
    people: dict[str, Alpha]


def agreement(answers: Answers) -> Agreement:
    """Alpha with its interval: over everything, per label, and each person against the others.

    A person against the others: the person's answer to each shared entry is one, the others'
    answers, averaged, are the second; with two people this is the alpha of both.
    """
    rows, cols, of = answers.entries()
    many = np.bincount(of, minlength=len(rows)).astype(float)
    ones = np.bincount(of, answers.values, minlength=len(rows))
    shared = many > 1
    # For each entry: answers, those that say present, and disagreement as alpha counts it.
    with np.errstate(invalid="ignore"):
        differ = np.where(shared, 2 * ones * (many - ones) / (many - 1), 0.0)
    sums = np.stack([many, ones, differ], axis=1)[shared]
    rows, cols = rows[shared], cols[shared]
    labels = {int(col): _alpha(rows[cols == col], sums[cols == col]) for col in np.unique(cols)}
    kept = shared[of]
    place = np.cumsum(shared)[of[kept]] - 1
    people = {}
    for person, name in enumerate(answers.names):
        own = answers.people[kept] == person
        entry, said = place[own], answers.values[kept][own].astype(float)
        others = (sums[entry, 1] - said) / (sums[entry, 0] - 1)
        both = np.stack([np.full(len(said), 2.0), said + others, 2 * np.abs(said - others)], 1)
        people[name] = _alpha(rows[entry], both)
    return Agreement(_alpha(rows, sums), labels, people)


def right_of_known(answers: Answers, truth: Entries | Sparse) -> dict[str, tuple[int, int]]:
    """By person, how many entries of known truth they answered, and how many of these rightly.

    truth: (N, L) int8, 1 or 0 where it is known (gold questions), -1 elsewhere.
    """
    true = truth[answers.rows, answers.cols]
    people, many = answers.people[true != UNKNOWN], len(answers.names)
    asked = np.bincount(people, minlength=many)
    right = np.bincount(answers.people[answers.values == true], minlength=many)
    both = zip(asked.tolist(), right.tolist(), strict=True)
    return dict(zip(answers.names, both, strict=True))


def _alpha(rows: Ints, sums: Floats) -> Alpha:
    """Alpha from (E, 3) answers, presents and disagreement of the entries of the images `rows`.

    Entries of one image are not independent, so the interval takes the images as what was sampled:
    alpha is linearised in the three sums, and Student's t taken over the images.
    """
    n, ones, differ = sums.sum(axis=0)
    by_chance = 2 * ones * (n - ones)
    if not by_chance:
        return Alpha(math.nan, math.nan, math.nan, len(rows))
    value = 1 - (n - 1) * differ / by_chance
    other = n - ones
    by_n, by_ones = (1 - value) * np.array([1 / other - 1 / (n - 1), 1 / ones - 1 / other])
    slope = np.array([by_n, by_ones, -(n - 1) / by_chance])
    images, of = np.unique(rows, return_inverse=True)
    if len(images) == 1:
        return Alpha(float(value), math.nan, math.nan, len(rows))
    moves = np.bincount(of, sums @ slope)
    error = math.sqrt(len(images) * moves.var(ddof=1))
    reach = error * stdtrit(len(images) - 1, (1 + LEVEL) / 2)
    return Alpha(float(value), float(value - reach), min(1.0, float(value + reach)), len(rows))
