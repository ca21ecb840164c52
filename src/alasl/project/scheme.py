"""Which labels and images a project has now, and the rules between labels: a fold of all changes.

A label and an image have a *number*, which never changes and is never used again: answers, events
and the queue are by number. The table has those that there are now, at *places* 0, 1, ... in the
order of their numbers. So a change moves no answer, and taking it back is leaving it out of the
fold.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from alasl.project.image_texts import ImageTexts
from alasl.project.records import Answer, Disagreement, Ints, Queued
from alasl.sparse import Sparse

Pair = tuple[int, int]
# What became of a label: it is there; it lives on in others; it was taken out; it never was there,
# as the change that made it was taken back.
Fate = Literal["here", "merged", "split", "removed", "undone"]
# A record that names an entry.
Entry = TypeVar("Entry", Answer, Queued, Disagreement)
# What a change says of itself, as the log keeps it.
Detail = Mapping[str, Any]


@dataclass(frozen=True)
class Label:
    """A label by its number: its name, earlier names, and what it means.

    examples, counter_examples: numbers of images. colour, key: on the page, "" where none is set.
    """

    name: str
    fate: Fate = "here"
    former: tuple[str, ...] = ()
    about: str = ""
    examples: tuple[int, ...] = ()
    counter_examples: tuple[int, ...] = ()
    colour: str = ""
    key: str = ""


@dataclass(frozen=True)
class Rules:
    """What follows from what, by the numbers of labels.

    implies: (child, parent), a present child has the parent present. excludes: at most one of two
    is present. wholes: a label and the labels that were merged into it. parts: (child, parent) of
    which the parent was split into its children.
    """

    implies: tuple[Pair, ...] = ()
    excludes: tuple[Pair, ...] = ()
    wholes: tuple[tuple[int, tuple[int, ...]], ...] = ()
    parts: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.implies or self.excludes or self.wholes or self.parts)

    @cached_property
    def upward(self) -> tuple[Pair, ...]:
        """Every (child, parent), what merging and splitting made among them, children first."""
        merged = [(part, whole) for whole, parts in self.wholes for part in parts]
        return in_order([*self.implies, *self.parts, *merged])

    def above(self, label: int) -> frozenset[int]:
        """Every label that a present `label` has present."""
        found = {label}
        for child, parent in self.upward:
            if child in found:
                found.add(parent)
        return frozenset(found - {label})


@dataclass(frozen=True, eq=False)
class Scheme:
    """Labels and images by number, and which of them the table has.

    version: the event of the last change that may alter the table, 0 without any; event: of the
    last change, what people are told among it. images, files: (all,) by number. parts: uint8
    (all,), the place of each image's role in `ROLES`. here: (all,) whether an image is in the
    table. instructions: what people are told of the project.
    """

    version: int
    labels: tuple[Label, ...]
    rules: Rules
    images: ImageTexts[str]
    files: ImageTexts[str | None]
    parts: NDArray[np.uint8]
    here: NDArray[np.bool_]
    folders: tuple[str, ...] = ()
    event: int = 0
    instructions: str = ""

    @cached_property
    def rows(self) -> Ints:
        """(N,): the number of each image of the table."""
        return np.flatnonzero(self.here)

    @cached_property
    def cols(self) -> Ints:
        """(L,): the number of each label of the table."""
        here = [n for n, label in enumerate(self.labels) if label.fate == "here"]
        return np.array(here, np.intp)

    @cached_property
    def row_of(self) -> Ints:
        """(all,): the place of each image, -1 where it is not in the table."""
        return _places(self.rows, len(self.images))

    @cached_property
    def col_of(self) -> Ints:
        """(all,): the place of each label, -1 where it is not in the table."""
        return _places(self.cols, len(self.labels))

    @property
    def whole(self) -> bool:
        """Whether the table has all labels and images that there ever were."""
        return len(self.rows) == len(self.images) and len(self.cols) == len(self.labels)

    @cached_property
    def placed_rules(self) -> Rules:
        """The rules that people stated, of labels of the table, by their columns."""

        def placed(pairs: Iterable[Pair]) -> tuple[Pair, ...]:
            found = ((int(self.col_of[a]), int(self.col_of[b])) for a, b in pairs)
            return tuple(pair for pair in found if min(pair) >= 0)

        return Rules(placed(self.rules.implies), placed(self.rules.excludes))

    def part(self, entries: Sparse) -> Sparse:
        """(N, L): the table's part of entries of all images and labels."""
        return entries if self.whole else entries.take(self.rows).take_cols(self.cols)

    def placed(self, one: Entry) -> Entry | None:
        """A record of an entry by number, by its place; None where the table does not have it."""
        row, col = int(self.row_of[one.image]), int(self.col_of[one.label])
        return None if row < 0 or col < 0 else replace(one, image=row, label=col)

    @cached_property
    def label_numbers(self) -> dict[str, int]:
        """The label that a name in a file means: the one called so now, else one that once was.

        Labels that were merged or split are among them: an answer to one says something of those
        that came of it.
        """
        found: dict[str, int] = {}
        known = [(n, label) for n, label in enumerate(self.labels) if label.fate != "undone"]
        gone = [one for one in known if one[1].fate != "here"]
        here = [one for one in known if one[1].fate == "here"]
        for number, label in gone:
            found |= dict.fromkeys((*label.former, label.name), number)
        for number, label in here:
            found |= dict.fromkeys(label.former, number)
        return found | {label.name: number for number, label in here}

    @cached_property
    def image_numbers(self) -> dict[str, int]:
        """The image that each id means: one of the table, else one that left it."""
        gone = {self.images[n]: n for n in np.flatnonzero(~self.here).tolist()}
        return gone | {self.images[n]: n for n in self.rows.tolist()}


@dataclass
class _Fold:
    """The labels and rules so far, by number."""

    labels: dict[int, Label]
    implies: list[Pair] = field(default_factory=list)
    excludes: list[Pair] = field(default_factory=list)
    wholes: list[tuple[int, tuple[int, ...]]] = field(default_factory=list)
    parts: list[Pair] = field(default_factory=list)
    instructions: str = ""

    def rules(self) -> Rules:
        return Rules(
            tuple(dict.fromkeys(self.implies)),
            tuple(dict.fromkeys(self.excludes)),
            tuple(self.wholes),
            tuple(self.parts),
        )

    def become(self, numbers: Iterable[int], fate: Fate) -> None:
        for number in numbers:
            self.labels[number] = replace(self.labels[number], fate=fate)

    def add(self, labels: Sequence[int]) -> None:
        self.become(labels, "here")

    def remove(self, labels: Sequence[int]) -> None:
        self.become(labels, "removed")

    def rename(self, label: int, name: str) -> None:
        before = self.labels[label]
        former = tuple(dict.fromkeys((*before.former, before.name)))
        former = tuple(one for one in former if one != name)
        self.labels[label] = replace(before, name=name, former=former)

    def describe(self, label: int, **told: Any) -> None:
        plain: dict[str, Any] = {n: tuple(v) if isinstance(v, list) else v for n, v in told.items()}
        self.labels[label] = replace(self.labels[label], **plain)

    def instruct(self, text: str) -> None:
        self.instructions = text

    def merge(self, labels: Sequence[int], into: int) -> None:
        # What each part implies, or excludes, the whole does too.
        rules = self.rules()
        above = frozenset.intersection(*(rules.above(one) for one in labels)) - set(labels)
        others = [{b for a, b in _both(rules.excludes) if a == one} for one in labels]
        self.implies += [(into, parent) for parent in sorted(above)]
        self.excludes += [(into, one) for one in sorted(set.intersection(*others))]
        self.wholes.append((into, tuple(labels)))
        self.become(labels, "merged")
        self.become([into], "here")

    def split(self, label: int, into: Sequence[int]) -> None:
        self.parts += [(child, label) for child in into]
        self.become([label], "split")
        self.become(into, "here")

    def rule(
        self, implies: Iterable[Sequence[int]], excludes: Iterable[Sequence[int]], anew: bool
    ) -> None:
        if anew:
            self.implies, self.excludes = [], []
        self.implies += [(child, parent) for child, parent in implies]
        self.excludes += [(min(pair), max(pair)) for pair in excludes]


def folded(
    names: Sequence[tuple[str, int]], changes: Iterable[Detail]
) -> tuple[list[Label], Rules, str]:
    """The labels by number, the rules and the instructions after all changes that stand, in order.

    names: of each label its first name and the event that brought it, 0 for the first table's.
    """
    fold = _Fold(
        {n: Label(name, "undone" if since else "here") for n, (name, since) in enumerate(names)}
    )
    for detail in changes:
        what = {key: value for key, value in detail.items() if key != "do"}
        if made := getattr(fold, detail["do"], None):
            made(**what)
    return [fold.labels[n] for n in range(len(names))], fold.rules(), fold.instructions


def in_order(pairs: Sequence[Pair]) -> tuple[Pair, ...]:
    """Pairs (child, parent) such that what leads to a child stands before it.

    Raises `ValueError` where they go round in a circle.
    """
    below: dict[int, set[int]] = {}
    for child, parent in pairs:
        below.setdefault(parent, set()).add(child)
        below.setdefault(child, set())
    done: dict[int, int] = {}
    open_ = dict(below)
    while open_:
        free = sorted(label for label, children in open_.items() if children <= done.keys())
        if not free:
            raise ValueError(f"a circle among {sorted(open_)}")
        for label in free:
            done[label] = len(done)
            del open_[label]
    return tuple(sorted(dict.fromkeys(pairs), key=lambda pair: (done[pair[0]], done[pair[1]])))


def _both(pairs: Iterable[Pair]) -> list[Pair]:
    return [pair for a, b in pairs for pair in ((a, b), (b, a))]


def _places(numbers: Ints, many: int) -> Ints:
    found = np.full(many, -1, np.intp)
    found[numbers] = np.arange(len(numbers))
    return found
