"""Given entries that may be wrong: which to look at again, and how many are wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from alasl.data.split import Split
from alasl.evaluate.suspects import ErrorRate, Ranked, error_rate, ranked
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.project.records import SOURCES, Ints
from alasl.project.store import Store
from alasl.sparse import Sparse


def undoubted(store: Store, initial: Sparse) -> Sparse:
    """int8 (N, L): what was given, without what was checked or corrected: it tells who errs."""
    return initial.only(~store.rechecked()[initial.rows, initial.cols])


def doubted(
    store: Store, split: Split, chances: Callable[[Ints, Ints], NDArray[np.floating]]
) -> tuple[Ranked, Ranked]:
    """Given presents and absents outside the test set, each the likeliest wrong one first.

    Those that somebody answered are left out, except gold questions that people answered against
    what was given. The test set is, too: to correct there only what a model doubts would flatter
    the model. chances: the probabilities (m,) of entries at rows and columns, by models that did
    not see the image.
    """
    labels = store.labels()
    few = labels.sparse
    among = labels.origin == SOURCES.index("given")
    among &= ~np.isin(few.rows, split.test) & ~store.untold()[few.rows, few.cols]
    votes = store.votes()
    agreed = labels.at(votes.rows, votes.cols) == votes.values
    places = votes.rows[agreed].astype(np.int64) * few.shape[1] + votes.cols[agreed]
    few = few.only(among & ~np.isin(few.places, places))
    return ranked(few.rows, few.cols, few.values, chances(few.rows, few.cols))


def first_of(both: tuple[Ranked, Ranked], many: int) -> tuple[Ints, Ints]:
    """Rows and columns of the first `many`, a present and an absent in turn as far as they last."""
    places = ((place, which) for which in (0, 1) for place in range(min(many, len(both[which]))))
    order = sorted(places)[:many]
    rows = [both[which].rows[place] for place, which in order]
    cols = [both[which].cols[place] for place, which in order]
    return np.array(rows, np.intp), np.array(cols, np.intp)


def error_rates(store: Store) -> tuple[ErrorRate, ErrorRate]:
    """How many of the given presents and absents are wrong, by the gold questions.

    Chance drew these among given entries, presents and absents apart. Of each, what most people
    said counts; a tie counts for nothing.
    """
    scheme = store.scheme
    said: dict[tuple[int, int], int] = defaultdict(int)
    for one in store.answers():
        if one.why == "gold" and one.value != UNKNOWN:
            said[one.image, one.label] += 1 if one.value == PRESENT else -1
    checked, wrong = {PRESENT: 0, ABSENT: 0}, {PRESENT: 0, ABSENT: 0}
    given: dict[int, NDArray[np.int8]] = {}
    for (row, col), balance in said.items():
        if row not in given:
            given[row] = np.asarray(store.given_of(int(scheme.rows[row])))
        was = int(given[row][scheme.cols[col]])
        if balance and was in checked:
            checked[was] += 1
            wrong[was] += (balance > 0) != (was == PRESENT)
    presents, absents = (error_rate(v, checked[v], wrong[v]) for v in (PRESENT, ABSENT))
    return presents, absents
