"""What a run leaves on disk: a journal that survives any kill, and the files made from it."""

from __future__ import annotations

import base64
import json
import math
import os
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from alasl.advice import Advice, advise
from alasl.errors import ConflictError, DataError
from alasl.files import csv_text, resource_errors, write_text
from alasl.settings import RunSettings, from_dict, read_toml, to_toml

JOURNAL = "journal.jsonl"


@dataclass(frozen=True)
class Start:
    """How a run began: the data's name, labels, sizes of the three sets, versions in use.

    unknown: entries hidden in the pool. table: names the table's content (`Labels.digest`).
    """

    data: str
    names: tuple[str, ...]
    sizes: dict[str, int]
    unknown: int
    table: str
    versions: dict[str, str]


@dataclass(frozen=True)
class Evaluation:
    """One training and its evaluation on the test set; round 0 is before any answer.

    cost: entries that the oracle has filled so far. epochs: mAP after each epoch, in per cent.
    ap: AP of each label after the last epoch, in per cent, NaN where undefined.
    seconds: that the training took. time: seconds of people's time so far.
    """

    round: int
    images: int
    cost: int
    epochs: tuple[float, ...]
    ap: tuple[float, ...]
    seconds: float
    time: float = 0.0

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
        return cls(**{**values, "ap": ap, "epochs": tuple(values["epochs"])})

    def map(self, summary: str) -> float:
        """The round's mAP by the setting `summary`: mean, last or best."""
        return {"mean": self.map_mean, "last": self.map_last, "best": self.map_best}[summary]


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
class Side:
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
    ) -> Side:
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
    def from_dict(cls, values: dict[str, Any]) -> Side:
        """The side as JSON gives it back."""
        return cls(values["packed"], *(tuple(values[k]) for k in ("limits", "given", "wrong")))


@dataclass(frozen=True)
class HeldOut:
    """What models that had not seen an image say of it, after the training of a round.

    map: mAP on the clean set in per cent, None where undefined. seconds: that it took.
    absent, present: the automatic answers, None where there are to be none. They take the place of
    the last training's.
    """

    round: int
    map: float | None
    seconds: float
    absent: Side | None = None
    present: Side | None = None

    @property
    def given(self) -> int:
        """Automatic answers."""
        return sum(sum(side.given) for side in (self.absent, self.present) if side)

    @property
    def wrong(self) -> int:
        """Automatic answers that are wrong, as the simulation knows."""
        return sum(sum(side.wrong) for side in (self.absent, self.present) if side)


Step = Evaluation | Round | HeldOut


@dataclass
class Record:
    """A run as far as it has come: one more evaluation than rounds once it is done.

    held: after each evaluation, where the settings ask for it.
    """

    settings: RunSettings
    start: Start
    evaluations: list[Evaluation] = field(default_factory=list)
    rounds: list[Round] = field(default_factory=list)
    held: list[HeldOut] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Whether the last round has been asked and evaluated, or the run ended on advice."""
        if self.wants_held:
            return False
        last = len(self.evaluations) == self.settings.rounds + 1
        return last or (self.settings.on_stop == "end" and self.stopped)

    @property
    def wants_held(self) -> bool:
        """Whether the next step is to ask models that have not seen them about the images."""
        asked = self.settings.auto is not None or self.settings.stop_below is not None
        return asked and len(self.held) < len(self.evaluations)

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
    def held_advice(self) -> Advice | None:
        """The same by the clean set's, judged by models that did not see it; None without."""
        if not self.held or len(self.held) < len(self.evaluations):
            return None
        maps = [math.nan if h.map is None else h.map for h in self.held]
        return self._advice(maps, self.start.sizes["clean"])

    def _advice(self, maps: Sequence[float], judged: int) -> Advice | None:
        asked = [after - before for before, after in pairwise(self.costs) if after > before]
        if not asked:
            return None
        batch = asked[-1] * self.settings.growth
        return advise(self.costs, maps, batch, self.settings.stop_below, judged=judged)

    @property
    def maps(self) -> list[float]:
        """mAP of each evaluation in per cent, by the run's setting `summary`."""
        return [e.map(self.settings.summary) for e in self.evaluations]

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
        elif isinstance(event, HeldOut):
            self.held.append(event)
        else:
            self.rounds.append(event)


def is_first_process() -> bool:
    """Whether this process writes: of those that torchrun starts together, the first does."""
    return os.environ.get("RANK", "0") == "0"


class Journal:
    """The run's steps, one line each, appended and synced; a line cut short by a kill is dropped.

    Everything else in the folder is made from it, so a kill at any point loses one step at most.
    Processes that torchrun starts together all read it, and the first writes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writes = is_first_process()
        self._path = folder / JOURNAL
        self._lock = FileLock(folder / ".lock")

    def open(self) -> None:
        """Take the folder for this process. Raises `ConflictError` while another run holds it."""
        if not self.writes:
            return
        with resource_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise ConflictError(
                    "another run is writing to this folder",
                    where=str(self.folder),
                    do="wait for it, or name another folder with --out",
                ) from None

    def close(self) -> None:
        """Let go of the folder."""
        self._lock.release()

    def events(self) -> list[Start | Step]:
        """The steps so far. Raises `DataError` where a line in the middle cannot be read."""
        if not self._path.exists():
            return []
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1].splitlines()
        events = []
        for number, line in enumerate(whole, 1):
            try:
                events.append(_decode(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    "not a step of a run", where=f"{self._path}:{number}", seen=str(error)
                ) from error
        return events

    def append(self, event: Start | Step) -> None:
        """Add a step; once this returns it outlasts a kill and a power cut."""
        if not self.writes:
            return
        line = json.dumps(_encode(event), ensure_ascii=False, allow_nan=False) + "\n"
        with resource_errors(self._path), self._path.open("ab+") as file:
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())


def load(folder: Path) -> Record:
    """The record of the run in a folder, finished or not. Raises `DataError` without one."""
    config = folder / "config.toml"
    events = Journal(folder).events()
    start = next((event for event in events if isinstance(event, Start)), None)
    if start is None or not config.exists():
        raise DataError("no run here", where=str(folder), do="name a folder that `alasl run` made")
    record = Record(from_dict(read_toml(config), where=str(config)), start)
    for event in events:
        if not isinstance(event, Start):
            record.add(event)
    return record


def write_results(record: Record, folder: Path, summary: dict[str, Any]) -> None:
    """Write rounds.csv, queries.csv and summary.json of a record, each whole or not at all."""
    write_text(folder / "rounds.csv", csv_text(_rounds_rows(record)))
    write_text(folder / "queries.csv", csv_text(_queries_rows(record)))
    write_text(folder / "summary.json", json.dumps(summary, indent=2, ensure_ascii=False) + "\n")


def write_config(settings: RunSettings, folder: Path, versions: dict[str, str]) -> None:
    """Write config.toml, from which the same run can be made again."""
    write_text(folder / "config.toml", to_toml(settings, versions))


def _rounds_rows(record: Record) -> list[list[object]]:
    head = ["round", "images", "cost", "time", "map", "map_last", "map_best", "seconds"]
    if record.held:
        head += ["map_held_out", "automatic", "automatic_wrong"]
    rows: list[list[object]] = [[*head, *record.start.names]]
    for e, value in zip(record.evaluations, record.maps, strict=True):
        figures = [f"{v:.4f}" for v in (value, e.map_last, e.map_best)]
        per_label = ["" if math.isnan(v) else f"{v:.4f}" for v in e.ap]
        row = [e.round, e.images, e.cost, f"{e.time:.10g}", *figures, f"{e.seconds:.3f}"]
        rows.append([*row, *_held_cells(record, e.round), *per_label])
    return rows


def _held_cells(record: Record, number: int) -> list[object]:
    """What models that had not seen it said after evaluation `number`; none where none ever did."""
    if not record.held:
        return []
    if number >= len(record.held):
        return ["", "", ""]
    held = record.held[number]
    return ["" if held.map is None else f"{held.map:.4f}", held.given, held.wrong]


def _queries_rows(record: Record) -> list[list[object]]:
    rows: list[list[object]] = [["round", "image", "label", "answer"]]
    for step in record.rounds:
        for asked in step.asked:
            rows.extend([step.round, asked.image, k, v] for k, v in asked.answers.items())
    return rows


_KINDS: dict[str, type[Start] | type[Evaluation] | type[Round] | type[HeldOut]] = {
    "start": Start,
    "evaluation": Evaluation,
    "round": Round,
    "held_out": HeldOut,
}


def _encode(event: Start | Step) -> dict[str, Any]:
    kind = next(name for name, cls in _KINDS.items() if isinstance(event, cls))
    values = event.to_dict() if isinstance(event, Evaluation) else asdict(event)
    return {"kind": kind, **values}


def _decode(values: dict[str, Any]) -> Start | Step:
    cls = _KINDS[values.pop("kind")]
    if cls is Evaluation:
        return Evaluation.from_dict(values)
    if cls is Round:
        values["asked"] = tuple(Asked(**asked) for asked in values["asked"])
    elif cls is HeldOut:
        for side in ("absent", "present"):
            values[side] = values[side] and Side.from_dict(values[side])
    else:
        values["names"] = tuple(values["names"])
    return cls(**values)
