"""Names in a file from elsewhere, as rows and columns of a project's table."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from alasl.data.alike import Alike, Paths, path_parts
from alasl.data.formats.base import NamedAnswer
from alasl.errors import DataError

# The nearest name is looked for only where it will be shown: it takes long among 100 000 images.
_NEAREST = 5


_log = logging.getLogger(__name__)


class Names:
    """Finds the entry that a file's answer is about, and keeps what it did not find.

    A name that is not the project's is taken for the only one that it can mean: a path on another
    machine, another case, other blanks.
    """

    def __init__(self, images: Sequence[str], labels: Sequence[str]) -> None:
        self._known = {
            kind: {name: i for i, name in enumerate(names)}
            for kind, names in (("image", images), ("label", labels))
        }
        self._alike: dict[str, Paths[str] | Alike[str]] = {
            "image": Paths((path_parts(image) or [image], image) for image in images),
            "label": Alike((label, label) for label in labels),
        }
        self._taken: dict[tuple[str, str], str] = {}
        self._lost: dict[tuple[str, str], list[str]] = {}

    def entry(self, said: NamedAnswer) -> tuple[int, int] | None:
        """(row, column) in the table; None where it does not have the image or the label."""
        row = self._place("image", said.image, said.where)
        col = self._place("label", said.label, said.where)
        return None if row is None or col is None else (row, col)

    def note_taken(self, path: Path) -> None:
        """Log a warning that counts the names that were taken for others."""
        for kind in self._known:
            taken = {n: other for (k, n), other in self._taken.items() if k == kind}
            if taken:
                name, other = next(iter(taken.items()))
                _log.warning(
                    "%s: %d names of %ss are taken for others; first %r for %r",
                    *(path, len(taken), kind, name, other),
                )

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
        known = self._known[kind]
        taken = name if name in known else self._taken.get((kind, name))
        if taken is None and (kind, name) not in self._lost:
            fits = self._alike[kind].fits(name)
            if len(fits) == 1:
                taken = self._taken[kind, name] = fits[0]
        if taken is None:
            self._lost.setdefault((kind, name), []).append(where)
        return None if taken is None else known[taken]

    def _nearest(self, kind: str, name: str) -> str:
        near = self._alike[kind].nearest(name)
        return f"; nearest: {near!r}" if near else ""
