"""Training in the background: when it runs, how it rests, and what becomes of failures."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from alasl.annotate.messages import Answers, Given, Skip, TasksIn
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from warm import Python

from .conftest import MakeProject

Make = Callable[..., Training]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[Training] = []

    def training(code: str, every: int = 10) -> Training:
        made.append(Training([sys.executable, "-c", code], every))
        made[-1].start()
        return made[-1]

    yield training
    for one in made:
        one.stop()


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def runs_of(file: Path) -> int:
    return len(file.read_text(encoding="utf-8")) if file.exists() else 0


def counted(file: Path, then: str = "") -> str:
    return f"open({str(file)!r}, 'a').write('x'); {then}"


def test_it_trains_once_enough_was_answered(make: Make, tmp_path: Path) -> None:
    training = make(counted(tmp_path / "runs"))
    training.notice(9, left=100)
    time.sleep(0.2)
    assert (training.state, training.trained) == ("idle", None)
    training.notice(1, left=99)
    until(lambda: training.trained is not None)
    assert training.state == "idle"
    assert runs_of(tmp_path / "runs") == 1


def test_it_trains_on_windows_where_no_process_is_nice(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.setpriority", raising=False)
    monkeypatch.setattr("alasl.annotate.training.sys", SimpleNamespace(platform="win32"))
    training = make(counted(tmp_path / "runs"), every=1)
    training.notice(1, left=9)
    until(lambda: training.trained is not None)
    assert training.state == "idle"


def test_one_answer_is_enough_where_the_queue_runs_empty(make: Make, tmp_path: Path) -> None:
    training = make(counted(tmp_path / "runs"), every=1000)
    training.notice(1, left=0)
    until(lambda: training.trained is not None)
    training.notice(0, left=0)
    time.sleep(0.2)
    assert runs_of(tmp_path / "runs") == 1


@pytest.mark.slow
def test_what_comes_in_meanwhile_is_for_the_next_training(make: Make, tmp_path: Path) -> None:
    training = make(counted(tmp_path / "runs", "import time; time.sleep(0.3)"))
    training.notice(10, left=9)
    until(lambda: training.state == "training" and runs_of(tmp_path / "runs") == 1)
    training.notice(10, left=9)
    until(lambda: runs_of(tmp_path / "runs") == 2)


def test_a_failure_is_said_and_does_not_end_it(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "alasl")
    training = make(counted(tmp_path / "runs", "raise SystemExit('no memory left')"))
    training.notice(10, left=9)
    until(lambda: training.state == "failed")
    assert "no memory left" in caplog.text
    assert training.trained is None
    training.notice(10, left=9)
    until(lambda: runs_of(tmp_path / "runs") == 2)


@pytest.mark.parametrize(("code", "trained"), [(4, True), (6, False)])
def test_nothing_to_do_and_a_training_of_others_are_no_failures(
    make: Make, code: int, trained: bool
) -> None:
    training = make(f"raise SystemExit({code})")
    training.notice(10, left=9)
    until(lambda: training._rest > 0 and training.state == "idle")
    assert (training.trained is not None) == trained


def test_a_command_that_is_not_there_fails_and_is_said(caplog: pytest.LogCaptureFixture) -> None:
    training = Training(["/nowhere/at/all"], 1)
    training.start()
    training.notice(1, left=1)
    until(lambda: training.state == "failed")
    training.stop()
    assert "No such file" in caplog.text


def test_stopping_ends_a_training_that_runs(make: Make, tmp_path: Path) -> None:
    training = make(counted(tmp_path / "runs", "import time; time.sleep(600)"))
    training.notice(10, left=9)
    until(lambda: runs_of(tmp_path / "runs") == 1)
    begun = time.monotonic()
    training.stop()
    assert time.monotonic() - begun < 60
    assert training.state == "training"  # it never came to an end


@pytest.mark.skipif(sys.platform == "win32", reason="has no sessions, and no process is nice")
def test_it_gives_way_to_every_session_and_ends_with_all_that_it_started(
    make: Make, tmp_path: Path
) -> None:
    file = tmp_path / "child"
    training = make(
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
        f"open({str(file)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    training.notice(10, left=9)
    until(lambda: file.exists() and file.read_text(encoding="ascii") != "")
    child, process = int(file.read_text(encoding="ascii")), training._process
    assert process is not None
    assert os.getsid(child) == process.pid != os.getsid(0)
    until(lambda: os.getpriority(os.PRIO_PROCESS, process.pid) >= 10)
    if (group := Path(f"/proc/{process.pid}/autogroup")).exists():
        until(lambda: group.read_text(encoding="ascii").endswith(" nice 10\n"))
    training.stop()
    until(lambda: not is_running(child))


SERVE = """
import sys; from pathlib import Path; from alasl.annotate import serve
from alasl.project.folder import Project
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store
folder = Path(sys.argv[1])
project = Project(folder, ProjectSettings(), Store.open(folder / "store.sqlite"), folder)
serve(project, port=0, train=sys.argv[2:])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])  # Ctrl-C: test_server.py
def test_whatever_ends_the_server_ends_the_training(
    make_project: MakeProject, tmp_path: Path, python: Python, name: str
) -> None:
    project, file = make_project(), tmp_path / "training"
    code = (
        f"import os; open({str(file)!r}, 'w').write(str(os.getpid())); import time; time.sleep(600)"
    )
    train = [sys.executable, "-c", code]
    server = python.start("-c", SERVE, project.folder, *train)
    until(lambda: file.exists() and file.read_text(encoding="ascii") != "")
    server.send_signal(getattr(signal, name))
    server.wait()
    until(lambda: not is_running(int(file.read_text(encoding="ascii"))))


def is_running(process: int) -> bool:
    """Whether it still does anything; nobody may have asked how it ended."""
    try:
        os.kill(process, 0)
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1]
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return sys.platform != "linux"
    return state.split()[0] != "Z"


def test_without_a_command_it_is_off() -> None:
    training = Training(None)
    training.start(now=True)
    training.notice(1000, left=0)
    assert training.state == "off"
    training.stop()


def test_it_trains_once_nobody_here_can_answer_what_is_left(
    make: Make, make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project()
    project.ask([(0, 0), (1, 1)])
    training = make(counted(tmp_path / "runs"), every=1000)
    tasks = Tasks(project.store, training)
    (first,) = tasks.tasks(TasksIn(person="ann")).tasks
    given = [Given(image=first.image, label=first.asked[0].label, value=1, seconds=1.0)]
    tasks.answer(Answers(person="ann", request="request-1", answers=given))
    (second,) = tasks.tasks(TasksIn(person="ann")).tasks
    tasks.skip(Skip(person="ann", request="request-2", image=second.image))
    time.sleep(0.2)
    assert training.state == "idle"
    assert training.trained is None
    assert tasks.tasks(TasksIn(person="ann")).tasks == []
    until(lambda: training.trained is not None)
    # It does not train again for nothing.
    assert tasks.tasks(TasksIn(person="ann")).tasks == []
    time.sleep(0.3)
    assert runs_of(tmp_path / "runs") == 1
