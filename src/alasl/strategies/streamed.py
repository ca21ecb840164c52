"""A pool too large for tables of all its entries: a strategy scores some of its labels at a time.

Most strategies of entries look at one label after the other, at all its images. Such a strategy is
one function that ranks some labels (`Rank`), whether they come from a `Pool` or from here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from alasl.labels import PRESENT, UNKNOWN
from alasl.sparse import Sparse
from alasl.strategies.pool import Columns, Labelled, Scores, missing

# Scores (N, n), finite, higher = ask first, of some labels; what it says of entries that may not be
# asked does not matter. Several threads call it.
Rank = Callable[[slice, Columns], Scores]
Found = TypeVar("Found")


class Labelwise(Protocol):
    """What a function that makes a `Rank` sees: of a `Pool`, or of what streams. See `Pool`."""

    @property
    def ties(self) -> NDArray[np.float64]: ...
    @property
    def labelled(self) -> Labelled | None: ...
    @property
    def features(self) -> NDArray[np.floating] | None: ...
    @property
    def evidence(self) -> NDArray[np.floating] | None: ...
    @property
    def spread(self) -> float | None: ...
    @property
    def batch(self) -> int: ...
    @property
    def ask(self) -> Literal["images", "entries"]: ...
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
    chances: by features (N, D), the model's probabilities (N, n) of some labels; None where there
    are none. The rest as in `Pool`.
    """

    entries: Sparse
    closed: Sparse
    ties: NDArray[np.float64]
    chances: Callable[[NDArray[np.floating], slice], NDArray[np.floating]] | None = None
    features: NDArray[np.floating] | None = None
    labelled: Labelled | None = None
    spread: float | None = None
    batch: int = 50
    ask: Literal["images", "entries"] = "entries"
    evidence: NDArray[np.floating] | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return self.entries.shape

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
        closed = self.closed.only(self.entries.at(self.closed.rows, self.closed.cols) == UNKNOWN)
        return self.entries.per_col() + closed.per_col() < len(self.ties)

    @cached_property
    def _turned(self) -> tuple[Sparse, Sparse]:
        return self.entries.by_column(), self.closed.by_column()

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
