"""What is known of a table at one time: all of it that a learner looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.inputs import ByRow, Rows
from alasl.labels import UNKNOWN, Entries, Labels

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Known:
    """The table as known so far, N images x L labels, and how it came to be known.

    human_labels: what was given and what people answered; nothing automatic.
    initially_unknown: (N, L), entries that may be asked: of the pool, and not given.
    asked: (N, L), entries that people were asked and said something of, if only "cannot tell".
    closed: (N, L), entries not to be asked any more, as somebody could not tell.
    automatic: int8 (N, L), what an automatic labeller answers; -1 elsewhere.
    targets: float32 (n, L) when indexed by rows (n,): how likely each entry is present by all that
    people said, negative where unknown; None: as the entries say. weights: likewise, how much each
    counts; None for 1, and for what is automatic the learner's own.
    implies: every (child, ancestor) by columns, of which a present child makes the ancestor present
    and an absent ancestor the child absent. excludes: pairs of which at most one is present.
    round: rounds asked so far. memory: what the strategy noted in earlier rounds.
    """

    human_labels: Labels
    initially_unknown: Mask
    asked: Mask
    closed: Mask
    automatic: Entries | None = None
    targets: ByRow | None = None
    weights: ByRow | None = None
    implies: tuple[tuple[int, int], ...] = ()
    excludes: tuple[tuple[int, int], ...] = ()
    round: int = 0
    memory: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def entries(self) -> Entries:
        """int8 (N, L): the table as it is now, what is automatic among it."""
        human = self.human_labels.entries
        if self.automatic is None:
            return human
        return np.where(human == UNKNOWN, self.automatic, human)

    @property
    def given(self) -> Entries:
        """int8 (N, L): the table as it was before anybody was asked."""
        human = self.human_labels.entries
        return np.where(self.initially_unknown, np.int8(UNKNOWN), human)

    @cached_property
    def by_machine(self) -> Mask:
        """(N, L): entries that are known only by an automatic answer."""
        if self.automatic is None:
            return np.zeros(self.human_labels.shape, np.bool_)
        return np.asarray((self.human_labels.entries == UNKNOWN) & (self.automatic != UNKNOWN))

    def counts(self, rows: Rows) -> dict[str, int]:
        """The images `rows` (n,) of a training, and their known entries, as a model's file says."""
        return {"images": len(rows), "entries": int((self.entries[rows] != UNKNOWN).sum())}
