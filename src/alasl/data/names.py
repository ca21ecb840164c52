"""Names in a file from elsewhere, as rows and columns of a table."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from alasl.data.alike import Alike, Paths, path_parts
from alasl.data.formats.base import NamedAnswer
from alasl.errors import DataError

# The nearest name is looked for only where it will be shown: it takes long among 100 000 images.
_NEAREST = 5

# Names in the order of their rows or columns; or the row or column of each.
Places = Sequence[str] | Mapping[str, int]

_log = logging.getLogger(__name__)


class Names:
    """Finds the entry that a file's answer is about, and keeps what it did not find.

    A name that is not the table's is taken for the only one that it can mean: a path on another
    machine, another case, other blanks.
    images, labels: the table's, in order; or each name with its row or column, which may have
    several. what, whose: what errors call that which names entries, and where these have to be.
    """

    def __init__(
        self,
        images: Places,
        labels: Places,
        what: str = "answers",
        whose: str = "this project",
    ) -> None:
        self._what, self._whose = what, whose
        self._known = {
            kind: dict(names) if isinstance(names, Mapping) else {n: i for i, n in enumerate(names)}
            for kind, names in (("image", images), ("label", labels))
        }
        self._taken: dict[tuple[str, str], str] = {}
        self._lost: dict[tuple[str, str], list[str]] = {}

    @property
    def images(self) -> Mapping[str, int]:
        """The row of each image by its name."""
        return self._known["image"]

    @cached_property
    def _alike(self) -> dict[str, Paths[str] | Alike[str]]:
        """Looked at only where a name is not the table's: it takes long among 100 000 images."""
        return {
            "image": Paths((path_parts(image) or [image], image) for image in self.images),
            "label": Alike((label, label) for label in self._known["label"]),
        }

    @property
    def shape(self) -> tuple[int, int]:
        """(N, L): rows and columns, up to the last that has a name."""
        rows, cols = (max(at.values(), default=-1) + 1 for at in self._known.values())
        return rows, cols

    def entry(self, answer: NamedAnswer) -> tuple[int, int] | None:
        """(row, column) in the table; None where it does not have the image or the label."""
        row, col = self.row(answer.image, answer.where), self.column(answer.label, answer.where)
        return None if row is None or col is None else (row, col)

    def row(self, image: str, where: str) -> int | None:
        """An image's row; None where the table does not have it."""
        return self._place("image", image, where)

    def column(self, label: str, where: str) -> int | None:
        """A label's column; None where the table does not have it."""
        return self._place("label", label, where)

    def lose(self, kind: str, name: str, where: str) -> None:
        """Count a name, of an `image` or a `label`, among those that are not found."""
        self._lost.setdefault((kind, name), []).append(where)

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

    def has_label(self, label: str) -> bool:
        """Whether a label of the table is called exactly so."""
        return label in self._known["label"]

    def leave_images(self, path: Path) -> None:
        """Forget the images that are not found, where others are, and log how many they are."""
        lost = [key for key in self._lost if key[0] == "image"]
        for key in lost:
            del self._lost[key]
        if lost:
            _log.warning(
                "%s: %d images, first %r, are not among %s: left out",
                *(path, len(lost), lost[0][1], self._whose),
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
        who = f"{count} {self._what} name images or labels"
        if count == 1:
            who = f"one of the {self._what} names an image or a label"
        raise DataError(
            f"{who} that {self._whose} does not have",
            where=str(path),
            more=cases,
            do=f"correct the names, or leave these {self._what} out; nothing was taken",
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
