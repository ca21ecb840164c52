"""A study in its folder: the same files on any engine and number of workers, after any kill."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.formats import write
from told import write_npz
from warm import Python

pytestmark = pytest.mark.slow

Study = Callable[..., subprocess.CompletedProcess[str]]

STUDY = """
name = "small"
about = "a small study"
seeds = 4

[run]
data = "made.npz"
rounds = 2
images = 5
model = "probe:epochs=3"
train = "clean"

[[grid]]
name = "strategies"
strategy = ["random", "hard", "mine.py:mine"]
missing = [0.3, 0.6]

[[grid]]
name = "models"
model = ["probe:epochs=3", "logistic"]
strategy = "variance"
ask = "entries"
answers = 20
open_seconds = 2.0

[[figure]]
file = "models"
kind = "map-per-cost"
grid = "models"

[[figure]]
file = "rounds"
kind = "map-per-round"
grid = "strategies"
where = { missing = 0.6 }
"""

MINE = """
from alasl.strategies import strategy

@strategy("mine", paper="")
def mine(pool):
    "The fewest unknown entries first."
    return -pool.unknown_per_image.astype(float)
"""


def lay_out(folder: Path, dataset: Dataset) -> Path:
    write(dataset.labels, folder / "made.npz", "npz", features=dataset.features)
    (folder / "small.toml").write_text(STUDY)
    (folder / "mine.py").write_text(MINE)
    return folder


@pytest.fixture
def place(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> Path:
    return lay_out(tmp_path, make_dataset())


@pytest.fixture(scope="module")
def study(call: Callable[..., subprocess.CompletedProcess[str]]) -> Study:
    def study(place: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        # The study's file names a strategy of our own.
        trust = ["--trust"] if arguments[0] in ("run", "resume") else []
        done = call("study", *arguments, *trust, cwd=place)
        assert done.returncode == code, done.stderr
        return done

    return study


def files(folder: Path) -> dict[str, bytes]:
    """What a study leaves, but for the locks."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and not p.name.endswith(".lock")
    }


@pytest.fixture(scope="module")
def done_once(
    tmp_path_factory: pytest.TempPathFactory, make_dataset: Callable[..., Dataset], study: Study
) -> Path:
    """A folder where the study was run by one worker, for tests to copy."""
    place = lay_out(tmp_path_factory.mktemp("done"), make_dataset())
    study(place, "run", "small.toml", "--out", "one", "--workers", "1")
    return place / "one"


@pytest.fixture
def expected(place: Path, done_once: Path) -> dict[str, bytes]:
    """What the study leaves, which is also in `one` of the test's folder."""
    shutil.copytree(done_once, place / "one")
    left = files(place / "one")
    pictures = {"figures/rounds.png", "figures/models.png"}
    assert {"study.toml", "results.csv", "study.html", *pictures} <= set(left)
    rows = list(csv.DictReader(left["results.csv"].decode().splitlines()))
    assert len(rows) == 4 * (6 + 2) * 3
    images = next(row for row in rows if row["round"] == "2")
    # Two entries of an image are answered sooner in grids than with the image opened.
    assert float(images["people_seconds"]) == pytest.approx(1.7 * int(images["cost"]))
    entries = [row for row in rows if row["grid"] == "models" and row["round"] == "2"]
    assert [row["model"] for row in entries] == ["probe:epochs=3"] * 4 + ["logistic"] * 4
    for row in entries:
        assert row["cost"] == "40"
        assert float(row["people_seconds"]) <= 1.7 * 40
    return left


def test_two_workers_leave_the_same_files(
    place: Path, expected: dict[str, bytes], study: Study
) -> None:
    study(place, "run", "small.toml", "--out", "two", "--workers", "2")
    assert files(place / "two") == expected


def test_a_killed_study_goes_on_to_the_same_files(
    place: Path, expected: dict[str, bytes], study: Study, python: Python
) -> None:
    command = ["-m", "alasl", "study"]
    first = [*command, "run", "small.toml", "--out", "killed", "--workers", "1"]
    units, kills = place / "killed" / "units", 0
    for wanted in (0, 1, 2, 3):
        arguments = first if kills == 0 else [*command, "resume", "killed", "--workers", "1"]
        process = python.start(*arguments, "--trust", cwd=place)
        while process.poll() is None:
            if (
                len(list(units.glob("seed-*.json"))) >= wanted
                and (place / "killed/study.toml").exists()
            ):
                process.send_signal(signal.SIGKILL)
                process.wait()
                kills += 1
            time.sleep(0.002)
    assert kills >= 2
    study(place, "resume", "killed")
    assert files(place / "killed") == expected


SLOW = """
import os, time
from alasl.strategies import strategy

@strategy("slow", paper="")
def slow(pool):
    "Leaves its process's number, and takes its time."
    with open("pids", "a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(0.5)
    return -pool.unknown_per_image.astype(float)
"""


def running(pid: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed on Linux")
def test_workers_end_with_a_study_that_is_killed(place: Path, python: Python) -> None:
    (place / "mine.py").write_text(SLOW.replace('"slow"', '"mine"'))
    command = ["run", "small.toml", "--trust", "--seeds", "40", "--out", "left", "--workers", "2"]
    process = python.start("-m", "alasl", "study", *command, cwd=place)
    pids: set[int] = set()
    while process.poll() is None and len(pids) < 2:
        time.sleep(0.05)
        if (place / "pids").exists():
            pids = {int(line) for line in (place / "pids").read_text().split()}
    assert process.poll() is None
    assert process.pid not in pids
    assert all(running(pid) for pid in pids)
    process.send_signal(signal.SIGKILL)
    process.wait()
    until = time.monotonic() + 30
    while any(running(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.1)
    assert not any(running(pid) for pid in pids)


def test_ctrl_c_leaves_a_report_of_what_is_done(place: Path, python: Python) -> None:
    command = ["run", "small.toml", "--trust", "--workers", "1", "--seeds", "30", "--out", "cut"]
    process = python.start("-m", "alasl", "study", *command, cwd=place)
    while process.poll() is None and len(list((place / "cut/units").glob("seed-*.json"))) < 2:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "a report of what is done: cut/study.html" in err
    assert "Traceback" not in err
    assert (place / "cut" / "study.html").stat().st_size > 5000
    assert (place / "cut" / "results.csv").read_text().count("\n") >= 1 + 2 * 8 * 3


def test_a_folder_of_another_study_is_refused_with_the_difference(
    place: Path, expected: dict[str, bytes], study: Study
) -> None:
    done = study(place, "run", "small.toml", "--rounds", "3", "--out", "one", code=6)
    assert "[run] rounds: there 2, here 3" in done.stderr
    assert files(place / "one") == expected
    missing = study(place, "resume", "nowhere", code=3)
    assert "no study here" in missing.stderr


@pytest.mark.usefixtures("expected")
def test_other_data_than_the_study_began_with_is_refused(place: Path, study: Study) -> None:
    with np.load(place / "made.npz") as arrays:
        changed = dict(arrays)
    changed["labels"][0] = 1 - changed["labels"][0]
    np.savez(place / "made.npz", **changed)
    done = study(place, "resume", "one", code=6)
    assert "not those that this study began with" in done.stderr


def test_a_damaged_unit_is_named_and_made_again_once_deleted(
    place: Path, expected: dict[str, bytes], study: Study
) -> None:
    unit = place / "one" / "units" / "seed-0002.json"
    unit.write_text("{")
    assert "seed-0002.json" in study(place, "resume", "one", code=3).stderr
    unit.unlink()
    study(place, "resume", "one")
    assert files(place / "one") == expected


def test_dask_leaves_the_same_files(place: Path, expected: dict[str, bytes], study: Study) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    study(place, "run", "small.toml", "--out", "dask", "--engine", "dask", "--workers", "2")
    assert files(place / "dask") == expected


def test_two_ray_nodes_leave_the_same_files(
    place: Path, expected: dict[str, bytes], ray_cluster: str, study: Study
) -> None:
    engine = ["--engine", "ray", "--address", ray_cluster, "--workers", "2"]
    study(place, "run", "small.toml", "--out", "ray", *engine)
    assert files(place / "ray") == expected


def test_a_cluster_that_is_not_there_is_named(
    place: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed", reason="the extra dask is not installed")
    # Half a minute unless told.
    monkeypatch.setenv("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "3s")
    arguments = ["run", "small.toml", "--engine", "dask", "--address", "tcp://127.0.0.1:9"]
    done = study(place, *arguments, code=5)
    assert "does not answer" in done.stderr
    shutil.rmtree(place / "runs", ignore_errors=True)


TOLD = """
name = "told"
seeds = 1

[run]
data = "made.npz"
rounds = 1
answers = 20
clean = 0.05
missing = 0.9

[[grid]]
name = "all"
predictions = [[], ["good.npz"], ["other=good.npz"], ["good.npz", "noise.npz"]]
"""


FEW = """
name = "few"
seeds = 1

[run]
data = "made.npz"
rounds = 1
answers = 20

[[grid]]
name = "all"
strategy = ["variance", "random-entry"]
"""


def test_over_known_entries_alone_a_study_has_no_map(
    tmp_path: Path, make_dataset: Callable[..., Dataset], study: Study
) -> None:
    data = make_dataset()
    hidden = np.random.default_rng(0).random(data.labels.shape) < 0.5
    place = lay_out(tmp_path, replace(data, labels=data.labels.forget(hidden)))
    (place / "few.toml").write_text(FEW)
    study(place, "run", "few.toml", "--out", "one", "--workers", "1")
    with (place / "one/results.csv").open() as file:
        columns = next(csv.reader(file))
    assert columns[-3:] == ["known", "known_last", "known_best"]
    page = (place / "one/study.html").read_text()
    assert "AP of known entries (%)<br>before" in page
    assert "no estimate of mAP here" in page


def test_a_grid_may_vary_the_predictions(
    place: Path, make_dataset: Callable[..., Dataset], study: Study
) -> None:
    labels = make_dataset().labels
    rng = np.random.default_rng(2)
    for name, power in (("good", np.where(labels.entries == 1, 0.1, 3)), ("noise", 1)):
        told = Predictions(name, (rng.random(labels.shape) ** power).astype(np.float32))
        write_npz(told.probabilities, labels.images, labels.names, place / f"{name}.npz")
    (place / "told.toml").write_text(TOLD)
    study(place, "run", "told.toml", "--out", "one", "--workers", "1")
    rows = [r for r in csv.DictReader((place / "one/results.csv").open()) if r["round"] == "0"]
    maps = [float(row["map_last"]) for row in rows]
    assert maps[1] == maps[2] > maps[0] + 5
    assert maps[3] == pytest.approx(maps[1], abs=3)
    before = files(place / "one")
    study(place, "resume", "one")
    assert files(place / "one") == before
    shutil.copy(place / "noise.npz", place / "good.npz")
    done = study(place, "resume", "one", code=6)
    assert "predictions, are not those" in done.stderr
