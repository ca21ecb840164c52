"""What a format is: one file of this folder that registers its reader; nothing else lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.labels import ABSENT, UNKNOWN, Entries, Labels
from alasl.parameters import Parameter, parameters_of
from alasl.registry import Registry, Source
from alasl.sparse import Sparse

Empty = Literal["unknown", "absent"]
Features = NDArray[np.floating]


@dataclass(frozen=True)
class Options:
    """What a file cannot say itself."""

    empty: Empty | None = None
    keep_unannotated: bool = True


@dataclass(frozen=True)
class Table:
    """What a file holds: the table of entries, features where it brings them, and remarks."""

    labels: Labels
    features: Features | None = None
    notes: tuple[str, ...] = ()


def entries_at(shape: tuple[int, int], at: ArrayLike, filled: NDArray[np.intp]) -> Entries | Sparse:
    """(N, L): entries (m, 3) by row, column and value; of equal places the last.

    Others are unknown, but absent in the rows `filled` (n,). Without such rows no table of all
    entries is made.
    """
    rows, cols, values = np.asarray(at, np.int64).reshape(-1, 3).T
    if not len(filled):
        return Sparse.at_places(shape, rows, cols, values.astype(np.int8))
    entries = np.full(shape, UNKNOWN, np.int8)
    entries[filled] = ABSENT
    entries[rows, cols] = values
    return entries


Read = Callable[..., Table]
Write = Callable[[Labels, Path, Features | None], None]


@dataclass(frozen=True, slots=True)
class NamedAnswer:
    """One answer as a file has it: by names, and where it stands there.

    value: 1 present, 0 absent, -1 cannot tell. person: empty where the file does not say. seconds:
    what the answer took. at: when, in seconds since 1970. why: why the entry was asked. pi: the
    probability with which chance drew it. None where the file does not say. question: which one it
    answers, see `alasl.project.second_looks.question`.
    """

    where: str
    image: str
    label: str
    value: int
    person: str = ""
    seconds: float | None = None
    at: float | None = None
    why: str = ""
    pi: float | None = None
    question: str = ""


@dataclass(frozen=True)
class Format:
    """A way to write a table of entries down.

    holds: whether a path is in this format, from its first 64 kB (empty for a folder).
    write: puts a table, and features where `carries_features`, into a file that is not there yet.
    suffixes: endings of the files that may be such tables; none where a folder is one.
    broken: endings of files that no format holds, whose fault this one's reader can tell best.
    parameters: keyword arguments of `read`, which may be set with the name, `NAME:key=value`.
    """

    name: str
    about: str
    holds: Callable[[Path, bytes], bool]
    read: Read
    write: Write | None
    carries_features: bool
    suffixes: tuple[str, ...]
    broken: tuple[str, ...]
    parameters: tuple[Parameter, ...]


FORMATS: Registry[Format] = Registry("format", "formats", "alasl.data.formats")


def table_format(
    name: str,
    about: str,
    *,
    holds: Callable[[Path, bytes], bool],
    write: Write | None = None,
    carries_features: bool = False,
    suffixes: tuple[str, ...] = (),
    broken: tuple[str, ...] = (),
) -> Callable[[Source], Source]:
    """Register a function (path, options, **parameters) -> `Table` as a format; see `Format`."""
    return FORMATS.register(
        lambda read: Format(
            name,
            about,
            holds,
            read,
            write,
            carries_features,
            suffixes,
            broken,
            parameters_of(read, positional=2),
        )
    )
