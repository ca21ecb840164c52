"""Both pages on a phone, by finger: nothing is small, faint or cut, and no tap hits what moved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from .conftest import MakeProject, Project, Site, View
from .test_owner import own_project, owners_page
from .test_page import CONTRAST, PARTS

pytestmark = pytest.mark.slow

# The least side of what fingers press, in px.
LEAST = """() => Math.min(...[...document.querySelectorAll("button, select, a, input")]
  .filter((one) => one.checkVisibility() && getComputedStyle(one).display !== "inline")
  .map((one) => one.getBoundingClientRect())
  .flatMap(({ width, height }) => [width, height]))"""


@dataclass
class Phone:
    """Opens pages as a small phone does."""

    browser: Any
    scheme: str = "dark"
    pages: list[Any] = field(default_factory=list)

    def new_page(self, **options: Any) -> Any:
        small = {"width": 320, "height": 640}
        options |= {"viewport": small, "has_touch": True, "is_mobile": True}
        self.pages.append(self.browser.new_page(color_scheme=self.scheme, **options))
        self.pages[-1].set_default_timeout(60_000)
        return self.pages[-1]


@pytest.fixture(params=["light", "dark"])
def phone(request: pytest.FixtureRequest, browser: Any) -> Iterator[Phone]:
    phone = Phone(browser, request.param)
    yield phone
    for page in phone.pages:
        page.close()


def test_labels_share_two_screens_of_a_phone(
    make_project: MakeProject, serve: Callable[[Project], Site], phone: Phone
) -> None:
    project = make_project(images=4, names=tuple("abcde"))
    project.ask([(i, j) for j in range(5) for i in range(3)], way="label")
    view = View(phone.new_page())
    view.open(serve(project))
    view.ready("grid")
    page = view.page
    assert page.evaluate(PARTS) == [[name, 3] for name in "abcd"]
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert (page.evaluate(LEAST) >= 43.5, page.evaluate(CONTRAST)) == (True, [])
    # Two rows and a name are in sight, and below that it goes on.
    bottoms = "all => all.map((one) => one.getBoundingClientRect().bottom)"
    height = page.evaluate("innerHeight")
    assert max(page.eval_on_selector_all(".cell", bottoms)[:3]) < height - 100
    assert view.text("#save span >> visible=true") == "More below"
    # Nor does trouble go out of sight with the header.
    page.evaluate("document.getElementById('saved').dataset.state = 'trouble'; scrollTo(0, 300)")
    view.until("scrollY > document.querySelector('header').offsetHeight")
    assert 0 <= page.locator("#saved").bounding_box()["y"] < 20
    # However large the picture is, what says something of it is in sight.
    page.tap('[data-do="zoom"] >> visible=true')
    page.wait_for_selector("#larger[open] canvas")
    assert max(page.eval_on_selector_all("#larger button", bottoms)) < height
    assert (page.evaluate(LEAST) >= 43.5, page.evaluate(CONTRAST)) == (True, [])


def test_the_owner_s_lists_can_be_read_and_pressed(make_project: MakeProject, phone: Phone) -> None:
    suspect = {"image": f"{'folder/' * 9}.jpg", "label": "dog", "column": 0, "number": 0}
    suspect |= {"given": 1, "probability": 0.1}
    found = {"state": "found", "all": 1, "why": "", "rates": {}, "suspects": [suspect]}
    project, own = own_project(make_project(), {"a name of many letters " * 2: 1, "ben": 0})
    with owners_page(project, own, phone, suspects=found) as page:
        page.wait_for_selector("#suspects li")
        page.wait_for_selector("#settle li")
        page.wait_for_selector("#exports a")
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert (page.evaluate(LEAST) >= 43.5, page.evaluate(CONTRAST)) == (True, [])
        # A long name leaves room for figures, and stays where they are scrolled.
        lefts = "all => all.map((one) => one.getBoundingClientRect().left)"
        assert max(page.eval_on_selector_all("#people td:nth-child(2)", lefts)) < 200
        page.evaluate("document.querySelector('#people').parentElement.scrollLeft = 150")
        assert min(page.eval_on_selector_all("#people tbody th", lefts)) >= 0
        # The picture in full.
        with page.expect_popup() as opened:
            page.tap("#settle a")
        opened.value.wait_for_load_state()
        assert opened.value.evaluate("document.images[0].naturalWidth") > 0
        opened.value.close()


def test_the_second_tap_of_two_settles_nothing_else(
    make_project: MakeProject, phone: Phone
) -> None:
    suspect = {"image": "0000.jpg", "label": "dog", "column": 0, "given": 1, "probability": 0.1}
    several = [suspect | {"number": i} for i in range(3)]
    found = {"state": "found", "all": 3, "why": "", "rates": {}, "suspects": several}
    project, own = own_project(make_project(), {})
    held: list[Any] = []
    settled: list[Any] = []
    with owners_page(project, own, phone, suspects=found) as page:
        page.wait_for_selector("#suspects li >> nth=2")
        page.route("**/api/suspects", lambda route: held.append(route))
        page.route(
            "**/api/settle",
            lambda route: (settled.append(route.request.post_data_json), route.fulfill(status=204)),
        )
        button = page.locator("#suspects li button").first
        button.tap()
        page.wait_for_selector("#suspects li >> nth=2", state="detached")
        # Another one is below the finger now.
        box = button.bounding_box()
        page.touchscreen.tap(box["x"] + 5, box["y"] + 5)
        View(page).until_held(held)
        held[0].fulfill(json=found | {"suspects": several[1:]})
        page.wait_for_selector("#suspects[inert]", state="detached")
        assert [one["image"] for one in settled] == [0]
        focused = "all => all.findIndex((one) => one.contains(document.activeElement))"
        assert page.eval_on_selector_all("#suspects li", focused) == 0
        button.tap()
        page.wait_for_selector("#suspects li >> nth=1", state="detached")
        assert [one["image"] for one in settled] == [0, 1]
        for route in held[1:]:
            route.fulfill(json=found)
