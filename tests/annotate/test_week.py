"""A week in small: real keys in a real browser, a server that is killed, a model that gains.

Beside it the simulated oracle answers a copy of the same project: what the two know, what they are
asked next and what their models are worth must be equal.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read, write
from alasl.data.missingness import hide
from alasl.data.scenes import make_scenes
from alasl.data.split import stratified_split
from alasl.labels import Labels
from alasl.project.driver import Driver
from alasl.project.folder import Project, init, load
from alasl.project.settings import ProjectSettings
from alasl.project.simulate import answer_from

from .conftest import GONE, View

pytestmark = pytest.mark.slow

SCENES, ASKED = 260, 150
KEYS = {1: "j", 0: "k"}


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_scenes(tmp_path_factory.mktemp("week") / "scenes", SCENES)


@pytest.fixture
def project(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Scenes of whose pool nine entries in ten were thrown away; the first queue is asked."""
    monkeypatch.setenv("ALASL_CACHE", str(scenes.parent / "cache"))
    whole = read(scenes)
    pool = stratified_split(whole.labels, 0).pool
    hidden = np.zeros(whole.labels.shape, np.bool_)
    hidden[pool] = hide(whole.labels.entries[pool], "uniform", 0.9, 0)
    write(whole.labels.forget(hidden), tmp_path / "partly.csv", "csv-wide")
    settings = ProjectSettings(
        data=str(tmp_path / "partly.csv"), empty="unknown", image_folder=str(scenes / "images"),
        answers=ASKED, repeats=0.0, gold=0.0, by="image", open_seconds=2.0, answer_seconds=1.0,
    )  # fmt: skip
    made = init(tmp_path / "mine", settings)
    follow(made)
    yield made
    made.store.close()


def follow(project: Project) -> float:
    """Train on what is known, ask anew; what the model is worth."""
    learner = Driver(project)
    training = learner.train()
    learner.suggest()
    assert training is not None
    assert training.map is not None
    return training.map


class Server:
    """`alasl annotate` as a person starts it, at one port."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.link = folder, 0, ""
        self._process: subprocess.Popen[str] | None = None
        self.kills = 0

    @property
    def alive(self) -> bool:
        """Whether it has not been killed yet."""
        return self.kills == 0

    def start(self) -> None:
        command = [sys.executable, "-m", "alasl", "annotate", self.folder, "--no-train"]
        self._process = subprocess.Popen(
            [*map(str, command), "--port", str(self.port)], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.link = self._process.stdout.readline().strip()
        self.port = int(self.link.split(":")[2].split("/")[0])

    def kill(self) -> None:
        """As a power cut would: at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self.kills += 1


@pytest.fixture
def server(project: Project) -> Iterator[Server]:
    started = Server(project.folder)
    started.start()
    yield started
    started.kill()


class Worker:
    """Somebody who knows the truth and answers by keyboard."""

    def __init__(self, view: View, truth: Labels) -> None:
        self.view, self.truth = view, truth
        self.row = {name: i for i, name in enumerate(truth.images)}
        self.col = {name: j for j, name in enumerate(truth.names)}
        self.said: dict[tuple[int, int], int] = {}

    def answers(self) -> bool:
        """Wait for the next question; False where the queue is done."""
        self.view.page.wait_for_selector('body[data-ready], body[data-wait="empty"]')
        return self.view.page.locator("body[data-ready]").count() == 1

    def image(self) -> None:
        """Answer the labels of one image, one key each."""
        row = self.row[self.view.image().removeprefix("Image ")]
        for name in self.view.asked():
            self.press(row, self.col[name], KEYS[self.truth.entries[row, self.col[name]]])

    def press(self, row: int, col: int, *keys: str) -> None:
        self.view.press(*keys)
        self.said[row, col] = int(self.truth.entries[row, col])

    def grid(self) -> None:
        """Answer each image of a grid, one key each, and save."""
        for row, col in self.view.inside("session.current.items.map((i) => [i.image, i.label])"):
            self.press(row, col, KEYS[self.truth.entries[row, col]])
        self.view.press("Enter")


def test_a_week_by_keyboard_equals_the_simulation_and_the_model_gains(
    project: Project, scenes: Path, server: Server, view: View, tmp_path: Path
) -> None:
    truth = read(scenes).labels
    shutil.copytree(project.folder, tmp_path / "copy")
    twin = load(tmp_path / "copy")
    worth = [training.map for training in project.store.trainings()]
    view.expected = GONE
    view.page.goto(server.link)
    view.page.fill("#person", "Ann")
    view.press("Enter")
    worker = Worker(view, truth)

    # By image; the server dies in the middle, and Ann does not wait for it.
    while worker.answers():
        worker.image()
        if len(worker.said) >= ASKED // 2 and server.alive:
            view.ahead(3)
            server.kill()
            for _ in range(3):
                worker.answers()
                worker.image()
            server.start()
    view.saved()
    assert said(project) == worker.said
    assert len(worker.said) == ASKED
    assert project.store.problems() == []
    worth.append(follow(project))
    answer_from(twin.store, truth.entries, "Ann", ASKED)
    assert follow(twin) == worth[-1]
    np.testing.assert_array_equal(twin.store.labels().entries, project.store.labels().entries)

    # By label, a grid of images at a time, as soon as the page has seen that there is more to ask.
    view.page.wait_for_selector("body[data-ready]")
    view.press("m")
    view.ready("grid")
    while project.store.progress().left:
        if worker.answers():
            worker.grid()
            view.page.wait_for_selector("body[data-ready], body[data-wait]")
            view.saved()
        else:
            view.press("n")
    assert said(project) == worker.said
    assert len(worker.said) == 2 * ASKED
    worth.append(follow(project))
    answer_from(twin.store, truth.entries, "Ann", ASKED)
    assert follow(twin) == worth[-1]
    np.testing.assert_array_equal(twin.store.labels().entries, project.store.labels().entries)

    assert worth[0] < worth[1] < worth[2]
    assert all(event.seconds > 0 for event in project.store.events() if event.kind == "answer")
    twin.store.close()


def said(project: Project) -> dict[tuple[int, int], int]:
    return {(a.image, a.label): a.value for a in project.store.answers()}
