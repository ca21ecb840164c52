"""What a strategy sees."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, UsageError
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.strategies.blocks import in_blocks

Scores = NDArray[np.floating]
Need = Literal["probabilities", "features", "members", "labelled"]
Unit = Literal["image", "entry"]
Ask = Literal["images", "entries"]


class Columns(NamedTuple):
    """Some labels of a pool, (N, n) each; see `Pool`. askable: which entries may be asked."""

    entries: Entries
    askable: NDArray[np.bool_]
    probabilities: NDArray[np.floating] | None


@dataclass(frozen=True, eq=False)
class Labelled:
    """The images that may not be asked any more: the clean set, and the pool's finished ones.

    entries: int8 (M, L). probabilities: (M, L) by the model, or None. features: (M, D), or None.
    ids: (M,), as in the pool, or None. evidence: (S, M, L), as in the pool, or None.
    """

    entries: Entries
    probabilities: NDArray[np.floating] | None = None
    features: NDArray[np.floating] | None = None
    ids: NDArray[np.intp] | None = None
    evidence: NDArray[np.floating] | None = None

    def need(self, what: Literal["probabilities", "features"]) -> NDArray[np.floating]:
        """The array of that name. Raises `UsageError` where there is none."""
        found: NDArray[np.floating] | None = getattr(self, what)
        if found is None:
            raise missing(f"labelled {what}")
        return found


@dataclass(frozen=True, eq=False)
class Pool:
    """The images that may be asked, as a strategy sees them; hidden truth is not in it.

    entries: int8 (N, L), 1 present, 0 absent, -1 unknown.
    ties: (N,) in [0, 1), one draw for each image, drawn in the data set's order so that it
        travels with the image: whatever is left to chance is decided by it (higher = first).
    probabilities: (N, L) in [0, 1] by the model, or None.
    features: (N, D), or None. members: (E, N, L), the probabilities of an ensemble, or None.
    labelled: the images beside the pool of which all is known that can be, or None.
    closed: bool (N, L), unknown entries that nobody could answer; None for no such entry.
    asked, budget: images (or answers, where entries are asked) of earlier rounds and of the whole
        run. batch: how many of them this round picks. ask: which of the two is asked.
    ids: (N,) whole numbers by which an image is known again in another round, or None.
    memory: what the strategy has noted in earlier rounds, as JSON takes it; it may write in it.
    evidence: (S, N, L), how far what S other models say may still move each logit, in standard
        deviations, or None; beside features alone. The probabilities know of it already.
    spread: standard deviation of a logit by the features before anything is known, as the model
        takes it, or None.
    The large arrays may be memory-mapped.
    """

    entries: Entries
    ties: NDArray[np.float64]
    probabilities: NDArray[np.floating] | None = None
    features: NDArray[np.floating] | None = None
    members: NDArray[np.floating] | None = None
    labelled: Labelled | None = None
    closed: NDArray[np.bool_] | None = None
    asked: int = 0
    budget: int = 0
    batch: int = 50
    ask: Ask = "images"
    ids: NDArray[np.intp] | None = None
    memory: dict[str, Any] = field(default_factory=dict)
    evidence: NDArray[np.floating] | None = None
    spread: float | None = None

    def __post_init__(self) -> None:
        images = len(self.entries)
        shapes: dict[str, tuple[int, ...]] = {
            "ties": (images,),
            "ids": (images,),
            "probabilities": self.entries.shape,
            "closed": self.entries.shape,
            "features": (images, *(() if self.features is None else self.features.shape[1:])),
            "members": (0 if self.members is None else len(self.members), *self.entries.shape),
            "evidence": (0 if self.evidence is None else len(self.evidence), *self.entries.shape),
        }
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array is not None and array.shape != shape:
                raise DataError(
                    f"the pool's {name} do not fit its entries",
                    seen=f"{array.shape}, expected {shape}",
                )
        for p in (self.probabilities, *(() if self.members is None else self.members)):
            low, high = (0.0, 1.0) if p is None or not p.size else _limits(p)
            # Written so that NaN fails it as well.
            if not (low >= 0 and high <= 1):
                raise DataError(
                    "probabilities must lie in [0, 1]",
                    seen=f"{low} to {high}",
                    do="apply the sigmoid to logits first",
                )

    def __len__(self) -> int:
        return len(self.entries)

    @overload
    def need(self, what: Literal["labelled"]) -> Labelled: ...
    @overload
    def need(
        self, what: Literal["probabilities", "features", "members"]
    ) -> NDArray[np.floating]: ...
    def need(self, what: Need) -> Labelled | NDArray[np.floating]:
        """What a strategy was registered to need, by its name.

        Raises `UsageError` where there is none.
        """
        found: Labelled | NDArray[np.floating] | None = getattr(self, what)
        if found is None:
            raise missing(what)
        return found

    @cached_property
    def unknown_per_image(self) -> NDArray[np.intp]:
        """(N,): unknown entries of each image."""
        return np.asarray(np.count_nonzero(self.entries == UNKNOWN, axis=1))

    @cached_property
    def known_per_image(self) -> NDArray[np.intp]:
        """(N,): known entries of each image."""
        return np.asarray(self.entries.shape[1] - self.unknown_per_image)

    @cached_property
    def askable(self) -> NDArray[np.bool_]:
        """(N, L): True for an unknown entry that somebody may be able to answer."""
        unknown = self.entries == UNKNOWN
        return np.asarray(unknown if self.closed is None else unknown & ~self.closed)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): images, labels."""
        return len(self.entries), self.entries.shape[1]

    @property
    def presents_of(self) -> NDArray[np.intp]:
        """(L,): images known to have each label."""
        return np.asarray(np.count_nonzero(self.entries == PRESENT, axis=0))

    @property
    def known_of(self) -> NDArray[np.intp]:
        """(L,): known entries of each label."""
        return np.asarray(np.count_nonzero(self.entries != UNKNOWN, axis=0))

    @property
    def askable_of(self) -> NDArray[np.bool_]:
        """(L,): labels of which something may be asked."""
        return np.asarray(self.askable.any(axis=0))

    def columns(self, labels: slice) -> Columns:
        """Some labels of the pool."""
        p = self.probabilities
        return Columns(
            self.entries[:, labels],
            self.askable[:, labels],
            None if p is None else p[:, labels],
        )

    def picks(self, unit: Unit) -> int:
        """About how many images, or entries, this round picks, at least 1; at most all there are.

        An image is worth as many answers as images have entries to ask on average.
        """
        images = int(self.askable.any(axis=1).sum())
        entries = int(np.count_nonzero(self.askable))
        return picks_of(unit, self.ask, self.batch, images, entries)

    def take(self, rows: NDArray[np.intp]) -> Pool:
        """The pool of some of its images."""
        return replace(
            self,
            entries=self.entries[rows],
            ties=self.ties[rows],
            probabilities=None if self.probabilities is None else self.probabilities[rows],
            features=None if self.features is None else self.features[rows],
            members=None if self.members is None else self.members[:, rows],
            evidence=None if self.evidence is None else self.evidence[:, rows],
            closed=None if self.closed is None else self.closed[rows],
            # Where images have no numbers, their places in the whole pool are.
            ids=rows if self.ids is None else self.ids[rows],
        )


def picks_of(unit: Unit, ask: Ask, batch: int, images: int, entries: int) -> int:
    """See `Pool.picks`; images, entries: of which something, or which, can be asked."""
    each = entries / max(images, 1)
    wanted: float = batch
    if ask == "images" and unit == "entry":
        wanted *= each
    if ask == "entries" and unit == "image":
        wanted /= max(each, 1)
    return max(1, min(math.ceil(wanted), images if unit == "image" else entries))


def _limits(p: NDArray[np.floating]) -> tuple[float, float]:
    """The least and the largest of (n, L) numbers, NaN where there is one; reads them once."""
    least, largest = [], []

    def add(rows: slice) -> None:
        least.append(p[rows].min())
        largest.append(p[rows].max())

    in_blocks(add, len(p))
    return float(np.min(least)), float(np.max(largest))


def missing(what: str) -> UsageError:
    return UsageError(
        f"this strategy needs the pool's {what}",
        do="name it in `needs`, where the strategy is registered, or give it in the pool",
    )
