"""Images that come into a project and leave it, from folders, tables and the command line."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import ConflictError, DataError, NothingToDo, UsageError
from alasl.labels import Labels
from alasl.project import initial
from alasl.project.changes import LabelChange
from alasl.project.driver import Driver
from alasl.project.folder import Project, init, load
from alasl.project.growing import add, drop
from alasl.project.records import Answer
from alasl.project.settings import ProjectSettings
from alasl.sparse import Sparse

MakeProject = Callable[..., Project]


def picture(path: Path, number: int) -> Path:
    """A small image that is like no other: a PPM of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"P6 4 4 255\n" + bytes([number % 256, number // 256, 7] * 16))
    return path


@pytest.fixture
def with_files(tmp_path: Path) -> Project:
    """A project of ten images with files, two labels, all of it known of the first six."""
    for number in range(10):
        picture(tmp_path / "data" / "images" / f"{number}.ppm", number)
    entries = np.full((10, 2), -1, np.int8)
    entries[:6] = np.arange(12).reshape(6, 2) % 2
    entries[::2, 0] = 1
    names = tuple(f"{number}.ppm" for number in range(10))
    write(Labels(entries, ("dog", "cat"), names), tmp_path / "data" / "labels.csv", "csv-wide")
    settings = ProjectSettings(data=str(tmp_path / "data"), empty="unknown", answers=5, gold=0.0)
    return init(tmp_path / "mine", settings)


@pytest.mark.slow
def test_nothing_is_asked_of_an_image_whose_file_is_lost(
    with_files: Project, caplog: pytest.LogCaptureFixture
) -> None:
    settings = replace(with_files.settings, gold=0.5, answers=12)
    project = replace(with_files, settings=settings)
    store = project.store
    Driver(project).renew()
    Driver(project).suggest()
    assert "have no file" not in caplog.text
    asked = {question.image for question in store.queue()}
    away = sorted(asked)[: len(asked) // 2]
    assert away
    for row in away:
        (project.root / str(store.files[row])).unlink()
    Driver(project).suggest()
    left = {question.image for question in store.queue()}
    assert left
    assert not left & set(away)
    assert f"{len(away)} of 10 images have no file, the first {store.images[away[0]]!r}" in (
        caplog.text
    )
    # Once they are back, they are asked of as before.
    for row in away:
        picture(project.root / str(store.files[row]), int(store.images[row].split(".")[0]))
    Driver(project).suggest()
    assert {question.image for question in store.queue()} & set(away)


@pytest.mark.slow
def test_images_of_a_folder_come_into_the_pool(with_files: Project, tmp_path: Path) -> None:
    project = with_files
    roles = dict(zip(project.store.images, project.store.roles, strict=True))
    for number in (20, 21):
        picture(tmp_path / "more" / f"{number}.ppm", number)
    shutil.copy(tmp_path / "data" / "images" / "3.ppm", tmp_path / "more" / "copy.ppm")
    shutil.copy(tmp_path / "more" / "20.ppm", tmp_path / "more" / "twenty.ppm")
    counted = add(project, tmp_path / "more", "owner", dry_run=True)
    assert len(project.store.images) == 10
    done = add(project, tmp_path / "more", "owner")
    assert done == counted
    assert done.copies == (("copy.ppm", "3.ppm"), ("twenty.ppm", "20.ppm"))
    assert done.roles == {"pool": 2}
    now = dict(zip(project.store.images, project.store.roles, strict=True))
    assert now == roles | {"20.ppm": "pool", "21.ppm": "pool"}
    assert all(path.is_file() for path in project.dataset().paths or ())
    again = load(project.folder)
    assert again.store.images == project.store.images
    again.store.close()
    project.store.close()


def test_where_all_images_are_there_already_it_says_by_what(
    with_files: Project, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    for name in ("3.ppm", "copy.ppm"):
        shutil.copy(tmp_path / "data" / "images" / "3.ppm", tmp_path / "more" / name)
    with pytest.raises(NothingToDo, match=r"no new image.*1 are there by name, 1 have the content"):
        add(with_files, tmp_path / "more", "owner")


def test_a_table_brings_what_is_known_of_its_images(with_files: Project, tmp_path: Path) -> None:
    project = with_files
    for number in (30, 31):
        picture(tmp_path / "more" / "images" / f"{number}.ppm", number)
    table = tmp_path / "more" / "labels.csv"
    table.write_text("image,cat,Dog\n30.ppm,1,\n31.ppm,0,1\n")
    add(project, tmp_path / "more", "owner", empty="unknown")
    labels = project.store.labels()
    assert labels.images[-2:] == ("30.ppm", "31.ppm")
    assert labels.entries[-2:].tolist() == [[-1, 1], [1, 0]]
    table.write_text("image,cat,fox\n30.ppm,1,1\n31.ppm,1,1\n")
    with pytest.raises(DataError, match="'fox'"):
        add(project, tmp_path / "more", "owner")
    project.store.close()


def test_a_large_table_that_comes_in_is_not_made_whole(
    with_files: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = with_files
    for number in (30, 31, 32):
        picture(tmp_path / "more" / "images" / f"{number}.ppm", number)
    # A label under two names: the first counts.
    project.store.change("owner", LabelChange("rename", ("dog",), ("hound",)))
    table = "image,label,value\n30.ppm,hound,1\n30.ppm,dog,0\n31.ppm,dog,0\n32.ppm,cat,1\n"
    (tmp_path / "more" / "labels.csv").write_text(table)
    monkeypatch.setattr(Sparse, "dense", None)
    monkeypatch.setattr(initial, "_ENTRIES", 3)
    add(project, tmp_path / "more", "owner", empty="unknown")
    labels = project.store.labels()
    last = np.arange(len(labels.images) - 3, len(labels.images))
    assert labels.of(last).tolist() == [
        [1, -1],
        [0, -1],
        [-1, 1],
    ]
    project.store.close()


def test_bad_files_are_all_named_or_left_out(with_files: Project, tmp_path: Path) -> None:
    picture(tmp_path / "more" / "40.ppm", 40)
    for name in ("bad.jpg", "empty.png"):
        (tmp_path / "more" / name).write_bytes(b"" if name == "empty.png" else b"\xff\xd8 no")
    with pytest.raises(DataError, match="2 of 3") as refused:
        add(with_files, tmp_path / "more", "owner")
    assert len(refused.value.more) == 2
    done = add(with_files, tmp_path / "more", "owner", skip_bad=True)
    assert [path.name for path, _ in done.bad] == ["bad.jpg", "empty.png"]
    assert with_files.store.images[-1] == "40.ppm"
    with_files.store.close()


def test_an_id_that_is_taken_by_another_image_is_refused(
    with_files: Project, tmp_path: Path
) -> None:
    picture(tmp_path / "more" / "3.ppm", 99)
    with pytest.raises(ConflictError, match=r"3\.ppm"):
        add(with_files, tmp_path / "more", "owner")
    shutil.copy(tmp_path / "data" / "images" / "3.ppm", tmp_path / "more" / "3.ppm")
    picture(tmp_path / "more" / "50.ppm", 50)
    assert add(with_files, tmp_path / "more", "owner").known == ("3.ppm",)
    with_files.store.close()


def test_new_images_can_be_dealt_by_the_projects_shares(make_project: MakeProject) -> None:
    project = make_project(60)
    before = dict(zip(project.store.images, project.store.roles, strict=True))
    done = add(project, more_of(project, 40), "owner", deal="shares")
    assert done.roles == {"clean": 4, "pool": 28, "test": 8}
    after = dict(zip(project.store.images, project.store.roles, strict=True))
    assert before.items() <= after.items()


@pytest.mark.slow
def test_images_are_dealt_as_the_first_ones_where_none_is_clean(
    with_files: Project, tmp_path: Path
) -> None:
    with_files.store.close()
    rows = "".join(f"{number}.ppm,1,\n" for number in range(10))
    (tmp_path / "data" / "labels.csv").write_text(f"image,dog,cat\n{rows}")
    settings = ProjectSettings(data=str(tmp_path / "data"), empty="unknown", audit=0.2)
    audited = init(tmp_path / "audited", settings)
    assert "clean" not in audited.store.roles
    for number in range(20, 30):
        picture(tmp_path / "more" / f"{number}.ppm", number)
    assert add(audited, tmp_path / "more", "owner", deal="shares").roles == {"pool": 8, "test": 2}
    audited.store.close()


def more_of(project: Project, many: int) -> Path:
    """A table of new images with features, as the project's own."""
    own = project.dataset()
    rng = np.random.default_rng(1)
    features = rng.standard_normal((many, own.features.shape[1])).astype(np.float32)
    entries = rng.integers(-1, 2, (many, len(project.store.names))).astype(np.int8)
    images = tuple(f"new{i}.jpg" for i in range(many))
    path = project.folder.parent / "more.npz"
    write(Labels(entries, project.store.names, images), path, "npz", features=features)
    return path


def test_features_come_with_images_and_the_project_goes_on(make_project: MakeProject) -> None:
    project = make_project(90)
    driver = Driver(project)
    driver.train()
    first = project.store.images[project.store.roles.index("pool")]
    drop(project, [first], "owner")
    path = more_of(project, 20)
    add(project, path, "owner")
    dataset: Dataset = project.dataset()
    assert len(dataset) == 109
    new = np.load(path)["features"]
    np.testing.assert_array_equal(dataset.features[-20:], new)
    with pytest.raises(ConflictError, match="since the model was trained"):
        Driver(project).suggest()
    driver = Driver(project)
    driver.train()
    driver.suggest()
    asked = {project.store.images[q.image] for q in project.store.queue()}
    assert first not in asked
    narrow = np.zeros((1, 2), np.float32)
    known = Labels(np.ones((1, 1), np.int8), project.store.names[:1], ("odd.jpg",))
    write(known, path, "npz", features=narrow)
    with pytest.raises(DataError, match="features of its own"):
        add(project, path, "owner")


def test_what_was_said_of_a_dropped_image_comes_back_with_it(with_files: Project) -> None:
    project, store = with_files, with_files.store
    number = next(i for i in range(6, 10) if store.roles[i] == "pool")
    store.answer("ann", [Answer(number, 1, 1, 1.0)], request="r")
    name, before = store.images[number], store.labels().entries.tolist()
    drop(project, [name], "owner")
    assert name not in store.images
    done = add(project, Path(project.settings.data) / "images", "owner")
    assert len(done.known) == 9
    assert store.labels().entries.tolist() == before
    with pytest.raises(DataError, match=r"nothing\.ppm"):
        drop(project, ["nothing.ppm"], "owner")
    store.close()


def test_the_last_of_a_part_cannot_leave(with_files: Project) -> None:
    store = with_files.store
    clean = [
        image for image, role in zip(store.images, store.roles, strict=True) if role == "clean"
    ]
    with pytest.raises(UsageError, match="clean set"):
        drop(with_files, clean, "owner")
    store.close()


@pytest.mark.slow
def test_a_week_of_changes_on_the_command_line(
    with_files: Project, tmp_path: Path, say: Callable[..., Any]
) -> None:
    folder = with_files.folder
    with_files.store.close()
    say("labels", folder, "add", "fox", "wolf")
    counted = say("labels", folder, "merge", "fox", "wolf", "--into", "wild", "--dry-run", "--json")
    assert (counted["dry_run"], counted["after"]["labels"]) == (True, 3)
    say("labels", folder, "split", "dog", "--into", "small", "large")
    say("labels", folder, "rename", "cat", "pet")
    say("labels", folder, "describe", "pet", "any cat")
    say("labels", folder, "imply", "small", "pet")
    say("labels", folder, "exclude", "small", "large")
    say("labels", folder, "remove", "wolf")
    found = {one["name"]: one for one in say("labels", folder, "--json")["labels"]}
    assert list(found) == ["pet", "fox", "small", "large"]
    assert found["pet"]["former"] == ["cat"]
    assert found["pet"]["about"] == "any cat"
    assert found["small"]["implies"] == ["pet"]
    assert found["large"]["excludes"] == ["small"]
    assert "pet: " in say("labels", folder)
    for _ in range(7):
        say("undo", folder)
    assert [one["name"] for one in say("labels", folder, "--json")["labels"]] == ["dog", "cat"]
    assert "no change" in say("undo", folder, code=4)
    (tmp_path / "data" / "images" / "8.ppm").write_bytes(b"P6 9")
    assert "'8.ppm'" in say("drop", folder, "--bad")
    picture(tmp_path / "more" / "60.ppm", 60)
    added = say("add", folder, tmp_path / "more", "--json")
    assert added["roles"] == {"pool": 1}
    assert "new: " in say("history", folder, "60.ppm")
    assert say("check", folder, "--out", tmp_path / "check.jsonl")
    assert "no such" in say("add", folder, tmp_path / "nowhere", code=3)


@pytest.mark.slow
def test_a_taxonomy_from_the_beginning_and_what_contradicts_it(
    with_files: Project, tmp_path: Path, say: Callable[..., Any]
) -> None:
    with_files.store.close()
    file = tmp_path / "taxonomy.csv"
    file.write_text("dog,animal\ncat,animal\ndog,excludes,cat\n")
    data = Path(with_files.settings.data)
    folder = tmp_path / "second"
    say("init", folder, data, "--empty", "unknown", "--taxonomy", file)
    found = {one["name"]: one for one in say("labels", folder, "--json")["labels"]}
    assert found["animal"]["present"] == 8, "each image that has a dog or a cat"
    assert found["dog"]["excludes"] == ["cat"]
    # A quarter of the given entries has both.
    store = load(folder).store
    both = (store.initial_and_labels()[0].dense()[:, :2] == 1).all(axis=1)
    store.close()
    told = say("resolve", folder, "--json")["contradictions"]
    assert len(told) == both.sum() > 0
    assert {one["why"] for one in told} == {"excludes"}
    assert "contradict the rules" in say("resolve", folder)
    status = say("status", folder)
    assert "follow from others" in status
    say("report", folder)
    page = (folder / "report.html").read_text()
    assert f"{len(told)} pairs of entries contradict the rules" in page
    assert f"{len(told)} pairs of entries against these rules" in status
    open_ = tmp_path / "open.csv"
    say("resolve", folder, "--out", open_)
    lines = open_.read_text().splitlines()
    assert len(lines) == 1 + 2 * len(told)
    settled = [line[:-1] + ",0" if ",dog," in line else line for line in lines]
    open_.write_text("\n".join(settled).replace(",,0", ",0"))
    say("resolve", folder, open_, "--person", "ann")
    assert say("resolve", folder, "--json")["contradictions"] == []
    file.write_text("dgo,animal\n")
    assert "dgo" in say(
        "init", tmp_path / "third", data, "--empty", "unknown", "--taxonomy", file, code=3
    )
    assert not (tmp_path / "third").exists()


def test_an_image_file_that_has_changed_is_noticed(
    with_files: Project, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driver = Driver(with_files)
    driver.train()
    before = np.array(driver.prepared.inputs.array())
    files = [tmp_path / "data" / "images" / f"{number}.ppm" for number in (2, 3, 4)]
    os.utime(files[0], (1, 1))
    picture(files[1], 99)
    files[2].unlink()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        again = Driver(load(with_files.folder))
        again.suggest()
    (said,) = (text for text in caplog.messages if "others than before" in text)
    assert said.startswith("1 image files are others than before, the first '3.ppm'")
    now = again.prepared.inputs.array()
    assert np.flatnonzero((now != before).any(axis=1)).tolist() == [3]
    caplog.clear()
    Driver(load(with_files.folder)).suggest()
    assert "others than before" not in caplog.text
    files[1].write_bytes(b"no image")
    with pytest.raises(DataError, match=r"1 of 1 image files cannot be used(.|\n)*3\.ppm"):
        Driver(load(with_files.folder)).suggest()
