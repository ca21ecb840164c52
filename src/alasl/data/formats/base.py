"""What a format is: one file of this folder that defines `FORMAT`; nothing else lists it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from alasl.labels import Labels

Empty = Literal["unknown", "absent"]
Features = NDArray[np.floating]


@dataclass(frozen=True)
class Options:
    """What a file cannot say itself.

    labels: the key under which a format has the labels, where that is not its own.
    """

    empty: Empty | None = None
    keep_unannotated: bool = True
    labels: str | None = None


@dataclass(frozen=True)
class Table:
    """What a file holds: the table of entries, features where it brings them, and remarks."""

    labels: Labels
    features: Features | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """One answer as a file has it: by names, and where it stands there.

    value: 1 present, 0 absent, -1 cannot tell. person: empty where the file does not say. seconds:
    what the answer took. time: when, in seconds since 1970. None where the file does not say.
    """

    where: str
    image: str
    label: str
    value: int
    person: str = ""
    seconds: float | None = None
    time: float | None = None


@dataclass(frozen=True)
class Format:
    """A way to write a table of entries down.

    holds: whether a path is in this format, from its first 64 kB (empty for a folder).
    write: puts a table, and features where `carries_features`, into a file that is not there yet.
    suffixes: of files that no format holds, whose fault this one's reader can tell best.
    options: the fields of `Options` that may be set with the format's name, `NAME:option=value`.
    """

    name: str
    about: str
    holds: Callable[[Path, bytes], bool]
    read: Callable[[Path, Options], Table]
    write: Callable[[Labels, Path, Features | None], None] | None = None
    carries_features: bool = False
    suffixes: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
