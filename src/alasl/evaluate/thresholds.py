"""From which probability on a label is called present, by images that the model did not see."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries
from alasl.seeds import stream

# In how many parts the images are called, each by thresholds of the others. Settled by
# benchmarks/audits.py: what is called so fares as on new images.
PARTS = 10


def choose_thresholds(
    probabilities: NDArray[np.floating],
    entries: Entries,
    precision: float | None = None,
    weights: NDArray[np.floating] | None = None,
) -> NDArray[np.float32]:
    """(L,): each label's threshold t: an image is called present where its probability is >= t.

    probabilities, entries: (n, L), of images that the model did not see; unknown entries, and
    probabilities that are NaN, count for nothing.
    precision: the lowest threshold at which this share, or more, of what is called present is;
    None for the threshold of the best F1, and of several that are equally good the highest.
    weights: (n, L), how many entries each known one stands for, as where chance drew it; None: 1.
    NaN where no threshold can be found: no known entry is present or none is absent, or the
    precision is not reached.

    >>> probabilities = np.array([[0.9], [0.6], [0.4], [0.2]])
    >>> entries = np.array([[1], [1], [0], [0]], np.int8)
    >>> choose_thresholds(probabilities, entries)
    array([0.5], dtype=float32)
    """
    found = np.full(entries.shape[1], np.nan, np.float32)
    for label in _judged(entries).tolist():
        seen = (entries[:, label] != UNKNOWN) & np.isfinite(probabilities[:, label])
        present = entries[seen, label] == PRESENT
        if present.any() and not present.all():
            many = np.ones(len(present)) if weights is None else weights[seen, label]
            found[label] = _threshold(probabilities[seen, label], present, many, precision)
    return found


def called_by_others(
    probabilities: NDArray[np.floating],
    entries: Entries,
    precision: float | None = None,
    weights: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> Entries:
    """int8 (n, L): which images are called present, each by the thresholds of other images.

    A threshold looks better than it is on the images that it was chosen on. So these are divided
    by chance into tenths, and each is called by what `choose_thresholds` finds on the other nine.
    1: called present, 0: not, -1 where nothing is found. seed: of the division; else as there.
    """
    part = stream(seed, "parts for thresholds").permutation(len(entries)) % PARTS
    called = np.full(entries.shape, UNKNOWN, np.int8)
    # Of the other labels nothing is found, whichever images are left out.
    cols = _judged(entries)
    kept, known = probabilities[:, cols], entries[:, cols]
    many = None if weights is None else weights[:, cols]
    for number in range(PARTS):
        here = part == number
        others = np.where(here[:, None], np.int8(UNKNOWN), known)
        found = choose_thresholds(kept, others, precision, many)
        calls = np.where(np.isnan(found), UNKNOWN, kept[here] >= found)
        called[np.ix_(here, cols)] = calls
    return called


def _judged(entries: Entries) -> NDArray[np.intp]:
    """The labels of which an entry is known to be present, and one to be absent."""
    return np.flatnonzero((entries == PRESENT).any(axis=0) & (entries == ABSENT).any(axis=0))


def _threshold(
    probabilities: NDArray[np.floating],
    present: NDArray[np.bool_],
    many: NDArray[np.floating],
    precision: float | None,
) -> float:
    """The threshold of one label, halfway between what is called and what is not."""
    order = np.argsort(-probabilities, kind="stable")
    scores = probabilities[order].astype(np.float64)
    # Images of equal probability are called together, so a cut is only where it changes.
    cuts = np.flatnonzero(np.diff(scores, append=-np.inf))
    called = np.cumsum(many[order])[cuts]
    right = np.cumsum((many * present)[order])[cuts]
    if precision is None:
        best = int(np.argmax(right / (called + right[-1])))
    else:
        reached = np.flatnonzero(right >= precision * called)
        if not len(reached):
            return float("nan")
        best = int(reached[-1])
    lowest = scores[cuts[best]]
    next_one = scores[cuts[best] + 1] if cuts[best] + 1 < len(scores) else 0.0
    # Not at a probability itself, which may differ in its last digit on another machine.
    middle = np.float32((lowest + next_one) / 2)
    return float(middle if middle > next_one else lowest)
