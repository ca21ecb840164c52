"""What a run leaves on disk: a journal that survives any kill, from which all else is made."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from alasl.config import from_dict, read_toml, to_toml
from alasl.errors import ConflictError, DataError
from alasl.files import resource_errors, write_text
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


def load(folder: str | Path) -> Record:
    """The record of the run in a folder, finished or not. Raises `DataError` without one."""
    folder = Path(folder)
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
    else:
        values["names"] = tuple(values["names"])
        values["test_presents"] = tuple(values.get("test_presents", ()))
    return cls(**values)
