"""The page in Firefox and in WebKit, the engine of Safari: its main paths, once through each.

The test suite has Chromium alone: each further browser would take minutes. So this is run by hand
after changes of the page. It needs Firefox, or WebKitWebDriver with its MiniBrowser and a screen
(Debian: firefox-esr, or webkit2gtk-driver, xvfb); which is missing is left out.

    xvfb-run python -m benchmarks.engines
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from alasl.labels import Labels
from alasl.project.records import Questions
from alasl.project.store import Store
from benchmarks.annotate import TOKEN, served
from benchmarks.page import Scenes

IMAGES, PATIENCE = 12, 30.0
# Keys by name, in the private range of https://www.w3.org/TR/webdriver2/#keyboard-actions.
NAMED = {"Enter": "\ue007", "Escape": "\ue00c"}
PREFERENCES = {
    "marionette.port": 28_280,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "app.update.enabled": False,
    "browser.aboutwelcome.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
READY = "document.body.dataset.ready === 'yes'"
DIALOG = "document.querySelector('dialog[open]')?.id ?? ''"


class Driver(Protocol):
    """What both browsers are told, in the words of WebDriver."""

    def __call__(self, command: str, path: str, body: dict[str, Any]) -> Any:
        """Marionette's name of a command, WebDriver's path, and what both take."""


class Marionette:
    """Firefox's own protocol: a length, a colon and JSON, over a socket."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._file = self._socket.makefile("rb")
        self._number = 0
        self._read()

    def _read(self) -> Any:
        size = b""
        while (one := self._file.read(1)) != b":":
            size += one
        return json.loads(self._file.read(int(size)))

    def __call__(self, command: str, path: str, body: dict[str, Any]) -> Any:  # noqa: ARG002
        self._number += 1
        sent = json.dumps([0, self._number, f"WebDriver:{command}", body]).encode()
        self._socket.sendall(str(len(sent)).encode() + b":" + sent)
        _, _, error, found = self._read()
        assert error is None, error
        return found.get("value", found) if isinstance(found, dict) else found


class WebDriver:
    """WebDriver over HTTP."""

    def __init__(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}/session"

    def __call__(self, command: str, path: str, body: dict[str, Any]) -> Any:
        sent = json.dumps(body).encode()
        request = urllib.request.Request(self._address + path, sent, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            found = json.load(answer)["value"]
        if command == "NewSession":
            self._address += f"/{found['sessionId']}"
        return found


class Person:
    """Presses keys, and looks."""

    def __init__(self, driver: Driver) -> None:
        self._tell = driver

    def go(self, address: str) -> None:
        """Open an address."""
        self._tell("Navigate", "/url", {"url": address})

    def size(self, width: int, height: int) -> None:
        """Make the window so large."""
        body = {"x": 0, "y": 0, "width": width, "height": height}
        self._tell("SetWindowRect", "/window/rect", body)

    def press(self, *keys: str) -> None:
        """One key after the other; of a word each letter."""
        for key in keys:
            for one in [NAMED[key]] if key in NAMED else key:
                both = [{"type": kind, "value": one} for kind in ("keyDown", "keyUp")]
                actions = [{"type": "key", "id": "keys", "actions": both}]
                self._tell("PerformActions", "/actions", {"actions": actions})

    def see(self, expression: str) -> Any:
        """What an expression is in the page."""
        body = {"script": f"return {expression}", "args": []}
        return self._tell("ExecuteScript", "/execute/sync", body)

    def wait(self, expression: str) -> None:
        """Until an expression is true in the page."""
        end = time.monotonic() + PATIENCE
        while not self.see(f"document.body && ({expression})"):
            assert time.monotonic() < end, f"never came true: {expression}"
            time.sleep(0.05)


@contextmanager
def firefox() -> Iterator[Driver]:
    """A Firefox without a window, in a profile of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in PREFERENCES.items()]
        (Path(profile) / "user.js").write_text("\n".join(lines))
        program = shutil.which("firefox") or shutil.which("firefox-esr") or "firefox"
        command = [program, "--headless", "--marionette", "--profile", profile]
        with _running(command):
            driver = Marionette(_answers(int(PREFERENCES["marionette.port"])))
            driver("NewSession", "", {"capabilities": {}})
            yield driver


@contextmanager
def webkit() -> Iterator[Driver]:
    """WebKit's MiniBrowser, by its driver."""
    found = sorted(Path("/usr").glob("lib*/**/webkit2gtk-4*/MiniBrowser"))
    options = {"binary": str(found[-1]), "args": ["--automation"]}
    with _running(["WebKitWebDriver", "--port=28281"]):
        driver = WebDriver(_answers(28_281))
        always = {"webkitgtk:browserOptions": options}
        driver("NewSession", "", {"capabilities": {"alwaysMatch": always}})
        yield driver


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        running.terminate()
        running.wait(30)


def _answers(port: int) -> int:
    """The port, once something listens there."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return port
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


def go_through(person: Person, address: str) -> None:
    """A name; a grid that is ticked; an image, whose labels are found, answered and taken back."""
    person.size(1280, 900)
    person.go(address)
    person.wait(
        "document.body.dataset.state === 'start' && !document.getElementById('person').disabled"
    )
    person.press("Ann", "Enter")
    person.wait(f"{READY} && document.body.dataset.state === 'grid'")
    person.press("w", "o")
    person.wait(f"{DIALOG} === 'larger'")
    person.press("o", "i")
    person.wait(f"{DIALOG} === 'guide'")
    person.press("i")
    person.wait(f"{DIALOG} === ''")
    person.press("Enter", "m")
    person.wait(f"{READY} && document.body.dataset.state === 'image'")
    person.press("j", "u", "k", "/", "tree", "Enter")
    person.wait("document.querySelector('.here bdi').textContent === 'tree'")
    person.press("j", "o")
    person.wait("document.getElementById('stage').classList.contains('zoomed')")
    person.press("o", "t")
    person.wait("document.activeElement.id === 'note-text'")
    person.press("Escape", "Enter", "y")
    person.wait("document.querySelectorAll('#mine-answers li').length > 0")
    person.press("Escape")


def main() -> None:
    """Go through the page in each browser that there is, and look at what was saved."""
    there = {
        firefox: shutil.which("firefox") or shutil.which("firefox-esr"),
        webkit: shutil.which("WebKitWebDriver"),
    }
    for browser, path in there.items():
        if not path:
            print(f"{browser.__name__}: not on this machine")
            continue
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name) / "project"
            _project(Scenes.draw(Path(name) / "scenes", IMAGES), folder)
            with served(folder) as port, browser() as driver:
                go_through(Person(driver), f"http://127.0.0.1:{port}/?token={TOKEN}")
                time.sleep(2)
            store = Store.open(folder / "store.sqlite")
            values = sorted(answer.value for answer in store.answers())
            store.close()
            # Twelve of the grid, one image taken back, and one with a label that was found.
            assert values == [0] * 13 + [1] * 2, values
            print(f"{browser.__name__}: all was there, and all was saved")


def _project(scenes: Scenes, folder: Path) -> None:
    """The first two labels of all images are asked, by label."""
    folder.mkdir()
    (folder / "images").symlink_to(scenes.folder / "images")
    empty = np.full((IMAGES, len(scenes.names)), -1, np.int8)
    labels = Labels(empty, tuple(scenes.names), tuple(scenes.images))
    store = Store.create(folder / "store.sqlite", labels, scenes.images, ["pool"] * IMAGES)
    rows, cols = np.divmod(np.arange(2 * IMAGES), 2)
    chance = np.linspace(0.9, 0.1, rows.size)
    store.fill(1, Questions(rows, cols, chance, chance, model="m"), way="label")
    store.close()


if __name__ == "__main__":
    main()
