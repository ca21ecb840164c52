"""The server as an ML backend of Label Studio: its requests as they were recorded, and for real."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import logit
from starlette.responses import Response

from alasl.annotate.guard import Access, PublicAddress
from alasl.annotate.label_studio import TITLE, Backend, Link, make_label_studio_app
from alasl.annotate.owner_app import Doors
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.data.formats import write
from alasl.labels import Labels
from alasl.models.model import Model
from alasl.models.registry import resolve
from alasl.models.transforms import Standardise
from alasl.project.about import ABOUT, About
from alasl.project.changes import LabelChange
from alasl.project.driver import Driver
from alasl.project.exchange.label_studio import CONFIG
from alasl.project.exports import write_queue
from alasl.project.folder import Project as Opened
from alasl.project.folder import init
from alasl.project.records import Answer, Questions
from alasl.project.settings import ProjectSettings

from .conftest import TOKEN, MakeProject, Project
from .test_guard import Reply, send

SECRET = "s" * 64
# What Label Studio 1.23.2 sent for a project of four tasks, each of which asks dog and cat of one
# image; a person answered one, corrected it, skipped another, and deleted the first.
RECORDED = json.loads(Path(__file__).with_name("label_studio_requests.json").read_text())


class Studio:
    """A project, and a Label Studio's requests to it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        settings = ProjectSettings(data="images", root="images")
        opened = Opened(project.folder, settings, project.store, project.images)
        self.training = Training(None)
        self.backend = Backend(opened, Tasks(project.store, self.training))
        self.link = Link(Access(SECRET, "none"))
        self.app = make_label_studio_app(self.backend, self.link)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        given = {"host": "127.0.0.1:8765", "content-type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        content = b"" if body is None else json.dumps(body).encode()
        return send(self.app, method, path, list(given.items()), content)

    def recorded(self, path: str, action: str | None = None) -> list[Reply]:
        """What is answered to the recorded requests of a path, and of an action."""
        return [
            self.ask(one["method"], self.link.place + path, one["body"])
            for one in RECORDED
            if one["path"] == path and (one["body"] or {}).get("action") == action
        ]

    def tell(self, action: str, number: int = 0, **change: Any) -> Reply:
        """A recorded event, its annotation changed."""
        told = [one["body"] for one in RECORDED if (one["body"] or {}).get("action") == action]
        body = json.loads(json.dumps(told[number]))
        body["annotation"] |= change
        return self.ask("POST", f"{self.link.place}/webhook", body)


@pytest.fixture
def studio(make_project: MakeProject) -> Studio:
    files = [f"{i}.png" for i in range(4)]
    project = make_project(names=("cat", "boat", "dog"), files=files)
    # Asked: 2.png first, then 0.png and 1.png; 3.png not at all.
    project.ask([(2, 0), (0, 2), (0, 1), (1, 0)])
    return Studio(project)


def model(studio: Studio, said: Any, table: int = 0) -> None:
    """Leave what a training leaves."""
    folder = studio.project.folder / "model"
    folder.mkdir()
    # Features that tell one image from each other: the weights are then what is said of them.
    width = len(said)
    np.save(studio.project.folder / "features.npy", np.eye(width, dtype=np.float32))
    kind = resolve("logistic")
    tensors = {name: torch.zeros(0) for name in ("centres", "gap", "doubts")}
    tensors |= {"weights": torch.tensor(logit(said)).float(), "slopes": torch.zeros((0, 3))}
    estimator = kind.estimator(3)
    estimator.restore({**tensors, "bias": torch.zeros(3)})
    same = Standardise(np.zeros(width), np.ones(width))
    Model(("cat", "boat", "dog"), kind, estimator, same).save(folder / "m1.safetensors")
    about = About(model="m1", table=table)
    (folder / ABOUT).write_text(json.dumps(vars(about)))


def test_it_is_healthy_and_names_its_version(studio: Studio) -> None:
    (health,) = studio.recorded("/health")
    assert (health.status, health.json()["status"]) == (200, "UP")
    (setup,) = studio.recorded("/setup")
    assert setup.json() == {"model_version": "none, round 1"}


def test_predictions_are_the_models_and_the_order_is_the_queues(studio: Studio) -> None:
    # Columns are cat, boat, dog; each task asks dog and cat.
    model(studio, [[0.2, 0.9, 0.7], [0.5, 0.9, 0.5], [0.1, 0.9, 0.1], [0.9, 0.9, 0.4]])
    (reply,) = studio.recorded("/predict")
    found = reply.json()["results"]
    assert len(found) == 4
    for said, order in found:
        assert said["model_version"] == reply.json()["model_version"] == "none, round 1"
        assert order["model_version"] == TITLE
        assert order["score"] == said["score"] - 1
    present = [said["result"][0]["value"]["choices"] for said, _ in found]
    assert present == [["dog"], ["dog", "cat"], [], ["cat"]]
    groups = {(one["from_name"], one["to_name"]) for said, _ in found for one in said["result"]}
    assert groups == {("present", "image")}
    # Of four entries, 2.png is first, 0.png second by its dog, 1.png last; 3.png is not asked.
    assert [said["score"] for said, _ in found] == [0.25, 0.75, 0.0, 1.0]


def test_a_round_later_comes_before_whatever_was_told_before(studio: Studio) -> None:
    before = [order["score"] for _, order in studio.recorded("/predict")[0].json()["results"]]
    rows, cols = np.array([3, 1]), np.array([0, 2])
    # The first is a gold question: it has its place like any other.
    studio.project.store.fill(2, Questions(rows, cols, gold=[True, False], model="m1"))
    after = [order["score"] for _, order in studio.recorded("/predict")[0].json()["results"]]
    lowest = np.minimum(before, after)
    assert np.argsort(lowest, kind="stable").tolist()[:2] == [3, 1]
    assert studio.recorded("/setup")[0].json() == {"model_version": "none, round 2"}


def test_a_model_of_another_table_says_nothing(studio: Studio) -> None:
    model(studio, np.full((4, 3), 0.9))
    studio.project.store.change("eve", LabelChange("add", names=("tree",)))
    for said, _ in studio.recorded("/predict")[0].json()["results"]:
        assert said["result"][0]["value"]["choices"] == []


def test_tasks_of_others_are_predicted_to_be_nothing(studio: Studio) -> None:
    tasks = [
        {"id": 1, "data": {"image": "a.jpg"}},
        {"id": 2, "data": {"uid": "z.png", "asked": [{"value": "dog"}]}},
        {"id": 3, "data": {"uid": "0.png", "asked": [{"value": "horse"}]}},
        7,
    ]
    reply = studio.ask("POST", f"{studio.link.place}/predict", {"tasks": tasks})
    assert [said["score"] for said, _ in reply.json()["results"]] == [1.0] * 4
    for bad in ([], {"tasks": 7}, "x"):
        assert studio.ask("POST", f"{studio.link.place}/predict", bad).status == 422


def test_what_people_annotate_there_comes_in_as_answered_here(studio: Studio) -> None:
    (made,) = studio.recorded("/webhook", "ANNOTATION_CREATED")[:1]
    assert made.json() == {"taken": 2}
    store = studio.project.store
    told = [(a.image, a.label, a.value, a.person, a.seconds, a.why) for a in store.answers()]
    # dog ticked, cat asked and not ticked; 4.2 s shared by both. Why it was asked is the queue's.
    assert told == [(0, 2, 1, "user 1", 2.1, ""), (0, 0, 0, "user 1", 2.1, "")]
    assert [q.done for q in store.queue() if (q.image, q.label) == (0, 2)] == [True]
    # What is told again counts once.
    assert studio.tell("ANNOTATION_CREATED").json() == {"taken": 2}
    assert len(studio.project.events("answer")) == 2


def test_corrections_and_skips_come_in(studio: Studio) -> None:
    sent = [one for one in RECORDED if (one["body"] or {}).get("action") != "ANNOTATIONS_DELETED"]
    replies = [
        studio.ask(one["method"], studio.link.place + one["path"], one["body"]) for one in sent
    ]
    assert {reply.status for reply in replies} == {200}
    assert studio.project.said() == {(0, 0): 1, (0, 2): -1}
    (skip,) = studio.project.events("skip")
    assert (skip.image, skip.person) == (1, "user 1")
    # Corrected in no time: what it took was counted before.
    assert studio.project.store.progress().people["user 1"].seconds == pytest.approx(4.2)
    before = len([*studio.project.store.events()])
    # A correction that changes nothing is none.
    studio.tell("ANNOTATION_UPDATED", updated_at="2026-01-01T00:00:00Z")
    assert len([*studio.project.store.events()]) == before


def test_what_is_deleted_there_is_taken_back_with_its_corrections(studio: Studio) -> None:
    store = studio.project.store
    store.answer("user 1", [Answer(0, 0, 1, 1.0)], request="on the page")
    studio.recorded("/webhook", "ANNOTATION_CREATED")
    studio.recorded("/webhook", "ANNOTATION_UPDATED")
    assert studio.project.said() == {(0, 0): 1, (0, 2): -1}
    left = store.progress().left
    # Of another annotation whose number begins alike, and of another project's, nothing stands.
    gone = json.loads(json.dumps(
        next(one["body"] for one in RECORDED if (one["body"] or {}).get("annotations"))
    ))  # fmt: skip
    webhook = f"{studio.link.place}/webhook"
    for other in ({"annotations": [{"id": 30}]}, {"project": {"id": 9}}):
        assert studio.ask("POST", webhook, gone | other).json() == {"taken": 0}
    # Two answers and two corrections; what was said before stands again, and the rest is asked.
    assert studio.ask("POST", webhook, gone).json() == {"taken": 4}
    assert studio.project.said() == {(0, 0): 1}
    assert store.progress().left == left + 1
    assert [task.labels for task in store.lease("eve", images=9) if task.image == 0] == [(2, 1)]
    assert studio.ask("POST", webhook, gone).json() == {"taken": 0}, "told twice"
    # A skip that is deleted: the image may come to them again.
    assert tuple(skip.image for skip in studio.project.events("skip")) == (1,)
    assert store.progress().people["user 1"].skips == 1
    assert studio.ask("POST", webhook, gone | {"annotations": [{"id": 4}]}).json() == {"taken": 1}
    assert store.progress().people["user 1"].skips == 0
    assert store.problems() == []
    for bad in ([{"id": "3"}], [{}], 7):
        assert studio.ask("POST", webhook, gone | {"annotations": bad}).status == 422


def test_a_persons_address_names_them_and_many_come_at_once(studio: Studio) -> None:
    (first, *_) = (one["body"] for one in RECORDED if (one["body"] or {}).get("annotation"))
    who = {"completed_by": {"id": 1, "email": "ann@example.org"}}
    tasks = [first["task"], first["task"] | {"id": 9, "data": {
        "uid": "2.png", "asked": [{"value": "boat"}]}}]  # fmt: skip
    annotations = [first["annotation"] | who, first["annotation"] | who | {
        "id": 10, "unique_id": "other", "task": 9, "result": [], "lead_time": 90_000}]  # fmt: skip
    sent = {"action": "ANNOTATIONS_CREATED", "task": tasks, "annotation": annotations}
    assert studio.ask("POST", f"{studio.link.place}/webhook", sent).json() == {"taken": 3}
    assert {a.person for a in studio.project.store.answers()} == {"ann@example.org"}
    assert studio.project.said() == {(0, 2): 1, (0, 0): 0, (2, 1): 0}
    assert studio.project.store.answers()[-1].seconds in (None, 0.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"result": None}, "'result' is missing or not a list"),
        ({"lead_time": -1}, "'lead_time' must be seconds"),
        ({"completed_by": [1]}, "'completed_by' names nobody"),
        ({"updated_at": "2999-01-01T00:00:00Z"}, "lies in the future"),
        ({"result": [{"from_name": "present", "value": {"choices": ["horse"]}}]}, "was not asked"),
    ],
)
def test_what_cannot_be_understood_is_refused_and_logged(
    studio: Studio, caplog: pytest.LogCaptureFixture, change: dict[str, Any], says: str
) -> None:
    reply = studio.tell("ANNOTATION_CREATED", **change)
    assert (reply.status, says in reply.json()["error"]) == (422, True), reply.body
    assert says in caplog.text
    assert studio.project.events("answer") == []


def test_an_image_that_the_project_does_not_have_is_named(studio: Studio) -> None:
    body = json.loads(json.dumps(
        next(one["body"] for one in RECORDED if (one["body"] or {}).get("annotation"))
    ))  # fmt: skip
    body["task"]["data"]["uid"] = "z.png"
    reply = studio.ask("POST", f"{studio.link.place}/webhook", body)
    assert (reply.status, "image 'z.png'" in reply.json()["error"]) == (422, True)
    assert "alasl export" in reply.json()["error"]


def test_only_who_knows_the_secret_under_our_name_is_let_in(studio: Studio) -> None:
    place = studio.link.place
    assert studio.ask("GET", f"{place}/health").status == 200
    assert studio.ask("GET", f"/label-studio/{TOKEN}/health").status == 403
    for path in (
        "/health",
        "/predict",
        "/label-studio//health",
        f"/label-studio/{SECRET[1:]}/health",
    ):
        assert studio.ask("GET", path).status == 403, path
    assert studio.ask("GET", f"{place}/health", host="evil.example").status == 421
    assert studio.ask("POST", f"{place}/setup", {}, content_type="text/plain").status == 415
    assert studio.ask("POST", f"{place}/predict", {"tasks": ["x" * 17_000_000]}).status == 413
    assert studio.ask("GET", f"{place}/webhook").status == 405
    assert studio.ask("GET", f"{place}/nothing").status == 404
    body = send(
        studio.app, "POST", f"{place}/webhook",
        [("host", "localhost"), ("content-type", "application/json")], b"{",
    )  # fmt: skip
    assert body.status == 422


def test_it_has_a_door_of_its_own_also_behind_a_proxy(studio: Studio) -> None:
    nobody = Response(status_code=418)

    access = Access(TOKEN, "x", public=PublicAddress.of("https://lab.example/alasl/"))
    link = Link(replace(access, token=SECRET))
    doors = Doors(nobody, nobody, access, make_label_studio_app(studio.backend, link))
    closed = Doors(nobody, nobody, access)
    for path, host in ((link.place, "127.0.0.1"), (f"/alasl{link.place}", "lab.example")):
        asked = ("GET", f"{path}/health", [("host", host)], b"")
        assert send(doors, *asked).status == 200
        assert send(closed, *asked).status == 418
    assert send(doors, "GET", "/", [("host", "127.0.0.1")], b"").status == 418


def _label_studio() -> str | None:
    return os.environ.get("LABEL_STUDIO") or shutil.which("label-studio")


@pytest.mark.slow
@pytest.mark.skipif(not _label_studio(), reason="no Label Studio is installed; see CONTRIBUTING")
def test_a_real_label_studio_follows_the_queue_and_answers(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Tasks come in the queue's order there, answers come here, and a new queue is followed."""
    cache = getattr(pytestconfig, "cache", None)  # there is none with -p no:cacheprovider
    kept = cache.mkdir("label-studio") if cache else tmp_path
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 8)).astype(np.float32)
    truth = (features @ rng.standard_normal((8, 3)) > 0).astype(np.int8)
    entries = np.where(rng.random(truth.shape) < 0.7, -1, truth)
    entries[:12] = truth[:12]
    images = tuple(f"{i:02d}.jpg" for i in range(60))
    write(Labels(entries, ("dog", "cat", "boat"), images), tmp_path / "t.npz", "npz",
          features=features)  # fmt: skip
    folder = tmp_path / "mine"
    settings = ProjectSettings(data=str(tmp_path / "t.npz"), answers=20, gold=0.0)
    project = init(folder, settings)
    Driver(project).renew()
    Driver(project).suggest()
    write_queue(project, tmp_path / "tasks.json", "label-studio")
    wanted = [task["data"] for task in json.loads((tmp_path / "tasks.json").read_text())]
    port, own = _free(), _free()
    program = [sys.executable, "-c", _SERVE, str(folder), str(own)]
    secret = "s" * 64
    (folder / "label-studio-token").write_text(secret)
    with _running(program, tmp_path / "alasl.log"), _studio(port, tmp_path, kept) as call:
        config = {"title": "queue", "label_config": CONFIG, "sampling": "Uncertainty sampling"}
        config |= {"evaluate_predictions_automatically": True, "show_collab_predictions": True}
        made = call("POST", "/api/projects", config)["id"]
        url = f"http://127.0.0.1:{own}/label-studio/{secret}"
        backend = call("POST", "/api/ml", {"project": made, "url": url, "title": TITLE})
        assert backend["readable_state"] == "Connected"
        # In the opposite order, so that it is not by chance that they come in the right one.
        call("POST", f"/api/projects/{made}/import", [{"data": d} for d in reversed(wanted)])
        call("GET", f"/api/tasks?project={made}&page_size=100")

        given = []

        def answer_next() -> str:
            task = call("GET", f"/api/projects/{made}/next")
            asked = [one["value"] for one in task["data"]["asked"]]
            tick = {"type": "choices", "from_name": "present", "to_name": "image"}
            result = [tick | {"value": {"choices": asked[:1]}}]
            sent = {"result": result, "lead_time": 2.0}
            given.append(call("POST", f"/api/tasks/{task['id']}/annotations/", sent)["id"])
            return str(task["data"]["uid"])

        came = [answer_next() for _ in range(4)]
        assert came == [data["uid"] for data in wanted[:4]]
        said = project.store.answers()
        assert {project.store.images[a.image] for a in said} == {*came}
        assert len(said) == sum(len(data["asked"]) for data in wanted[:4])
        assert {a.person for a in said} == {"user 1"}
        call("DELETE", f"/api/annotations/{given[3]}/")
        assert {project.store.images[a.image] for a in project.store.answers()} == {*came[:3]}
        Driver(project).renew()
        Driver(project).suggest()
        every = {"selectedItems": {"all": True, "excluded": []}, "project": made, "ordering": []}
        call("POST", f"/api/dm/actions?id=retrieve_tasks_predictions&project={made}", every)
        left = {data["uid"] for data in wanted[3:]}
        queue = [project.store.images[q.image] for q in project.store.queue() if not q.done]
        follows = [image for image in dict.fromkeys(queue) if image in left]
        assert follows
        assert [answer_next() for _ in follows[:3]] == follows[:3]


_SERVE = """
import sys
from pathlib import Path
from alasl.annotate import serve
from alasl.project.folder import load
project = load(Path(sys.argv[1]))
serve(project, port=int(sys.argv[2]), label_studio=True)
"""


def _free() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _running(program: list[str], log: Path, **more: str) -> Iterator[None]:
    """A program that runs meanwhile."""
    with log.open("wb") as out:
        running = subprocess.Popen(program, stdout=out, stderr=out, env=os.environ | more)
        try:
            yield
        finally:
            running.terminate()
            running.wait(30)


@contextmanager
def _studio(port: int, folder: Path, kept: Path) -> Iterator[Callable[..., Any]]:
    """A Label Studio, and calls of its API.

    kept: where its empty database is kept. To make it takes all of its migrations, more than a
    minute of a processor, which is what this test would take its time for.
    """
    home, token = folder / "studio", "a" * 40
    home.mkdir()
    empty, database = kept / "empty.sqlite3", home / "label_studio.sqlite3"
    if empty.exists():
        shutil.copy(empty, database)
    program = [str(_label_studio()), "start", "--no-browser", "--port", str(port)]
    program += ["--data-dir", str(home), "--username", "ann@example.org"]
    program += ["--password", "of-no-account", "--user-token", token]
    # It calls nobody at home, and may talk to this machine.
    environment = dict.fromkeys(("COLLECT_ANALYTICS", "LATEST_VERSION_CHECK"), "0")
    environment |= dict.fromkeys(("ML_BLOCK_LOCAL_IP", "SSRF_PROTECTION_ENABLED"), "false")
    environment |= {"SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": ""}
    environment |= {"LABEL_STUDIO_BASE_DATA_DIR": str(home)}
    environment |= {"LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true", "PYTHONPATH": ""}
    address = f"http://127.0.0.1:{port}"

    def call(method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(address + path, content, headers, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read() or b"null")

    with _running(program, folder / "studio.log", **environment):
        for _ in range(900):  # its database is made at first
            with suppress(OSError, ValueError):
                call("GET", "/api/version")
                break
            time.sleep(1)
        if not empty.exists():
            with (
                closing(sqlite3.connect(database)) as ours,
                closing(sqlite3.connect(empty)) as copy,
            ):
                ours.backup(copy)
        yield call
