"""Serving: the token and who may have it, the address, the end; as processes, too."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alasl.annotate import server
from alasl.annotate.server import kept_token, listen
from alasl.errors import ResourceError, UsageError

from .conftest import MakeProject, Project


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[list[str], Any]]:
    """Serve a project without going on: what was said, and the application that would be served."""

    def start(project: Project, **options: Any) -> tuple[list[str], Any]:
        said: list[str] = []
        served: list[Any] = []

        def stop_at_once(self: Any, sockets: list[socket.socket]) -> None:
            served.append((self.config.app, sockets[0].getsockname()))

        monkeypatch.setattr("uvicorn.Server.run", stop_at_once)
        options = {"port": 0, "say": said.append} | options
        server.serve(project.opened(), **options)
        return said, served[0]

    return start


Run = Callable[..., tuple[list[str], Any]]


def test_the_token_is_new_for_each_project_kept_and_the_owners_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    token = kept_token(one)
    assert len(token) == 64
    assert int(token, 16).bit_length() > 200
    assert kept_token(two) != token
    assert kept_token(one) == token
    assert stat.S_IMODE((one / "token").stat().st_mode) == 0o600


def test_it_listens_to_this_machine_alone(make_project: MakeProject, run: Run) -> None:
    project = make_project()
    said, (_, address) = run(project)
    assert address[0] == "127.0.0.1"
    assert said[0] == f"http://127.0.0.1:{address[1]}/?token={kept_token(project.folder)}"


def test_images_that_cannot_be_shown_are_named_before_people_come(
    make_project: MakeProject, run: Run
) -> None:
    project = make_project(images=14)
    project.ask([(0, 0), (1, 0), (1, 1)])
    for image in range(1, 13):
        (project.images / f"{image:04d}.jpg").unlink()
    (project.images / "0000.jpg").write_bytes(b"<html>")
    said, _ = run(project)
    assert said[0].startswith("13 of 14 images cannot be shown, 2 of them are asked now")
    assert "0000.jpg: the file holds HTML or XML, not an image" in said[1]
    assert "0001.jpg: the image file does not exist" in said[2]
    assert said[11] == "  and 3 more"
    assert said[12].startswith("http://127.0.0.1:")


def test_of_very_many_images_those_that_are_asked_are_looked_for(
    make_project: MakeProject, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_LOOKED", 13)
    project = make_project(images=14)
    project.ask([(0, 0), (1, 0), (1, 1)])
    for image in range(1, 13):
        (project.images / f"{image:04d}.jpg").unlink()
    said, _ = run(project)
    assert said[0].startswith("1 of 2 images that are asked now cannot be shown; on the page")
    assert "0001.jpg: the image file does not exist" in said[1]
    assert said[2].startswith("http://127.0.0.1:")


def test_the_link_is_that_of_the_proxy_where_one_is_named(
    make_project: MakeProject, run: Run
) -> None:
    project = make_project()
    said, (_, address) = run(project, public="https://lab.example/alasl/")
    assert address[0] == "127.0.0.1"
    assert said[0] == f"https://lab.example/alasl/?token={kept_token(project.folder)}"
    with pytest.raises(UsageError, match="public address"):
        run(project, public="lab.example")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "lab.example"])
def test_a_host_beyond_needs_a_token(make_project: MakeProject, run: Run, host: str) -> None:
    with pytest.raises(UsageError, match="needs a token of your own") as refused:
        run(make_project(), host=host)
    assert "--token-file" in str(refused.value.do), "others of the machine see a --token"


@pytest.mark.parametrize("token", ["", "short", "a" * 15, "with space in it 1", "ünïcödéünïcödé12"])
def test_a_token_that_can_be_guessed_or_broken_is_refused(
    make_project: MakeProject, run: Run, token: str
) -> None:
    with pytest.raises(UsageError, match=f"at least 16.*{len(token)} characters") as refused:
        run(make_project(), host="0.0.0.0", token=token)
    assert "ALASL_TOKEN" in str(refused.value), "who did not type it learns where it may be from"
    assert not token or token not in str(refused.value)


def test_beyond_loopback_it_says_what_that_means(make_project: MakeProject, run: Run) -> None:
    said, (_, address) = run(make_project(), host="0.0.0.0", token="a" * 20)
    assert address[0] == "0.0.0.0"
    assert "open to other machines" in said[0]
    assert "not encrypted" in said[0]
    assert "ssh -L" in said[0]
    assert said[1].endswith(f":{address[1]}/?token={'a' * 20}")


def test_a_port_that_is_taken_is_a_clear_error() -> None:
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ResourceError, match=f"127.0.0.1:{port}: cannot listen here"):
            listen("127.0.0.1", port)


def test_a_host_that_is_not_of_this_machine_is_a_clear_error() -> None:
    with pytest.raises(ResourceError, match="cannot listen here"):
        listen("192.0.2.1", 0)


@pytest.mark.slow
def test_ctrl_c_ends_it_and_the_training_it_started(make_project: MakeProject) -> None:
    project = make_project()
    mark = project.folder / "pid"
    sleeper = f"import os, time; open({str(mark)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import sys; from pathlib import Path; from alasl.annotate import serve\n"
        "from alasl.project.folder import Project\n"
        "from alasl.project.settings import ProjectSettings\n"
        "from alasl.project.store import Store\n"
        "folder = Path(sys.argv[1])\n"
        "store = Store.open(folder / 'store.sqlite')\n"
        "serve(Project(folder, ProjectSettings(), store, folder / 'images'), port=0,\n"
        "      train=[sys.executable, '-c', sys.argv[2]], say=lambda s: print(s, flush=True))"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(project.folder), sleeper],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    link = process.stdout.readline().strip()
    with urllib.request.urlopen(link) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.partition("?")[0])
    end = time.monotonic() + 60
    while not (mark.exists() and mark.read_text()):
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) != 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)
