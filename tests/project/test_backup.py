"""A project in one file and back; bits that flip on the disk; network shares."""

from __future__ import annotations

import json
import random
import sqlite3
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.errors import AlaslError, ConflictError, DataError, ResourceError
from alasl.project import shares
from alasl.project.backup import backup, restore
from alasl.project.changes import LabelChange
from alasl.project.folder import SETTINGS, STORE, Project, init, load
from alasl.project.integrity import examined
from alasl.project.records import Answer, Chances, Questions, Training
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store

from .conftest import at

Make = Callable[..., Store]
MakeProject = Callable[..., Project]


def lived(store: Store) -> Store:
    """A store of which every table holds something."""
    rows, cols = (store.initial_and_labels()[0].dense() < 0).nonzero()
    few = slice(0, 40)
    chances = Chances(np.arange(2, 4), np.full((2, len(store.names)), 0.25), np.full((2, 3), 0.5))
    at(store, 1.0).fill(1, Questions(rows[few], cols[few], why=["audit"] * 40), chances=chances)
    for number, (row, col) in enumerate(zip(rows[few].tolist(), cols[few].tolist(), strict=True)):
        person = "ann" if number % 3 else "ben"
        one = Answer(row, col, number % 2, 1.5)
        at(store, 2.0 + number).answer(person, [one], request=f"r{number}")
    at(store, 100.0).undo("ann", request="back")
    at(store, 101.0).skip("ben", 5, request="skip")
    at(store, 102.0).import_answers("file.csv", [Answer(18, 0, 1), Answer(18, 1, 0)])
    at(store, 103.0).resolve("ann", 7, 1, 1)
    at(store, 104.0).change("ann", LabelChange("rename", ("label0",), into=("dog",)))
    at(store, 105.0).machine(
        "model",
        np.where(store.initial_and_labels()[0].dense() < 0, 1, -1).astype(np.int8)[:, :3],
    )
    ap = (50.0,) * len(store.names)
    store.note_training(Training(106.0, 40, 40, 60.0, 1.0, 50.0, ap, "model", "test"))
    return store


def told(path: Path) -> list[object]:
    """All that a store tells of answers, labels and images."""
    store = Store.open(path)
    try:
        labels, votes = store.labels(), store.votes()
        chances, drawn, _ = store.audited(np.arange(2, 4))
        return [
            *(
                labels.entries.tolist(),
                labels.source.tolist(),
                store.initial_and_labels()[0].dense().tolist(),
            ),
            *(store.images, store.files, store.roles, store.names, store.scheme.labels),
            *(store.answers(), list(store.events()), store.trainings(), store.disagreements()),
            *(votes.rows.tolist(), votes.values.tolist(), store.progress().people),
            [(q.image, q.label, q.gold, q.why, q.pi) for q in store.queue()],
            *(chances.before.tolist(), chances.now.tolist(), drawn.tolist()),
        ]
    finally:
        store.close()


def test_no_flipped_bit_changes_an_answer_in_silence(make_store: Make) -> None:
    store = lived(make_store(20, 3))
    store.close()
    before, content = told(store.path), store.path.read_bytes()
    assert examined(store.path) == []
    for seed in range(60):
        bit = random.Random(seed).randrange(8 * len(content))
        flipped = bytearray(content)
        flipped[bit // 8] ^= 1 << bit % 8
        store.path.write_bytes(flipped)
        if not examined(store.path):
            assert told(store.path) == before, f"bit {bit}"


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("labels", "name = 'cow' WHERE label = 1"),
        ("images", "role = 'test' WHERE image = 3"),
        ("people", "seconds = 7 WHERE person = 2"),
        ("notes", "value = 9"),
        ("queue", "why = '' WHERE place = 30"),
        ("chances", "now = before WHERE label = 1"),
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_found(
    make_store: Make, table: str, change: str
) -> None:
    store = lived(make_store(20, 3))
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(f"DROP TRIGGER {table}_resummed")  # as nobody but the disk would write it
        db.execute(f"UPDATE {table} SET {change}")
    db.close()
    assert any(problem.startswith(f"{table}: the rows") for problem in examined(store.path))


def test_check_finds_what_is_damaged(say: Callable[..., Any], make_project: MakeProject) -> None:
    project = make_project(60)
    project.store.close()
    store = project.folder / STORE
    content = store.read_bytes()
    at = content.index(bytes(project.store.images[7], "utf-8"))
    store.write_bytes(content[:at] + b"\0" + content[at + 1 :])
    assert "the store is damaged" in say("check", project.folder, code=3)
    assert "the store is damaged" in say("backup", project.folder, project.folder / "b.zip", code=3)
    assert not (project.folder / "b.zip").exists()


def test_a_backup_restores_the_whole_project(
    make_project: MakeProject, tmp_path: Path, say: Callable[..., Any]
) -> None:
    project = make_project(60)
    folder, file = project.folder, tmp_path / "b.zip"
    say("train", folder)
    (folder / "token").write_text("secret")
    told_before = told(folder / STORE)
    done = say("backup", folder, file, "--json")
    assert done["bytes"] == file.stat().st_size
    assert file.stat().st_mode & 0o077 == 0, "it tells as much as the store does"
    back = tmp_path / "elsewhere" / "mine"
    say("restore", file, back)
    assert told(back / STORE) == told_before
    assert {path.name for path in (back / "model").iterdir()} == {
        path.name for path in (folder / "model").iterdir()
    }
    assert load(back).settings == project.settings
    assert not (back / "token").exists()
    assert (
        say("status", back, "--json")["trainings"] == say("status", folder, "--json")["trainings"]
    )
    assert "already" in say("restore", file, back, code=6)
    assert done["events"] == 1
    # In the place of the earlier one.
    assert "MB, 1 event\n" in say("backup", folder, file)
    other = tmp_path / "notes.txt"
    other.write_text("mine")
    assert "no backup" in say("backup", folder, other, code=6)
    assert other.read_text() == "mine"


def test_a_backup_made_while_people_answer_has_whole_requests(
    make_store: Make, tmp_path: Path
) -> None:
    store = make_store(402, 4)
    stop = threading.Event()

    def answer() -> None:
        other, number = Store.open(store.path), 0
        while not stop.is_set():
            many = [Answer(2 + number % 400, label, 1, 1.0) for label in range(4)]
            other.answer("ann", many, request=f"r{number}")
            number += 1
        other.close()

    writer = threading.Thread(target=answer)
    writer.start()
    try:
        for number in range(10):
            while store.last_event() < 40 * (number + 1):
                pass
            copy = tmp_path / f"{number}.sqlite"
            store.copy(copy)
            assert examined(copy) == []
            copied = Store.open(copy)
            assert (copied.last_event() - 1) % 4 == 0
            assert copied.last_event() > 40 * number
            copied.close()
    finally:
        stop.set()
        writer.join()


def altered(file: Path, out: Path, **parts: bytes | None) -> Path:
    """A backup with other parts, by name; None takes one away."""
    with zipfile.ZipFile(file) as before, zipfile.ZipFile(out, "w") as after:
        new = {name: before.read(name) for name in before.namelist()} | parts
        for name, content in new.items():
            if content is not None:
                after.writestr(name, content)
    return out


@pytest.mark.parametrize(
    ("parts", "seen"),
    [
        ({"../outside": b"x"}, "not a part"),
        ({"model/../../outside": b"x"}, "not a part"),
        ({"/outside": b"x"}, "not a part"),
        ({"predictions/x.py": b"x"}, "not a part"),
        ({STORE: None}, "no backup"),
        ({STORE: b"not a store"}, "damaged"),
        ({"backup.json": b"{}"}, "no backup"),
        ({"backup.json": b"[1]"}, "no backup"),
    ],
)
def test_a_file_that_is_no_backup_leaves_nothing_behind(
    make_project: MakeProject, tmp_path: Path, parts: dict[str, bytes | None], seen: str
) -> None:
    file = tmp_path / "b.zip"
    backup(make_project(60), file)
    bad = altered(file, tmp_path / "bad.zip", **parts)
    before = {*tmp_path.iterdir()}
    with pytest.raises(DataError, match=seen):
        restore(bad, tmp_path / "back")
    assert {*tmp_path.iterdir()} == before


def test_a_damaged_backup_is_refused(make_project: MakeProject, tmp_path: Path) -> None:
    project, file = make_project(60), tmp_path / "b.zip"
    backup(project, file)
    before = told(project.folder / STORE)
    content = file.read_bytes()
    refused = 0
    for number, place in enumerate(range(0, len(content), len(content) // 40)):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        back = tmp_path / f"back{number}"
        try:
            restore(file, back)
        except AlaslError:
            refused += 1
            assert not back.exists()
        else:  # what no part hangs on, as a date
            assert told(back / STORE) == before
    assert refused > 30
    file.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="damaged"):
        restore(file, tmp_path / "back")


def test_a_newer_backup_is_refused(make_project: MakeProject, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    backup(make_project(60), file)
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read("backup.json"))
    newer = altered(
        file, tmp_path / "new.zip", **{"backup.json": json.dumps(about | {"version": 99}).encode()}
    )
    with pytest.raises(ConflictError, match="newer"):
        restore(newer, tmp_path / "back")


@pytest.fixture
def pictured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project in `here/mine` on images in `here/images`, named relative."""
    images = tmp_path / "here" / "images"
    images.mkdir(parents=True)
    for number in range(20):
        (images / f"{number}.ppm").write_bytes(b"P6 4 4 255\n" + bytes([number, 100, 7]) * 16)
    monkeypatch.chdir(tmp_path)
    settings = ProjectSettings(data="here/images", near=False)
    project = init(Path("here/mine"), settings, ["dog", "cat"])
    yield project
    project.store.close()


def test_a_restored_project_finds_its_images_where_they_were(
    pictured: Project, tmp_path: Path
) -> None:
    backup(pictured, Path("b.zip"))
    assert restore(Path("b.zip"), tmp_path / "away" / "far" / "mine").images
    load(tmp_path / "away" / "far" / "mine").require_images()
    (tmp_path / "here").rename(tmp_path / "there")
    assert restore(Path("b.zip"), tmp_path / "there" / "second").images, "as they moved together"
    assert not restore(Path("b.zip"), tmp_path / "lost" / "x" / "mine").images
    done = restore(Path("b.zip"), Path("third"), root=Path("there/images"))
    assert done.images
    load(Path("third")).require_images()


def mounted(kind: str, at: Path) -> str:
    blank = str(at).replace(" ", "\\040")
    return f"22 1 8:1 / / rw - ext4 /dev/sda rw\n36 22 0:44 / {blank} rw,relatime - {kind} x rw\n"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs"])
def test_a_store_on_a_network_share_is_looked_at_and_not_written_to(
    make_store: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    share = tmp_path / "a share"
    share.mkdir()
    store = make_store(path=share / "store.sqlite")
    store.answer("ann", [Answer(2, 0, 1)], request="r")
    store.close()
    table = tmp_path / "mountinfo"
    table.write_text(mounted(kind, share))
    monkeypatch.setattr(shares, "MOUNTS", table)
    looked = Store.open(store.path)
    assert len(looked.answers()) == 1
    with pytest.raises(ResourceError, match="network share") as refused:
        looked.answer("ann", [Answer(3, 0, 1)], request="s")
    assert f"{kind} at {share}" in str(refused.value)
    looked.close()
    with pytest.raises(ResourceError, match="network share"):
        init(share / "mine", ProjectSettings(data="nowhere"))
    assert shares.share_of(tmp_path) is None


def test_a_mount_hides_those_it_is_mounted_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "mountinfo"
    table.write_text(
        mounted("nfs", tmp_path) + mounted("ext4", tmp_path / "disk").splitlines()[1] + "\n"
    )
    monkeypatch.setattr(shares, "MOUNTS", table)
    (tmp_path / "disk").mkdir()
    assert shares.share_of(tmp_path / "new" / "store") == f"nfs at {tmp_path}"
    assert shares.share_of(tmp_path / "disk" / "store") is None
    monkeypatch.setattr(shares, "MOUNTS", tmp_path / "nothing")
    assert shares.share_of(tmp_path) is None


def test_a_project_keeps_its_settings_through_a_backup(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(60, gold=0.07)
    backup(project, tmp_path / "b.zip")
    restore(tmp_path / "b.zip", tmp_path / "back")
    before = (project.folder / SETTINGS).read_text()
    assert (tmp_path / "back" / SETTINGS).read_text() == before


def test_status_tells_what_training_would_refuse(
    pictured: Project, say: Callable[..., Any], tmp_path: Path
) -> None:
    assert say("status", pictured.folder, "--json")["troubles"] == []
    settings = pictured.folder / SETTINGS
    settings.write_text(settings.read_text().replace('"variance"', '"varance"'))
    (tmp_path / "here" / "images").rename("away")
    images, strategy = say("status", pictured.folder, "--json")["troubles"]
    assert "root = " in images
    assert "'varance'" in strategy
    assert str(settings) in strategy
    assert "not as it should be" in say("status", pictured.folder)


def test_status_runs_no_code_that_settings_name(
    pictured: Project, say: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "mine.py").write_text("raise SystemExit(9)")
    settings = pictured.folder / SETTINGS
    settings.write_text(settings.read_text().replace('"variance"', '"mine.py:x"'))
    assert say("status", pictured.folder, "--json")["troubles"] == []


def test_a_copys_answers_come_back_by_a_file(
    make_project: MakeProject, tmp_path: Path, say: Callable[..., Any]
) -> None:
    project = make_project(60)
    rows, cols = (project.store.initial_and_labels()[0].dense() < 0).nonzero()
    entries = list(zip(rows.tolist(), cols.tolist(), strict=True))
    project.store.answer("ann", [Answer(*entries[0], 1)], request="r")
    say("backup", project.folder, tmp_path / "b.zip")
    copy = tmp_path / "copy"
    say("restore", tmp_path / "b.zip", copy)
    copied = load(copy)
    copied.store.answer("ann", [Answer(*entries[1], 0)], request="s")
    copied.store.answer("ben", [Answer(*entries[0], 0), Answer(*entries[2], 1)], request="t")
    copied.store.close()
    out = tmp_path / "answers.csv"
    say("export", copy, out, "--to", "csv-long", "--what", "answers")
    for new in (3, 0):
        done = say("import", project.folder, out, "--on-conflict", "vote", "--json")
        assert done["new"] == new
    votes = load(project.folder).store.votes()
    assert len(votes) == 4
