"""The names, or files, of a project's images, read when they are asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Literal, TypeVar, overload

from alasl.project import initial
from alasl.project.records import Ints

Text = TypeVar("Text", str, str | None)
# Opens the store for a look.
Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]
# After so large a share was read one by one, all are read and kept.
_SHARE = 1 / 64


class ImageTexts(Sequence[Text]):
    """What a column of a store's images holds, (N,), as a tuple that is read by and by.

    Of millions of images a page shows a few, so each is looked up by itself; whoever asks for many
    has all read at once. They never change, so it does not matter when they are read.
    numbers: (N,) of the images.
    """

    def __init__(
        self,
        reading: Reading,
        column: Literal["name", "file"],
        numbers: Ints,
    ) -> None:
        self._reading, self._column, self._numbers = reading, column, numbers
        self._asked = 0
        self._all: tuple[Text, ...] | None = None

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, at: int) -> Text: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Text]: ...
    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            places = range(*at.indices(len(self)))
            return self if len(places) == len(self) else tuple(self[place] for place in places)
        if self._all is None and self._asked < _SHARE * len(self):
            self._asked += 1
            number = int(self._numbers[at])
            with self._reading() as db:
                return initial.text(db, self._column, number)
        return self._whole()[at]

    def take(self, numbers: Ints) -> ImageTexts[Text]:
        """Those of some images."""
        return ImageTexts(self._reading, self._column, numbers)

    def __iter__(self) -> Iterator[Text]:
        return iter(self._whole())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._whole() == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def _whole(self) -> tuple[Text, ...]:
        if self._all is None:
            with self._reading() as db:
                found: tuple[Any, ...] = tuple(initial.texts(db, self._column))
            if len(found) > len(self):
                found = tuple(found[number] for number in self._numbers.tolist())
            self._all = found
        return self._all
