"""A SQLite file that several threads and processes share: connections, transactions, errors."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from alasl.errors import AlaslError, ConflictError, DataError, ResourceError
from alasl.project import blocks, checksums
from alasl.project.schema import APPLICATION, MIGRATIONS, VERSION
from alasl.project.shares import refuse_share, share_of

# How long a process waits for another one's transaction, seconds; they take milliseconds.
PATIENCE = 30.0
# What SQLite says where a disk has no room for the files beside a store.
_NO_ROOM = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")


class Database:
    """One connection a thread to the file; WAL, so that readers and the writer do not wait.

    Threads of this process write one after the other by a lock, as SQLite itself would let them
    poll. `durable` writes are on the disk when they return (synchronous=FULL); others outlast a
    kill of the process but perhaps not a power cut, and cost no wait for the disk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        # Of a colleague, a backup, a mount that is read only, a share: it can be looked at.
        mine = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
        self.read_only = not mine or share_of(path) is not None
        self._full: sqlite3.Error | None = None
        self._local = threading.local()
        self._writing = threading.Lock()
        self._open: list[sqlite3.Connection] = []
        _refuse_foreign(path, self.read_only)
        try:
            with self._errors():
                self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections of all threads."""
        for connection in self._open:
            connection.close()
        self._open.clear()
        self._local = threading.local()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one state of the file for the whole block."""
        with self._errors():
            connection = self._connection()
            if connection.in_transaction:  # in `together`
                yield connection
                return
            with _transaction(connection, "BEGIN"):
                yield connection

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction: all of the block is written, or nothing of it."""
        connection = self._connection()
        if connection.in_transaction:  # in `together`
            with self._errors(), _part(connection):
                yield connection
            return
        with self.together(durable=durable):
            yield connection

    @contextmanager
    def together(self, *, durable: bool = True) -> Iterator[None]:
        """All that this thread writes in the block is one transaction, and waits for the disk once.

        What raises in it is undone alone, where its error is caught within the block.
        """
        self.require_writable()
        with self._errors(), self._writing:
            connection = self._connection()
            if self._full:
                raise self._full
            connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            with _transaction(connection, "BEGIN IMMEDIATE"):
                yield

    def require_writable(self) -> None:
        """Raise a `ResourceError` where the file can only be read, and say why."""
        if self.read_only:
            refuse_share(self.path)
            raise ResourceError(
                "here the store can only be read",
                where=str(self.path),
                do="it can be looked at, reported and exported; to work on it, be allowed to write "
                "to it and its folder, or bring it elsewhere: alasl backup, then alasl restore",
            )

    def copy(self, path: Path) -> None:
        """Write the file's content as it is this moment to `path`, whoever writes meanwhile."""
        with self._errors(), database_errors(path):
            copy = sqlite3.connect(path)
            try:
                self._connection().backup(copy)
                # A log beside it would be a part of it, and could be forgotten.
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = look(self.path) if self.read_only else self._connect()
            self._local.connection = connection
            self._open.append(connection)
        return connection

    def _connect(self) -> sqlite3.Connection:
        """A connection that writes; one that reads where the disk has no room for the log."""
        try:
            return _connect(self.path)
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith(_NO_ROOM):
                raise
            self._full = error
            return _look_without_room(self.path)

    def _migrate(self) -> None:
        connection = self._connection()
        if _version(connection) == VERSION:
            return
        if self.read_only:
            raise ResourceError(
                "the store is of an older version, and cannot be brought up to date here",
                where=str(self.path),
                do="copy the project to where it can be written to",
            )
        with _transaction(connection, "BEGIN IMMEDIATE"):
            # Another process may have done it while this one waited.
            _upgrade(connection, _version(connection))

    @contextmanager
    def _errors(self) -> Iterator[None]:
        with database_errors(self.path):
            yield


def create(path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
    """Write a new file at `path` with our tables, filled by `fill`, in one transaction."""
    with database_errors(path):
        connection = sqlite3.connect(path, isolation_level=None)
        register(connection)
        try:
            with _transaction(connection, "BEGIN IMMEDIATE"):
                connection.execute(f"PRAGMA application_id = {APPLICATION}")
                # What is there before the triggers is summed at once, in a third of the time.
                _upgrade(connection, 0, MIGRATIONS[: checksums.SINCE])
                fill(connection)
                _upgrade(connection, checksums.SINCE - 1)
        finally:
            connection.close()


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite raises into errors that a user can act on."""
    try:
        yield
    except sqlite3.Error as error:
        if found := _as_ours(error, path):
            raise found from error
        raise


def _as_ours(error: sqlite3.Error, path: Path) -> AlaslError | None:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_FULL", "SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_IOERR")):
        return ResourceError(
            "cannot write here; what stood before is intact",
            where=str(path),
            seen=str(error),
            do="free some space, or see that the folder can be written to",
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return ConflictError(
            f"another process has kept the store for more than {PATIENCE:g} seconds",
            where=str(path),
            do="wait for it, or end it",
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return DataError(
            "the store is damaged, or no SQLite file", where=str(path), seen=str(error)
        )
    return None


def refuse_unreadable(path: Path) -> None:
    """Raise a `DataError` where there is no file, `ResourceError` where one may not read it."""
    if not path.is_file():
        raise DataError("there is no store of a project here", where=str(path))
    for file in filter(Path.exists, (path, _log(path))):
        if not os.access(file, os.R_OK):
            raise ResourceError(
                "you may not read this file",
                where=str(file),
                do="ask whoever it belongs to for the right to read it, or for the file that "
                "alasl backup writes",
            )


def _refuse_foreign(path: Path, read_only: bool) -> None:
    """Raise unless the file is a store of ours, of a version that we know."""
    refuse_unreadable(path)
    with database_errors(path):
        connection = look(path, immutable=read_only)
        try:
            (application,) = connection.execute("PRAGMA application_id").fetchone()
            version = _version(connection)
        finally:
            connection.close()
    if application != APPLICATION or version < 1:
        raise DataError(
            "this SQLite file is not the store of a project",
            where=str(path),
            seen=f"application id {application:#x}, version {version}",
        )
    if version > VERSION:
        raise ConflictError(
            "the store was written by a newer ALASL",
            where=str(path),
            seen=f"version {version}; this ALASL knows up to {VERSION}",
            do="update ALASL",
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = _opened(path, "rw")
    try:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # Some builds of SQLite let no trigger call a function of ours.
        connection.execute("PRAGMA trusted_schema = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def look(path: Path, *, immutable: bool = True) -> sqlite3.Connection:
    """A connection that only reads; immutable: it writes no file beside the store either."""
    # With a log beside it the file is in use, or not whole by itself.
    connection = _opened(path, "ro", alone=immutable and not _log(path).exists())
    try:
        _version(connection)
    except sqlite3.Error as error:
        if not error.sqlite_errorname.startswith(_NO_ROOM):
            return connection  # whoever reads is told
        connection.close()
        return _look_without_room(path)
    return connection


def _look_without_room(path: Path) -> sqlite3.Connection:
    """A connection that only reads where not even the index of a log can be written.

    What a kill left in a log is read by an index in memory, for which no other process may have
    the file open; none has, or there would be an index.
    """
    if not _log(path).exists() or not _log(path).stat().st_size:
        return _opened(path, "ro", alone=True)
    connection = _opened(path, "rw")
    connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    return connection


def _opened(path: Path, mode: str, *, alone: bool = False) -> sqlite3.Connection:
    """A connection; alone: that the file stays as it is, and is whole without a log."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}{'&immutable=1' if alone else ''}",
        uri=True,
        timeout=PATIENCE,
        # Autocommit: transactions begin where we say. Threads close each other's connections.
        isolation_level=None,
        check_same_thread=False,
    )
    register(connection)
    return connection


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the functions that our tables need."""
    checksums.register(connection)
    blocks.register(connection)


def _log(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _write_ahead(connection: sqlite3.Connection) -> None:
    # Two that change an old file's mode at once would wait for each other for ever: SQLite says
    # busy to one of them at once, whatever the timeout.
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not error.sqlite_errorname.startswith("SQLITE_BUSY") or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _part(connection: sqlite3.Connection) -> Iterator[None]:
    """Of a transaction that is under way: all of the block is written, or nothing of it."""
    connection.execute("SAVEPOINT part")
    try:
        yield
        connection.execute("RELEASE part")
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute("ROLLBACK TO part")
            connection.execute("RELEASE part")
        raise


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _upgrade(
    connection: sqlite3.Connection,
    version: int,
    migrations: Sequence[Sequence[str]] = MIGRATIONS,
) -> None:
    """Bring the tables from a version to the newest, inside the caller's transaction."""
    for statements in migrations[version + 1 :]:
        for statement in statements:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {len(migrations) - 1}")
