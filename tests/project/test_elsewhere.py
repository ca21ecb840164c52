"""A project that one may only read, that was moved, or of which files are broken."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from alasl.cli import exit_code
from alasl.data.formats import write
from alasl.errors import DataError, ResourceError
from alasl.labels import Labels
from alasl.project.folder import Project, init, load
from alasl.project.overview import overview
from alasl.project.records import Answer
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store

Make = Callable[..., Store]


def pictures(folder: Path, many: int) -> Path:
    """A table of images of one colour each, and their files."""
    (folder / "images").mkdir(parents=True)
    for number in range(many):
        colour = bytes([number, 100, 7]) * 16
        (folder / "images" / f"{number}.ppm").write_bytes(b"P6 4 4 255\n" + colour)
    entries = np.arange(2 * many).reshape(many, 2).astype(np.int8) % 2
    entries[::2, 0] = 1
    entries[many // 2 :, 1] = -1
    names = tuple(f"{number}.ppm" for number in range(many))
    write(Labels(entries, ("dog", "cat"), names), folder / "labels.csv", "csv-wide")
    return folder


def project(folder: Path, data: Path, **own: object) -> Project:
    return init(folder, ProjectSettings(data=str(data), empty="unknown", answers=5), **own)  # type: ignore[arg-type]


def only_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a user who may only read: whoever runs the tests may do all."""
    monkeypatch.setattr(os, "access", lambda _, mode: not mode & os.W_OK)


def test_a_store_that_one_may_only_read_can_be_looked_at(
    make_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(4, 2)
    store.answer("ann", [Answer(2, 0, 1, 1.0)], request="r")
    store.close()
    before = store.path.read_bytes()
    only_read(monkeypatch)
    looked = Store.open(store.path)
    assert looked.labels().entries[2].tolist() == [1, -1]
    assert looked.problems() == []
    with pytest.raises(ResourceError, match="can only be read"):
        looked.answer("ann", [Answer(3, 0, 1, 1.0)], request="s")
    looked.close()
    assert store.path.read_bytes() == before
    assert list(store.path.parent.glob(f"{store.path.name}-*")) == [], "no file beside it"


def test_an_older_store_that_one_may_only_read_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript((Path(__file__).parent / "store-v1.sql").read_text())
    db.close()
    only_read(monkeypatch)
    with pytest.raises(ResourceError, match="older version"):
        Store.open(path)


def test_a_store_that_one_may_not_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    project(folder, pictures(tmp_path / "data", 20)).store.close()
    may = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: Path(path).name != "store.sqlite" and may(path, mode)
    )
    for command in ("status", "check", "labels"):
        assert exit_code([command, str(folder)]) == 5
        said = capsys.readouterr().err
        assert "store.sqlite: you may not read this file" in said
        assert "free some space" not in said


def test_nobody_is_asked_where_no_answer_can_be_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    project(folder, pictures(tmp_path / "data", 20)).store.close()
    only_read(monkeypatch)
    monkeypatch.setattr("alasl.annotate.serve", lambda *_, **__: pytest.fail("it is served"))
    assert exit_code(["annotate", str(folder)]) == 5
    assert "here the store can only be read" in capsys.readouterr().err


def test_a_project_on_a_read_only_disk_is_shown_and_exported(
    small_disk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = pictures(tmp_path / "data", 20)
    folder = small_disk / "mine"
    project(folder, data).store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    out = tmp_path / "out"
    for command in (
        ["status", folder],
        ["report", folder, "--out", out / "page.html"],
        ["export", folder, out / "table.csv", "--to", "csv-wide"],
        ["check", folder, "--out", out / "check.jsonl"],
        ["labels", folder],
        ["history", folder, "3.ppm"],
        ["resolve", folder],
    ):
        assert exit_code([str(part) for part in command]) == 0, command
    assert exit_code(["labels", str(folder), "add", "fox"]) == 5
    capsys.readouterr()


def test_a_project_that_is_moved_with_its_images_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "here" / "data", 20)
    made = project(Path("here/mine"), Path("here/data"))
    assert made.settings.root == str(Path("..", "data", "images"))
    made.store.close()
    (tmp_path / "here").rename("there")
    moved = load(Path("there/mine"))
    moved.require_images()
    paths = moved.dataset().paths
    assert paths is not None
    assert all(path.is_file() for path in paths)
    (tmp_path / "there" / "data").rename("away")
    with pytest.raises(DataError, match="root = ") as refused:
        moved.require_images()
    assert "project.toml" in str(refused.value)
    moved.store.close()


def test_bad_files_are_left_out_where_one_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = pictures(tmp_path / "data", 30)
    (data / "images" / "7.ppm").write_bytes(b"")
    (data / "images" / "9.ppm").unlink()
    options = ["--empty", "unknown", "--skip-bad"]
    assert exit_code(["init", str(tmp_path / "mine"), str(data), *options]) == 0
    said = capsys.readouterr()
    assert "2 of 30 images are left out" in said.err
    made = load(tmp_path / "mine")
    assert len(made.store.images) == 28
    made.store.close()
    assert exit_code(["init", str(tmp_path / "second"), str(data), *options[:2]]) == 3
    assert "9.ppm" in capsys.readouterr().err
    (data / "images" / "9.ppm").write_bytes(b"P6")
    # All at once, where nobody looks for near images, too.
    for more in ((), ("--no-near",)):
        assert exit_code(["init", str(tmp_path / "second"), str(data), *options[:2], *more]) == 3
        said = capsys.readouterr().err
        assert "7.ppm" in said
        assert "9.ppm" in said


@pytest.mark.slow
def test_a_file_that_breaks_later_leaves_where_one_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    data = pictures(tmp_path / "data", 30)
    folder = tmp_path / "mine"
    made = project(folder, data)
    broken = [image for image, role in zip(made.store.images, made.store.roles, strict=True)
              if role == "pool"][:2]  # fmt: skip
    made.store.close()
    for image in broken:
        (data / "images" / image).write_bytes(b"")
    assert exit_code(["suggest", str(folder)]) == 3
    said = capsys.readouterr().err
    assert all(image in said for image in broken), "all at once"
    assert exit_code(["suggest", str(folder), "--skip-bad"]) == 0
    assert "dropped" in capsys.readouterr().err
    again = load(folder)
    assert overview(again).sizes["pool"] == made.store.roles.count("pool") - 2
    again.store.close()


def test_files_of_several_people_are_votes_each(make_store: Make) -> None:
    store = make_store(4, 2)
    for number, value in enumerate((1, 1, 0)):
        answers = [Answer(2, 0, value)]
        done = store.import_answers(f"{number}.csv", answers, on_conflict="vote")
        assert done.new == 1
    assert len(store.votes()) == 3
    assert store.labels().entries[2, 0] == 1
