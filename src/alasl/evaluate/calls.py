"""Figures of what is called present: precision, recall, F1; prevalence, and calibration by bins.

All follow from a few sums over a label's images, so from known and from estimated entries alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from alasl.evaluate.intervals import NORMAL, Figure, clopper_pearson, share_interval
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

Array = NDArray[np.floating]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NO_THRESHOLD = "too little known to judge a threshold"
NONE_CALLED = "nothing called present"

# calibration: the mean gap, over the images, between what is expected and what is, bin by bin.
NAMES = ("precision", "recall", "f1", "prevalence", "calibration")
# The bins of probability for calibration: from each edge to the next.
EDGES = (0.0, 0.05, 0.2, 0.5, 0.8, 1.0)
BINS = len(EDGES) - 1


@dataclass(frozen=True, eq=False)
class Calls:
    """What is called present, and by which probabilities.

    called: int8 (N, L), 1, 0, or -1 where there is no threshold that did not see the image.
    probabilities: (N, L), of presence. A `Measure` of each of `NAMES`, and of the presents in each
    bin over the number of images.
    """

    called: Entries
    probabilities: Array

    many = len(NAMES) + BINS

    def exact(self, col: int, tables: Array) -> Array:
        """(many, M): in M tables (N, M) of 1 and 0; NaN where undefined."""
        return self._figures(col, tables, 0)

    def estimated(self, col: int, values: Array, least: Array | float) -> Array:
        """(many, M): from estimates (N, M) of the entries without bias; see `ap.ratio`."""
        return np.clip(self._figures(col, values, least), 0, 1)

    @property
    def bins(self) -> NDArray[np.intp]:
        """(N, L): the bin of each probability."""
        return np.searchsorted(EDGES[1:-1], self.probabilities, side="right")

    @property
    def expected(self) -> Floats:
        """(BINS, L): the presents that the probabilities expect in each bin."""
        bins = self.bins
        return np.stack(
            [np.where(bins == b, self.probabilities, 0).sum(axis=0) for b in range(BINS)]
        )

    @property
    def sizes(self) -> NDArray[np.intp]:
        """(BINS, L): the entries in each bin."""
        bins = self.bins
        return np.stack([(bins == b).sum(axis=0) for b in range(BINS)])

    def take(self, columns: NDArray[np.intp]) -> Calls:
        """The calls of some labels."""
        return Calls(self.called[:, columns], self.probabilities[:, columns])

    def left_out(self, name: str) -> dict[int, str]:
        """The labels that have no such figure, whatever is known of them, and why."""
        if name not in ("precision", "recall", "f1"):
            return {}
        reasons = {}
        for col in range(self.called.shape[1]):
            column = self.called[:, col]
            if (column == UNKNOWN).any():
                reasons[col] = NO_THRESHOLD
            elif name == "precision" and not (column == PRESENT).any():
                reasons[col] = NONE_CALLED
        return reasons

    def contradicted(self, name: str, told: Entries) -> Mask:
        """(L,): whether what is told, (N, L), speaks against a figure of 1."""
        called = self.called == PRESENT
        false = (called & (told == ABSENT)).any(axis=0)
        missed = (~called & (told == PRESENT)).any(axis=0)
        either = {"precision": false, "recall": missed, "f1": false | missed}
        return np.asarray(either.get(name, np.ones(len(false), np.bool_)))

    def complete(
        self, present: Mask
    ) -> tuple[tuple[Figure, ...], Floats, dict[str, NDArray[np.intp]]]:
        """Each of `NAMES` (L,) of a table known whole, and how their means over labels move.

        present: (N, L). The intervals are exact for shares of images drawn by chance (Clopper and
        Pearson), those of calibration by the jackknife. moves: (many, N, L), as `ap.jackknife` has.
        At last, of the three that follow from calls, as of how many images, (L,), each varies.
        """
        called, y, n = self.called == PRESENT, present.astype(np.float64), len(present)
        hits, calls, total = (called & present).sum(axis=0), called.sum(axis=0), present.sum(axis=0)
        either = calls + total - hits
        gaps, of_bins = self._gaps(y)
        with np.errstate(invalid="ignore", divide="ignore"):
            values = [hits / calls, hits / total, 2 * hits / (calls + total), total / n]
            moves = [
                called * (y - values[0]) / calls,
                y * (called - values[1]) / total,
                (2 * called * y - values[2] * (called + y)) / (calls + total),
                (y - values[3]) / n,
                (gaps - gaps.mean(axis=0)) / n,
                *((each - each.mean(axis=0)) / n for each in of_bins),
            ]
        # F1 rises with the share of right calls among what is called or there, which is a share.
        low, high = clopper_pearson(hits, either)
        figures = [
            Figure(values[0], *clopper_pearson(hits, calls)),
            Figure(values[1], *clopper_pearson(hits, total)),
            Figure(values[2], 2 * low / (1 + low), 2 * high / (1 + high)),
            Figure(values[3], *clopper_pearson(total, np.full(len(total), n))),
            share_interval(gaps.mean(axis=0), np.linalg.norm(moves[4], axis=0), NORMAL),
        ]
        draws = {"precision": calls, "recall": total, "f1": either}
        return tuple(figures), np.stack(moves), draws

    def _gaps(self, y: Floats) -> tuple[Floats, list[Floats]]:
        """(N, L): what each image adds to its label's calibration error, and to each bin's gap."""
        bins = self.bins
        gap, of_bins = np.zeros(y.shape), []
        for b in range(BINS):
            each = np.where(bins == b, y - self.probabilities, 0)
            gap += np.sign(each.sum(axis=0)) * each
            of_bins.append(each)
        return gap, of_bins

    def _figures(self, col: int, values: Array, least: Array | float) -> Array:
        called, p = self.called[:, col] == PRESENT, self.probabilities[:, col]
        bins = np.searchsorted(EDGES[1:-1], p, side="right")
        member = bins == np.arange(BINS)[:, None]
        sums = np.concatenate([called[None], member]).astype(values.dtype) @ values
        hits, there = sums[0], sums[1:]
        total, n = np.maximum(there.sum(axis=0), least), len(values)
        gap = np.abs(there - (member @ p)[:, None]).sum(axis=0) / n
        calls = called.sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = [hits / calls, hits / total, 2 * hits / (calls + total), total / n, gap]
        return np.concatenate([np.stack(shares), there / n])
