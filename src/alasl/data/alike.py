"""Names that differ only by how programs write them: case, blanks, zeros, Unicode form, escapes."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Generic, TypeVar
from urllib.parse import unquote

Item = TypeVar("Item")
Key = Callable[[str], str]

_BLANKS = re.compile(r"[\s_]+")
_ENDING = re.compile(r"(.*?)(\.[A-Za-z]\w{1,4})?", re.DOTALL)
# A number as pandas writes it: 7.0; or with zeros before it.
_NUMBER = re.compile(r"0*(\d+)(?:\.0)?", re.ASCII)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/]*|[A-Za-z]:", re.IGNORECASE)
# What Label Studio puts before the name of a file that is uploaded.
_UPLOADED = re.compile(r"[0-9a-f]{8}-(?=.)")


def composed(name: str) -> str:
    """The name in Unicode's composed form, without blanks around it."""
    return unicodedata.normalize("NFC", name).strip()


def spelled(name: str) -> str:
    """The name in one case as well, with single blanks inside."""
    return composed(" ".join(composed(name).casefold().split()))


def filed(name: str) -> str:
    """A file's name without percent signs for others, zeros before a number, and marks of tools."""
    name = spelled(unquote(name))
    found = _ENDING.fullmatch(_UPLOADED.sub("", name))
    stem, ending = (found[1], found[2] or "") if found else (name, "")
    stem = _BLANKS.sub("_", stem).strip("_") or stem
    number = _NUMBER.fullmatch(stem)
    return (number[1] if number else stem) + ending


NAMES: tuple[Key, ...] = (composed, spelled)
FILES: tuple[Key, ...] = (*NAMES, filed)


class Alike(Generic[Item]):
    """Finds what a name may mean where nothing is called exactly so.

    named: each name and what it stands for. keys: what is made of a name before it is compared,
    strictest first.
    """

    def __init__(self, named: Iterable[tuple[str, Item]], keys: tuple[Key, ...] = NAMES) -> None:
        self._named = list(named)
        self._keys = keys
        self._tables: dict[Key, dict[str, list[Item]]] = {}

    def fits(self, name: str) -> list[Item]:
        """What is called nearly so, by the strictest key at which anything is."""
        for key in self._keys:
            if key not in self._tables:
                table: dict[str, list[Item]] = {}
                for known, item in self._named:
                    table.setdefault(key(known), []).append(item)
                self._tables[key] = table
            if found := self._tables[key].get(key(name)):
                return found
        return []

    def nearest(self, name: str) -> Item | None:
        """What has the name that is most like `name`, if any is."""
        names = {spelled(known): item for known, item in reversed(self._named)}
        near = difflib.get_close_matches(spelled(name), names, n=1)
        return names[near[0]] if near else None


class Paths(Generic[Item]):
    """Finds the file or image that a path may mean, written on another machine or by a tool.

    named: the folders and the name of each, and what it stands for.
    """

    def __init__(self, named: Iterable[tuple[Sequence[str], Item]]) -> None:
        self._names: Alike[tuple[Sequence[str], Item]] = Alike(
            [
                (name, (parts, item))
                for parts, item in named
                for name in dict.fromkeys((parts[-1], _stem(parts[-1])))
            ],
            FILES,
        )

    def fits(self, path: str) -> list[Item]:
        """What has the same name, of most folders alike.

        Either path has to end with the whole of the other: train/a.jpg does not mean val/a.jpg.
        """
        parts = path_parts(path)
        by_length: dict[int, dict[Item, None]] = {}
        for known, item in self._names.fits(parts[-1]) if parts else ():
            shorter = min(len(parts), len(known))
            pairs = zip(parts[-shorter:-1], known[-shorter:-1], strict=True)
            if all(filed(a) == filed(b) for a, b in pairs):
                by_length.setdefault(shorter, {})[item] = None
        return list(by_length[max(by_length)]) if by_length else []

    def nearest(self, path: str) -> Item | None:
        """What has the name that is most like that of `path`, if any is."""
        near = self._names.nearest((path_parts(path) or [path])[-1])
        return near[1] if near else None


def path_parts(path: str) -> list[str]:
    """The folders and the name of what may be a path or an address on another machine."""
    address = _ADDRESS.match(path)
    rest = path[address.end() :] if address else path
    if address and "://" in address[0]:
        rest = rest.partition("?")[0]
    parts = [part for part in rest.replace("\\", "/").split("/") if part not in ("", ".")]
    up = max((place + 1 for place, part in enumerate(parts) if part == ".."), default=0)
    return parts[up:]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem if name.rpartition(".")[0] else name
