"""Names in a file from elsewhere, as rows and columns of a project's table."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from alasl.data.formats.base import Said
from alasl.errors import DataError

# The nearest name is looked for only where it will be shown: it takes long among 100 000 images.
_NEAREST = 5


class Names:
    """Finds the entry that a file's answer is about, and keeps what it did not find."""

    def __init__(self, images: Sequence[str], labels: Sequence[str]) -> None:
        self._known = {
            kind: {name: i for i, name in enumerate(names)}
            for kind, names in (("image", images), ("label", labels))
        }
        self._lost: dict[tuple[str, str], list[str]] = {}

    def entry(self, said: Said) -> tuple[int, int] | None:
        """(row, column) in the table; None where it does not have the image or the label."""
        row = self._place("image", said.image, said.where)
        col = self._place("label", said.label, said.where)
        return None if row is None or col is None else (row, col)

    def refuse_lost(self, path: Path) -> None:
        """Raise a `DataError` that lists every name not found, where it stood first, how often."""
        if not self._lost:
            return
        cases = [
            f"{places[0]}: {kind} {name!r}"
            + (f", {len(places)} times" if len(places) > 1 else "")
            + (self._nearest(kind, name) if number < _NEAREST else "")
            for number, ((kind, name), places) in enumerate(self._lost.items())
        ]
        count = sum(map(len, self._lost.values()))
        raise DataError(
            f"{count} answers name images or labels that this project does not have",
            where=str(path),
            more=cases,
            do="correct the names, or leave these answers out; nothing was taken",
        )

    def _place(self, kind: str, name: str, where: str) -> int | None:
        place = self._known[kind].get(name)
        if place is None:
            self._lost.setdefault((kind, name), []).append(where)
        return place

    def _nearest(self, kind: str, name: str) -> str:
        near = difflib.get_close_matches(name, self._known[kind], n=1)
        return f"; nearest: {near[0]!r}" if near else ""
