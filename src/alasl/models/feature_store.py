"""The cache of features: one growing file of rows, found again by the content of the image."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from alasl.errors import DataError
from alasl.files import resource_errors, write_text

_DIGEST = 32  # bytes of a SHA-256
# Seconds after which whoever waits for another process is told.
PATIENCE = 2.0

_log = logging.getLogger(__name__)


class FeatureStore:
    """Rows of float32 features (n, dim) of one backbone, on disk, memory-mapped when read.

    `rows.f32` holds the rows, `index` the SHA-256 of each row's image. A row counts once its digest
    stands in the index, which is written after the row is synced: a kill at any point leaves a
    store that can be read and added to.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        self.folder = folder
        self.dim = dim
        self._rows, self._index = folder / "rows.f32", folder / "index"
        with resource_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / ".lock")

    @contextmanager
    def working(self, digests: Sequence[bytes]) -> Iterator[None]:
        """The turn of whoever extracts these images: one waits who begins the same beside it.

        digests: the SHA-256 of each image. Who extracts others works at the same time.
        """
        whole = hashlib.sha256(b"".join(digests)).digest()
        lock = FileLock(self.folder / f".lock-{whole[0]}")
        try:
            lock.acquire(timeout=PATIENCE)
        except Timeout:
            _log.warning("another process extracts features of these images; waiting for it")
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def __len__(self) -> int:
        """Rows that can be read."""
        try:
            rows = self._rows.stat().st_size // (4 * self.dim)
            return min(rows, self._index.stat().st_size // _DIGEST)
        except FileNotFoundError:
            return 0

    def places(self) -> dict[bytes, int]:
        """The row of each image in the store, by the SHA-256 of its file."""
        count = len(self)
        raw = self._index.read_bytes()[: count * _DIGEST] if count else b""
        return {raw[i * _DIGEST : (i + 1) * _DIGEST]: i for i in range(count)}

    def append(self, digests: Sequence[bytes], features: NDArray[np.float32]) -> None:
        """Add rows (n, dim) and their images' digests; durable once this returns.

        Other processes may add at the same time: each waits for its turn. What a killed one left
        behind is cut off first.
        """
        if features.shape != (len(digests), self.dim):
            raise DataError(
                "features do not fit the store",
                where=str(self.folder),
                seen=f"{features.shape}, expected {(len(digests), self.dim)}",
            )
        with resource_errors(self.folder), self._lock:
            count = len(self)
            _append(self._rows, count * 4 * self.dim, features.astype("<f4", copy=False).tobytes())
            _append(self._index, count * _DIGEST, b"".join(digests))

    def take(self, rows: Sequence[int]) -> NDArray[np.float32]:
        """(n, dim): the features at some rows; a view of the file where they are consecutive."""
        stored = np.memmap(self._rows, np.float32, mode="r", shape=(len(self), self.dim))
        first = rows[0]
        if list(rows) == list(range(first, first + len(rows))):
            return stored[first : first + len(rows)]
        return np.asarray(stored[np.asarray(rows)])

    def note(self) -> dict[str, Any]:
        """What the maker of the store wrote about it; empty at first."""
        path = self.folder / "about.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def write_note(self, about: dict[str, Any]) -> None:
        """Keep a note about how the rows were made."""
        write_text(self.folder / "about.json", json.dumps(about, indent=2) + "\n")


def _append(path: Path, at: int, data: bytes) -> None:
    with resource_errors(path):
        file: IO[bytes]
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.truncate(at)
            file.seek(at)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
