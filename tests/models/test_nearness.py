"""Images that are nearly the same stay in one part, when a project begins and when it grows."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from alasl.data.duplicates import near_rows
from alasl.data.formats import read, write
from alasl.data.opening import make_split
from alasl.data.scenes import make_scenes
from alasl.labels import Labels
from alasl.models.nearness import grouped
from alasl.project.folder import init
from alasl.project.growing import add
from alasl.project.settings import ProjectSettings
from alasl.settings import RunSettings
from alasl.simulation.run import simulate

SCENES = 12


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of a dozen scenes, each a second time, a little brighter."""
    folder = tmp_path_factory.mktemp("twins")
    make_scenes(folder / "drawn", SCENES, seed=3)
    names = []
    (folder / "images").mkdir()
    for number, path in enumerate(sorted((folder / "drawn" / "images").iterdir())):
        with Image.open(path) as image:
            image.convert("RGB").save(folder / "images" / f"{number}a.png")
            twin = ImageEnhance.Brightness(image.convert("RGB")).enhance(1.05)
            twin.save(folder / "images" / f"{number}b.png")
        names += [f"{number}a.png", f"{number}b.png"]
    entries = np.full((len(names), 2), -1, np.int8)
    entries[::3], entries[1::3] = 1, 0
    write(Labels(entries, ("dog", "cat"), tuple(names)), folder / "labels.csv", "csv-wide")
    return folder


def settings(data: Path, seed: int = 0, **more: object) -> ProjectSettings:
    return ProjectSettings(**{"data": str(data), "empty": "unknown", "seed": seed, **more})  # type: ignore[arg-type]


def divided(data: Path, folder: Path, seed: int, near: bool) -> int:
    """How many of the scenes have their two images in two parts."""
    project = init(folder, settings(data, seed, near=near, test=0.4))
    role = dict(zip(project.store.images, project.store.roles, strict=True))
    return sum(role[f"{n}a.png"] != role[f"{n}b.png"] for n in range(SCENES))


@pytest.mark.slow
def test_twins_are_judged_by_no_model_that_saw_the_other(twins: Path, tmp_path: Path) -> None:
    for seed in range(3):
        assert divided(twins, tmp_path / f"near{seed}", seed, near=True) == 0
        assert divided(twins, tmp_path / f"far{seed}", seed, near=False) > 0


@pytest.mark.slow
def test_a_simulation_keeps_twins_together_as_a_project_does(twins: Path) -> None:
    dataset = read(twins, empty="unknown")
    of = np.array([int(name.split("a")[0].split("b")[0]) for name in dataset.labels.images])
    for seed in range(3):
        apart = {}
        for near in (True, False):
            settings = RunSettings(data=str(twins), clean=0.2, test=0.4, near=near, seed=seed)
            split = make_split(grouped(dataset, settings), settings)
            apart[near] = len(set(of[split.test]) & set(of[split.seen]))
        assert apart[True] == 0 < apart[False]


@pytest.mark.slow
def test_a_run_looks_for_twins_itself(twins: Path) -> None:
    sizes = []
    for near in (True, False):
        settings = RunSettings(
            data=str(twins), empty="unknown", test=0.38, rounds=0, near=near, model="logistic"
        )
        sizes.append(simulate(settings).start.sizes["test"])
    assert sizes == [10, 9], "9 of 24 images, in whole pairs"


@pytest.mark.slow
def test_a_new_image_goes_where_its_twin_is(twins: Path, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "more").mkdir()
    for number in range(SCENES):
        for kind, place in (("a", "data"), ("b", "more")):
            name = f"{number}{kind}.png"
            (tmp_path / place / name).write_bytes((twins / "images" / name).read_bytes())
    project = init(tmp_path / "p", settings(tmp_path / "data", test=0.4), ["dog"])
    done = add(project, tmp_path / "more", "owner")
    role = dict(zip(project.store.images, project.store.roles, strict=True))
    assert [role[f"{n}b.png"] for n in range(SCENES)] == [role[f"{n}a.png"] for n in range(SCENES)]
    assert done.roles == {part: list(role.values()).count(part) // 2 for part in done.roles}


def test_of_images_that_are_all_alike_only_equal_files_stay_together(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data").mkdir()
    for number in range(5):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(tmp_path / "data" / f"{number}.png")
    alike = settings(tmp_path / "data", test=0.4)
    with caplog.at_level(logging.WARNING, "alasl"):
        project = init(tmp_path / "p", alike, ["dog"])
    assert "the test set of the split is empty" in caplog.text
    assert (
        project.store.roles == init(tmp_path / "q", replace(alike, near=False), ["dog"]).store.roles
    )


def test_near_rows_names_the_first_that_is_near() -> None:
    old = np.array([[1, 0, 0], [1, 0.01, 0], [0, 1, 0]], np.float32)
    new = np.array([[0, 0, 1], [2, 0.01, 0], [0, 1, 0.01]], np.float32)
    assert near_rows(old, new) == {1: 0, 2: 2}
