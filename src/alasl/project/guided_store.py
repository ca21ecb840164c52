"""A store and what stands beside answers: examples, notes, what is settled, what a person said."""

from __future__ import annotations

import numpy as np

from alasl.errors import UsageError
from alasl.project import actions, examples, notes, queue, table
from alasl.project.checks import check_name, check_places, check_values
from alasl.project.events import NOT_UNDONE
from alasl.project.open_store import OpenStore
from alasl.project.records import Note, Said, Timed

LONGEST_NOTE = 1000
# Answers from files have no request.
_STEPS = (
    "SELECT count(DISTINCT image), count(*), sum(seconds) FROM events WHERE kind = 'answer'"
    " GROUP BY act HAVING max(request) IS NOT NULL AND sum(seconds) > 0"
)


# Of each person all answers that were not taken back, and how many of them were timed.
_WORK = (
    "SELECT name, count(*), sum(coalesce(e.seconds, 0) > 0)"
    " FROM events e JOIN people USING (person)"
    f" WHERE kind IN ('answer', 'import') AND {NOT_UNDONE} GROUP BY name"
)


class GuidedStore(OpenStore):
    """What people are told beside questions, and what they tell; all by number."""

    def examples(self, label: int, value: int, many: int = 6) -> list[int]:
        """Images that have a label (1) or not (0): those set, then known ones that are not asked.

        By number, at most `many`.
        """
        self._check([], [label])
        check_values([value])
        with self._database.reading() as db:
            return examples.examples(db, self._now(db), label, value, many)

    def note(
        self,
        person: str,
        text: str,
        *,
        image: int | None = None,
        label: int | None = None,
        request: str,
    ) -> None:
        """Keep what a person says of an image, or that a label is unclear; once a request."""
        if image is None and label is None:
            raise UsageError("a note is about an image, a label, or both")
        if len(text) > LONGEST_NOTE or (label is None and not text.strip()):
            raise UsageError(f"a note has 1 to {LONGEST_NOTE} characters", seen=f"{len(text)}")
        self._check([] if image is None else [image], [] if label is None else [label])
        with self._database.writing() as db:
            notes.note(db, person, image, label, text.strip(), request, self.clock())

    def steps(self) -> list[Timed]:
        """What was answered in each step on the page that took any time."""
        with self._database.reading() as db:
            return [Timed(*row) for row in db.execute(_STEPS)]

    def filled(self) -> int:
        """Entries that people filled or checked by now, also of what has left the table since."""
        with self._database.reading() as db:
            return len(table.filled(db)[0])

    def filled_gone(self) -> int:
        """Of those, entries of images or labels that have left the table."""
        with self._database.reading() as db:
            now, (rows, cols) = self._now(db), table.filled(db)
        left = [one.fate in ("removed", "undone") for one in now.labels]
        return int((~now.here[rows] | np.array(left, np.bool_)[cols]).sum())

    def work(self) -> dict[str, tuple[int, int]]:
        """By name, how many answers a person gave, again to the same entry too; and those timed."""
        with self._database.reading() as db:
            return {name: (many, timed) for name, many, timed in db.execute(_WORK)}

    def for_others(self) -> int:
        """How many answers are left to people who have not answered anything yet."""
        with self._database.reading() as db:
            return queue.for_others(db)

    def notes(self) -> list[Note]:
        """Notes that nobody has settled, the newest first."""
        with self._database.reading() as db:
            return notes.notes(db)

    def settle_note(self, person: str, note: int) -> None:
        """Take a note as read. Raises `ConflictError` where it was, or never stood."""
        with self._database.writing() as db:
            notes.settle(db, person, note, self.clock())

    def said_by(
        self,
        person: str,
        *,
        since: float = 0.0,
        before: int | None = None,
        label: int | None = None,
        value: int | None = None,
        many: int = 60,
    ) -> list[Said]:
        """What stands of a person's answers on the page, the newest first.

        since: seconds since 1970. before: an event; only what was said earlier. label, value: only
        of these.
        """
        if label is not None:
            check_places("label", [label], len(self.everything().labels))
        with self._database.reading() as db:
            return actions.said_by(db, person, since, before, label, value, many)

    def withdraw(self, begin: str) -> int:
        """Take back the answers and skips of all requests whose names begin so; how many.

        For a client that tells that what it sent is gone. What was said before it stands again.
        """
        check_name("a request's name", begin)
        with self._database.writing() as db:
            return actions.withdraw(db, begin, self.clock())

    def pause(self, paused: bool) -> None:
        """Let the page ask people for nothing, or go on."""
        with self._database.writing() as db:
            queue.pause(db, paused)

    def paused(self) -> bool:
        """Whether the page asks people for nothing, by whoever runs the project."""
        with self._database.reading() as db:
            return queue.paused(db)

    def resolve(
        self,
        person: str,
        image: int,
        label: int,
        value: int,
        *,
        request: str | None = None,
    ) -> bool:
        """Settle an entry, whatever was given or said; -1: nobody can tell. False: it was so.

        request: sent again under the same one, it counts once.
        """
        self._check([image], [label])
        check_values([value])
        with self._database.writing() as db:
            now = self.clock()
            queue.close(db, [(image, label)], now)
            return table.resolve(db, person, image, label, value, now, request)
