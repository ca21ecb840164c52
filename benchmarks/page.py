"""Answers a minute that a person gives on the page, and in a Label Studio, the same task in both.

A scripted person drives Chromium at human speed: what one thinks takes as long as people were seen
to take, each key as long as hands take, and the browser takes what it takes. Label Studio is asked
the same labels of the same drawn scenes; it has no way of asking one label of many images.

    LABEL_STUDIO=.../bin/label-studio python -m benchmarks.page [label-studio]
"""

from __future__ import annotations

import csv
import functools
import http.server
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alasl.labels import Labels
from alasl.project.records import Questions
from alasl.project.store import Store
from alasl.seconds import Way
from benchmarks.annotate import TOKEN, served
from benchmarks.browser import FLAGS, find_browser

# Seconds. Opening an image and judging a further label of it: docs/concepts.md, "People's time".
OPEN, JUDGE = 2.0, 1.0
# An image of a grid takes 1.7 in all where each takes a key: Krishna et al. 2016.
GLANCE = 1.5
# A key of an average typist, and what comes to mind by itself: Card, Moran and Newell 1980,
# https://doi.org/10.1145/358886.358895 (K and M of the keystroke-level model).
KEY, RECALL = 0.2, 1.35
IMAGES, ASKED, GRID, GRIDS = 12, 4, 18, 3
LS_TOKEN, MAIL, PASSWORD = "a" * 40, "ann@example.org", "of-no-account"


@dataclass
class Scenes:
    """Drawn scenes, and what they show."""

    folder: Path
    names: list[str]
    images: list[str]
    truth: dict[str, dict[str, bool]]

    @classmethod
    def draw(cls, folder: Path, count: int) -> Scenes:
        """Draw so many."""
        command = [sys.executable, "-m", "alasl", "scenes", str(folder), "--count", str(count)]
        subprocess.run([*command, "--seed", "5"], check=True, capture_output=True)
        with (folder / "labels.csv").open(newline="") as table:
            (_, *names), *rows = csv.reader(table)
        truth = {
            image: {n: c == "1" for n, c in zip(names, cells, strict=True)}
            for image, *cells in rows
        }
        return cls(folder, names, [row[0] for row in rows], truth)


@dataclass
class Person:
    """Hands and head: presses keys in a page, and thinks in between."""

    page: Any
    begun: float = 0.0
    waited: list[float] = field(default_factory=list)

    def think(self, seconds: float) -> None:
        """Do nothing for so long."""
        time.sleep(seconds)

    def press(self, *keys: str) -> None:
        """One key after the other."""
        for key in keys:
            time.sleep(KEY)
            self.page.keyboard.press(key)

    def wait(self, expression: str) -> None:
        """Until something can be seen, which is the machine's time."""
        since = time.perf_counter()
        while not self.page.evaluate(expression):
            time.sleep(0.005)
        self.waited.append(time.perf_counter() - since)


READY = "'ready' in document.body.dataset || document.body.dataset.wait === 'empty'"
ENDED = "document.body.dataset.wait === 'empty'"
SHOWN = "document.querySelector('#stage canvas')?.ariaLabel"
LABELS = "[...document.querySelectorAll('#asked bdi')].map((one) => one.textContent)"
KEYS = (
    "[...document.querySelectorAll('#asked > *')]"
    ".map((one) => one.querySelector('.about + kbd')?.textContent ?? '')"
)
PICK = (
    "(name) => [...document.querySelectorAll('#find-list [role=option]')]"
    ".find((one) => one.querySelector('bdi').textContent === name)"
    ".querySelector('kbd').textContent"
)
CELLS = "[...document.querySelectorAll('.cell img')].map((one) => one.dataset.image)"


def main() -> None:
    """Print answers a minute, by each way."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        print("no Chromium or Chrome on this machine")
        return
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scenes = Scenes.draw(Path(folder) / "scenes", max(IMAGES, GRID))
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        ways = (by_image, by_label, tagging)
        for way in () if "label-studio" in sys.argv[1:] else ways:
            where = Path(folder) / way.__name__
            tell(way.__name__.replace("_", " "), *way(scenes, where, browser))
        program = os.environ.get("LABEL_STUDIO")
        if program is None:
            print("LABEL_STUDIO names none, so none is compared")
            return
        with _label_studio(program, Path(folder) / "studio") as port:
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            page.set_default_timeout(120_000)
            page.goto(f"{port}/user/login/")
            page.fill("input[name=email]", MAIL)
            page.fill("input[name=password]", PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url(f"{port}/")
            for name, asked in (("by image", ASKED), ("tagging", len(scenes.names))):
                tell(f"Label Studio, {name}", *_studio_way(scenes, port, page, asked))
        browser.close()


def tell(name: str, answers: int, seconds: float, waited: list[float]) -> None:
    """One line of the table."""
    load, rate = os.getloadavg()[0], 60 * answers / seconds
    alone = 60 * answers / (seconds - sum(waited))
    print(
        f"{name:24} {answers:4} answers in {seconds:4.0f} s, {rate:4.0f} a minute,"
        f" {alone:4.0f} had the machine never been waited for,"
        f" {1000 * float(np.median(waited)):.0f} ms a step (load {load:.1f})",
        flush=True,
    )


def _asked(number: int, names: list[str], many: int) -> list[int]:
    """The labels that are asked of an image, others of each."""
    return [(5 * number + j) % len(names) for j in range(many)]


@contextmanager
def _page(
    scenes: Scenes, folder: Path, browser: Any, pairs: list[tuple[int, int]], way: Way
) -> Iterator[Person]:
    """A project that asks these (image, label), and a person before it."""
    folder.mkdir()
    (folder / "images").symlink_to(scenes.folder / "images")
    empty = np.full((len(scenes.images), len(scenes.names)), -1, np.int8)
    labels = Labels(empty, tuple(scenes.names), tuple(scenes.images))
    roles = ["pool"] * len(scenes.images)
    store = Store.create(folder / "store.sqlite", labels, scenes.images, roles)
    rows, cols = np.array(pairs, np.intp).T
    chance = np.linspace(0.9, 0.1, len(pairs))
    store.fill(1, Questions(rows, cols, chance, chance, model="m"), way=way)
    store.close()
    with served(folder) as port:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}/?token={TOKEN}")
        page.fill("#person", "Ann")
        page.keyboard.press("Enter")
        page.wait_for_selector("body[data-ready]")
        person = Person(page, time.perf_counter())
        yield person
        page.close()


def by_image(scenes: Scenes, folder: Path, browser: Any) -> tuple[int, float, list[float]]:
    """A few labels of each image: a key for each, and one for the rest once it is absent."""
    pairs = [(i, j) for i in range(IMAGES) for j in _asked(i, scenes.names, ASKED)]
    with _page(scenes, folder, browser, pairs, "image") as person:
        for _ in range(IMAGES):
            person.wait(READY)
            shown = scenes.truth[person.page.evaluate(SHOWN).removeprefix("Image ")]
            person.think(OPEN)
            left = [shown[name] for name in person.page.evaluate(LABELS)]
            person.think(JUDGE * len(left))
            while any(left):
                person.press("j" if left.pop(0) else "k")
            if left:
                person.press("Enter")
        person.wait(ENDED)
        return len(pairs), time.perf_counter() - person.begun, person.waited


def by_label(scenes: Scenes, folder: Path, browser: Any) -> tuple[int, float, list[float]]:
    """Images of one label: a key for each that has it, and one for all others."""
    common = sorted(range(len(scenes.names)), key=lambda j: -sum(
        of[scenes.names[j]] for of in scenes.truth.values()))[:GRIDS]  # fmt: skip
    pairs = [(i, j) for j in common for i in range(GRID)]
    with _page(scenes, folder, browser, pairs, "label") as person:
        done = 0
        while done < len(pairs):
            person.wait(READY)
            name = person.page.text_content("#tick-label")
            cells = [scenes.images[int(row)] for row in person.page.evaluate(CELLS)]
            for place, image in enumerate(cells):
                person.think(GLANCE)
                if scenes.truth[image][name]:
                    key = f"document.querySelectorAll('.cell kbd')[{place}].textContent"
                    while not (shown := person.page.evaluate(key)):
                        person.press("ArrowDown")
                    person.press(shown.lower())
            person.press("Enter")
            done += len(cells)
        person.wait(ENDED)
        return len(pairs), time.perf_counter() - person.begun, person.waited


def tagging(scenes: Scenes, folder: Path, browser: Any) -> tuple[int, float, list[float]]:
    """Whole images: the key of each label that is there, or where it has none three keys."""
    many = len(scenes.names)
    pairs = [(i, j) for i in range(IMAGES) for j in range(many)]
    with _page(scenes, folder, browser, pairs, "image") as person:
        for _ in range(IMAGES):
            person.wait(READY)
            shown = scenes.truth[person.page.evaluate(SHOWN).removeprefix("Image ")]
            keys = dict(zip(*person.page.evaluate(f"[{LABELS}, {KEYS}]"), strict=True))
            person.think(OPEN)
            for name in (name for name, there in shown.items() if there):
                person.think(RECALL)
                if key := keys[name]:
                    person.press(key.lower())
                else:
                    person.press("/", name[0])
                    person.press(person.page.evaluate(PICK, name).lower())
            person.press("Enter")
        person.wait(ENDED)
        return len(pairs), time.perf_counter() - person.begun, person.waited


def _studio_way(
    scenes: Scenes, address: str, page: Any, many: int
) -> tuple[int, float, list[float]]:
    """The same in Label Studio: each choice has a key, and Ctrl and Enter submit."""
    whole = many == len(scenes.names)
    choices = "".join(f'<Choice value="{name}"/>' for name in scenes.names) if whole else ""
    values = "" if whole else ' value="$asked"'
    config = (
        '<View><Image name="image" value="$image"/><Choices name="present" toName="image"'
        f' choice="multiple" showInline="true"{values}>{choices}</Choices></View>'
    )
    with _images(scenes.folder / "images") as images:
        project = _call(address, "/api/projects", {"title": f"page {many}", "label_config": config})
        tasks = [
            {
                "image": f"{images}/{image}",
                "asked": [{"value": scenes.names[j]} for j in _asked(i, scenes.names, many)],
            }
            for i, image in enumerate(scenes.images[:IMAGES])
        ]
        _call(address, f"/api/projects/{project['id']}/import", tasks)
        given: list[Any] = []
        page.on("response", lambda reply: _note_task(reply, given))
        page.goto(f"{address}/projects/{project['id']}/data?labeling=1")
        person, before = Person(page), "none"
        for number in range(IMAGES):
            picture = "[...document.images].find((one) => one.src.startsWith('blob:'))"
            ready = f"(({picture})?.src ?? 'none') !== {before!r} && ({picture})?.naturalWidth > 0"
            person.wait(ready)
            if number == 0:
                person.waited.clear()
                person.begun = time.perf_counter()
            before = page.evaluate(f"({picture}).src")
            data = given[-1]
            shown = scenes.truth[data["image"].rsplit("/", 1)[1]]
            asked = scenes.names if whole else [one["value"] for one in data["asked"]]
            person.think(OPEN)
            if not whole:
                person.think(JUDGE * len(asked))
            for name in (name for name in asked if shown[name]):
                if whole:
                    person.think(RECALL)
                person.press(_hotkey(page, name))
            time.sleep(KEY)
            person.press("Control+Enter")
        person.wait(f"!({picture}) || ({picture}).src !== {before!r}")
        return IMAGES * len(asked), time.perf_counter() - person.begun, person.waited


def _note_task(reply: Any, given: list[Any]) -> None:
    if "next_task" in reply.url or "/next" in reply.url:
        with suppress(Exception):
            given.append(reply.json()["data"])


def _hotkey(page: Any, name: str) -> str:
    """The key that stands beside a choice."""
    text = page.evaluate(
        "(name) => [...document.querySelectorAll('label')].map((one) => one.textContent)"
        ".find((text) => text.replace(/\\[.*/, '') === name)",
        name,
    )
    return str(text).rsplit("[", 1)[1].rstrip("]")


def _call(address: str, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Token {LS_TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request(address + path, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.loads(reply.read())


@contextmanager
def _images(folder: Path) -> Iterator[str]:
    """The address of a folder of images that any page may show."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def end_headers(self) -> None:
            self.send_header("Access-Control-Allow-Origin", "*")
            super().end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def _label_studio(program: str, home: Path) -> Iterator[str]:
    """A Label Studio, which first makes its database; its address."""
    home.mkdir()
    address = "http://127.0.0.1:8994"
    command = [program, "start", "--no-browser", "--port", "8994", "--data-dir", str(home)]
    command += ["--username", MAIL, "--password", PASSWORD, "--user-token", LS_TOKEN]
    quiet = dict.fromkeys(("COLLECT_ANALYTICS", "LATEST_VERSION_CHECK"), "0")
    quiet |= {"SENTRY_DSN": "", "FRONTEND_SENTRY_DSN": "", "PYTHONPATH": ""}
    quiet |= {"LABEL_STUDIO_BASE_DATA_DIR": str(home)}
    quiet |= {"LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN": "true"}
    with (home / "log").open("wb") as log:
        running = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ | quiet)
        try:
            for _ in range(1800):
                with suppress(OSError):
                    urllib.request.urlopen(f"{address}/api/version", timeout=60).close()
                    break
                time.sleep(1)
            yield address
        finally:
            running.terminate()
            running.wait(30)


if __name__ == "__main__":
    main()
