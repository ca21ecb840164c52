"""What an audit knows of the images judged: given entries, drawn ones and their chances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.labels import ABSENT, PRESENT, UNKNOWN, Entries

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

NO_PRESENT = "no known present in the test set"
NO_ABSENT = "no known absent in the test set"
NO_AUDIT = "no audit answer yet"

# A chance so small does not count.
_UNSEEN = 0.05


@dataclass(frozen=True, eq=False)
class Audit:
    """What is known of the images judged, and by which chances.

    entries: int8 (N, L), 1, 0 or -1. given: (N, L), entries known before any audit, whatever made
    them known; certain. drawn: (N, L), entries that the audit drew and people were asked about;
    one whose entry is -1 nobody could tell, and it counts as never drawn. pi: (N, L), the chance
    of each entry's having been drawn by now. Other entries, as those a strategy asked, count as
    unknown: which ones they are hangs on what the models said.
    claimed: int8 (N, L), what the table says of entries that it may have wrong, -1 elsewhere; None
    for nothing but -1. The audit draws some of them too, and then `entries` has people's word.
    Until it has drawn anything, they count as given.
    looks: (2, N, L), how many answers to each entry drawn say absent, and how many present; None,
    or 0 in both, where what `entries` has is beyond doubt.
    Raises `DataError` for shapes that differ and for an entry drawn with a chance of 0.
    """

    entries: Entries
    given: Mask
    drawn: Mask
    pi: Floats
    claimed: Entries | None = None
    looks: NDArray[np.integer] | None = None

    def __post_init__(self) -> None:
        shape = self.entries.shape
        others = (self.given.shape, self.drawn.shape, self.pi.shape, self.claims.shape)
        if len(shape) != 2 or any(other != shape for other in others):
            raise DataError(
                "an audit's entries, masks and chances must have one shape (N, L)",
                seen=f"{shape}, {', '.join(map(str, others))}",
            )
        if self.looks is not None and self.looks.shape != (2, *shape):
            raise DataError("looks must be of an audit's entries", seen=str(self.looks.shape))
        if not ((self.pi >= 0) & (self.pi <= 1)).all():
            raise DataError("a chance of being drawn must be between 0 and 1")
        if (self.audited & (self.pi == 0)).any():
            row, col = (int(i[0]) for i in np.nonzero(self.audited & (self.pi == 0)))
            raise DataError(
                "an entry was drawn that had no chance of it", where=f"row {row}, column {col}"
            )

    @cached_property
    def claims(self) -> Entries:
        """int8 (N, L): `claimed`, of any audit."""
        if self.claimed is None:
            return np.full(self.entries.shape, UNKNOWN, np.int8)
        return self.claimed

    @cached_property
    def certain(self) -> Mask:
        """(N, L): the given entries that are known."""
        return np.asarray(self.given & (self.entries != UNKNOWN) & (self.claims == UNKNOWN))

    @cached_property
    def audited(self) -> Mask:
        """(N, L): the entries that the audit drew and that people could tell."""
        told = self.entries != UNKNOWN
        if self.looks is not None:
            told = told | self.looks.any(axis=0)
        return np.asarray(self.drawn & told & ~self.certain)

    @cached_property
    def doubted(self) -> NDArray[np.integer] | None:
        """(2, N, L): the `looks` at audited entries, if any two answers to one of them differ.

        So people err, and any answer may be wrong. None where nobody is seen to.
        """
        if self.looks is None or not (self.looks.all(axis=0) & self.audited).any():
            return None
        return np.asarray(np.where(self.audited, self.looks, 0))

    @cached_property
    def seen(self) -> Mask:
        """(N, L): the entries known, by either way."""
        return self.certain | self.audited

    @cached_property
    def settled(self) -> Mask:
        """(N, L): the entries known beyond doubt."""
        return self.seen if self.doubted is None else self.seen & ~self.doubted.any(axis=0)

    @cached_property
    def told(self) -> Entries:
        """int8 (N, L): what is seen, else what the table claims."""
        return np.where(self.seen, self.entries, self.claims)

    def believed(self) -> Audit:
        """The same; with what the table claims for certain if nothing was drawn to judge it by."""
        if self.audited.any():
            return self
        claimed = self.claims != UNKNOWN
        entries = np.where(claimed, self.claims, self.entries)
        return Audit(entries, self.given | claimed, self.drawn, self.pi)

    def left_out(self) -> dict[int, str]:
        """The labels that have no AP, and why."""
        present, absent = ((self.told == value).any(axis=0) for value in (PRESENT, ABSENT))
        judged = (self.told != UNKNOWN).all(axis=0) | self.audited.any(axis=0)
        reasons: dict[int, str] = {}
        for col in np.flatnonzero(~(present & absent & judged)).tolist():
            if not present[col]:
                reasons[col] = NO_PRESENT
            else:
                reasons[col] = NO_AUDIT if absent[col] else NO_ABSENT
        return reasons

    def prevalence_at_most(self, col: int) -> float:
        """The largest share of images with a label of which no present was found, at 95 %.

        More presents, even where the audit draws least, would have left none found in fewer than 5
        of 100 audits.
        """
        unknown = self.told[:, col] == UNKNOWN
        # Of this column alone: a table for each label would be the square of the labels.
        chances = np.where(self.drawn[:, col], 0, self.pi[:, col])
        missed = np.cumprod(1 - np.sort(chances[unknown]))
        return float((missed >= _UNSEEN).sum() / len(self.told))

    def take(self, columns: NDArray[np.intp]) -> Audit:
        """The audit of some labels."""
        return Audit(
            self.entries[:, columns],
            self.given[:, columns],
            self.drawn[:, columns],
            self.pi[:, columns],
            self.claims[:, columns],
            None if self.looks is None else self.looks[:, :, columns],
        )
