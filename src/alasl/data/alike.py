"""Names that differ only by how programs write them: case, blanks, zeros, Unicode form, escapes."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar
from urllib.parse import unquote

Item = TypeVar("Item")
Key = Callable[[str], str]

_BLANKS = re.compile(r"[\s_]+")
_ENDING = re.compile(r"(.*?)(\.[A-Za-z]\w{1,4})?", re.DOTALL)
# A number as pandas writes it: 7.0; or with zeros before it.
_NUMBER = re.compile(r"0*(\d+)(?:\.0)?", re.ASCII)
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

    def nearest(self, name: str) -> str | None:
        """The name that is most like `name`, if any is."""
        names = [known for known, _ in self._named]
        return next(iter(difflib.get_close_matches(name, names, n=1)), None)
