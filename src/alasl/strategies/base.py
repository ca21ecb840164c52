"""How a strategy is registered, and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from alasl.errors import DataError, UsageError
from alasl.parameters import Between as Between  # so that a strategy finds it here
from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, first_line, spec_of, specs_in
from alasl.sparse import Made
from alasl.strategies.blocks import in_blocks
from alasl.strategies.pool import Columns as Columns
from alasl.strategies.pool import Labelled as Labelled
from alasl.strategies.pool import Need as Need
from alasl.strategies.pool import Pool as Pool
from alasl.strategies.pool import Scores as Scores
from alasl.strategies.pool import Unit as Unit
from alasl.strategies.streamed import Find, Rank, Streamed

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
class Strategy:
    """A registered strategy with its settings; call it with a pool to get its scores.

    name, paper, about: its name, where it comes from, one line of what it asks first.
    declared_unit, declared_needs: what it was registered with (`strategy`).
    work: how its arithmetic grows with N images, L labels, D features, E members.
    parameters: what may be set. settings: what was set. ranker, finder, reads_rows: see `strategy`.
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
    ranker: Callable[..., Rank] | None = field(default=None, repr=False)
    finder: Callable[..., Find | None] | None = field(default=None, repr=False)
    reads_rows: bool = False

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
    def by_image(self) -> bool:
        """Whether it can be called with a `Streamed` pool, too; those that it uses can, then."""
        return self.reads_rows and all(each.by_image for each in self.uses)

    @property
    def asks(self) -> Literal["images", "entries"]:
        """What is asked by it unless something else is wanted: what it scores."""
        return "images" if self.unit == "image" else "entries"

    @property
    def spec(self) -> str:
        """The shortest text from which `resolve` makes this strategy again."""
        return spec_of(self, self.settings, self.file)

    def __call__(self, pool: Pool | Streamed) -> Any:
        """Scores, higher = ask first: (N,) of images, or (N, L) of entries, by `unit`.

        -inf stands for what cannot be asked: an image without an askable entry, a known entry.
        The strategy itself is shown only the images that have something to ask. Of a `Streamed`
        pool, which is for a strategy that goes `by_image`, scores of entries are a `Made` table.
        """
        for need in sorted(self.needs):
            if getattr(pool, need, None) is None:
                raise UsageError(f"the strategy {self.spec!r} needs the pool's {need}")
        return self._of_tables(pool) if isinstance(pool, Pool) else self._of_rows(pool)

    def _of_tables(self, pool: Pool) -> Scores:
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
            raise self._wrong(wrong, askable.shape)
        return scores

    def _of_rows(self, pool: Streamed) -> Scores | Made:
        if not self.by_image:
            raise UsageError(f"the strategy {self.spec!r} scores whole pools only")
        found = self.function(pool, **self.settings)
        if not isinstance(found, Made):
            scores = np.array(found, np.float64)
            if scores.shape != (len(pool),) or not np.isfinite(scores).all():
                raise self._wrong(f"others, of shape {scores.shape}", (len(pool),))
            return scores

        def make(rows: NDArray[np.int64]) -> Scores:
            askable, block = pool.askable.make(rows), found.make(rows)
            if not_finite := np.count_nonzero(askable & ~np.isfinite(block)):
                raise self._wrong(f"{not_finite} that are not", askable.shape)
            return np.where(askable, block, block.dtype.type(-np.inf))

        return Made(pool.shape, make)

    def _wrong(self, seen: str, shape: tuple[int, ...]) -> DataError:
        return DataError(
            f"the strategy {self.spec!r} must give one finite score for each {self.unit}",
            seen=f"{seen}, of {shape}",
        )

    def among(self, pool: Streamed, most: int) -> Find | None:
        """What finds the entries of some labels that can be among the `most` highest of all, with
        their scores, in less time than `by_label`; None where that cannot be."""
        if self.finder is None or pool.evidence is not None:
            return None
        return self.finder(pool, most, **self.settings)

    def by_label(self, pool: Streamed) -> Callable[[slice], Scores]:
        """What gives the scores (N, n) of some labels, as calling it with the whole pool does.

        Every image of the pool has something to ask. Only of a strategy with a `ranker`.
        """
        if self.ranker is None:
            raise UsageError(f"the strategy {self.spec!r} scores whole pools only")
        rank = self.ranker(pool, **self.settings)

        def scores(labels: slice) -> Scores:
            columns = pool.columns(labels)
            return np.where(columns.askable, rank(labels, columns), np.float32(-np.inf))

        return scores


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
    ranker: Callable[..., Rank] | None = None,
    finder: Callable[..., Find | None] | None = None,
    reads_rows: bool = False,
) -> Callable[[Function], Function]:
    """Register a function of a pool as the strategy `name`; the function itself is unchanged.

    The function takes a `Pool` and keyword arguments with defaults, and returns finite scores,
    higher = ask first: (N,) of images, or (N, L) of entries where `unit` is "entry" (what it says
    of known entries does not matter). The array is the caller's, who may write in it. The
    function's docstring's first line is its line in tables. An argument's annotation may be a
    `Literal` of words, or `Annotated[float, Between(low, high)]`. An argument with a default of
    type `Names` names other strategies, whose needs are added; with `unit` None it scores entries
    where one of them does, else images. `needs` may be a function of the same arguments.
    ranker: what scores some labels of a pool at a time, for pools of which no whole table fits into
    memory; see `streamed`. It takes the same arguments. finder: as `among`, likewise. reads_rows:
    whether the function takes such a pool itself, as of tables it reads some images
    (`pool.entries[rows]`, `in_blocks`) or none.
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
            ranker=ranker,
            finder=finder,
            reads_rows=reads_rows,
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
