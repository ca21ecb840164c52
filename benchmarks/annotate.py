"""The page where people answer: from key press to the next image, and twenty people at once.

100 000 images x 80 labels for the people, x 1 000 for the keys; a training runs on every core
meanwhile and makes the queue anew every ten seconds, as a project's would. The people answer about
once a second each, three times as fast as people do.

    python -m benchmarks.annotate [people | keys [IMAGESxLABELS]]
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
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from alasl.labels import Labels
from alasl.project.records import Questions
from alasl.project.store import Store
from benchmarks.browser import FLAGS, find_browser

IMAGES, LABELS, QUEUE = 100_000, 80, 4_000
KEYS_AT = 100_000, 1_000
PEOPLE, SECONDS, PACE = 20, 40.0, 1.0
ALLOWED, ALLOWED_KEY = 50.0, 30.0
PHOTOS, PHOTO, PRESSED = 60, (2400, 1600), 60
TOKEN = "b" * 32

TRAIN = [sys.executable, "-m", "benchmarks.annotate", "train"]
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
    which = sys.argv[1:2] or ["people", "keys"]
    if "people" in which:
        with tempfile.TemporaryDirectory() as folder:
            many(Path(folder))
    if "keys" in which:
        with tempfile.TemporaryDirectory() as folder:
            images, labels = map(int, sys.argv[2].split("x")) if sys.argv[2:] else KEYS_AT
            keys(Path(folder), images, labels)


def many(folder: Path) -> None:
    """Answer and next, by twenty people, while a training runs."""
    store = made_up(folder, IMAGES, LABELS)
    train = [*TRAIN, str(folder), str(LABELS)]
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


def keys(folder: Path, images: int, labels: int) -> None:
    """From key press until the next image is on the screen, while a training runs."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        print("no Chromium or Chrome on this machine, so keys are not timed")
        return
    store = made_up(folder, images, labels)
    photos(folder / "images", store.images)
    store.close()
    train = [*TRAIN, str(folder), str(labels)]
    with served(folder, train) as port, sync_playwright() as playwright:
        person(port, "first", seconds=2, pace=0.1)  # starts the training
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.fill("#person", "Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-ready]")
        browser.start_tracing(page=page, categories=["input"])
        for _ in range(PRESSED):
            page.wait_for_selector("body[data-ready]")
            time.sleep(0.6)
            page.keyboard.press(";")  # the rest is absent: the next image
        time.sleep(1)
        taken = painted(browser.stop_tracing())
        browser.close()
    p50, p95 = np.percentile(taken, (50, 95))
    print(
        f"key press to the next image, {images} x {labels}, {PHOTO[0]} x {PHOTO[1]} pixels,"
        f" {len(taken)} of them, training on: median {p50:.1f} ms, p95 {p95:.1f} ms,"
        f" {p50 / ALLOWED_KEY:.2f} of {ALLOWED_KEY:.0f} ms allowed"
        f" ({os.cpu_count()} cores, load {os.getloadavg()[0]:.1f})"
    )


def painted(trace: bytes) -> list[float]:
    """Milliseconds from each key until the frame that it led to was on the screen, as traced."""
    begun: dict[tuple[int, str], float] = {}
    taken = []
    events = (e for e in json.loads(trace)["traceEvents"] if e["name"] == "EventLatency")
    for event in sorted(events, key=lambda e: e["ts"]):
        name = event["pid"], event["id2"]["local"]  # given again to a later event
        begins = event["ph"] == "b"
        if begins and event["args"]["event_latency"]["event_type"] == "KEY_PRESSED":
            begun[name] = event["ts"]
        elif (since := begun.pop(name, None)) is not None and not begins:
            taken.append((event["ts"] - since) / 1000)
    return taken


def made_up(folder: Path, images: int, labels: int) -> Store:
    """A store of the full size, half of its entries known, and a queue."""
    rng = np.random.default_rng(0)
    entries = rng.integers(-2, 2, (images, labels), dtype=np.int8)
    entries[entries < 0] = -1
    names = tuple(f"label{j}" for j in range(labels))
    ids = tuple(f"{i:06d}.jpg" for i in range(images))
    table = Labels(entries, names, ids)
    store = Store.create(folder / "store.sqlite", table, ids, ["pool"] * images)
    fill(store, 1, labels)
    return store


def fill(store: Store, round: int, labels: int) -> None:
    """A queue over some thousand images."""
    rng = np.random.default_rng(round)
    rows = np.repeat(rng.choice(len(store.images), QUEUE // 2, replace=False), 2)
    cols = (rng.integers(0, labels, QUEUE // 2)[:, None] + (0, 1)).ravel() % labels
    chance = np.sort(rng.random(QUEUE))[::-1]
    store.fill(round, Questions(rows, cols, chance, chance, model=f"model-{round}"))


def train(folder: Path, labels: int) -> None:
    """What a project's training does, without an end: fit on every core, then ask anew."""
    import torch

    store = Store.open(folder / "store.sqlite")
    x, w = torch.randn(20_000, 1280), torch.randn(1280, labels)
    round = 1
    while True:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            w -= 1e-6 * (x.T @ (x @ w).sigmoid())
        store.labels()
        round += 1
        fill(store, round, labels)


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


def photos(folder: Path, names: Sequence[str]) -> None:
    """Images as large and as busy as a camera's; of so many each stands under several names."""
    folder.mkdir()
    for i, name in enumerate(names):
        if i >= PHOTOS:
            os.link(folder / names[i % PHOTOS], folder / name)
            continue
        noise = Image.effect_noise((PHOTO[0] // 4, PHOTO[1] // 4), 20 + i)
        noise.resize(PHOTO).convert("RGB").save(folder / name, quality=90)


if __name__ == "__main__":
    if sys.argv[1:2] == ["train"]:
        train(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
