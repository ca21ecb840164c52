"""Everything people said about a project's images: append-only events, and the state they make.

One SQLite file (WAL, synchronous=FULL). An event is never changed or deleted; undoing is an event,
too. The state (what stands, the queue, counts) is kept in the same transaction as its events.

What an entry is, highest first: what somebody resolved; what was given; what people say, where more
say one thing than the other (a tie is unknown, and listed by `disagreements`); what a machine said.
So answers to entries that were given, as to gold questions, do not alter the table, except those
that were asked to check them again (`RECHECK`): what most people say then stands.

For the page: `lease` hands out tasks, `held` gives a person's again after a reload, `renew` is the
heartbeat, `answer`, `skip` and `undo` are durable when they return, each under a `request` that the
client makes up once (a UUID): sent again, it counts once. Any thread may call any method.

A change of labels or images (`change`) is an event, too, and `take_back` undoes the last one. What
people do and what comes in names images and labels by their *number*, which never changes, so a
page that was open before a change goes on. What is of the table (`labels`, `votes`, `answers`,
 `untold`, `fill`, `queue`, `machine`, `disagreements`) goes by its rows and columns, as
they were when the store was opened or refreshed, and raises `ConflictError` where they are not any
more. `scheme` leads from one to the other; without changes they are the same.

`Store` opens transactions and checks what it is given. What is done in them stands beside it, under
the same names: `initial`, `table`, `queue`, `actions`, `incoming`, `trainings`, and below them
`events` and `current`; `integrity` checks them. `records` has what goes in and comes out.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from alasl.errors import ConflictError, DataError, UsageError
from alasl.files import replacing
from alasl.labels import Entries, Labels
from alasl.project import (
    actions,
    database,
    draws,
    events,
    incoming,
    initial,
    queue,
    table,
    trainings,
)
from alasl.project.agreement import Answers
from alasl.project.checks import check_places, check_seconds, check_values
from alasl.project.guided_store import GuidedStore
from alasl.project.records import (
    LEASE,
    ROLES,
    Answer,
    Chances,
    Disagreement,
    Floats,
    Imported,
    Ints,
    Mask,
    OnContradiction,
    Progress,
    Questions,
    Queued,
    Revised,
    Task,
    Training,
    Undone,
)
from alasl.seconds import Way
from alasl.sparse import Sparse


class Store(GuidedStore):
    """The store of a project in one file; see the module. Made by `create` or `open`."""

    @classmethod
    def create(
        cls, path: Path, labels: Labels, files: Sequence[str | None], roles: Sequence[str]
    ) -> Store:
        """A new store with a table of N images: its file (N) and its role (N) of each.

        roles: clean, pool or test. Whole or not at all; readable by its owner alone. Raises
        `ConflictError` where one stands.
        """
        if path.exists():
            raise ConflictError("there is a store already", where=str(path))
        if not len(files) == len(roles) == len(labels.images) or set(roles) - set(ROLES):
            raise DataError(
                "each image has one file and one role: clean, pool or test",
                seen=f"{len(labels.images)} images, {len(files)} files, {len(roles)} roles",
            )

        def fill(db: sqlite3.Connection) -> None:
            initial.write(db, labels, files, roles)
            known = labels.filled
            who, digest = events.person_of(db, "given"), labels.digest()
            events.append(db, time.time(), who, "given", value=known, source=digest)

        with replacing(path, private=True) as beside:
            database.create(beside, fill)
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Store:
        """The store at `path`, brought to the newest version.

        Raises `DataError` for a file that is none, `ConflictError` for one of a newer ALASL.
        """
        return cls(path)

    # What the table holds

    def labels(self) -> Labels:
        """The table now: one value for each entry, as the module says, and where it came from."""
        with self._database.reading() as db:
            scheme = self._table(db)
            return table.stands(db, scheme).labels(scheme, self.names, self.images)

    def initial_and_labels(self) -> tuple[Sparse, Labels]:
        """int8 (N, L), the table as it was given, corrected where it was, and what follows; and
        `labels` at the same moment."""
        with self._database.reading() as db:
            scheme = self._table(db)
            given, stands = table.given_and_stands(db, scheme)
        return scheme.part(given), stands.labels(scheme, self.names, self.images)

    def known(self, image: int) -> dict[int, int]:
        """What was given or people say of one image, label to 1 or 0; nothing of machines."""
        self._check([image], [])
        with self._database.reading() as db:
            now = self._now(db)
            entries, _ = table.stands(db, now, image, machines=False)
        told = zip(entries.cols.tolist(), entries.values.tolist(), strict=True)
        here = set(now.cols.tolist())
        return {label: value for label, value in told if label in here}

    def votes(self) -> Answers:
        """What stands of all that people said, imports among it; nothing of machines."""
        with self._database.reading() as db:
            scheme, said = self._table(db), table.votes(db)
        return said if scheme.whole else said.at(scheme.row_of, scheme.col_of)

    def answers(self, *, ever: bool = False) -> list[Answer]:
        """What stands of all that people said, in the order in which it was said.

        ever: also of labels and images that have left the table; by number, as in `everything`.
        """
        with self._database.reading() as db:
            scheme, told = self._table(db), table.answers(db)
        whole = ever or scheme.whole
        return told if whole else [a for a in map(scheme.placed, told) if a is not None]

    def untold(self) -> Sparse:
        """(N, L): entries that somebody was asked and could not tell, or nobody can."""
        return self._mask(table.untold)

    def rechecked(self) -> Sparse:
        """(N, L): given entries that people were asked again, or somebody resolved."""
        return self._mask(table.overruled)

    def _mask(
        self, places: Callable[[sqlite3.Connection], tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> Sparse:
        """(N, L): whether an entry is at one of the places, by number."""
        with self._database.reading() as db:
            scheme = self._table(db)
            rows, cols = places(db)
        shape = (len(scheme.images), len(scheme.labels))
        return scheme.part(Sparse.at_places(shape, rows, cols, True, False))

    # The queue

    def fill(
        self,
        round: int,
        questions: Questions,
        *,
        repeats: float = 0.0,
        seed: int = 0,
        chances: Chances | None = None,
        way: Way = "image",
    ) -> None:
        """Make these questions the queue; only what people hold right now they keep.

        repeats: the share of entries that two people are to answer, drawn by `seed`. chances: of
        the audit, with the questions that it drew now. way: how it takes people the least time.
        """
        check_places("image", questions.rows, len(self.images))
        check_places("label", questions.cols, len(self.names))
        # What takes long is done before others have to wait.
        rows, cols = (np.asarray(places, np.intp) for places in (questions.rows, questions.cols))
        by_number = replace(questions, rows=self.scheme.rows[rows], cols=self.scheme.cols[cols])
        slots = queue.slots(round, by_number, repeats, seed)
        with self._database.writing() as db:
            self._table(db)
            if chances is not None:
                draws.write(db, chances, self.scheme.rows[chances.rows], self.scheme.cols)
            queue.fill(db, round, slots, self.clock(), way, questions.again)

    def audited(self, rows: Ints) -> tuple[Chances, Mask, Floats]:
        """Of the images `rows` (T,), ascending: with what chances the audit drew their entries.

        With them (T, L), the entries that people answered because it drew them, and (2, L), the
        share of its questions in the queue that are answered, see `draws.response`.
        """
        with self._database.reading() as db:
            scheme = self._table(db)
            part = db, scheme.rows[rows], scheme.cols
            chances = replace(draws.read(*part), rows=rows)
            return chances, draws.answered(*part), draws.response(*part)

    def looks(self, rows: Ints) -> Ints:
        """(2, T, L), of the images `rows` (T,): how people answered what chance drew; `draws`."""
        with self._database.reading() as db:
            scheme = self._table(db)
            return draws.looks(db, scheme.rows[rows], scheme.cols)

    def queue(self) -> list[Queued]:
        """All answers that the queue wants, best first; an entry asked twice stands twice."""
        with self._database.reading() as db:
            scheme, found = self._table(db), queue.queued(db)
        return found if scheme.whole else [q for q in map(scheme.placed, found) if q is not None]

    def lease(
        self,
        person: str,
        *,
        images: int = 1,
        label: int | None = None,
        seconds: float = LEASE,
    ) -> list[Task]:
        """The best `images` tasks that nobody holds, held by `person` for some seconds.

        label: ask only this one, image by image. Nobody else is given the same slot meanwhile, a
        person never gets an entry twice, nor an image that they skipped. Empty: nothing is left.
        """
        # Lost in a power cut a lease is handed out again, so it need not wait for the disk.
        with self._database.writing(durable=False) as db:
            return queue.lease(
                db, events.person_of(db, person), images, label, seconds, self.clock()
            )

    def free_label(self, person: str) -> int | None:
        """The label with most free tasks for a person; None where there is nothing for them."""
        with self._database.reading() as db:
            return queue.free_label(db, events.find_person(db, person), self.clock())

    def held(self, person: str) -> list[Task]:
        """The tasks that a person holds, best first: for a page that was loaded again."""
        with self._database.reading() as db:
            return queue.held(db, events.find_person(db, person), self.clock())

    def renew(self, person: str, *, seconds: float = LEASE) -> None:
        """The heartbeat: what a person holds, and nobody else took meanwhile, is held on."""
        with self._database.writing(durable=False) as db:
            queue.renew(db, events.find_person(db, person), self.clock() + seconds)

    def release(self, person: str, images: Sequence[int] | None = None) -> None:
        """Give back what a person holds of some images, or of all."""
        with self._database.writing(durable=False) as db:
            queue.release(db, events.find_person(db, person), images)

    # What people do

    def answer(
        self,
        person: str,
        answers: Sequence[Answer],
        *,
        request: str,
    ) -> None:
        """Take answers, together; durable when it returns. A person's last word on an entry stands.

        Taken even where the lease has run out meanwhile: nobody's work is lost.
        """
        if not answers:
            raise UsageError("there is no answer in the request")
        self._check([a.image for a in answers], [a.label for a in answers])
        check_values([a.value for a in answers])
        for a in answers:
            check_seconds(a.seconds or 0.0)
        with self._database.writing() as db:
            actions.answer(db, person, answers, request, self.clock())

    def skip(self, person: str, image: int, *, request: str) -> None:
        """A person leaves an image to others, and does not get it again."""
        self._check([image], [])
        with self._database.writing() as db:
            actions.skip(db, person, image, request, self.clock())

    def undo(self, person: str, *, request: str) -> Undone | None:
        """Take back a person's last answers or skip that stand; they hold the images again.

        As many steps as there are. None where there is nothing to take back.
        """
        with self._database.writing() as db:
            return actions.undo(db, person, request, self.clock())

    # Counts and history

    def progress(self) -> Progress:
        """Where the queue and everybody stand; quick, however much has been said."""
        with self._database.reading() as db:
            return queue.progress(db)

    def note_training(self, training: Training) -> None:
        """Keep what a model was worth."""
        with self._database.writing() as db:
            trainings.note_training(db, training, self._table(db))

    def trainings(self) -> list[Training]:
        """Every training noted, the first one first; `ap` is of the labels that there are now."""
        with self._database.reading() as db:
            return trainings.trainings(db, self._table(db))

    # Other sources, and contradictions

    def import_answers(
        self,
        source: str,
        answers: Sequence[Answer],
        *,
        on_conflict: OnContradiction = "refuse",
        to_queue: bool = False,
    ) -> Imported:
        """Take answers from elsewhere, all or none.

        source: e.g. the file's name; it stands for the person where an answer names none. The log
        has when an answer came in, not when it was given. One that contradicts what was given or
        what people say, or that person's other answer in the same import, is a conflict: `refuse`
        raises a `ConflictError` that lists them all, `keep` leaves them out, `replace` lets the
        (last) answer stand, and `vote` takes them as if given on the page. The same import twice
        changes nothing. to_queue: they answer a queue, so what it asks about given entries, and of
        a second person, is no conflict; of given entries, what it asks no more is left out.
        """
        self._check([a.image for a in answers], [a.label for a in answers])
        named = incoming.named(source, answers)
        way = on_conflict, to_queue
        with self._database.writing() as db:
            return incoming.import_answers(db, source, named, *way, self._now(db), self.clock())

    def machine(
        self,
        model: str,
        answers: Entries | Sparse,
        probabilities: NDArray[np.floating] | None = None,
    ) -> Revised:
        """Put the answers of an automatic labeller, by a model, in the place of its last ones.

        answers: int8 (N, L), -1 where it answers nothing; what it had answered there before is
        taken back. probabilities: (N, L), what the model says. They stand where no person says
        anything.
        """
        if answers.shape != (len(self.images), len(self.names)):
            raise DataError("the answers are of another table", seen=str(answers.shape))
        said = answers if isinstance(answers, Sparse) else Sparse.of(answers)
        check_values(said.values)
        with self._database.writing() as db:
            scheme = self._table(db)
            return incoming.machine(db, model, said, probabilities, scheme, self.clock())

    def disagreements(self) -> list[Disagreement]:
        """Entries, none of them given, that people answered both ways as often; see `resolve`."""
        with self._database.reading() as db:
            scheme, found = self._table(db), table.disagreements(db)
        return found if scheme.whole else [d for d in map(scheme.placed, found) if d is not None]
