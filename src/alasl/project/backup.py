"""A project in one file, and back: a zip of its settings, its store, its predictions, its model.

The store is copied as it is at one moment, whoever answers meanwhile. Images are not in it, nor the
token of the page, nor what is written anew from these (report.html).
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import time
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

from alasl.errors import ConflictError, DataError
from alasl.files import readable, replacing
from alasl.project import settings as files
from alasl.project.database import database_errors
from alasl.project.folder import (
    FEATURES,
    MODEL,
    PREDICTIONS,
    SETTINGS,
    STORE,
    Project,
    refuse_taken,
    whole,
)
from alasl.project.integrity import refuse_damaged

# What a backup says of itself, and the version of that.
ABOUT, VERSION = "backup.json", 1
# How often a model that is replaced meanwhile is looked at again before it is left out.
_TRIES = 20
_BLOCK = 2**20
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


@dataclass(frozen=True)
class Backup:
    """A backup: when it was made (seconds since 1970), of which folder, and of how many events.

    images: whether the restored project finds its images; None of one that was only written.
    """

    at: float
    folder: str
    events: int
    images: bool | None = None


def backup(project: Project, path: Path) -> Backup:
    """Write all of a project to one file, whole or not at all, while people answer.

    Raises `ConflictError` where a file that is no backup is in the way, `DataError` where the store
    is damaged, as an earlier backup is then better than this one.
    """
    if path.exists() and not _is_backup(path):
        raise ConflictError(
            "there is something here that is no backup; it is left alone",
            where=str(path),
            do="name another file",
        )
    folder = project.folder
    with replacing(path, private=True) as beside, ExitStack() as stack:
        copy = beside.with_name(f"{beside.name}.store")
        stack.callback(copy.unlink, missing_ok=True)
        # The model first: the store may then know of a later one, but never of less.
        parts = _parts(folder, stack)
        at = time.time()
        project.store.copy(copy)
        refuse_damaged(copy, project.store.path)
        about = Backup(at, str(folder.resolve()), _events(copy))
        with zipfile.ZipFile(beside, "w") as archive:
            note = {"version": VERSION, "at": at, "folder": about.folder, "events": about.events}
            archive.writestr(ABOUT, json.dumps(note, ensure_ascii=True))
            parts[STORE] = stack.enter_context(copy.open("rb"))
            for name, file in parts.items():
                _put(archive, name, file)
    return about


def restore(path: Path, folder: Path, root: Path | None = None) -> Backup:
    """Make the project of a backup in a new folder, whole or not at all.

    root: where the images are now; by default where they were. Raises `DataError` where the file is
    no backup or is damaged, `ConflictError` where the folder holds anything.
    """
    refuse_taken(folder)
    with _opened(path) as archive:
        about = _about(archive, path)
        with whole(folder) as beside:
            for name in archive.namelist():
                if name != ABOUT:
                    _take(archive, name, beside, path)
            refuse_damaged(beside / STORE, path)
            images = _place(beside, folder, root, Path(about.folder))
    return replace(about, images=images)


def _parts(folder: Path, stack: ExitStack) -> dict[str, IO[bytes]]:
    """The files of a project but its store, opened: what is open outlives being replaced."""
    paths = [path for name in (SETTINGS, FEATURES) if (path := folder / name).is_file()]
    paths += sorted((folder / PREDICTIONS).glob("*.npz"))
    found = {
        path.relative_to(folder).as_posix(): stack.enter_context(path.open("rb")) for path in paths
    }
    return found | _model_parts(folder / MODEL, stack)


def _model_parts(folder: Path, stack: ExitStack) -> dict[str, IO[bytes]]:
    """The files of the model, all of one training; none where trainings never leave a moment."""

    def version() -> int:
        notes = folder / "about.json"
        return notes.stat().st_mtime_ns if notes.exists() else 0

    for _ in range(_TRIES if folder.is_dir() else 0):
        with ExitStack() as attempt:
            before = version()
            try:
                found: dict[str, IO[bytes]] = {
                    f"{MODEL}/{path.name}": attempt.enter_context(path.open("rb"))
                    for path in sorted(folder.iterdir())
                    if path.is_file() and not path.name.startswith(".")
                }
                if version() == before:
                    stack.enter_context(attempt.pop_all())
                    return found
            except FileNotFoundError:
                continue
    return {}


def _put(archive: zipfile.ZipFile, name: str, file: IO[bytes]) -> None:
    """Add a file; weights and features hardly get smaller, so they are taken as they are."""
    entry = zipfile.ZipInfo(name, time.localtime()[:6])
    packed = name in (STORE, SETTINGS)
    entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with archive.open(entry, "w", force_zip64=True) as out:
        shutil.copyfileobj(file, out, _BLOCK)


def _take(archive: zipfile.ZipFile, name: str, folder: Path, path: Path) -> None:
    """Write a part of a backup into the folder. Raises `DataError` for one that is none."""
    parent, _, file = name.rpartition("/")
    expected = (
        (name in (SETTINGS, STORE, FEATURES))
        or (parent == PREDICTIONS and file.endswith(".npz"))
        or parent == MODEL
    )
    # Whoever made the file must not write outside the folder.
    if not expected or not file or file in (".", "..") or "\\" in name or ":" in name:
        raise DataError("this is not a part of a project", where=str(path), seen=ascii(name))
    to = folder / name
    to.parent.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with archive.open(name) as packed, os.fdopen(descriptor, "wb") as out:
        shutil.copyfileobj(packed, out, _BLOCK)
        out.flush()
        os.fsync(out.fileno())


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A backup to read, whose faults are errors that a user can act on."""
    try:
        with readable(path), path.open("rb") as file, zipfile.ZipFile(file) as archive:
            yield archive
    except _BROKEN as error:
        raise DataError(
            "this is no backup of a project, or it is damaged",
            where=str(path),
            seen=str(error),
            do="take another one: alasl backup writes them",
        ) from error


def _about(archive: zipfile.ZipFile, path: Path) -> Backup:
    """What a backup says of itself. Raises `DataError`, or `ConflictError` for a newer one."""
    missing = {ABOUT, SETTINGS, STORE} - {*archive.namelist()}
    if missing:
        raise DataError(
            "this is no backup of a project", where=str(path), seen=f"no {sorted(missing)[0]} in it"
        )
    try:
        found = json.loads(archive.read(ABOUT))
        about = Backup(float(found["at"]), str(found["folder"]), int(found["events"]))
        version = int(found["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "this is no backup of a project", where=str(path), seen=str(error)
        ) from None
    if version > VERSION:
        raise ConflictError(
            "the backup was written by a newer ALASL",
            where=str(path),
            seen=f"version {version}; this ALASL knows up to {VERSION}",
            do="update ALASL",
        )
    return about


def _is_backup(path: Path) -> bool:
    try:
        with _opened(path) as archive:
            _about(archive, path)
    except (DataError, ConflictError):
        return False
    return True


def _events(store: Path) -> int:
    with database_errors(store):
        db = sqlite3.connect(store)
        try:
            return int(db.execute("SELECT count(*) FROM events").fetchone()[0])
        finally:
            db.close()


def _place(beside: Path, folder: Path, root: Path | None, before: Path) -> bool:
    """Let the settings name the images' folder as seen from `folder`; whether it is there.

    A relative one was so to the folder `before`, and is taken from there where there is none here.
    """
    path = beside / SETTINGS
    settings = files.read(path)
    here, there = (Path(os.path.normpath(f / settings.root)) for f in (folder.absolute(), before))
    if root is not None:
        here = root.absolute()
        settings = replace(settings, root=str(here))
    elif not here.is_dir() and there.is_dir():
        here = there
        settings = replace(settings, root=str(here))
    files.write(settings, path)
    return here.is_dir()
