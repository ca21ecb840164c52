"""Automatic answers that given entries calibrate, label by label, where chance chose these.

For each label it answers `absent` where the model's probability is low enough and `present` where
it is high enough. How low and how high is decided on entries that were known from the start, so
that the share of wrong answers stays under the user's bound, but for a chance that the user sets.
docs/concepts.md says what is promised, and under which assumptions.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.labeller.bound import Automatic, Bound, Floats, Mask, apart, candidates
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Labels

Rows = NDArray[np.intp]

GIVEN = "given"

# The first threshold tried takes so many calibration entries as a third of those that the side is
# expected to be right about, and by these factors at least and at most of what is needed if none is
# wrong: few are often all right, many may hold a wrong one. Each threshold takes in a tenth more
# entries than the last.
_FEWEST, _MOST, _STEP = 1.3, 1.7, 1.1


def answer(
    labels: Labels,
    probabilities: NDArray[np.floating],
    drawn: Rows,
    hidden: Mask,
    bound: Bound,
    closed: Mask | None = None,
) -> Automatic:
    """Automatic answers to the unknown entries among `hidden`.

    labels: the table with what was given and what people have answered, and nothing automatic.
    probabilities: (N, L), each image's by a model that was trained on other images.
    drawn: images whose given entries were known by chance, as the clean set's. These calibrate.
    What a person or anything else answered never does, whatever is named here: entries that a
    strategy chose differ from those it left.
    hidden: (N, L), entries unknown at the start, which but for that are like those that calibrate;
    a person may have answered some since. What people's answers took away is counted, so that the
    bound holds for what they left, whichever way it was chosen.
    closed: (N, L), entries to leave alone, as a person could not tell.
    Raises `DataError` where shapes differ or a given entry is called hidden.
    """
    shape = labels.shape
    if probabilities.shape != shape or hidden.shape != shape:
        raise DataError(
            "probabilities and mask must fit the table",
            seen=f"{probabilities.shape} and {hidden.shape}, the table {shape}",
        )
    given = labels.known & (labels.source == _place(labels, GIVEN))
    if (given & hidden).any():
        raise DataError("an entry that was given was not hidden", seen=f"{(given & hidden).sum()}")
    trusted = np.zeros(shape, np.bool_)
    trusted[drawn] = given[drawn]
    if np.isnan(probabilities[trusted | hidden]).any():
        raise DataError("a probability of an image to calibrate on or to answer is NaN")
    open_ = hidden & labels.unknown
    if closed is not None:
        open_ &= ~closed
    # Taken once: of a large table it is made anew each time.
    entries, told = np.full(shape, UNKNOWN, np.int8), labels.entries
    low, high = np.full(shape[1], np.nan), np.full(shape[1], np.nan)
    for col in range(shape[1]):
        known, here, there = told[:, col], trusted[:, col], hidden[:, col]
        p = probabilities[:, col].astype(np.float64)
        sides = [
            trusted_thresholds(
                risk[here],
                known[here] == wrong,
                risk[there],
                open_[there, col],
                known[there] == wrong,
                bound,
            )
            for risk, wrong in ((p, PRESENT), (1 - p, ABSENT))
        ]
        low[col], high[col] = apart(sides[0], 1 - sides[1])
        entries[open_[:, col] & (p <= low[col]), col] = ABSENT
        entries[open_[:, col] & (p >= high[col]), col] = PRESENT
    return Automatic(entries, low, high)


def trusted_thresholds(
    risk: Floats, wrong: Mask, reach: Floats, open_: Mask, found_wrong: Mask, bound: Bound
) -> Floats:
    """(k,): the thresholds t such that answering wherever the risk is at most t is trusted.

    risk, wrong: (n,), of the calibration entries: the model's chance that the answer is wrong, and
    whether it is. reach: (m,), risks of the entries that were hidden; open_: (m,), which of them
    are still to be answered; found_wrong: (m,), for which the answer would be wrong, as a person
    has found.
    Ascending, and empty where not even the strictest can be trusted. All of them hold at once, but
    for a chance of `bound.level`.

    The thresholds tried are scores of open entries, so they do not depend on the calibration
    entries. From the strictest on, each is tested for breaking the bound, by exact binomial tests;
    the first that may break it ends the sequence, and so no correction for their number is due
    (fixed-sequence testing: Angelopoulos et al., "Learn then test", 2021).
    """
    from scipy.special import bdtr

    tried = candidates(np.sort(reach[open_]), _STEP)
    if not len(tried) or not len(risk):
        return tried[:0]

    def at_most(values: Floats) -> NDArray[np.intp]:
        return np.searchsorted(np.sort(values), tried, "right")

    all_, left = at_most(reach), at_most(reach[open_])
    # Of the hidden entries under a threshold, this share may be wrong, so that of those left at
    # most `bound.wrong` are.
    allowed = (bound.wrong * left + at_most(reach[found_wrong])) / all_
    needed = np.log(bound.level) / np.log1p(-np.minimum(allowed, 1 - 1e-12))
    expected = len(risk) * all_ / len(reach)
    hoped = len(risk) * (1 - reach).mean() / 3
    enough = expected >= np.clip(hoped, _FEWEST * needed, _MOST * needed)
    start = int(enough.argmax()) if enough.any() else len(tried)

    count, mistakes = at_most(risk), at_most(risk[wrong])
    p = bdtr(mistakes.astype(float), count, allowed)
    if bound.share == "both":
        p = np.maximum(p, bdtr(mistakes.astype(float), int(wrong.sum()), bound.wrong))
    tried, p = tried[start:], p[start:]
    passed = p <= bound.level
    return tried if passed.all() else tried[: int(passed.argmin())]


def _place(labels: Labels, source: str) -> int:
    return labels.sources.index(source) if source in labels.sources else -1
