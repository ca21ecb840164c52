"""What a strategy sees, and how one is registered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, UsageError
from alasl.labels import UNKNOWN, Entries
from alasl.parameters import Between as Between  # so that a strategy finds it here
from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, first_line, spec_of, specs_in
from alasl.strategies.blocks import in_blocks

Scores = NDArray[np.floating]
Need = Literal["probabilities", "features", "members", "labelled"]
Unit = Literal["image", "entry"]
Function = Callable[..., Scores]

# What a pool must bring, or a function of the parameters that says it.
Needs = Iterable[Need] | Callable[..., Iterable[Need]]

STRATEGIES: Registry[Strategy] = Registry("strategy", "strategies", "alasl.strategies")


class Names(str):
    """The type of a parameter that names strategies, with commas between them.

    One with parameters of its own stands in parentheses: `random,(entropy:form=binary)`.
    """

    @property
    def each(self) -> list[str]:
        """The specs of the strategies named."""
        return specs_in(self)


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
            raise _missing(f"labelled {what}")
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
    ask: Literal["images", "entries"] = "images"
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
            raise _missing(what)
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

    def picks(self, unit: Unit) -> int:
        """About how many images, or entries, this round picks, at least 1; at most all there are.

        An image is worth as many answers as images have entries to ask on average.
        """
        images = int(self.askable.any(axis=1).sum())
        entries = int(np.count_nonzero(self.askable))
        each = entries / max(images, 1)
        wanted: float = self.batch
        if self.ask == "images" and unit == "entry":
            wanted *= each
        if self.ask == "entries" and unit == "image":
            wanted /= max(each, 1)
        return max(1, min(math.ceil(wanted), images if unit == "image" else entries))

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


def _limits(p: NDArray[np.floating]) -> tuple[float, float]:
    """The least and the largest of (n, L) numbers, NaN where there is one; reads them once."""
    least, largest = [], []

    def add(rows: slice) -> None:
        least.append(p[rows].min())
        largest.append(p[rows].max())

    in_blocks(add, len(p))
    return float(np.min(least)), float(np.max(largest))


@dataclass(frozen=True, eq=False)
class Strategy:
    """A registered strategy with its settings; call it with a pool to get its scores.

    name, paper, about: its name, where it comes from, one line of what it asks first.
    declared_unit, declared_needs: what it was registered with (`strategy`).
    work: how its arithmetic grows with N images, L labels, D features, E members.
    parameters: what may be set. settings: what was set.
    """

    name: str
    paper: str
    about: str
    declared_unit: Unit | None
    declared_needs: Needs = field(repr=False)
    work: str
    parameters: tuple[Parameter, ...]
    function: Function = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    file: Path | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Every parameter's value, set or by default."""
        return {p.name: self.settings.get(p.name, p.default) for p in self.parameters}

    @cached_property
    def uses(self) -> tuple[Strategy, ...]:
        """The strategies that its parameters name, which it takes its scores from."""
        named = [value for value in self.values.values() if isinstance(value, Names)]
        return tuple(resolve(spec) for names in named for spec in names.each)

    @cached_property
    def unit(self) -> Unit:
        """Whether it scores an image or each entry."""
        return self.declared_unit or (
            "entry" if "entry" in {m.unit for m in self.uses} else "image"
        )

    @cached_property
    def needs(self) -> frozenset[Need]:
        """What the pool must bring, for itself and for the strategies that it uses."""
        declared = self.declared_needs
        own = frozenset(declared(**self.values) if callable(declared) else declared)
        return own.union(*(m.needs for m in self.uses))

    @property
    def asks(self) -> Literal["images", "entries"]:
        """What is asked by it unless something else is wanted: what it scores."""
        return "images" if self.unit == "image" else "entries"

    @property
    def spec(self) -> str:
        """The shortest text from which `resolve` makes this strategy again."""
        return spec_of(self, self.settings, self.file)

    def __call__(self, pool: Pool) -> Scores:
        """Scores, higher = ask first: (N,) of images, or (N, L) of entries, by `unit`.

        -inf stands for what cannot be asked: an image without an askable entry, a known entry.
        The strategy itself is shown only the images that have something to ask.
        """
        for need in sorted(self.needs):
            if getattr(pool, need) is None:
                raise UsageError(f"the strategy {self.spec!r} needs the pool's {need}")
        entrywise = self.unit == "entry"
        rows = np.flatnonzero(pool.askable.any(axis=1))
        shown = pool if len(rows) == len(pool) else pool.take(rows)
        askable = shown.askable if entrywise else np.ones(len(rows), np.bool_)
        shape = pool.entries.shape if entrywise else (len(pool),)
        if not len(rows):
            return np.full(shape, -np.inf)
        found = np.asarray(self.function(shown, **self.settings))
        wrong = "" if found.shape == askable.shape else f"shape {found.shape}"
        if not wrong:
            as_it_is = entrywise and np.issubdtype(found.dtype, np.floating)
            # A large array's memory takes longer to come by than to fill.
            own = as_it_is and shown is pool and _fresh(found, pool)
            kind = found.dtype if as_it_is else np.dtype(np.float64)
            scores = found if own else np.full(shape, -np.inf, kind)
            not_finite = _fill(scores, rows, found, askable)
            wrong = f"{not_finite} that are not" if not_finite else ""
        if wrong:
            raise DataError(
                f"the strategy {self.spec!r} must give one finite score for each {self.unit}",
                seen=f"{wrong}, of {askable.shape}",
            )
        return scores


def _missing(what: str) -> UsageError:
    return UsageError(
        f"this strategy needs the pool's {what}",
        do="name it in `needs`, where the strategy is registered, or give it in the pool",
    )


def _fresh(found: Scores, pool: Pool) -> bool:
    """Whether an array is a strategy's own, and none of what it was given."""
    given = (pool.probabilities, pool.features, pool.members)
    return found.base is None and found.flags.writeable and all(found is not a for a in given)


def _fill(scores: Scores, rows: NDArray[np.intp], found: Scores, askable: NDArray[np.bool_]) -> int:
    """Put what was found of the rows into their scores, where they can be asked.

    Returns how many of them are not finite.
    """
    not_finite: list[int] = []

    def fill(part: slice) -> None:
        there, block = askable[part], found[part]
        not_finite.append(int(np.count_nonzero(there & ~np.isfinite(block))))
        if scores is found:
            # The least of two: writing where a mask says so takes seven times as long.
            bound = np.subtract(there, 0.5, dtype=block.dtype) * block.dtype.type(np.inf)
            np.fmin(block, bound, out=block)
        else:
            scores[rows[part]] = np.where(there, block, -np.inf)

    in_blocks(fill, len(rows))
    return sum(not_finite)


def strategy(
    name: str,
    *,
    paper: str,
    needs: Needs = (),
    unit: Unit | None = "image",
    work: str = "N L",
) -> Callable[[Function], Function]:
    """Register a function of a pool as the strategy `name`; the function itself is unchanged.

    The function takes a `Pool` and keyword arguments with defaults, and returns finite scores,
    higher = ask first: (N,) of images, or (N, L) of entries where `unit` is "entry" (what it says
    of known entries does not matter). The array is the caller's, who may write in it. The
    function's docstring's first line is its line in tables. An argument's annotation may be a
    `Literal` of words, or `Annotated[float, Between(low, high)]`. An argument with a default of
    type `Names` names other strategies, whose needs are added; with `unit` None it scores entries
    where one of them does, else images. `needs` may be a function of the same arguments.
    """

    return STRATEGIES.register(
        lambda function: Strategy(
            name=name,
            paper=paper,
            about=first_line(function),
            declared_unit=unit,
            declared_needs=needs,
            work=work,
            parameters=parameters_of(function),
            function=function,
        )
    )


def available() -> tuple[Strategy, ...]:
    """Every registered strategy with its defaults, by name."""
    return tuple(STRATEGIES.values())


def resolve(spec: str, *, trust: bool = True) -> Strategy:
    """The strategy that `NAME[:key=value]...` names, e.g. `hard+medium:share=0.25`.

    `FILE.py:NAME[:key=value]...` takes it from a Python file of the user's, where `trust` says that
    it may be run. Raises `UsageError` for a name, a parameter or a value that is unknown.
    """
    found = STRATEGIES.resolve(spec, trust=trust)
    resolved = replace(found.part, settings=found.values, file=found.file)
    _ = resolved.uses  # so that a wrong name among them is refused here
    return resolved
