"""Where a project stands: what is known, who did what, how far people agree, what to do next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from alasl import strategies
from alasl.advice import Advice
from alasl.counting import counted
from alasl.data.presence import known_by_presence
from alasl.errors import AlaslError
from alasl.labels import INFERRED, MACHINE, PRESENT, UNKNOWN, Labels
from alasl.project.agreement import Agreement, Alpha, Answers, agreement, right_of_known
from alasl.project.curve import Break, breaks, stop_advice
from alasl.project.dawid_skene import dawid_skene
from alasl.project.doubts import Doubt, doubts, second_looks
from alasl.project.folder import SETTINGS, Project
from alasl.project.ground import Ground, Told
from alasl.project.plans import Plan, last_plan
from alasl.project.rechecking import undoubted
from alasl.project.records import ROLES, SOURCES, Ints, Training
from alasl.project.shares import refuse_share
from alasl.project.store import Store
from alasl.registry import files_of
from alasl.sparse import Sparse


@dataclass(frozen=True)
class LabelState:
    """One label over the pool's images: entries given, answered since, automatic, left unknown.

    present: of those known. ap: in per cent by the last training, interval: its 95 % interval,
    alpha: how far people agree on it; None where undefined.
    figures: precision, recall, f1, prevalence and calibration by the last training, in per cent,
    each with its 95 % interval. lacks: why there is no ap, or no such figure, by its name.
    tested: test images that are known to have it.
    """

    name: str
    given: int
    answered: int
    automatic: int
    unknown: int
    present: int
    ap: float | None
    interval: tuple[float, float] | None
    alpha: float | None
    figures: dict[str, Told] = field(default_factory=dict)
    lacks: dict[str, str] = field(default_factory=dict)
    tested: int = 0


@dataclass(frozen=True)
class PersonState:
    """One person: entries answered, images skipped, seconds in all.

    again: answers to entries that they had answered before. timed: answers that took any seconds.
    checked: answers of theirs to gold questions, right: of these. alpha: agreement with others.
    miss, false_alarm: estimated shares of present entries called absent, and of absent ones called
    present. None where there is nothing to tell it from.
    """

    name: str
    answers: int
    skips: int
    seconds: float
    checked: int
    right: int
    alpha: float | None
    miss: float | None
    false_alarm: float | None
    again: int = 0
    timed: int = 0


@dataclass(frozen=True)
class SourceState:
    """Another model's predictions: of how many entries, images and labels there are any."""

    name: str
    entries: int
    images: int
    labels: int


@dataclass(frozen=True)
class NoteState:
    """What somebody noted of an image, or that a label, which is named, is unclear; see `Note`."""

    id: int
    at: float
    person: str
    image: str | None
    label: str | None
    text: str


@dataclass(frozen=True)
class Overview:
    """A project's state; entries are of the pool, alpha is Krippendorff's over all labels.

    answers: entries that people filled; gone: of these, those of images and labels that have left.
    audit: the share of answers that chance draws from the test images.
    automatic: entries that stand by an automatic answer. bound: the share of these, of either side,
    that may be wrong; None where there are to be none. calibrate: what that is told by. inferred:
    entries that follow from others. contradictions: pairs of entries that the rules between labels
    forbid. by_presence: labels of which absents were hardly or never given. troubles:
    what is wrong with the project's settings or its place, so that training and asking would be
    refused. notes: that nobody has settled. plan: the last forecast of `alasl plan`.
    breaks: where the curve of mAP is over other labels or images than before. doubts: why what is
    said of the last training may be wrong beyond its intervals. again: second looks that the queue
    still asks for. others: what it asks that none of the people may answer who answered so far.
    left: entries that can be asked yet, those of test images among them; 0 ends all asking.
    """

    name: str
    sizes: dict[str, int]
    given: int
    answers: int
    automatic: int
    bound: float | None
    calibrate: str
    predictions: tuple[SourceState, ...]
    unknown: int
    untold: int
    seconds: float
    queue: tuple[int, int]
    round: int
    people: tuple[PersonState, ...]
    labels: tuple[LabelState, ...]
    alpha: Alpha
    disagreements: int
    trainings: tuple[Training, ...]
    advice: Advice
    audit: float
    by_presence: tuple[str, ...] = ()
    inferred: int = 0
    contradictions: int = 0
    troubles: tuple[str, ...] = ()
    notes: tuple[NoteState, ...] = ()
    plan: Plan | None = None
    breaks: tuple[Break, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    again: int = 0
    gone: int = 0
    others: int = 0
    left: int = 0

    def __repr__(self) -> str:
        """All of it takes a screen for a few labels."""
        trained = f"; {self.trainings[-1]!r}" if self.trainings else ""
        return (
            f"<Overview of {self.name!r}: {counted(sum(self.sizes.values()), 'image')}, "
            f"{counted(len(self.labels), 'label')}, {counted(self.answers, 'answer')}{trained}>"
        )

    @property
    def promise(self) -> str:
        """What is promised of the automatic answers, in words."""
        if self.bound is None:
            return "until the next training, as auto is off"
        if self.calibrate != "audit":
            yet = "" if self.automatic else "; what is known does not allow any"
            wrong = f"at most {100 * self.bound:g} % of each label's wrong"
            return f"{wrong} (auto = {self.bound:g}){yet}"
        yet = "" if self.automatic else "; the audit's answers do not allow any yet"
        return (
            f"at most {100 * self.bound:g} % of the table's wrong, absent and present apart "
            f"(auto = {self.bound:g}){yet}"
        )

    @property
    def next(self) -> str:
        """What to do next, in one sentence."""
        if not self.trainings and self.queue[0] == 0:
            return "Next: alasl suggest trains a model and says what to ask."
        if self.queue[1] and self.queue[1] == self.others:
            wanted = counted(self.others, "answer")
            return f"Next: alasl annotate, for another person: {wanted} wanted; or alasl suggest."
        if self.queue[1]:
            return f"Next: alasl annotate; {counted(self.queue[1], 'answer')} wanted."
        if self.unknown == 0:
            automatic = " or answered automatically" if self.automatic else ""
            return f"Every entry of the pool is known{automatic}."
        return "Next: alasl suggest; the queue is empty."

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON takes it: what is undefined is None."""
        plain: dict[str, Any] = _plain(asdict(self))
        advice = {**plain["advice"], "says": str(self.advice)}
        doubts = [str(one) for one in self.doubts]
        return plain | {"advice": advice, "doubts": doubts, "next": self.next}


def overview(project: Project) -> Overview:
    """Count and estimate everything; a second or so where much has been said."""
    store, settings, split = project.store, project.settings, project.split()
    (initial, labels), untold = store.initial_and_labels(), store.untold()
    counts, tested = (_counts(labels, initial, untold, of) for of in (split.pool, split.test))
    total = {name: int(each.sum()) for name, each in counts.items()}
    left = _left(counts)
    if left:
        left += _left(tested)
    answers, progress = store.votes(), store.progress()
    agree = agreement(answers)
    people = tuple(_people(store, answers, agree, initial))
    trainings = tuple(store.trainings())
    ground = trainings[-1].ground if trainings else None
    again = second_looks(store.queue())
    names = {number: label.name for number, label in enumerate(store.everything().labels)}
    marked = known_by_presence(initial.take(split.pool))
    return Overview(
        name=settings.name,
        sizes={role: len(getattr(split, role)) for role in ROLES},
        given=total["given"],
        answers=store.filled(),
        automatic=total["automatic"],
        bound=settings.auto,
        calibrate=settings.calibrate_on,
        predictions=tuple(
            SourceState(source.name, **source.counts()) for source in project.predictions()
        ),
        unknown=total["unknown"],
        untold=total["untold"],
        seconds=sum(person.seconds for person in people),
        queue=(progress.size, progress.left),
        round=progress.round,
        people=people,
        labels=tuple(_labels(labels.names, counts, tested["present"], trainings, agree)),
        alpha=agree.overall,
        disagreements=len(store.disagreements()),
        trainings=trainings,
        advice=stop_advice(
            trainings,
            min(settings.answers, left) or settings.answers,
            settings.stop_below,
            len(split.test),
        ),
        audit=settings.audit,
        inferred=total["inferred"],
        contradictions=len(store.contradictions()),
        plan=last_plan(project.folder),
        by_presence=tuple(labels.names[place] for place in np.flatnonzero(marked).tolist()),
        troubles=tuple(_troubles(project)),
        notes=tuple(_notes(store)),
        breaks=breaks(trainings, names),
        doubts=tuple(doubts(store, initial[split.test], settings, ground, again)),
        again=again,
        gone=store.filled_gone(),
        others=store.for_others(),
        left=left,
    )


def _people(
    store: Store, answers: Answers, agree: Agreement, initial: Sparse
) -> Iterator[PersonState]:
    truth = undoubted(store, initial) if len(answers) else initial
    checked, errors = right_of_known(answers, truth), _errors(answers, truth)
    work = store.work()
    for name, count in store.progress().people.items():
        asked, right = checked.get(name, (0, 0))
        miss, false_alarm = errors.get(name, (None, None))
        many, timed = work.get(name, (0, 0))
        alpha = agree.people.get(name)
        yield PersonState(
            name=name,
            answers=count.answers,
            skips=count.skips,
            seconds=count.seconds,
            checked=asked,
            right=right,
            alpha=_defined(alpha.value if alpha else None),
            miss=_defined(miss),
            false_alarm=_defined(false_alarm),
            again=max(0, many - count.answers),
            timed=timed,
        )


def _errors(answers: Answers, truth: Sparse) -> dict[str, tuple[float, float]]:
    """By person, shares of present entries called absent, and the other way round.

    Only of those with answers that tell of errors: else an estimate is only what is usual.
    """
    if not len(answers):
        return {}
    belief = dawid_skene(answers, truth)
    told = zip(belief.names, belief.miss, belief.false_alarm, belief.told, strict=True)
    return {name: (miss, alarm) for name, miss, alarm, answers_told in told if answers_told}


def _labels(
    names: Sequence[str],
    counts: dict[str, Ints],
    tested: Ints,
    trainings: Sequence[Training],
    agree: Agreement,
) -> Iterator[LabelState]:
    last = trainings[-1] if trainings else None
    ground = last.ground if last else None
    for column, name in enumerate(names):
        figures, lacks = _figures(ground, column)
        alpha = agree.labels.get(column)
        of = ("given", "answered", "automatic", "unknown", "present")
        yield LabelState(
            name=name,
            **{what: int(counts[what][column]) for what in of},
            ap=last.ap[column] if last else None,
            interval=ground.ap[column] if ground else None,
            alpha=_defined(alpha.value if alpha else None),
            figures=figures,
            lacks=lacks,
            tested=int(tested[column]),
        )


def _counts(labels: Labels, initial: Sparse, untold: Sparse, pool: Ints) -> dict[str, Ints]:
    """(L,) each: entries of the pool by what they are."""
    images = np.zeros(labels.shape[0], np.bool_)
    images[pool] = True
    known, given = labels.sparse, initial.only(images[initial.rows])
    here = images[known.rows]
    new = initial[known.rows, known.cols] == UNKNOWN
    automatic = labels.origin == SOURCES.index(MACHINE)
    masks = {
        "answered": new & ~automatic,
        "automatic": automatic,
        "inferred": labels.origin == SOURCES.index(INFERRED),
        "present": known.values == PRESENT,
    }
    found = {name: known.only(mask & here).per_col() for name, mask in masks.items()}
    left = untold.only(images[untold.rows] & (known[untold.rows, untold.cols] == UNKNOWN))
    return found | {
        "given": given.per_col(),
        "unknown": len(pool) - known.only(here).per_col(),
        "untold": left.per_col(),
    }


def _left(counts: dict[str, Ints]) -> int:
    """How many entries are unknown that nobody said to be untold."""
    return int(counts["unknown"].sum() - counts["untold"].sum())


def _figures(ground: Ground | None, column: int) -> tuple[dict[str, Told], dict[str, str]]:
    """The figures of one label, and the reasons for those that it has not."""
    if ground is None:
        return {}, {}
    found, lacks = {}, {}
    if column in ground.left_out:
        lacks["ap"] = ground.left_out[column]
    for name, figure in ground.figures.items():
        value = figure.labels[column]
        if value is not None:
            found[name] = value
        elif column in figure.left_out:
            lacks[name] = figure.left_out[column]
    return found, lacks


def _troubles(project: Project) -> Iterator[str]:
    """What is wrong with the settings or the place of a project; runs no code that they name."""
    strategy = project.settings.strategy
    checks: list[Callable[[], object]] = [
        project.require_images, lambda: refuse_share(project.folder)
    ]  # fmt: skip
    if not files_of(strategy):
        checks.append(lambda: strategies.resolve(strategy))
    for check in checks:
        try:
            check()
        except AlaslError as error:
            yield str(error) if error.where else f"{project.folder / SETTINGS}: {error}"


def _notes(store: Store) -> Iterator[NoteState]:
    now = store.everything()
    for note in store.notes():
        image = None if note.image is None else now.images[note.image]
        label = None if note.label is None else now.labels[note.label].name
        yield NoteState(note.id, note.at, note.person, image, label, note.text)


def _defined(value: float | None) -> float | None:
    return None if value is None or math.isnan(value) else float(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
