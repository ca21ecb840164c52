"""Small projects, their page served here, and a browser that looks at it."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from alasl.annotate.app import make_app
from alasl.annotate.connections import Connection
from alasl.annotate.guard import Access, PublicAddress
from alasl.annotate.pictures import Pictures
from alasl.annotate.server import listen
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.labels import Labels
from alasl.project.folder import Project as Opened
from alasl.project.records import Event, Questions
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store
from alasl.seconds import Way

TOKEN = "t" * 64
NAMES = ("dog", "cat", "boat", "tree")
BROWSERS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
# Without these Chromium looks for its maker's hosts, and waits.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Else the list of the address bar's suggestions, which no test opens, is laid out in processes
    # of its own for each context: a second of processor a test. Chromium takes the last such flag,
    # so that what Playwright turns off stands here too, as far as it is about Chromium on any page.
    "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,"
    "AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,HttpsUpgrades,"
    "HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,OptimizationHints,"
    "ThirdPartyStoragePartitioning,AvoidCorsURLLoaderRestartOnRedirect,TcpPortRandomizationWin,"
    "NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch",
)

# What tests look at inside the page: the modules that hold it.
INSIDE = {
    "clock": "clock", "large": "pictures", "outbox": "outbox", "progress": "progress",
    "session": "session", "settings": "kept", "stageSize": "layout", "storage": "kept",
    "tasks": "tasks",
}  # fmt: skip

# What a browser says of a server that is gone, or went in the middle of a response.
GONE = ("ERR_CONNECTION_", "ERR_SOCKET_", "ERR_NETWORK_", "ERR_EMPTY_RESPONSE", "ERR_FAILED",
        "ERR_INTERNET_DISCONNECTED", "ERR_CONTENT_LENGTH_MISMATCH")  # fmt: skip


@dataclass
class Project:
    """A project on disk: its store, and the folder of its images."""

    store: Store
    images: Path
    folder: Path

    def opened(self) -> Opened:
        """As `load` opens one."""
        return Opened(self.folder, ProjectSettings(), self.store, self.images)

    def ask(
        self,
        pairs: list[tuple[int, int]],
        p: list[float] | None = None,
        way: Way = "image",
        round: int = 1,
    ) -> None:
        """Make these (image, label) the queue, in this order."""
        rows, cols = np.array(pairs, np.intp).reshape(-1, 2).T
        chance = np.linspace(0.9, 0.1, len(pairs)) if p is None else np.array(p)
        self.store.fill(round, Questions(rows, cols, chance, chance, model="m1"), way=way)

    def said(self) -> dict[tuple[int, int], int]:
        """What stands of what people said: (image, label) to 1, 0 or -1."""
        return {(a.image, a.label): a.value for a in self.store.answers()}

    def events(self, kind: str) -> list[Event]:
        """What happened, of one kind."""
        return [event for event in self.store.events() if event.kind == kind]


Result = TypeVar("Result")
MakeProject = Callable[..., Project]


@pytest.fixture
def make_project(tmp_path: Path) -> Iterator[MakeProject]:
    """Projects of a few plain images, each with its number on it."""
    made: list[Project] = []

    def make(
        images: int = 6,
        names: tuple[str, ...] = NAMES,
        entries: NDArray[np.int8] | None = None,
        files: list[str] | None = None,
        size: tuple[int, int] = (96, 64),
    ) -> Project:
        folder = tmp_path / f"project{len(made)}"
        where = folder / "images"
        where.mkdir(parents=True)
        ids = files or [f"{i:04d}.jpg" for i in range(images)]
        for i, name in enumerate(ids):
            image = Image.new("RGB", size, (60 + 15 * i % 180, 120, 180))
            ImageDraw.Draw(image).text((10, 20), str(i), fill="white", font_size=24)
            image.save(where / name, "JPEG")
        if entries is None:
            entries = np.full((len(ids), len(names)), -1, np.int8)
        labels = Labels(entries, names, tuple(ids))
        store = Store.create(folder / "store.sqlite", labels, ids, ["pool"] * len(ids))
        made.append(Project(store, where, folder))
        return made[-1]

    yield make
    for project in made:
        project.store.close()


@dataclass
class Site:
    """A page that is served in this process; it can go away and come back at the same address."""

    project: Project
    training: Training = field(default_factory=lambda: Training(None))
    port: int = 0
    _server: Any = None
    _thread: threading.Thread | None = None

    public: str | None = None
    tasks: Tasks = field(init=False)

    @property
    def access(self) -> Access:
        public = PublicAddress.of(self.public) if self.public else None
        return Access(TOKEN, f"alasl-{self.port}", public=public)

    @property
    def url(self) -> str:
        return f"{self.public or f'http://127.0.0.1:{self.port}'}/{self.access.place}/"

    @property
    def link(self) -> str:
        return f"{self.public or f'http://127.0.0.1:{self.port}'}/?token={TOKEN}"

    @property
    def connections(self) -> set[Any]:
        """Those that are open."""
        found: set[Any] = self._server.server_state.connections
        return found

    def start(self) -> None:
        """Serve, at the port from before if there was one."""
        listening = listen("127.0.0.1", self.port)
        self.port = int(listening.getsockname()[1])
        store = self.project.store
        self.tasks = Tasks(store, self.training)
        app = make_app(self.tasks, Pictures(store.files, self.project.images), self.access)
        config = uvicorn.Config(
            app, log_level="error", http=Connection, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([listening],), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be gone: the port refuses connections."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Project], Site]]:
    """Serve a project's page."""
    sites: list[Site] = []

    def start(project: Project, **options: Any) -> Site:
        sites.append(Site(project, **options))
        sites[-1].start()
        return sites[-1]

    yield start
    for site in sites:
        site.stop()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    return loop


def run(work: Awaitable[Result]) -> Result:
    """What a coroutine returns; in a thread of its own, as the browser's loop runs in this one."""

    async def awaited() -> Result:
        return await work

    return asyncio.run_coroutine_threadsafe(awaited(), _loop()).result()


def find_browser() -> str | None:
    """Any Chromium or Chrome of this machine."""
    named = os.environ.get("CHROME")
    found = (shutil.which(name) for name in ([named] if named else BROWSERS))
    return next((path for path in found if path), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser; where there is none the test is skipped, but fails in CI."""
    from playwright.sync_api import sync_playwright

    path = find_browser()
    if path is None:
        reason = "no Chromium or Chrome on this machine; CHROME may name one"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield started
        started.close()


@dataclass
class View:
    """A tab of a browser, and everything that went wrong in it."""

    page: Any
    problems: list[str] = field(default_factory=list)
    # Of a server that is gone, as the test wants it to be.
    expected: tuple[str, ...] = ()

    def open(self, site: Site, person: str | None = "Ann") -> None:
        """Come by the link, and give a name."""
        self.page.goto(site.link)
        self.page.wait_for_selector("#person")
        if person is not None:
            self.page.fill("#person", person)
            self.page.keyboard.press("Enter")
            self.page.wait_for_selector('body:not([data-state="start"])')

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def ready(self, state: str = "image") -> None:
        """Wait until something can be answered."""
        self.page.wait_for_selector(f'body[data-state="{state}"][data-ready]')

    def until(self, expression: str, seconds: float = 60) -> None:
        """Wait until an expression of the page's is true.

        By asking again, as the page's content policy forbids what Playwright would do.
        """
        end = time.monotonic() + seconds
        while not self.inside(expression):
            assert time.monotonic() < end, f"never came true: {expression}"
            time.sleep(0.02)

    def ahead(self, many: int) -> None:
        """Wait until at least so many of the next images are here, with their pictures."""
        self.until(f"tasks.ahead.length >= {many}")
        pictures = "tasks.ahead.map(({ image }) => large(image, stageSize()).ready)"
        self.inside(f"Promise.all({pictures})")

    def until_held(self, held: list[Any], seconds: float = 60) -> None:
        """Wait until a route that the test has set holds a request."""
        end = time.monotonic() + seconds
        while not held:
            assert time.monotonic() < end, "the page did not ask"
            self.page.wait_for_timeout(20)

    def inside(self, expression: str) -> Any:
        """What an expression over the page's modules is, e.g. `outbox.items.length`."""
        urls = [f"new URL('static/{file}.js', document.baseURI).href" for file in INSIDE.values()]
        names = ", ".join(f"{{ {name} }}" for name in INSIDE)
        modules = ", ".join(f"import({url})" for url in urls)
        return self.page.evaluate(f"Promise.all([{modules}]).then(([{names}]) => ({expression}))")

    def saved(self) -> None:
        """Wait until the server has everything."""
        self.until("outbox.items.length === 0 && !outbox.sending")

    def text(self, selector: str) -> str:
        return str(self.page.locator(selector).first.text_content()).strip()

    def until_text(self, selector: str, wanted: str) -> None:
        """Wait until a text is there, such as a count, which the server tells a second later."""
        self.until(f"document.querySelector({selector!r}).textContent.trim() === {wanted!r}")

    def asked(self) -> list[str]:
        """The labels asked now, in order."""
        return list(
            self.page.eval_on_selector_all("#asked bdi", "all => all.map(e => e.textContent)")
        )

    def here(self) -> str:
        """The label that keys are about."""
        return self.text("#asked .here bdi")

    def ticked(self) -> list[int]:
        """The places of the grid's ticked images."""
        marks = self.page.eval_on_selector_all(
            ".cell", "all => all.map(e => e.getAttribute('aria-checked'))"
        )
        return [i for i, mark in enumerate(marks) if mark == "true"]

    def image(self) -> str:
        """The image that is shown large."""
        return str(self.page.get_attribute("#stage canvas", "aria-label"))

    def unexpected(self) -> list[str]:
        return [p for p in self.problems if not any(word in p for word in self.expected)]


@pytest.fixture
def view(browser: Any) -> Iterator[View]:
    """A new tab, whose errors and breaches of the content policy fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    context.set_default_timeout(60_000)
    page = context.new_page()
    shown = View(page)
    page.on("pageerror", lambda error: shown.problems.append(f"error: {error}"))
    page.on(
        "console",
        lambda m: (
            shown.problems.append(f"{m.text} {m.location}")
            if m.type in ("error", "warning")
            else None
        ),
    )
    page.on("dialog", lambda dialog: (shown.problems.append("dialog"), dialog.dismiss()))
    yield shown
    with suppress(Exception):
        context.close()
    assert shown.unexpected() == []
