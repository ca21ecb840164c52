"""What the page sends and gets, with limits; all else is refused before it reaches the store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from alasl.seconds import Way


def _whole(value: object) -> object:
    """JSON knows no integers, only numbers: 2.0 is 2 there."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole)
# The store refuses names with characters that cannot be seen.
Person = Annotated[str, StringConstraints(pattern=r"\S", max_length=64)]
# Made by the page, new for each step of a person; the same one sent twice counts once.
Request = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]{8,64}$")]
Row = Annotated[int, Field(ge=0, lt=2**31), Whole]
Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
Probability = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

# What whoever runs a project can take away, and in which format.
What = Literal["table", "answers"]
Format = Literal["csv-wide", "csv-long", "coco", "label-studio"]

MOST_IMAGES = 64
Rows = Annotated[list[Row], Field(max_length=10 * MOST_IMAGES)]


class Message(BaseModel):
    """A message of known fields only."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class By(Message):
    """Who sends it; people have names and no accounts."""

    person: Person


class Given(Message):
    """One answer: 1 present, 0 absent, -1 cannot tell, and how it came about.

    seconds: it took. probability, model: what the model had said. shown: whether the person saw it.
    """

    image: Row
    label: Row
    value: Annotated[int, Field(ge=-1, le=1), Whole]
    seconds: Seconds
    probability: Probability | None = None
    model: Annotated[str, StringConstraints(max_length=200)] = ""
    shown: bool = False


class Step(By):
    """Something that a person did, which can be undone."""

    request: Request


class Answers(Step):
    """One batch, which stands and is undone as a whole."""

    answers: Annotated[list[Given], Field(min_length=1, max_length=1000)]


class Skip(Step):
    """An image that this person will not be asked about again."""

    image: Row


class NoteIn(Step):
    """Something said of an image, or, where a label is named, that it is unclear."""

    image: Row | None = None
    label: Row | None = None
    text: Annotated[str, StringConstraints(max_length=1000)] = ""


class Correct(Step):
    """What an entry is, whatever was given or said; -1: nobody can tell."""

    image: Row
    label: Row
    value: Annotated[int, Field(ge=-1, le=1), Whole]


class Undo(Step):
    """Take back this person's last batch or skip."""


class TasksIn(By):
    """Images to be asked about; with a label each is asked one label: it, and where no more is left
    of it the ones with most left.

    fresh: the page has just been opened, so what it held before is given back first.
    have: the images that the page has already, or still sends answers to.
    """

    images: Annotated[int, Field(ge=1, le=MOST_IMAGES), Whole] = 1
    label: Row | None = None
    fresh: bool = False
    have: Rows = []


class Held(By):
    """Images that this person gives back unanswered."""

    images: Rows


class Mine(By):
    """What this person said: since a time, before an event, of a label, of a value."""

    since: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    before: Annotated[int, Field(ge=1, lt=2**53), Whole] | None = None
    label: Row | None = None
    value: Annotated[int, Field(ge=-1, le=1), Whole] | None = None


class SaidOut(Message):
    """An answer of one's own that stands, and when it was given; `event` leads to earlier ones."""

    event: int
    at: float
    image: int
    name: str
    label: int
    value: int


class MineOut(Message):
    """One's own answers, the newest first; more: whether there are earlier ones."""

    answers: list[SaidOut]
    more: bool


class LabelGuide(Message):
    """What is told of a label, by the numbers of images and labels; "" where nothing is.

    parents: labels that are present where it is.
    """

    about: str
    colour: str
    key: str
    parents: list[int]
    examples: list[int]
    counter_examples: list[int]


class Guide(Message):
    """What people are told before they answer. labels: every label by its number."""

    event: int
    instructions: str
    labels: list[LabelGuide]


class Of(Message):
    """The label that something is asked of."""

    label: Row


class Meaning(Message):
    """Images that show what a label means: some that have it, some that have not."""

    examples: list[int]
    counter_examples: list[int]


class AskedLabel(Message):
    """A label to answer, and what the model expects of it."""

    label: int
    probability: float | None


class TaskOut(Message):
    """An image with the labels asked of it, the likeliest first, and what is known of it already.

    name: the image's id in the table. known: (label, value), 1 present, 0 absent.
    """

    image: int
    name: str
    asked: list[AskedLabel]
    known: list[tuple[int, int]]
    model: str
    round: int


class Worth(Message):
    """What the last model is worth: its mAP in per cent, with the ends of its 95 % interval.

    brought: mAP points that the answers since the training before brought, for each hundred, with
    the ends of their 95 % interval. None where undefined.
    """

    map: float
    low: float | None
    high: float | None
    brought: tuple[float, float, float] | None


class Status(Message):
    """Where the queue and the training stand.

    event: the last that is counted; who has a status of a later one leaves this out. round, queued,
    left: of the queue, answers wanted and those not given yet. answers: of everybody, ever. mine,
    seconds: answers of this person and the time they took. labels: for each label of the table, how
    many are left. training: `off`, `idle`, `training` or `failed`; trained: epoch seconds of the
    last success. worth: None before the first model that could be judged. guide: the change by
    which the guide is as it is. paused: whether nothing is asked for now. way: how the queue takes
    people the least time.
    """

    event: int
    round: int
    queued: int
    left: int
    answers: int
    mine: int
    seconds: float
    labels: list[int]
    training: str
    trained: float | None
    worth: Worth | None
    guide: int
    paused: bool
    way: Way


class TasksOut(Message):
    """Images to ask about; `status` says why there are none. lease: seconds they are held."""

    tasks: list[TaskOut]
    lease: float
    status: Status


class Saved(Message):
    """What was sent is on the disk."""

    saved: Literal[True] = True
    status: Status


class Undone(Message):
    """What was taken back: kind `answer`, `skip`, or `nothing` where there was nothing left.

    tasks: its images, to be asked again; answers: what had been answered.
    """

    kind: Literal["answer", "skip", "nothing"]
    tasks: list[TaskOut]
    answers: list[Given]
    status: Status


class Renewed(Message):
    """The questions that this person still holds, each an image and a label.

    paused: whether nothing is asked for now.
    """

    held: list[list[int]]
    paused: bool


class Settle(By):
    """What an entry is, by whoever runs the project; -1: nobody can tell."""

    image: Row
    label: Row
    value: Annotated[int, Field(ge=-1, le=1), Whole]


class SettleNote(By):
    """A note that was read, by its event."""

    note: Annotated[int, Field(ge=1, lt=2**53), Whole]


class Paused(Message):
    """Whether people are asked for nothing now."""

    paused: bool


class DisagreementOut(Message):
    """An entry to settle: what each person said of it, or the rule that forbids it as it is.

    called: the label's name. rule: of this label and another; first: whether it says what this one
    implies or excludes, not the other.
    """

    image: int
    name: str
    label: int
    called: str
    said: dict[str, int]
    rule: Literal["implies", "excludes"] | None = None
    other: str = ""
    first: bool = False


class Disagreements(Message):
    """The first of all entries to settle."""

    entries: list[DisagreementOut]
    all: int


class Refused(Message):
    """Why a request was not carried out; of a picture also of which kind that is."""

    error: str
    kind: Literal["missing", "elsewhere", "no-image"] | None = None
