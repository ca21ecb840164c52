"""Weak absents: unknown entries of labels known by presence, taken for absent, with little weight.

Of such a label nothing known is absent, so known entries alone teach next to nothing of it. Most of
what is unknown is absent, as labels are rare. How much that may count hangs on how many presents
nobody recorded and on how well images tell the label, so it is chosen on presents held out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import Rows
from alasl.data.presence import known_by_presence
from alasl.data.split import Split
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.learner.folds import assign_folds, out_of_fold
from alasl.learner.known import Known
from alasl.metrics import average_precision, surely_above
from alasl.models.base import Context, Job
from alasl.models.prepare import Prepared
from alasl.seeds import stream, torch_seed
from alasl.sparse import Sparse

Mask = NDArray[np.bool_]

# What an entry of such a label may count, and a weak absent as a share of that, beside 1.
COUNTS, SHARES = (0.25, 0.08), (0.3, 0.1, 0.03, 0.01)
# Weak absents that an answered absent counts for at most: answers are asked where the model doubts,
# and were they all that is known to be absent, what looks like a present would rank below the rest.
MOST = 10
# Images and labels that these are chosen by, at most, and parts of the images.
IMAGES, LABELS, PARTS = 10_000, 32, 3
# Known absents of a label among which presents are ranked, at least.
ABSENTS = 30


@dataclass(frozen=True)
class Worth:
    """What an entry of a label known by presence counts, and a weak absent as a share of that.

    The less all of a label's entries count, the less a model makes of them together.
    """

    count: float = 1.0
    share: float = 0.1


class WeakAbsents:
    """Which unknown entries are weak absents, and what one counts.

    Both follow from the entries that were given, so they are found once and stay as they are while
    answers come in. Each answer takes the place of a weak absent, and counts as what was given, but
    an absent no more than `MOST` weak ones.
    """

    def __init__(
        self, prepared: Prepared, split: Split, seed: int, context: Context | None
    ) -> None:
        self._prepared, self._split, self._seed, self._context = prepared, split, seed, context
        self._labels: Mask | None = None
        self._worth: Worth | None = None

    def among(self, known: Known, rows: Rows) -> Mask | None:
        """(n, L): the weak absents of the images `rows` (n,); None where no label has any."""
        if self._labels is None:
            self._labels = known_by_presence(known.given(self._split.pool))
            if self._labels.any():
                self._worth = self._chosen(known, self._labels)
                self._labels &= self._worth.share > 0
        if not self._labels.any():
            return None
        # Where people could not tell, it may well be there.
        weak = (known.of(rows) == UNKNOWN) & ~known.closed[rows] & self._labels
        return np.asarray(weak)

    def some(self, known: Known) -> bool:
        """Whether any label has weak absents."""
        return self.among(known, np.zeros(0, np.intp)) is not None

    def around(
        self, known: Known, rows: Rows, targets: Sparse, weights: Sparse | None
    ) -> tuple[Sparse, Sparse]:
        """As `put`, of the images `rows` (n,), in little memory: a label's weak absents are not
        held, they are what `empty` says of it.

        targets, weights: (n, L), known entries alone, of equal places.
        """
        if self._worth is None or self._labels is None:
            raise RuntimeError("the worth is found first")
        share, mine = np.float32(self._worth.share), self._labels
        # Where people could not tell, it may well be there.
        closed = known.closed.take(rows)
        closed = closed.only(mine[closed.cols] & (targets.at(closed.rows, closed.cols) < 0))
        held = targets.per_col() + closed.per_col()
        left = np.where(mine, (len(rows) - held) / max(1, len(rows)), 0)
        asked = known.asked.take(rows).at(targets.rows, targets.cols) != known.asked.empty
        capped = asked & (targets.values == ABSENT) & (left > 0)[targets.cols]
        values = np.ones(len(targets), np.float32) if weights is None else weights.values.copy()
        values[capped] = np.minimum(values[capped], np.float32(MOST * self._worth.share))
        counts = replace(targets, values=values).put(closed.rows, closed.cols, 0)
        targets = targets.put(closed.rows, closed.cols, UNKNOWN)
        whole = (self._worth.count**left).astype(np.float32)
        others = np.where(mine, ABSENT, UNKNOWN).astype(targets.values.dtype)
        return replace(targets, empty=others), replace(
            counts,
            values=counts.values * whole[counts.cols],
            empty=np.where(mine, share, 1) * whole,
        )

    def put(self, job: Job, weak: Mask, asked: Mask) -> Job:
        """The job with its entries `weak` (n, L) as absents, of the worth chosen.

        asked: (n, L) entries that were not given.
        """
        if self._worth is None:
            return job
        capped = asked & (job.targets == ABSENT) & weak.any(axis=0)
        return weighted(job, weak, self._worth, capped)

    def _chosen(self, known: Known, labels: Mask) -> Worth:
        """The worth by which held out presents rank highest, by mean AP.

        Among known absents where there are some, as in images known whole, else among all else:
        where chance decides which presents are recorded, what ranks these best ranks all best, for
        the others stand as high among the rest. First the count, then the share, each as near to 1
        as is not surely worse. Where known absents can tell, nothing unless that is surely worse.
        """
        kind, split, inputs = self._prepared.kind, self._split, self._prepared.inputs
        parts = min(PARTS, *(len(rows) for rows in (split.clean, split.pool) if len(rows)))
        draws = stream(self._seed, "weak absents")
        rows = np.sort(draws.permutation(split.seen)[:IMAGES])
        given = known.given(rows).dense()
        able = np.flatnonzero(labels & ((given == PRESENT).sum(axis=0) >= PARTS))
        if kind.source.inputs != "features" or parts < 2 or not len(able):
            return Worth()  # what trains on files would take hours
        cols = np.sort(draws.permutation(able)[:LABELS])
        if inputs.evidence is not None:
            inputs = replace(inputs, evidence=inputs.evidence.take_cols(cols))
        targets = given[:, cols]
        job = Job(rows, targets, None, torch_seed(self._seed, "weak absents"))
        part = assign_folds(split, len(known.human_labels.images), parts, self._seed)
        held = [part[rows] == number for number in range(parts)]
        # Unknown entries stand for absents where there are hardly any to rank presents among.
        looked_at = (targets == ABSENT).sum(axis=0) >= ABSENTS
        judge = np.where(looked_at, targets, targets == PRESENT).astype(np.int8)

        def ranked(worth: Worth) -> NDArray[np.float64]:
            tried = weighted(job, targets == UNKNOWN, worth)
            new = partial(kind.settled().estimator, len(cols), self._context)
            seen = out_of_fold(new, inputs, tried, part)[rows]
            return np.array([average_precision(seen[each], judge[each]) for each in held])

        best = Worth(1.0, 1.0)
        reached = ranked(best)
        steps = [{"count": count} for count in COUNTS] + [{"share": share} for share in SHARES]
        for step in steps:
            other = replace(best, **step)
            found = ranked(other)
            if surely_above(found, reached):
                best, reached = other, found
        nothing = Worth(1.0, 0.0)
        if looked_at.all() and not surely_above(reached, ranked(nothing)):
            return nothing
        return best


def weighted(job: Job, weak: Mask, worth: Worth, capped: Mask | None = None) -> Job:
    """The job with its entries `weak` (n, L) as absents that count `worth.share` of the others.

    capped: (n, L) entries that count no more than `MOST` weak ones.

    All entries of a label count `worth.count` where nearly all are weak, and the nearer to 1 the
    more of them are known.
    """
    if not weak.any():
        return job
    targets = np.where(weak, job.targets.dtype.type(ABSENT), job.targets)
    # In its place: of a large table it takes much memory.
    weights = np.ones(weak.shape, np.float32) if job.weights is None else job.weights.copy()
    if capped is not None:
        np.minimum(weights, np.float32(MOST * worth.share), out=weights, where=capped)
    weights[weak] = worth.share
    weights *= (worth.count ** weak.mean(axis=0)).astype(np.float32)
    return Job(job.rows, targets, weights, job.seed)
