"""What the store of a project takes and gives: plain records, and the names that they use."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.labels import INFERRED, MACHINE
from alasl.project.ground import Ground
from alasl.seconds import Way

Ints = NDArray[np.intp]
Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]
Kind = Literal["given", "import", "answer", "skip", "undo", "resolve", "machine", "change", "note"]

# What is done where an import contradicts what is known; see `Store.import_answers`.
OnContradiction = Literal["refuse", "keep", "replace", "vote"]

ROLES = ("clean", "pool", "test")
# Who said it, for the provenance of the table's entries.
SOURCES = ("given", "people", "resolved", MACHINE, INFERRED)
# Why an entry is asked that was given: what people say of it then stands instead.
RECHECK = "recheck"
# Why an answer of the audit is asked for once more, of the same person too.
AGAIN = "again"
# How long a task is held without a heartbeat, seconds.
LEASE = 120.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, from the key press to the training and to files: 1, 0, or -1 for cannot tell.

    image, label: row and column of the table. seconds: it took. probability, model: what the model
    had said when it was asked. shown: whether predictions were pre-ticked (anchoring).
    person: who answered, empty where the call says it. at: when, in seconds since 1970. why: why
    the entry was asked. pi: the probability with which chance drew it. None where nobody noted it.
    question: of a file, which question of the entry it answers, see `second_looks.question`.
    """

    image: int
    label: int
    value: int
    seconds: float | None = None
    probability: float | None = None
    model: str = ""
    shown: bool = False
    person: str = ""
    at: float | None = None
    why: str = ""
    pi: float | None = None
    question: str = ""


@dataclass(frozen=True)
class Task:
    """One image with the labels that are asked of it now, in the queue's order.

    probabilities: what the model says of each. until: when the lease ends, unless it is renewed.
    """

    image: int
    labels: tuple[int, ...]
    probabilities: tuple[float | None, ...]
    model: str
    round: int
    until: float


@dataclass(frozen=True)
class Undone:
    """What an undo took back: the answers, or the images skipped. The person holds them again."""

    kind: Literal["answer", "skip"]
    images: tuple[int, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Said:
    """An answer that stands, by number, and the event that it is."""

    event: int
    answer: Answer


@dataclass(frozen=True)
class Note:
    """What somebody says beside answers: of an image, or that a label, which is named, is unclear.

    id: the event. image, label: their numbers.
    """

    id: int
    at: float
    person: str
    image: int | None
    label: int | None
    text: str


@dataclass(frozen=True)
class Event:
    """One thing that happened. `act` is the id of the first event of its request.

    image, label: their numbers. detail: of a change of labels or images what it was, of a note
    what it says, as JSON.
    """

    id: int
    act: int
    request: str | None
    at: float
    person: str
    kind: Kind
    image: int | None
    label: int | None
    value: int | None
    seconds: float | None
    probability: float | None
    model: str | None
    shown: bool | None
    round: int | None
    undoes: int | None
    source: str | None
    why: str | None
    pi: float | None
    detail: str | None = None


@dataclass(frozen=True)
class PersonCount:
    """One person: entries that they have a standing answer for, images skipped, seconds spent."""

    answers: int
    skips: int
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where the queue stands. All counts are of answers wanted; an entry asked twice wants two.

    labels: for each label (wanted, left). way: how it takes people the least time.
    """

    round: int
    size: int
    left: int
    people: dict[str, PersonCount]
    labels: tuple[tuple[int, int], ...]
    way: Way = "image"


@dataclass(frozen=True)
class Disagreement:
    """An entry on which people contradict each other: what each said, 1 or 0."""

    image: int
    label: int
    answers: dict[str, int]


@dataclass(frozen=True)
class Training:
    """What a model was worth when it had been trained on what was known at some time.

    event: the last event it knew. answers: entries that people had filled by then. seconds: of
    people's time. took: seconds of training. map: in per cent, None where undefined. ap: of each
    label, in per cent, None where undefined. judged: on what, in words. ground: what it rests on;
    None for trainings of versions that did not note it, whose `map` is over known entries.
    over: the labels whose AP `map` is the mean of, by their numbers, which stay when labels change.
    """

    at: float
    event: int
    answers: int
    seconds: float
    took: float
    map: float | None
    ap: tuple[float | None, ...]
    model: str
    judged: str
    ground: Ground | None = None
    over: tuple[int, ...] = ()

    def __repr__(self) -> str:
        judged = "mAP undefined" if self.map is None else f"mAP {self.map:.2f}"
        if self.ground and self.ground.map:
            judged += " (95 % interval {:.1f} to {:.1f})".format(*self.ground.map)
        return f"<Training: {judged} on {self.judged}, after {self.answers} answers>"


@dataclass(frozen=True, eq=False)
class Chances:
    """With what chance the audit has drawn each entry of some images by now.

    rows: (T,), images, ascending. before: (T, L), the chance that an entry had been answered when
    the queue was made. now: (T, L), that of having been drawn, the queue's questions among it.
    """

    rows: Ints
    before: Floats
    now: Floats


@dataclass(frozen=True)
class Imported:
    """What an import did: entries new, said before, left as they were, and replaced.

    again: of the answers taken, those that are asked for once more; see `second_looks.once_more`.
    withdrawn: those by which a person cannot tell any more what they had answered. idle: those that
    contradict what was given or settled, which stays.
    """

    new: int
    same: int
    kept: int
    replaced: int
    again: int = 0
    withdrawn: int = 0
    idle: int = 0


@dataclass(frozen=True)
class Revised:
    """What a machine's new answers are beside its last: answered anew, as before, taken back."""

    new: int
    same: int
    taken: int


@dataclass(frozen=True)
class Timed:
    """What was answered in one step on the page: of so many images, and the seconds it took."""

    images: int
    answers: int
    seconds: float


@dataclass(frozen=True)
class Queued:
    """One answer that the queue wants. done: it has been given, or the entry is settled.

    why, pi: as of an `Answer`. question: see `second_looks.question`.
    """

    image: int
    label: int
    score: float | None
    probability: float | None
    model: str
    gold: bool
    done: bool
    why: str
    pi: float | None
    question: str


@dataclass(frozen=True, eq=False)
class Questions:
    """Entries to ask, best first: (n,) each. gold: known entries to check attention with.

    why: why each is asked. pi: the probability with which chance drew it, NaN where it did not.
    again: whether an answer that chance drew is asked for once more where it speaks against the
    probability.
    """

    rows: ArrayLike
    cols: ArrayLike
    scores: ArrayLike | None = None
    probabilities: ArrayLike | None = None
    gold: ArrayLike | None = None
    model: str = ""
    why: Sequence[str] | None = None
    pi: ArrayLike | None = None
    again: bool = False
