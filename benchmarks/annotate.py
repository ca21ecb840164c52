"""The page where people answer: from key press to the next image, and twenty people at once.

100 000 images x 80 labels; a training runs on every core meanwhile and makes the queue anew every
ten seconds, as a project's would. The people answer about once a second each, three times as fast
as people do.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alasl.labels import Labels
from alasl.project.records import Questions
from alasl.project.store import Store

IMAGES, LABELS, QUEUE = 100_000, 80, 4_000
PEOPLE, SECONDS, PACE = 20, 40.0, 1.0
ALLOWED, ALLOWED_KEY = 50.0, 100.0
PHOTOS, PHOTO = 60, (2400, 1600)
TOKEN = "b" * 32

SERVE = """
import contextlib, sys; from pathlib import Path; from alasl.annotate import serve
from alasl.project.store import Store
folder = Path(sys.argv[1])
with contextlib.suppress(KeyboardInterrupt):
    serve(Store.open(folder / "store.sqlite"), folder / "images", folder, port=0,
          token=sys.argv[2], train=sys.argv[3:] or None, every=1,
          say=lambda text: print(text, flush=True))
"""


def main() -> None:
    """Print both latencies and their ratios to what is allowed."""
    with tempfile.TemporaryDirectory() as folder:
        many(Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        keys(Path(folder))


def many(folder: Path) -> None:
    """Answer and next, by twenty people, while a training runs."""
    store = made_up(folder)
    train = [sys.executable, "-m", "benchmarks.annotate", "train", str(folder)]
    with served(folder, train) as port:
        person(port, "first", seconds=2, pace=0.1)  # starts the training
        time.sleep(5)
        taken = crowd(port)
    answered = store.progress().people
    assert sum(who.answers for who in answered.values()) > len(taken)
    p50, p95 = np.percentile(taken, (50, 95))
    print(
        f"answer + next, {IMAGES} x {LABELS}, {PEOPLE} people, {len(taken)} steps, training on:"
        f" median {p50:.1f} ms, p95 {p95:.1f} ms, {p95 / ALLOWED:.2f} of {ALLOWED:.0f} ms allowed"
        f" ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
    )


def keys(folder: Path) -> None:
    """From key press until the next image is painted, in a browser."""
    from playwright.sync_api import sync_playwright
    from tests.annotate.conftest import FLAGS, find_browser

    path = find_browser()
    if path is None:
        print("no Chromium or Chrome on this machine, so keys are not timed")
        return
    photos(folder)
    with served(folder) as port, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.add_init_script(WATCH)
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.fill("#person", "Ann")
        page.keyboard.press("Enter")
        for _ in range(PHOTOS - 1):
            page.wait_for_selector("body[data-ready]")
            time.sleep(0.6)
            page.keyboard.press("j")
        time.sleep(1)
        taken = page.evaluate("took")
        browser.close()
    p50, p95 = np.percentile(taken, (50, 95))
    print(
        f"key press to the next image ({PHOTO[0]} x {PHOTO[1]}, {len(taken)} of them):"
        f" median {p50:.1f} ms, p95 {p95:.1f} ms, {p50 / ALLOWED_KEY:.2f} of"
        f" {ALLOWED_KEY:.0f} ms allowed (load {os.getloadavg()[0]:.1f})"
    )


# From the key's own time stamp to the frame after the one in which another, decoded image stands.
WATCH = """
window.took = [];
addEventListener("keydown", (event) => {
  if (event.key !== "j") return;
  const before = document.querySelector("#stage img");
  const look = () => {
    const now = document.querySelector("#stage img");
    const shown = now && now !== before && now.complete && now.naturalWidth;
    requestAnimationFrame(shown ? () => took.push(performance.now() - event.timeStamp) : look);
  };
  look();
}, true);
"""


def made_up(folder: Path) -> Store:
    """A store of the full size, half of its entries known, and a queue."""
    rng = np.random.default_rng(0)
    entries = rng.integers(0, 2, (IMAGES, LABELS), dtype=np.int8)
    entries[rng.random(entries.shape) < 0.5] = -1
    names = tuple(f"label{j}" for j in range(LABELS))
    ids = tuple(f"{i:06d}.jpg" for i in range(IMAGES))
    labels = Labels(entries, names, ids)
    store = Store.create(folder / "store.sqlite", labels, ids, ["pool"] * IMAGES)
    fill(store, 1)
    return store


def fill(store: Store, round: int) -> None:
    """A queue over some thousand images."""
    rng = np.random.default_rng(round)
    rows = np.repeat(rng.choice(IMAGES, QUEUE // 2, replace=False), 2)
    cols = (rng.integers(0, LABELS, QUEUE // 2)[:, None] + (0, 1)).ravel() % LABELS
    chance = np.sort(rng.random(QUEUE))[::-1]
    store.fill(round, Questions(rows, cols, chance, chance, model=f"model-{round}"))


def train(folder: Path) -> None:
    """What a project's training does, without an end: fit on every core, then ask anew."""
    import torch

    store = Store.open(folder / "store.sqlite")
    x, w = torch.randn(20_000, 1280), torch.randn(1280, LABELS)
    round = 1
    while True:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            w -= 1e-6 * (x.T @ (x @ w).sigmoid())
        store.labels()
        round += 1
        fill(store, round)


@contextmanager
def served(folder: Path, train: list[str] | None = None) -> Iterator[int]:
    """The page of a folder, in a process of its own; the port."""
    (folder / "images").mkdir(exist_ok=True)
    command = [sys.executable, "-c", SERVE, str(folder), TOKEN, *(train or [])]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline().split(":")[2].split("/")[0])
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)


def crowd(port: int) -> list[float]:
    """Milliseconds of every step of all people, who answer at once."""
    taken: list[float] = []

    def work(number: int) -> None:
        taken.extend(person(port, f"person {number}", SECONDS, PACE))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def person(port: int, name: str, seconds: float, pace: float) -> list[float]:
    """One who answers and gets the next image: milliseconds of both together, step by step."""
    rng = random.Random(name)
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def post(path: str, **body: Any) -> Any:
        connection.request("POST", path, json.dumps({"person": name, **body}), headers(port))
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content
        return json.loads(content)

    tasks = post("/api/tasks", images=6, fresh=True)["tasks"]
    taken = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and tasks:
        time.sleep(rng.expovariate(1 / pace))
        task = tasks.pop(0)
        answers = [
            {"image": task["image"], "value": rng.randint(0, 1), "seconds": 1.0, **asked}
            for asked in task["asked"]
        ]
        begun = time.perf_counter()
        post("/api/answers", request=str(uuid.uuid4()), answers=answers)
        tasks += post("/api/tasks", images=1)["tasks"]
        taken.append(1000 * (time.perf_counter() - begun))
    return taken


def headers(port: int) -> dict[str, str]:
    """What every request of the page carries."""
    return {
        "authorization": f"Bearer {TOKEN}",
        "origin": f"http://127.0.0.1:{port}",
        "content-type": "application/json",
    }


def photos(folder: Path) -> None:
    """A project of images as large and as busy as a camera's, one label asked of each."""
    (folder / "images").mkdir()
    ids = tuple(f"{i}.jpg" for i in range(PHOTOS))
    for i, name in enumerate(ids):
        noise = Image.effect_noise((PHOTO[0] // 4, PHOTO[1] // 4), 20 + i)
        noise.resize(PHOTO).convert("RGB").save(folder / "images" / name, quality=90)
    labels = Labels(np.full((PHOTOS, 1), -1, np.int8), ("dog",), ids)
    store = Store.create(folder / "store.sqlite", labels, ids, ["pool"] * PHOTOS)
    chance = np.linspace(0.9, 0.1, PHOTOS)
    store.fill(1, Questions(np.arange(PHOTOS), np.zeros(PHOTOS), chance, chance, model="m"))
    store.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(Path(sys.argv[2]))
    else:
        main()
