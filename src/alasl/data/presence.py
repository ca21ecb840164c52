"""Labels known by presence: somebody recorded where they are, and nobody where they are not.

Every collection of tags is such a table. What is known there was not drawn by chance, so a model
that learns from known entries alone learns nothing of such a label, and what is calibrated on known
entries is calibrated on presents.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.sparse import Sparse

# A label, or a table, known by chance is hardly present in a larger share of its entries than this.
PLAUSIBLE = 0.8
# Were it present so often, its known entries would show so large a share as rarely as this.
LEVEL = 1e-3
# Entries that are looked at at a time.
BLOCK = 2**20


def known_by_presence(given: Entries | Sparse) -> NDArray[np.bool_]:
    """(L,): the labels of which presents were recorded, and absents hardly or never.

    given: int8 (N, L), the entries known before anybody was asked.
    Images of which all is known say nothing of how the others came to be known, so they are left
    out, but of a label known in no other image. Among the rest, an exact binomial test asks whether
    a share of presents as large as that of the known entries would be a surprise (`LEVEL`) if
    `PLAUSIBLE` of them were present. A table passes it by all its labels' entries together. In
    such a table a label without a known absent is known by presence, however few its presents are,
    and so is one that passes the test by itself; in any other table, a label that passes without
    a known absent.
    """
    present, absent = _counts(given)
    only = (present > 0) & (absent == 0)
    passes = _surprises(present, absent)
    if _surprises(present.sum(keepdims=True), absent.sum(keepdims=True))[0]:
        return np.asarray(only | passes)
    return np.asarray(only & passes)


def in_words(labels: Sequence[str], of: int) -> str:
    """One sentence on the labels known by presence, of so many in all, and what follows."""
    which = f"all {of} labels" if len(labels) == of else f"{len(labels)} of {of} labels"
    return (
        f"known by presence: {which}: hardly any absent entry of them is known, or none. Training "
        "takes their unknown entries for absent, each with a weight of at most 1, which is found "
        "on held-out presents. The setting assume changes this"
    )


def _counts(given: Entries | Sparse) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(L,) each: known presents and absents of the images known in part, else of all."""
    labels = given.shape[1]
    if isinstance(given, Sparse):
        in_part = (given.per_row() < labels)[given.rows]
        values = PRESENT, ABSENT
        inside, outside = (
            np.stack([given.only(where & (given.values == value)).per_col() for value in values])
            for where in (in_part, ~in_part)
        )
        return _of_part(inside, outside, given.per_col() < given.shape[0])
    # Of presents and absents; in blocks, as masks of a large table would be many times it.
    inside, outside = np.zeros((2, 2, labels), np.intp)
    some = np.zeros(labels, np.bool_)
    step = max(1, BLOCK // max(labels, 1))
    for start in range(0, len(given), step):
        entries = given[start : start + step]
        unknown = entries == UNKNOWN
        part = unknown.any(axis=1)
        some |= unknown.any(axis=0)
        for side, value in enumerate((PRESENT, ABSENT)):
            found = entries == value
            within = np.count_nonzero(found[part], axis=0)
            inside[side] += within
            outside[side] += np.count_nonzero(found, axis=0) - within
    return _of_part(inside, outside, some)


def _of_part(
    inside: NDArray[np.intp], outside: NDArray[np.intp], some: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """As `_counts`, by presents and absents (2, L) of images known in part, and in whole.

    some: (L,), labels of which something is unknown.
    """
    nowhere = inside.sum(axis=0) == 0
    present, absent = inside + np.where(nowhere, outside, 0)
    # A label of which all is known has nothing to guess.
    return present * some, absent * some


def _surprises(present: NDArray[np.intp], absent: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether so few absents among so many known entries would surprise, (L,)."""
    from scipy.special import bdtr

    chance = bdtr(absent.astype(float), present + absent, 1 - PLAUSIBLE)
    return np.asarray(chance <= LEVEL)
