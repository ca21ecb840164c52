"""A store that is open: which labels and images it has at a time, and changes of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alasl.data.alike import Alike
from alasl.errors import AlaslError, ConflictError, DataError
from alasl.project import changes, events, initial, integrity, looks
from alasl.project.changes import Changed, Request
from alasl.project.checks import check_places
from alasl.project.database import Database
from alasl.project.inference import Contradiction
from alasl.project.looks import Look
from alasl.project.records import ROLES, Event
from alasl.project.scheme import Label, Scheme


class OpenStore:
    """The file, its table's rows and columns, and what changes them; see `Store`.

    scheme: all labels and images by number, and which are in the table. images, files: (N,), names:
    (L,), of the table. parts: uint8 (N,), the place of each image's role in `ROLES`. clock: tells
    the time, in seconds since 1970.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock: Callable[[], float] = time.time
        self._newest: Scheme | None = None
        try:
            self._database = Database(path)
            self.refresh()
        except AlaslError:
            raise
        except Exception:
            # What no store of ours makes happen: a damaged one is said to be that.
            integrity.refuse_damaged(path)
            raise

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def require_writable(self) -> None:
        """Raise a `ResourceError` where the file can only be read; see `Database`."""
        self._database.require_writable()

    def refresh(self) -> None:
        """Take the table's rows and columns from the labels and images that there are now."""
        with self._database.reading() as db:
            self.scheme = self._now(db)
        now = self.scheme
        self.images, self.files, self.parts = now.images, now.files, now.parts
        if not now.here.all():
            self.images = now.images.take(now.rows)
            self.files = now.files.take(now.rows)
            self.parts = now.parts[now.rows]
        self.names = tuple(now.labels[n].name for n in now.cols.tolist())

    @property
    def roles(self) -> tuple[str, ...]:
        """(N,): the role of each image: clean, pool or test."""
        return tuple(ROLES[part] for part in self.parts.tolist())

    def everything(self) -> Scheme:
        """All labels and images there ever were, by number, as they are this moment."""
        with self._database.reading() as db:
            return self._now(db)

    def numbers(self, image: str, label: str) -> tuple[int, int]:
        """The numbers of an image and a label, by a name they have or had.

        Raises `DataError` where there is none.
        """
        now = self.everything()
        images, labels = now.image_numbers, now.label_numbers
        for what, name, known in (("image", image, images), ("label", label, labels)):
            if name not in known:
                near = Alike((each, each) for each in known).nearest(str(name))
                raise DataError(
                    f"the project does not have this {what}",
                    seen=repr(name),
                    do=None if near is None else f"nearest: {near!r}",
                )
        return images[image], labels[label]

    def change(self, person: str, *requests: Request, dry_run: bool = False) -> Changed:
        """Change labels or images, all of the requests or none; the table before and after it.

        dry_run: only count, change nothing. Raises `DataError`, `ConflictError` or `UsageError` for
        what cannot be, `NothingToDo` for no image.
        """

        def make(db: sqlite3.Connection) -> str:
            return "; ".join(changes.make(db, one, person, self.clock()) for one in requests)

        return self._changing(dry_run, make)

    def take_back(self, person: str, *, dry_run: bool = False) -> Changed:
        """Undo the last change of labels or images that stands. Raises `NothingToDo` without."""
        return self._changing(dry_run, lambda db: changes.undo(db, person, self.clock()))

    def _changing(self, dry_run: bool, make: Callable[[sqlite3.Connection], str]) -> Changed:
        try:
            with self._database.writing() as db:
                before = changes.count(db)
                says = make(db)
                found = Changed(says, before, changes.count(db))
                if dry_run:
                    raise _DryRunError(found)
        except _DryRunError as dry:
            return dry.found
        self.refresh()
        return found

    def _now(self, db: sqlite3.Connection) -> Scheme:
        """What there is now, read again only where it has changed."""
        if self._newest is None or changes.last(db) != self._newest.event:
            self._newest = changes.scheme(db, self._database.reading)
        return self._newest

    def _table(self, db: sqlite3.Connection) -> Scheme:
        """Raise a `ConflictError` unless the rows and columns are still the table's."""
        if self._now(db).version != self.scheme.version:
            raise ConflictError(
                "labels or images of the project were changed meanwhile",
                where=str(self.path),
                do="do it again: it then goes by what there is now",
            )
        return self.scheme

    @contextmanager
    def together(self, *, durable: bool = True) -> Iterator[None]:
        """All that this thread writes in the block is written at once, or nothing of it.

        So many answers wait for the disk once; see `Database.together`.
        """
        try:
            with self._database.together(durable=durable):
                yield
        except BaseException:
            self._newest = None  # what was undone may be among it
            raise

    def contradictions(self) -> list[Contradiction]:
        """Known entries that the rules between labels forbid, by rows and columns."""
        with self._database.reading() as db:
            scheme = self._table(db)
            return changes.contradicting(db, scheme)

    def given_of(self, image: int) -> list[int]:
        """What was given of an image, by the numbers of labels."""
        with self._database.reading() as db:
            found: list[int] = initial.known(db, image).dense()[0].tolist()
            return found

    def events(self, after: int = 0) -> Iterator[Event]:
        """What happened since the event `after`, in order."""
        while True:
            with self._database.reading() as db:
                found = events.history(db, after)
            yield from found
            if len(found) < events.PAGE:
                return
            after = found[-1].id

    def last_event(self) -> int:
        """The id of the last event, 1 for a new store."""
        with self._database.reading() as db:
            return events.last_event(db)

    def last_human_event(self) -> int:
        """The id of the last event by which people may have altered what is known, 1 at first."""
        with self._database.reading() as db:
            return events.last_human_event(db)

    def image_events(self, image: int) -> list[Event]:
        """What happened to an image, by number; changes of labels and images, too."""
        with self._database.reading() as db:
            return events.of_image(db, image)

    def labels_over_time(self) -> dict[int, tuple[Label, ...]]:
        """All labels by number after each change, by its event; see `changes.over_time`."""
        with self._database.reading() as db:
            return changes.over_time(db)

    def problems(self) -> list[str]:
        """What is wrong with the file, in words; see `integrity.differences`."""
        with self._database.reading() as db:
            return integrity.differences(db)

    def copy(self, path: Path) -> None:
        """Write the store as it is this moment to a new file, whoever answers meanwhile."""
        self._database.copy(path)

    def look(self) -> Look | None:
        """The last look at the audit for automatic answers; None before the first."""
        with self._database.reading() as db:
            return looks.last(db)

    def note_look(self, look: Look) -> None:
        """Keep that there was a look at the audit: each spends some of the promise's chance."""
        with self._database.writing() as db:
            looks.note(db, look)

    def _check(self, images: Sequence[int], labels: Sequence[int]) -> None:
        """Raise a `DataError` where there never was an image or a label of this number."""
        known = self._newest or self.scheme
        if max(images, default=-1) >= len(known.images) or max(labels, default=-1) >= len(
            known.labels
        ):
            known = self.everything()
        check_places("image", images, len(known.images))
        check_places("label", labels, len(known.labels))


class _DryRunError(Exception):
    """Takes back what a dry run has done."""

    def __init__(self, found: Changed) -> None:
        super().__init__()
        self.found = found
