"""A run as a record: how it began, each training, each round of asking, what came of it."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.advice import Advice, advise
from alasl.frames import data_frame
from alasl.settings import RunSettings

# The ends of a 95 % interval.
Ends = tuple[float, float]


@dataclass(frozen=True)
class Start:
    """How a run began: the data's name, labels, sizes of the three sets, versions in use.

    unknown: entries hidden in the pool. table: names the table's content (`Labels.digest`).
    predictions: names the content of each other model's predictions (`Predictions.digest`).
    test: names the content of the test set's part of the table; empty in runs of older versions.
    test_known: the share of the test set's entries that are known; below 1 nothing is a mAP.
    test_presents: entries of each label that are known to be present in the test set; empty in runs
    of older versions.
    """

    data: str
    names: tuple[str, ...]
    sizes: dict[str, int]
    unknown: int
    table: str
    versions: dict[str, str]
    predictions: dict[str, str] = field(default_factory=dict)
    test_known: float = 1.0
    test_presents: tuple[int, ...] = ()
    test: str = ""


@dataclass(frozen=True)
class Evaluation:
    """One training and its evaluation on the test set; round 0 is before any answer.

    cost: entries that the oracle has filled so far. epochs: mAP after each epoch, in per cent.
    ap: AP of each label after the last epoch, in per cent, NaN where undefined.
    seconds: that the training took. time: seconds of people's time so far.

    Intervals are 95 % ones over images of the same kind, after the last epoch, in per cent. They
    are missing where not every entry of the test set is known, in studies, which have many seeds,
    and in part in runs of older versions. interval: of mAP. ap_intervals: of each label's AP, None
    where that is undefined. gain_reach: how far, in points, the interval of mAP's gain over round
    0, on the same images, reaches to either side.
    """

    round: int
    images: int
    cost: int
    epochs: tuple[float, ...]
    ap: tuple[float, ...]
    seconds: float
    time: float = 0.0
    interval: Ends | None = None
    ap_intervals: tuple[Ends | None, ...] = ()
    gain_reach: float | None = None

    @property
    def map_mean(self) -> float:
        """Mean over the epochs' mAPs: the paper's figure."""
        return sum(self.epochs) / len(self.epochs)

    @property
    def map_last(self) -> float:
        """mAP after the last epoch."""
        return self.epochs[-1]

    @property
    def map_best(self) -> float:
        """The best epoch's mAP; picked on the test set, so it flatters."""
        return max(self.epochs)

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as JSON takes it: an undefined AP is None."""
        return {**asdict(self), "ap": [None if math.isnan(v) else v for v in self.ap]}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Evaluation:
        """The evaluation of which `to_dict` made these values."""
        ap = tuple(math.nan if v is None else v for v in values["ap"])
        sure = {
            "interval": _ends(values.get("interval")),
            "ap_intervals": tuple(_ends(pair) for pair in values.get("ap_intervals", ())),
        }
        return cls(**{**values, "ap": ap, "epochs": tuple(values["epochs"]), **sure})

    def map(self, summary: str) -> float:
        """The round's mAP by the setting `summary`: mean, last or best."""
        return {"mean": self.map_mean, "last": self.map_last, "best": self.map_best}[summary]


def _ends(pair: Sequence[float] | None) -> Ends | None:
    return None if pair is None else (pair[0], pair[1])


def _columns(pairs: Sequence[Ends | None]) -> tuple[list[float], list[float]]:
    """The lower and the upper ends, NaN where there are none."""
    ends = [pair or (math.nan, math.nan) for pair in pairs]
    return [low for low, _ in ends], [high for _, high in ends]


@dataclass(frozen=True)
class Asked:
    """One image asked in a round, why, and the answers to those of its entries that were asked.

    score: of the image, or of the best of its entries. known, unknown: its entries until then.
    """

    image: str
    score: float
    known: int
    unknown: int
    answers: dict[str, int]


@dataclass(frozen=True)
class Round:
    """The query of one round with its answers; the first is round 1.

    memory: what the strategy noted for later rounds.
    """

    round: int
    asked: tuple[Asked, ...]
    memory: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class AutoAnswers:
    """The automatic answers of one side, absent or present, after a training.

    packed: which entries of the pool (P, L), as text; see `mask`.
    limits: the probability from which on each label is answered, None where it is not.
    given: automatic answers to each label. wrong: how many of them are, as the simulation knows.
    """

    packed: str
    limits: tuple[float | None, ...]
    given: tuple[int, ...]
    wrong: tuple[int, ...]

    @classmethod
    def of(
        cls, answered: NDArray[np.bool_], limits: NDArray[np.floating], other: NDArray[np.bool_]
    ) -> AutoAnswers:
        """The side that answers a mask (P, L), wrongly where `other` (P, L) is True."""
        bits = zlib.compress(np.packbits(answered).tobytes(), 9)
        return cls(
            packed=base64.b64encode(bits).decode(),
            limits=tuple(None if math.isnan(v) else float(v) for v in limits),
            given=tuple(answered.sum(axis=0).tolist()),
            wrong=tuple((answered & other).sum(axis=0).tolist()),
        )

    def mask(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """(P, L): True for the entries that were answered."""
        bits = np.frombuffer(zlib.decompress(base64.b64decode(self.packed)), np.uint8)
        return np.unpackbits(bits, count=shape[0] * shape[1]).reshape(shape).astype(np.bool_)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> AutoAnswers:
        """The side as JSON gives it back."""
        return cls(values["packed"], *(tuple(values[k]) for k in ("limits", "given", "wrong")))


@dataclass(frozen=True)
class OutOfFold:
    """What models that had not seen an image say of it, after the training of a round.

    map: mAP on the clean set in per cent, None where undefined. seconds: that it took.
    absent, present: the automatic answers, None where there are to be none. They take the place of
    the last training's. interval: the 95 % interval of `map` over images of the same kind, None
    where the clean set is not all known, and in runs of older versions.
    """

    round: int
    map: float | None
    seconds: float
    absent: AutoAnswers | None = None
    present: AutoAnswers | None = None
    interval: Ends | None = None

    @property
    def given(self) -> int:
        """Automatic answers."""
        return sum(sum(side.given) for side in (self.absent, self.present) if side)

    @property
    def wrong(self) -> int:
        """Automatic answers that are wrong, as the simulation knows."""
        return sum(sum(side.wrong) for side in (self.absent, self.present) if side)


Step = Evaluation | Round | OutOfFold


def no_moves(round: int) -> None:
    """Of a run that kept nothing to say how AP moves with its test images."""


@dataclass(repr=False)
class Record:
    """A run as far as it has come: one more evaluation than rounds once it is done.

    out_of_fold: after each evaluation, where the settings ask for it.
    moves: of a round, how AP moves with the test images; see `journal.Moves`.
    """

    settings: RunSettings
    start: Start
    evaluations: list[Evaluation] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    out_of_fold: list[OutOfFold] = field(default_factory=list)
    moves: Callable[[int], NDArray[np.float64] | None] = field(default=no_moves, compare=False)

    def __repr__(self) -> str:
        figures = [*zip(self.maps, self.intervals, strict=True)]
        judged = [
            f"{value:.2f}{' ({:.1f} to {:.1f})'.format(*ends) if ends else ''}"
            for value, ends in figures[:1] + figures[1:][-1:]
        ]
        costs = f" with {self.costs[-1]} answers" if self.costs else ""
        return (
            f"<Record: {len(self.evaluations)} evaluations, "
            f"{self.metric} {', then '.join(judged) or 'not judged'}{costs}>"
        )

    def table(self) -> Any:
        """The evaluations as a pandas DataFrame: round, answers, seconds of people's time, mAP.

        low, high: the ends of mAP's 95 % interval, missing where there is none; likewise of the
        gain over round 0, and of AP, with `ap:dog`, `ap_low:dog` and `ap_high:dog` for a label
        `dog`. Raises `ResourceError` where pandas is not installed.
        """
        low, high = _columns(self.intervals)
        gain_low, gain_high = _columns(self.gain_intervals)
        found = {
            "round": [e.round for e in self.evaluations],
            "answers": self.costs,
            "seconds": self.times,
            self.metric: self.maps,
            "low": low,
            "high": high,
            "gain": self.gains,
            "gain_low": gain_low,
            "gain_high": gain_high,
        }
        for column, name in enumerate(self.start.names):
            found[f"ap:{name}"] = [e.ap[column] for e in self.evaluations]
            ends = [e.ap_intervals[column] if e.ap_intervals else None for e in self.evaluations]
            found[f"ap_low:{name}"], found[f"ap_high:{name}"] = _columns(ends)
        return data_frame(found)

    @property
    def done(self) -> bool:
        """Whether the last round has been asked and evaluated, or the run ended on advice."""
        if self.wants_out_of_fold:
            return False
        last = len(self.evaluations) == self.settings.rounds + 1
        return last or (self.settings.on_stop == "end" and self.stopped)

    @property
    def wants_out_of_fold(self) -> bool:
        """Whether the next step is to ask models that have not seen them about the images."""
        asked = self.settings.auto is not None or self.settings.stop_below is not None
        return asked and len(self.out_of_fold) < len(self.evaluations)

    @property
    def stopped(self) -> bool:
        """Whether it is advised to stop after the last evaluation, by the test set's curve."""
        advice = self.advice
        return advice is not None and advice.verdict == "stop"

    @property
    def advice(self) -> Advice | None:
        """What the next round is expected to bring by the test set's curve; None before a round."""
        return self._advice(self.maps, self.start.sizes["test"])

    @property
    def out_of_fold_advice(self) -> Advice | None:
        """The same by the clean set's, judged by models that did not see it; None without."""
        if not self.out_of_fold or len(self.out_of_fold) < len(self.evaluations):
            return None
        maps = [math.nan if h.map is None else h.map for h in self.out_of_fold]
        return self._advice(maps, self.start.sizes["clean"])

    def _advice(self, maps: Sequence[float], judged: int) -> Advice | None:
        asked = [after - before for before, after in pairwise(self.costs) if after > before]
        if not asked:
            return None
        batch = asked[-1] * self.settings.growth
        told = advise(self.costs, maps, batch, self.settings.stop_below, judged=judged)
        return told if self.metric == "mAP" else replace(told, points=f"points of {self.metric}")

    @property
    def maps(self) -> list[float]:
        """mAP of each evaluation in per cent, by the run's setting `summary`."""
        return [e.map(self.settings.summary) for e in self.evaluations]

    @property
    def intervals(self) -> list[Ends | None]:
        """The 95 % interval of each of `maps`; None where there is none.

        How far an epoch's mAP may be off hangs on the images, so all epochs' intervals are as wide.
        """
        found: list[Ends | None] = []
        for e, value in zip(self.evaluations, self.maps, strict=True):
            low, high = e.interval or (math.nan, math.nan)
            moved = value - e.map_last
            found.append(None if e.interval is None else (low + moved, high + moved))
        return found

    @property
    def gains(self) -> list[float]:
        """What each evaluation has over that of round 0, in points."""
        maps = self.maps
        return [value - maps[0] for value in maps]

    @property
    def gain_intervals(self) -> list[Ends | None]:
        """The 95 % interval of each of `gains`, on the same images; None where there is none."""
        return [
            None if e.gain_reach is None else (gain - e.gain_reach, gain + e.gain_reach)
            for e, gain in zip(self.evaluations, self.gains, strict=True)
        ]

    @property
    def sure(self) -> bool:
        """Whether any of its figures has an interval."""
        return any(e.interval is not None for e in self.evaluations)

    @property
    def metric(self) -> str:
        """What the figures are called: mAP only where every entry of the test set is known."""
        return "mAP" if self.start.test_known == 1 else "AP of known entries"

    @property
    def costs(self) -> list[int]:
        """Entries that the oracle had filled at each evaluation."""
        return [e.cost for e in self.evaluations]

    @property
    def times(self) -> list[float]:
        """Seconds of people's time at each evaluation."""
        return [e.time for e in self.evaluations]

    def add(self, event: Step) -> None:
        """Take one more step of the run into the record."""
        if isinstance(event, Evaluation):
            self.evaluations.append(event)
        elif isinstance(event, OutOfFold):
            self.out_of_fold.append(event)
        else:
            self.rounds.append(event)
