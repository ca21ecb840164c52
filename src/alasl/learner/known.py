"""What is known of a table at one time: all of it that a learner looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.data.inputs import Rows
from alasl.labels import UNKNOWN, Entries, Labels
from alasl.sparse import Sparse

Mask = NDArray[np.bool_]


class Targets(Protocol):
    """How likely each entry is present, float32 (n, L) of rows (n,), negative where unknown."""

    def __getitem__(self, rows: Rows, /) -> NDArray[np.float32]: ...

    @property
    def few(self) -> Sparse:
        """(N, L): those of known entries alone."""


class Weights(Protocol):
    """How much each entry counts, float32 (n, L) of rows (n,)."""

    def __getitem__(self, rows: Rows, /) -> NDArray[np.float32]: ...

    def at(self, rows: Rows, cols: Rows, /) -> NDArray[np.float32]:
        """(m,): those at rows and columns."""


@dataclass(frozen=True, eq=False)
class NotGiven:
    """Entries that may be asked: of some images, and not given.

    images: bool (N,), of the pool. given: (N, L), what was given.
    """

    images: Mask
    given: Sparse

    @classmethod
    def of(cls, mask: Mask) -> NotGiven:
        """The entries of a mask (N, L)."""
        images = np.asarray(mask.any(axis=1))
        return cls(images, Sparse.of(~mask & images[:, None], False))

    def __getitem__(self, rows: Rows) -> Mask:
        there = self.given[rows] == self.given.empty
        return np.asarray(self.images[rows][:, None] & there)

    def at(self, rows: ArrayLike, cols: ArrayLike) -> Mask:
        """(n,): whether the entries at rows and columns (n,) may be asked."""
        there = self.given.at(rows, cols) == self.given.empty
        return np.asarray(self.images[np.asarray(rows, np.intp)] & there)

    @property
    def count(self) -> int:
        """How many entries they are."""
        given = int(self.images[self.given.rows].sum())
        return int(self.images.sum()) * self.given.shape[1] - given

    def dense(self) -> Mask:
        """(N, L): all of them."""
        return self[np.arange(len(self.images))]


@dataclass(frozen=True, eq=False)
class Known:
    """The table as known so far, N images x L labels, and how it came to be known.

    Of a large table only known entries are held; `of` gives some images whole.

    human_labels: what was given and what people answered; nothing automatic.
    initially_unknown: (N, L), entries that may be asked: of the pool, and not given.
    asked: (N, L), entries that people were asked and said something of, if only "cannot tell".
    closed: (N, L), entries not to be asked any more, as somebody could not tell.
    automatic: int8 (N, L), what an automatic labeller answers.
    targets: float32 (n, L) when indexed by rows (n,): how likely each entry is present by all that
    people said, negative where unknown; None: as the entries say. weights: likewise, how much each
    counts; None for 1, and for what is automatic the learner's own.
    implies: every (child, ancestor) by columns, of which a present child makes the ancestor present
    and an absent ancestor the child absent. excludes: pairs of which at most one is present.
    round: rounds asked so far. memory: what the strategy noted in earlier rounds.
    """

    human_labels: Labels
    initially_unknown: NotGiven
    asked: Sparse
    closed: Sparse
    automatic: Sparse | None = None
    targets: Targets | None = None
    weights: Weights | None = None
    implies: tuple[tuple[int, int], ...] = ()
    excludes: tuple[tuple[int, int], ...] = ()
    round: int = 0
    memory: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def by_masks(
        cls, labels: Labels, unknown: Mask, asked: Mask, closed: Mask, **more: Any
    ) -> Known:
        """From masks (N, L)."""
        return cls(
            labels, NotGiven.of(unknown), Sparse.of(asked, False), Sparse.of(closed, False), **more
        )

    @cached_property
    def entries(self) -> Entries:
        """int8 (N, L): the table as it is now, what is automatic among it; of small tables."""
        human = self.human_labels.entries
        if self.automatic is None:
            return human
        return np.where(human == UNKNOWN, self.automatic.dense(), human)

    @cached_property
    def sparse(self) -> Sparse:
        """(N, L): what is known now, what is automatic among it."""
        human, more = self.human_labels.sparse, self.automatic
        if more is None:
            return human
        new = more.only(human.at(more.rows, more.cols) == UNKNOWN)
        return human.put(new.rows, new.cols, new.values)

    def of(self, rows: Rows) -> Entries:
        """int8 (n, L): some images as they are known now, what is automatic among it."""
        human = self.human_labels.of(rows)
        if self.automatic is None:
            return human
        return np.where(human == UNKNOWN, self.automatic[rows], human)

    def given(self, rows: Rows) -> Sparse:
        """int8 (n, L): what was known of some images before anybody was asked."""
        human = self.human_labels.sparse
        return human.only(~self.initially_unknown.at(human.rows, human.cols)).take(rows)

    def by_machine(self, rows: Rows) -> Mask | None:
        """(n, L): entries of some images that are known only by an automatic answer, if any."""
        if self.automatic is None:
            return None
        found = self.human_labels.of(rows) == UNKNOWN
        found &= self.automatic[rows] != UNKNOWN
        return found if found.any() else None

    @cached_property
    def taught(self) -> Sparse:
        """(N, L): the targets of known entries alone."""
        return self.sparse if self.targets is None else self.targets.few

    def counted(self, taught: Sparse, automatic: float) -> Sparse | None:
        """(N, L): how much each target counts, of some of `taught`; None where all count 1.

        automatic: what an automatic answer counts.
        """
        at = taught.rows, taught.cols
        if self.weights is not None:
            values = self.weights.at(*at)
        elif self.automatic is None:
            return None
        else:
            machine = (self.human_labels.at(*at) == UNKNOWN) & (self.automatic.at(*at) != UNKNOWN)
            values = np.where(machine, automatic, 1).astype(np.float32)
        return None if (values == 1).all() else Sparse(taught.shape, taught.places, values, 1)

    @cached_property
    def open_per_image(self) -> NDArray[np.int64]:
        """(N,): entries of each image that are unknown, and not closed."""
        known, closed = self.sparse, self.closed
        closed = closed.only(known.at(closed.rows, closed.cols) == UNKNOWN)
        return np.asarray(known.shape[1] - known.per_row() - closed.per_row())

    def counts(self, rows: Rows) -> dict[str, int]:
        """The images `rows` (n,) of a training, and their known entries, as a model's file says."""
        return {"images": len(rows), "entries": int(self.sparse.per_row()[rows].sum())}
