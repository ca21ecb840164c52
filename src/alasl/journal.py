"""What a run leaves on disk: a journal that survives any kill, from which all else is made."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from alasl.config import from_dict, read_toml, to_toml
from alasl.errors import ConflictError, DataError
from alasl.files import replacing, resource_errors, write_text
from alasl.record import Asked, AutoAnswers, Evaluation, OutOfFold, Record, Round, Start, Step
from alasl.settings import RunSettings

JOURNAL = "journal.jsonl"


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
        self._made = False

    def open(self) -> None:
        """Take the folder for this process. Raises `ConflictError` while another run holds it."""
        if not self.writes:
            return
        with resource_errors(self.folder):
            self._made = not self.folder.exists()
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
        """Let go of the folder; one that was made for a run that was refused goes with it."""
        # Windows keeps a file that is open, and so the folder.
        with suppress(OSError):
            lock = Path(self._lock.lock_file)
            if self._made and [*self.folder.iterdir()] == [lock]:
                lock.unlink()
                self.folder.rmdir()
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

    def restart(self) -> None:
        """Forget the steps so far."""
        if self.writes:
            self._path.unlink(missing_ok=True)

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


class Moves:
    """How the AP of each label that has one moves with each test image's weight; see `jackknife`.

    A table (T, K) for each evaluation, kept in a folder, or None: in memory. From them follows how
    surely runs differ that are judged by the same images.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder / "moves" if folder else None
        self._held: dict[int, NDArray[np.float32]] = {}

    def keep(self, round: int, moves: NDArray[np.float64]) -> None:
        """Keep those of the evaluation after a round, to seven digits."""
        if self._folder is None:
            self._held[round] = moves.astype(np.float32)
        elif is_first_process():
            with replacing(self._file(self._folder, round)) as beside:
                np.savez_compressed(beside, moves=moves.astype(np.float32))

    def of(self, round: int) -> NDArray[np.float64] | None:
        """Those of the evaluation after a round; None where there are none."""
        if self._folder is None:
            held = self._held.get(round)
            return None if held is None else held.astype(np.float64)
        path = self._file(self._folder, round)
        if not path.exists():
            return None
        try:
            with np.load(path, allow_pickle=False) as kept:
                return np.asarray(kept["moves"], np.float64)
        except (ValueError, KeyError, EOFError, BadZipFile) as error:
            raise DataError(
                "not how AP moves with the images",
                where=str(path),
                seen=str(error),
                do="remove the file: the report then says less of how runs differ",
            ) from error

    @staticmethod
    def _file(folder: Path, round: int) -> Path:
        return folder / f"{round:03d}.npz"


def load(folder: str | Path) -> Record:
    """The record of the run in a folder, finished or not. Raises `DataError` without one."""
    folder = Path(folder)
    config = folder / "config.toml"
    events = Journal(folder).events()
    start = next((event for event in events if isinstance(event, Start)), None)
    if start is None or not config.exists():
        raise DataError("no run here", where=str(folder), do="name a folder that `alasl run` made")
    record = Record(from_dict(read_toml(config), where=str(config)), start, moves=Moves(folder).of)
    for event in events:
        if not isinstance(event, Start):
            record.add(event)
    return record


def write_config(settings: RunSettings, folder: Path, versions: dict[str, str]) -> None:
    """Write config.toml, from which the same run can be made again."""
    write_text(folder / "config.toml", to_toml(settings, versions))


_KINDS: dict[str, type[Start] | type[Evaluation] | type[Round] | type[OutOfFold]] = {
    "start": Start,
    "evaluation": Evaluation,
    "round": Round,
    "out_of_fold": OutOfFold,
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
    elif cls is OutOfFold:
        for side in ("absent", "present"):
            values[side] = values[side] and AutoAnswers.from_dict(values[side])
        if pair := values.get("interval"):
            values["interval"] = (pair[0], pair[1])
    else:
        values["names"] = tuple(values["names"])
        values["test_presents"] = tuple(values.get("test_presents", ()))
    return cls(**values)
