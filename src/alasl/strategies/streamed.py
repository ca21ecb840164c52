"""A pool too large for tables of all its entries: a strategy looks at a part of them at a time.

Most strategies of entries look at one label after the other, at all its images. Such a strategy is
one function that ranks some labels (`Rank`), whether they come from a `Pool` or from here. Most
strategies of images look at some images after the others, at all their labels, or at features and
draws alone: such a one is shown what is here in the place of a `Pool`, and need not know of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN
from alasl.sparse import Made, Sparse
from alasl.strategies.blocks import in_blocks
from alasl.strategies.pool import Ask, Columns, Labelled, Pool, Scores, Unit, missing, picks_of

# Scores (N, n), finite, higher = ask first, of some labels; what it says of entries that may not be
# asked does not matter. Several threads call it.
Rank = Callable[[slice, Columns], Scores]
# Of some labels (n,), entries by row and column, and their scores, (m,) each, among which are all
# that can be wanted.
Find = Callable[[NDArray[np.intp]], tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]]
Found = TypeVar("Found")
Rows = NDArray[np.intp] | slice


class Labelwise(Protocol):
    """What a function that makes a `Rank` sees: of a `Pool`, or of what streams. See `Pool`."""

    @property
    def ties(self) -> NDArray[np.float64]: ...
    @property
    def labelled(self) -> Labelled | None: ...
    @property
    def features(self) -> NDArray[np.floating] | None: ...
    @property
    def evidence(self) -> Any: ...
    @property
    def spread(self) -> float | None: ...
    @property
    def batch(self) -> int: ...
    @property
    def ask(self) -> Ask: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def presents_of(self) -> NDArray[np.intp]: ...
    @property
    def known_of(self) -> NDArray[np.intp]: ...
    @property
    def askable_of(self) -> NDArray[np.bool_]: ...


@dataclass(frozen=True, eq=False)
class Streamed:
    """The images that may be asked, each of some entry, as a `Pool` has them, in little memory.

    entries: int8 (N, L), the known ones. closed: (N, L), unknown entries that nobody could answer.
    chances: by features (N, D), the model's probabilities (N, n) of some labels, a slice or by
    number; None where there are none. probabilities: those of some images; likewise. others: where
    `features` are those of the first images alone, which are all there is to a strategy without a
    `finder`, gives those of other images by place. evidence: as in `Pool`, or what can be
    indexed at `[:, images, label]`. The rest as in `Pool`.
    """

    entries: Sparse
    closed: Sparse
    ties: NDArray[np.float64]
    chances: (
        Callable[[NDArray[np.floating], slice | NDArray[np.intp]], NDArray[np.floating]] | None
    ) = None
    features: NDArray[np.floating] | None = None
    labelled: Labelled | None = None
    spread: float | None = None
    batch: int = 50
    ask: Ask = "entries"
    evidence: Any = None
    probabilities: Made | None = None
    asked: int = 0
    budget: int = 0
    ids: NDArray[np.intp] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    others: Callable[[NDArray[np.intp]], NDArray[np.floating]] | None = None

    def __len__(self) -> int:
        return len(self.ties)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return self.entries.shape

    def need(self, what: str) -> Any:
        """See `Pool.need`."""
        return needed(getattr(self, what, None), what)

    @property
    def unknown_per_image(self) -> NDArray[np.intp]:
        """(N,): unknown entries of each image."""
        return self.shape[1] - self.known_per_image

    @property
    def known_per_image(self) -> NDArray[np.intp]:
        """(N,): known entries of each image."""
        return self.entries.per_row()

    @cached_property
    def askable(self) -> Made:
        """(N, L): True for an unknown entry that somebody may be able to answer."""

        def make(rows: NDArray[np.int64]) -> NDArray[np.bool_]:
            unknown = self.entries[rows] == UNKNOWN
            return np.asarray(unknown & (self.closed[rows] == self.closed.empty))

        return Made(self.shape, make)

    @property
    def presents_of(self) -> NDArray[np.intp]:
        """(L,): images known to have each label."""
        return self.entries.where(lambda values: values == PRESENT).per_col()

    @property
    def known_of(self) -> NDArray[np.intp]:
        """(L,): known entries of each label."""
        return self.entries.per_col()

    @property
    def askable_of(self) -> NDArray[np.bool_]:
        """(L,): labels of which something may be asked."""
        return self.open_of > 0

    @property
    def open_of(self) -> NDArray[np.intp]:
        """(L,): entries of each label that may be asked."""
        return len(self) - self.entries.per_col() - self._shut.per_col()

    def picks(self, unit: Unit) -> int:
        """See `Pool.picks`."""
        images, labels = self.shape
        entries = images * labels - len(self.entries) - len(self._shut)
        return picks_of(unit, self.ask, self.batch, images, entries)

    def first(self) -> Streamed:
        """The images alone whose features are held."""
        many, said, ids = len(self.need("features")), self.probabilities, self.ids
        rows = np.arange(many)
        return replace(
            self,
            entries=self.entries.take(rows),
            closed=self.closed.take(rows),
            ties=self.ties[:many],
            probabilities=None if said is None else Made((many, self.shape[1]), said.make),
            ids=None if ids is None else ids[:many],
            evidence=None if self.evidence is None else self.evidence.take(rows),
            others=None,
        )

    @cached_property
    def _shut(self) -> Sparse:
        """Entries that are closed and unknown."""
        return self.closed.only(self.entries.at(self.closed.rows, self.closed.cols) == UNKNOWN)

    @cached_property
    def _turned(self) -> tuple[Sparse, Sparse]:
        return self.entries.by_column(), self.closed.by_column()

    def known_rows(self, label: int) -> NDArray[np.intp]:
        """(n,): images of which a label is known, ascending."""
        return self._turned[0].held(slice(label, label + 1))[1]

    def closed_rows(self, label: int) -> NDArray[np.intp]:
        """(n,): images of which nobody could answer a label, ascending."""
        return self._turned[1].held(slice(label, label + 1))[1]

    def taken(self, images: slice) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """(n,) rows, ascending, from the first image on, and columns that may not be asked."""
        known, closed = self.entries.held(images), self.closed.held(images)
        rows, cols = (np.concatenate(each) for each in zip(known, closed, strict=True))
        order = np.argsort(rows, kind="stable") if len(closed[0]) else slice(None)
        return rows[order] - images.start, cols[order]

    def at(self, images: NDArray[np.intp]) -> NDArray[np.floating]:
        """(n, D): features of some images (n,)."""
        held = needed(self.features, "features")
        first = images < len(held)
        if self.others is None or first.all():
            return held[images]
        found = np.empty((len(images), held.shape[1]), held.dtype)
        found[first], found[~first] = held[images[first]], self.others(images[~first])
        return found

    def columns(self, labels: slice) -> Columns:
        """Some labels of the pool."""
        which = np.arange(labels.start, labels.stop)
        entries, closed = (table[which].T for table in self._turned)
        askable = (entries == UNKNOWN) & (closed == self.closed.empty)
        chances = None
        if self.chances is not None:
            chances = self.chances(needed(self.features, "features"), labels)
        return Columns(entries, askable, chances)


def needed(found: Found | None, what: str) -> Found:
    """What a strategy needs of a pool. Raises `UsageError` where there is none."""
    if found is None:
        raise missing(what)
    return found


def by_rows(
    pool: Pool | Streamed,
    score: Callable[[Rows], Scores],
    order: NDArray[np.intp] | None = None,
) -> Scores:
    """(N, L) scores of entries, where those of an image hang on it alone, and what is of all images
    is found already.

    score: gives those of some images (n,), (n, L). order: (N,) in which images are scored together.
    """

    def filled(count: int, rows: Callable[[slice], Rows], to: Callable[[slice], Rows]) -> Scores:
        scores = np.empty((count, pool.shape[1]), np.float32)

        def fill(part: slice) -> None:
            scores[to(part)] = score(rows(part))

        in_blocks(fill, count)
        return scores

    def itself(part: slice) -> Rows:
        return part

    if isinstance(pool, Streamed):
        made = Made(pool.shape, lambda some: filled(len(some), some.__getitem__, itself))
        return cast(Scores, made)
    ordered = itself if order is None else order.__getitem__
    return filled(len(pool), ordered, ordered)
