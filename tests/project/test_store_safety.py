"""What must not happen to people's answers: kills, crowds, full disks, other versions' files."""

from __future__ import annotations

import contextlib
import gc
import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from alasl.errors import ConflictError, DataError, ResourceError
from alasl.project.records import LEASE, Answer, Questions
from alasl.project.schema import APPLICATION, VERSION
from alasl.project.store import Store

from .conftest import at

HERE = Path(__file__).parent
Make = Callable[..., Store]


def everything(store: Store) -> Questions:
    rows, cols = (store.initial_and_labels()[0].dense() < 0).nonzero()
    return Questions(rows, cols)


def answer_all(store: Store, person: str, acknowledged: list[str]) -> None:
    """Answer what is left, and note each request once the store has taken it."""
    while tasks := store.lease(person):
        (task,) = tasks
        request = f"{person}-{task.image}"
        store.answer(person, [Answer(task.image, j, 1, 1.0) for j in task.labels], request=request)
        acknowledged.append(request)


@pytest.mark.slow
def test_no_acknowledged_answer_is_lost_when_writers_are_killed(make_store: Make) -> None:
    store = make_store(402, 4)
    store.fill(1, everything(store))
    store.close()
    program = [sys.executable, str(HERE / "writers.py"), str(store.path), "4", "60", "0"]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["lost"] == []
    assert told["problems"] == []
    assert told["acknowledged"] >= 60


@pytest.mark.slow
def test_twenty_clients_never_get_the_same_task(make_store: Make) -> None:
    clients, tasks_each = 20, 500
    store = make_store(2 + clients * tasks_each, 1)
    store.fill(1, everything(store))
    stores = [Store.open(store.path) for _ in range(2)]
    begin = threading.Barrier(clients)

    def client(number: int) -> list[int]:
        """The images that a client was given; it answers a grid and gets the next at once."""
        own, name = stores[number % 2], f"p{number}"
        given: list[int] = []
        begin.wait()
        tasks = own.lease(name, images=25)
        while tasks:
            given += [t.image for t in tasks]
            answers = [Answer(t.image, 0, 1, 1.0) for t in tasks]
            with own.together():
                own.answer(name, answers, request=f"{number}-{len(given)}")
                tasks = own.lease(name, images=25)
        return given

    with ThreadPoolExecutor(clients) as pool:
        given = list(pool.map(client, range(clients)))
    assert sorted(image for images in given for image in images) == list(
        range(2, len(store.images))
    )
    assert sum(len(images) > 0 for images in given) >= 10, "they did work at once"
    assert store.progress().left == 0
    assert store.problems() == []
    for one in stores:
        one.close()


def test_a_dead_clients_task_is_offered_again_after_the_lease(make_store: Make) -> None:
    store = make_store()
    store.fill(1, everything(store))
    lost = at(store, 1000).lease("dead", images=2)
    ids = {t.image for t in lost}
    others = at(store, 1000 + LEASE - 1).lease("ann", images=9)
    assert not ids & {t.image for t in others}
    again = at(store, 1000 + LEASE).lease("ben", images=9)
    assert ids == {t.image for t in again}


def test_answers_are_synced_before_they_are_acknowledged(make_store: Make) -> None:
    store = make_store()
    with store._database.writing() as db:
        assert db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_full_disk_is_said_and_loses_nothing(make_store: Make, small_disk: Path) -> None:
    store = make_store(400, 4, path=small_disk / "store.sqlite")
    store.fill(1, everything(store))
    acknowledged: list[str] = []
    with pytest.raises(ResourceError) as full:
        answer_all(store, "ann", acknowledged)
    assert full.value.exit_code == 5
    assert "intact" in full.value.what
    assert len(acknowledged) > 3
    assert {*acknowledged} <= {e.request for e in store.events()}
    subprocess.run(["mount", "-o", "remount,size=16m", str(small_disk)], check=True)
    assert store.problems() == []
    store.release("ann")
    answer_all(store, "ben", acknowledged)
    store.close()
    again = Store.open(store.path)
    assert {*acknowledged} <= {e.request for e in again.events()}
    assert again.progress().left == 0
    again.close()


def fill(disk: Path) -> None:
    """Leave no room on a disk."""
    with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 512)


def test_a_project_on_a_full_disk_is_looked_at(
    small_disk: Path, say: Callable[..., Any], tmp_path: Path
) -> None:
    images, project = small_disk / "images", small_disk / "project"
    images.mkdir()
    for n in range(4):
        Image.new("RGB", (8, 8), (60 * n, 0, 0)).save(images / f"{n}.png")
    say("init", project, images, "--label", "dog")
    one, two = small_disk.parent / "one.csv", small_disk.parent / "two.csv"
    one.write_text("image,label,value\n0.png,dog,1\n")
    two.write_text("image,label,value\n1.png,dog,1\n")
    say("import", project, one)
    gc.collect()  # a store that is open has its files already
    assert not (project / "store.sqlite-shm").exists()
    fill(small_disk)
    assert say("status", project, "--json")["answers"] == 1
    say("check", project, "--out", tmp_path / "check.jsonl")
    assert "dog: present" in say("history", project, "0.png")
    assert "intact" in say("import", project, two, code=5)
    gc.collect()
    (small_disk / "filler").unlink()
    say("import", project, two)
    assert say("status", project, "--json")["answers"] == 2


@pytest.mark.parametrize("index", [True, False])
def test_what_a_kill_left_in_the_log_is_read_on_a_full_disk(
    make_store: Make, small_disk: Path, index: bool
) -> None:
    store = make_store(path=small_disk / "killed" / "store.sqlite")
    store.answer("ann", [Answer(2, 0, 1, 1.0)], request="r")
    # As a kill leaves them: the log is not in the file.
    for file in store.path.parent.iterdir():
        if index or not file.name.endswith("-shm"):
            shutil.copy(file, small_disk / file.name)
    store.close()
    shutil.rmtree(store.path.parent)
    fill(small_disk)
    again = Store.open(small_disk / "store.sqlite")
    assert [e.request for e in again.events()] == [None, "r"]
    assert again.problems() == []
    with pytest.raises(ResourceError, match="intact"):
        again.answer("ann", [Answer(n, 0, 1, 1.0) for n in range(3)], request="s")
    again.close()
    (small_disk / "filler").unlink()
    again = Store.open(small_disk / "store.sqlite")
    again.answer("ann", [Answer(3, 0, 1, 1.0)], request="t")
    assert [e.request for e in again.events()] == [None, "r", "t"]
    again.close()


def test_a_full_disk_leaves_no_half_made_store(make_store: Make, small_disk: Path) -> None:
    with pytest.raises(ResourceError):
        make_store(20_000, 80, path=small_disk / "store.sqlite")
    assert list(small_disk.iterdir()) == []


def test_a_read_only_folder_is_said_and_the_store_intact(
    make_store: Make, small_disk: Path
) -> None:
    store = make_store(path=small_disk / "store.sqlite")
    store.answer("ann", [Answer(2, 0, 1, 1.0)], request="r")
    store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(ResourceError) as refused:
        Store.open(store.path).answer("ann", [Answer(3, 0, 1, 1.0)], request="s")
    assert refused.value.exit_code == 5
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    again = Store.open(store.path)
    assert [e.request for e in again.events()] == [None, "r"]
    again.close()


def test_a_store_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript((HERE / "store-v1.sql").read_text())
    db.close()
    store = Store.open(path)
    assert store.images == ("a.jpg", "b.jpg", "c.jpg", "d.jpg")
    assert store.files == ("/data/a.jpg", "/data/b.jpg", None, "/data/d.jpg")
    assert store.labels().entries.tolist() == [[1, 0], [1, 1], [1, 0], [-1, -1]]
    assert [e.kind for e in store.events()] == [
        "given", "answer", "answer", "answer", "undo", "skip", "import", "import", "resolve",
    ]  # fmt: skip
    assert store.problems() == []
    assert store.trainings() == []
    assert [(q.image, q.label, q.gold) for q in store.queue()] == [
        (1, 0, False), (1, 0, False), (2, 0, False), (2, 0, False), (0, 0, True),
    ]  # fmt: skip
    store.undo("ann", request="u2")
    store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    db.close()


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript((HERE / "store-v1.sql").read_text())
        # What version 2 adds is there already, so that its statement fails in the middle.
        db.execute("CREATE TRIGGER trainings_stay BEFORE UPDATE ON people BEGIN SELECT 1; END")
    with pytest.raises(DataError, match="trainings_stay: not as ALASL makes it"):
        Store.open(path)
    assert db.execute("PRAGMA user_version").fetchone() == (1,)
    assert not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'trainings'").fetchall()
    db.close()


def test_two_processes_may_open_an_old_store_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.executescript((HERE / "store-v1.sql").read_text())
    db.close()
    with ThreadPoolExecutor(8) as pool:
        stores = list(pool.map(Store.open, [path] * 8))
    assert all(store.problems() == [] for store in stores)
    for store in stores:
        store.close()


@pytest.mark.slow
def test_an_old_store_that_another_writes_to_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.executescript((HERE / "store-v1.sql").read_text())
    other.execute("BEGIN IMMEDIATE")
    done = threading.Timer(0.5, other.execute, ["COMMIT"])
    done.start()
    store = Store.open(path)
    done.join()
    assert store.problems() == []
    store.close()
    other.close()


@pytest.mark.parametrize("content", [b"", b"image,dog\na.jpg,1\n", b"SQLite format 3\0 but not"])
def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "store.sqlite"
    path.write_bytes(content)
    with pytest.raises(DataError):
        Store.open(path)
    assert path.read_bytes() == content
    assert [file.name for file in tmp_path.iterdir()] == ["store.sqlite"]


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE events (id)")
        db.execute("PRAGMA user_version = 1")
    db.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match="not the store of a project"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_newer_store_is_refused_and_left_alone(make_store: Make) -> None:
    store = make_store()
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
        assert db.execute("PRAGMA application_id").fetchone() == (APPLICATION,)
    db.close()
    with pytest.raises(ConflictError, match="newer") as refused:
        Store.open(store.path)
    assert refused.value.exit_code == 6


def test_a_missing_store_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no store"):
        Store.open(tmp_path / "nothing")
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_is_kept_by_another_process_is_a_conflict(
    make_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alasl.project.database.PATIENCE", 0.05)
    store = make_store()
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(ConflictError, match="another process") as kept:
        store.answer("ann", [Answer(2, 0, 1, 1.0)], request="r")
    assert kept.value.exit_code == 6
    other.close()
