"""Scenes, and projects on them whose models are trained once for all tests of this folder."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.data.scenes import make_scenes
from alasl.project.driver import Driver
from alasl.project.folder import init
from alasl.project.model_files import ModelFiles
from alasl.project.settings import ProjectSettings

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 40 scenes and their table."""
    folder = tmp_path_factory.mktemp("scenes") / "scenes"
    make_scenes(folder, 40, seed=0)
    return folder


MODELS = {
    "logistic": {"model": "logistic"},
    "probe": {"model": "probe"},
    # Small, as `logistic` has the default backbone.
    "finetune": {
        "model": "finetune",
        "epochs": 1,
        "backbone": "test_efficientnet",
        "weights": "none",
    },
}


@pytest.fixture(scope="session")
def trained(
    scenes: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, dict[str, np.ndarray]]]:
    """A project's trained model, by name: its folder, and what it says of every image."""
    made: dict[str, tuple[Path, dict[str, np.ndarray]]] = {}

    def get(name: str) -> tuple[Path, dict[str, np.ndarray]]:
        if name not in made:
            folder = tmp_path_factory.mktemp("projects") / name
            settings = ProjectSettings(data=str(scenes), clean=0.4, test=0.3, **MODELS[name])
            project = init(folder, settings)
            driver = Driver(project)
            driver.train()
            images, labels = len(project.store.images), len(project.store.names)
            entries = np.indices((images, labels)).reshape(2, -1)
            found = ModelFiles(project).probabilities(*entries).reshape(images, labels)
            said = dict(zip(project.store.images, found.astype(np.float32), strict=True))
            project.store.close()
            made[name] = folder, said
        return made[name]

    return get


@pytest.fixture(scope="session")
def own_features(
    make_dataset: Callable[..., Dataset], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, np.ndarray]:
    """The folder of a run on features of its own, and these (N, D)."""
    place = tmp_path_factory.mktemp("own")
    data = make_dataset(120)
    write(data.labels, place / "table.npz", "npz", features=data.features)
    args = ["run", str(place / "table.npz"), "--rounds", "1", "--answers", "20", "--quiet"]
    assert exit_code([*args, "--model", "probe", "--out", str(place / "run")]) == 0
    assert data.features is not None
    return place / "run", np.asarray(data.features)


@pytest.fixture
def elsewhere(tmp_path: Path, call: Run) -> Run:
    """`alasl` as on another machine: another process, another folder, an empty cache."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    environment = os.environ | {"ALASL_CACHE": str(tmp_path / "new-cache")}

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        return call(*args, cwd=folder, env=environment)

    return run


@pytest.fixture
def photos(scenes: Path, tmp_path: Path) -> Path:
    """A folder of some of the scenes' images, deeper and in another order."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    for place, path in enumerate(sorted((scenes / "images").iterdir())[3:25]):
        shutil.copy(path, folder / ("deep" if place % 2 else ".") / f"{99 - place}-{path.name}")
    return folder
