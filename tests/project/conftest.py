"""A small store, and what tests fill it with."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.labels import Entries, Labels
from alasl.project.folder import Project, init
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store


def table(images: int, labels: int) -> Labels:
    """Images x labels of which the first two images are known, absent and present by turns."""
    entries: Entries = np.full((images, labels), -1, np.int8)
    entries[0] = np.arange(labels) % 2
    entries[1] = 1 - entries[0]
    names = tuple(f"label{j}" for j in range(labels))
    return Labels(entries, names, tuple(f"{i:04d}.jpg" for i in range(images)))


def at(store: Store, seconds: float) -> Store:
    """The store, by whose clock it is this time now and stays so."""
    store.clock = lambda: seconds
    return store


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
def make_project(
    tmp_path: Path, make_dataset: Callable[..., Dataset]
) -> Iterator[Callable[..., Project]]:
    """Projects on learnable data of which 70 % of the pool is unknown; `truth` knows it all."""
    made: list[Project] = []

    def make(images: int = 300, unknown: float = 0.7, run: Any = (), **own: Any) -> Project:
        data = make_dataset(images)
        truth = data.labels
        hidden = np.random.default_rng(0).random(truth.shape) < unknown
        hidden[: images // 3] = False
        folder = tmp_path / f"data{len(made)}"
        folder.mkdir()
        write(truth.forget(hidden), folder / "table.npz", "npz", features=data.features)
        np.save(folder / "truth.npy", truth.entries)
        settings = ProjectSettings(data=str(folder), **{"answers": 60, **dict(run), **own})
        made.append(init(tmp_path / f"project{len(made)}", settings))
        return made[-1]

    yield make
    for project in made:
        project.store.close()


@pytest.fixture
def holes(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> Callable[..., Project]:
    """Makes a project on a table like tags: 60 % of presents are known, 5 % of absents."""
    data = make_dataset(400, labels=4)
    truth = data.labels.entries
    shares = np.where(truth == 1, 0.6, 0.05)
    hidden = np.random.default_rng(1).random(truth.shape) > shares
    write(data.labels.forget(hidden), tmp_path / "t.npz", "npz", features=data.features)
    np.save(tmp_path / "truth.npy", truth)

    def make(name: str = "project", **settings: object) -> Project:
        chosen = {"answers": 120, "repeats": 0.0, "gold": 0.0, **settings}
        return init(tmp_path / name, ProjectSettings(data=str(tmp_path / "t.npz"), **chosen))  # type: ignore[arg-type]

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 900 kB of its own; `mount -o remount` changes it."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if not hasattr(os, "geteuid"):
        pytest.skip("a small disk cannot be mounted on Windows")
    mount = ["mount", "-t", "tmpfs", "-o", "size=900k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., Any]:
    """Calls the command line; what it printed, as JSON with `--json` and as text without."""

    def call(*args: object, code: int = 0) -> Any:
        capsys.readouterr()
        found = exit_code([str(arg) for arg in args])
        out, err = capsys.readouterr()
        assert found == code, err
        if code:
            return err
        return json.loads(out) if "--json" in args else out

    return call
