"""A small store, and what tests fill it with."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from alasl.labels import Entries, Labels
from alasl.project.store import Store


def table(images: int, labels: int) -> Labels:
    """Images x labels of which the first two images are known, absent and present by turns."""
    entries: Entries = np.full((images, labels), -1, np.int8)
    entries[0] = np.arange(labels) % 2
    entries[1] = 1 - entries[0]
    names = tuple(f"label{j}" for j in range(labels))
    return Labels(entries, names, tuple(f"{i:04d}.jpg" for i in range(images)))


@pytest.fixture
def make_store(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    """Stores of a table whose two first images are clean; they are closed at the end."""
    made: list[Store] = []

    def make(images: int = 6, labels: int = 3, path: Path | None = None) -> Store:
        path = path or tmp_path / f"store{len(made)}.sqlite"
        files = [f"/pictures/{i:04d}.jpg" for i in range(images)]
        roles = ["clean"] * 2 + ["pool"] * (images - 2)
        made.append(Store.create(path, table(images, labels), files, roles))
        return made[-1]

    yield make
    for store in made:
        store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 900 kB of its own; `mount -o remount` changes it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)
