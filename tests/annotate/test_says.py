"""What the page says of itself while people work, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from alasl.annotate.pictures import SIDES
from alasl.project.changes import LabelChange

from .conftest import GONE, MakeProject, Project, Site, View

pytestmark = pytest.mark.slow

Serve = Callable[..., Site]


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Six images, of each three labels are asked."""
    made = make_project()
    made.ask([(i, j) for i in range(6) for j in range(3)])
    return made


# The header with numbers of some size: its height, its lines, what sticks out, and what is cut off.
TEXTS = """async (n) => {
  const modules = ["progress", "outbox", "server"].map((name) =>
    import(new URL(`static/${name}.js`, document.baseURI)));
  const [{ progress, showStatus, showSaved }, { outbox }, { line }] = await Promise.all(modules);
  const worth = n > 1 ? { map: 61.2, low: 58.9, high: 63.4, brought: [1.2, -0.3, 2.7] } : null;
  const numbers = { answers: n, mine: n, round: n, queued: 9 * n, left: 5 * n, seconds: n };
  showStatus({ ...progress.status, ...numbers, worth });
  line.trouble = n > 1000 ? "The server cannot be reached." : "";
  outbox.items = Array.from({ length: n > 100 ? n : 0 }, (_, key) => ({ key, body: {} }));
  showSaved();
  const header = document.querySelector("header");
  const parts = [...header.children].filter((one) => one.offsetParent);
  // A sentence on trouble may hang over what is below.
  const room = parseFloat(getComputedStyle(document.querySelector("#saved")).minHeight) || Infinity;
  const boxes = parts.map((one) => one.getBoundingClientRect()).map(({ top, right, bottom }, i) =>
    ({ top, right, bottom: parts[i].id === "saved" ? Math.min(bottom, top + room) : bottom }));
  const lines = new Set(boxes.map(({ top, bottom }) => (top + bottom) >> 3));
  const inside = ({ right, bottom }) => right <= innerWidth && bottom <= header.offsetHeight;
  line.trouble = "";
  outbox.items = [];
  const over = document.documentElement.scrollWidth - innerWidth;
  return [header.offsetHeight, lines.size, over, boxes.every(inside)];
}"""
COUNTS = (0, 1, 23, 456, 7890, 98765)


@pytest.mark.parametrize("language", ["en", "de", "fr"])
def test_the_header_is_as_high_whatever_it_says_and_one_line_where_there_is_room(
    project: Project, serve: Serve, view: View, language: str
) -> None:
    site = serve(project)
    view.open(site)
    view.ready()
    view.page.context.add_cookies([
        {"name": "alasl-language", "value": language, "url": site.url}
    ])  # fmt: skip
    view.page.goto(site.url)
    view.ready()
    for width in (1280, 1024, 768, 320):
        view.page.set_viewport_size({"width": width, "height": 800})
        seen = [view.page.evaluate(TEXTS, n) for n in COUNTS]
        assert len({height for height, *_ in seen}) == 1, (width, seen)
        assert all(over <= 0 and inside for _, _, over, inside in seen), (width, seen)
        assert all(lines == (1 if width >= 1024 else 2) for _, lines, *_ in seen), (width, seen)
    assert "98" in str(view.page.get_attribute("#saved", "title"))
    title = str(view.page.get_attribute("#progress", "title"))
    assert all(view.text(part) in title for part in ("#counts", "#pace", "#worth", "#brought"))


# Which parts of the quiet line are seen, of a round in full swing.
SEEN = """async () => {
  const { progress, showStatus } = await import(new URL("static/progress.js", document.baseURI));
  const numbers = { answers: 1192, mine: 446, round: 2, queued: 320, left: 140, seconds: 900 };
  const worth = { map: 61.2, low: 58.9, high: 63.4, brought: [1.2, -0.3, 2.7] };
  showStatus({ ...progress.status, ...numbers, worth });
  const end = document.querySelector("header").getBoundingClientRect().bottom;
  const said = document.getElementById("round").textContent;
  return [said, ...["round", "pace", "worth", "brought", "counts"].filter((id) => {
    const one = document.getElementById(id), box = one.getBoundingClientRect();
    return box.height && box.bottom <= end && one.scrollWidth <= one.clientWidth + 1;
  })];
}"""


@pytest.mark.parametrize(
    ("width", "parts"), [(1600, 3), (1440, 3), (1280, 3), (1024, 1), (768, 3), (320, 1)]
)
def test_the_line_says_first_what_is_left_and_how_long_that_takes(
    project: Project, serve: Serve, view: View, width: int, parts: int
) -> None:
    view.page.set_viewport_size({"width": width, "height": 800})
    view.open(serve(project))
    view.ready()
    said, *seen = view.page.evaluate(SEEN)
    assert said.startswith("140 of 320 left"), "first, where a phone cuts the rest"
    assert seen[:parts] == ["round", "pace", "worth", "brought", "counts"][:parts]


# The header's height, and whether a sentence on trouble is shown in full, on the screen and on top.
TROUBLE = """async (why) => {
  const modules = ["progress", "server"].map((name) =>
    import(new URL(`static/${name}.js`, document.baseURI)));
  const [{ showSaved }, { line }] = await Promise.all(modules);
  line.trouble = why;
  showSaved();
  const header = document.querySelector("header"), saved = document.querySelector("#saved");
  const { left, right, bottom, height } = saved.getBoundingClientRect();
  const shown = document.createRange();
  shown.selectNodeContents(saved);
  const text = shown.getBoundingClientRect();
  saved.style.pointerEvents = "auto";
  const top = document.elementFromPoint((left + right) / 2, bottom - 2) === saved;
  saved.style.pointerEvents = "";
  const full = text.bottom <= bottom && text.right <= right && right <= innerWidth && top;
  const pressed = document.elementFromPoint((left + right) / 2, bottom - 2) !== saved;
  line.trouble = "";
  showSaved();
  return [header.offsetHeight, full, pressed, Math.round(height)];
}"""


def test_a_long_sentence_on_trouble_is_shown_in_full_and_moves_nothing(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    for width in (1280, 1024, 768, 320):
        view.page.set_viewport_size({"width": width, "height": 800})
        seen = [view.page.evaluate(TROUBLE, "The disk is full. " * n) for n in (1, 8, 20)]
        assert len({height for height, *_ in seen}) == 1, (width, seen)
        assert all(full and pressed for _, full, pressed, _ in seen), (width, seen)


def test_the_page_asks_for_pictures_by_the_sizes_that_the_server_has(
    project: Project, serve: Serve, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIDES, "small", 640)
    site = serve(project)
    for width, size in ((600, "small"), (1280, "medium")):
        view.page.set_viewport_size({"width": width, "height": 700})
        with view.page.expect_request("**/images/0/*") as asked:
            view.page.goto(site.link)
            if width == 600:
                view.page.fill("#person:not([disabled])", "Ann")
                view.press("Enter")
        assert asked.value.url.endswith(f"/images/0/{size}")


def test_once_it_hears_of_a_pause_it_asks_nothing_keeps_all_and_goes_on_by_itself(
    project: Project, serve: Serve, view: View
) -> None:
    site = serve(project)
    view.open(site)
    view.ready()
    view.until("tasks.ahead.length === 5")
    site.tasks.pause(True)
    view.press("j", "k", "l")
    view.page.wait_for_selector('body[data-wait="empty"]')
    assert view.text("#wait-title") == "A pause"
    view.press("j", "Enter", "p")
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0, (0, 2): -1}
    # What was answered last can be taken back, and is asked when it goes on.
    view.press("u")
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0}
    assert view.page.get_attribute("body", "data-state") == "wait"
    site.tasks.pause(False)
    view.ready()
    assert (view.image(), view.asked()) == ("Image 0000.jpg", ["boat"])
    # Who answers nothing hears of it too, and what was begun is kept.
    view.press("j")
    view.ready()
    view.press("j")
    site.tasks.pause(True)
    view.inside("tasks.renew()")
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0, (0, 2): 1, (1, 0): 1}
    assert project.store.problems() == []


def test_who_waits_for_a_training_alone_is_told_of_it(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project()
    project.ask([(0, 0)])
    project.store.lease("Ben", images=1)
    site = serve(project)
    view.open(site)
    view.page.wait_for_selector('body[data-wait="empty"]')
    assert view.text("#wait-title") == "Nothing for you right now"
    site.training.state = "training"
    view.inside("tasks.fetch()")
    view.until("document.querySelector('#wait-title').textContent === 'The model is learning'")
    assert "New questions come by themselves" in view.text("#wait-text")


@pytest.mark.parametrize("how", ["blocked", 403, 404])
def test_pictures_held_back_on_the_way_are_not_taken_for_a_server_that_is_gone(
    project: Project, serve: Serve, view: View, how: str | int
) -> None:
    view.expected = (*GONE, "ERR_BLOCKED_BY_CLIENT", "403", "404")

    def hold(route: Any) -> None:
        if how == "blocked":
            route.abort("blockedbyclient")
        else:
            route.fulfill(status=how, body="<html>Not from here.</html>", content_type="text/html")

    # One by one: the first two only.
    view.page.route(re.compile(r"/images/[01]/"), hold)
    view.open(serve(project))
    view.ready()
    assert "This image cannot be shown: something on the way holds it back" in view.text("#stage")
    assert view.text("#saved") == "All saved"
    view.press("j")
    assert view.text("#said") == "This image cannot be shown, so it can only be skipped."
    view.press("m")
    view.ready("grid")
    cells = view.page.locator(".cell").all_text_contents()
    assert ["something on the way holds it back" in cell for cell in cells] == [True] * 2 + [
        False
    ] * 4
    assert view.inside("import(new URL('static/server.js', document.baseURI).href)"
                       ".then(({ line }) => line.trouble)") == ""  # fmt: skip
    # Nobody skipped them: once nothing holds them back they are asked.
    view.press("Enter")
    view.saved()
    asked = {(row, col) for row, col in project.said() if row in (0, 1)}
    assert asked == set()
    view.page.unroute_all()
    view.page.reload()
    view.ready("grid")
    assert "holds it back" not in view.text("#cells")
    view.press("Enter")
    view.saved()
    assert {row for row, _ in project.said()} >= {0, 1}


@pytest.mark.parametrize(
    ("blocked", "why"),
    [("image", "something on the way holds it back"), ("", "the browser cannot read it")],
)
def test_a_blocker_may_hold_back_the_grids_pictures_alone(
    project: Project, serve: Serve, view: View, blocked: str, why: str
) -> None:
    view.expected = ("ERR_BLOCKED_BY_CLIENT",)

    def hold(route: Any) -> None:
        if not blocked:
            route.fulfill(body="no image", content_type="image/jpeg")
        elif route.request.resource_type == blocked:
            route.abort("blockedbyclient")
        else:
            route.continue_()

    view.page.route(re.compile(r"/images/0/"), hold)
    view.open(serve(project))
    view.ready()
    view.press("m")
    view.ready("grid")
    cells = view.page.locator(".cell").all_text_contents()
    assert [why in cell for cell in cells] == [True] + [False] * 5


def test_a_picture_that_was_held_back_can_be_answered_once_its_step_is_taken_back(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = ("ERR_BLOCKED_BY_CLIENT",)
    view.page.route(re.compile(r"/images/0/"), lambda route: route.abort("blockedbyclient"))
    view.open(serve(project))
    view.ready()
    view.press("m")
    view.ready("grid")
    assert "holds it back" in view.text("#cells")
    view.press("Enter")
    view.saved()
    label = {col for _, col in project.said()}
    view.page.unroute_all()
    view.press("u")
    view.ready("grid")
    assert "holds it back" not in view.text("#cells")
    view.press("Enter")
    view.saved()
    assert {(0, col) for col in label} <= set(project.said())


def test_while_the_server_is_gone_every_step_that_is_not_saved_is_counted_once(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    site = serve(project)
    view.open(site)
    view.ready()
    site.stop()
    view.press("j")
    counted = "/\\d+(?= step)/.exec(document.querySelector('#saved').textContent)?.[0]"
    # The page does not know it yet, as what was answered so far is not sent before the whole image.
    view.inside("tasks.renew().catch(() => {})")
    view.until(f"{counted} === '1'")
    view.press("Enter")
    view.ready()
    view.until(f"{counted} === '1'")
    view.press("k")
    view.until(f"{counted} === '2'")
    view.press("u")
    view.until(f"{counted} === '1'")
    view.press("j", "p")
    view.ready()
    view.until("outbox.items.length === 3")
    assert view.inside(counted) == "2", "answered in part, and skipped"
    view.press("j")
    view.until(f"{counted} === '3'")
    site.start()
    view.saved()
    assert view.text("#saved") == "All saved"
    assert len(project.said()) == 4


def test_a_label_is_found_in_a_list_by_parents_that_narrows_as_one_types(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(names=("dog", "animal", "boat", "cat", "tree", "hat"))
    project.ask([(0, 2), (1, 2)])
    implies = (("dog", "animal"), ("cat", "animal"))
    project.store.change("owner", LabelChange("rule", implies=implies))
    view.open(serve(project))
    view.ready()
    view.until("document.querySelectorAll('#label optgroup').length === 2")
    view.press("/")
    groups = """[...document.querySelectorAll('#find-list [role=group]:not([hidden])')]
      .map((one) => [one.ariaLabel, ...[...one.querySelectorAll('[role=option]:not([hidden]) bdi')]
        .map((label) => label.textContent)])"""
    assert view.page.evaluate(groups) == [
        ["animal", "animal", "dog", "cat"], ["Others", "boat", "tree", "hat"],
    ]  # fmt: skip
    view.page.keyboard.type("at")
    assert view.page.evaluate(groups) == [["animal", "cat"], ["Others", "boat", "hat"]]
    view.press("ArrowDown", "ArrowDown", "ArrowUp")
    active = str(view.page.get_attribute("#find-label", "aria-activedescendant"))
    assert view.text(f"#{active} bdi") == "cat"
    view.press("Enter")
    assert (view.here(), view.page.is_visible("#find")) == ("cat", False)
    view.press("/")
    view.page.click("#find-list >> text=hat")
    assert (view.asked(), view.here()) == (["boat", "cat", "hat"], "hat")
    view.press("/")
    view.page.keyboard.type("zebra")
    assert not view.page.is_visible("#find-list")
    view.press("Escape", "j")
    assert view.inside("session.current.values") == [None, None, 1]


# The labels of MS COCO.
COCO = re.split(
    r"\|",
    "person|bicycle|car|motorcycle|airplane|bus|train|truck|boat|traffic light|fire hydrant|"
    "stop sign|parking meter|bench|bird|cat|dog|horse|sheep|cow|elephant|bear|zebra|giraffe|"
    "backpack|umbrella|handbag|tie|suitcase|frisbee|skis|snowboard|sports ball|kite|baseball bat|"
    "baseball glove|skateboard|surfboard|tennis racket|bottle|wine glass|cup|fork|knife|spoon|"
    "bowl|banana|apple|sandwich|orange|broccoli|carrot|hot dog|pizza|donut|cake|chair|couch|"
    "potted plant|bed|dining table|toilet|tv|laptop|mouse|remote|keyboard|cell phone|microwave|"
    "oven|toaster|sink|refrigerator|book|clock|vase|scissors|teddy bear|hair drier|toothbrush",
)


def test_three_keys_say_that_any_of_coco_s_labels_is_there(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=2, names=tuple(COCO))
    project.ask([(i, j) for i in range(2) for j in range(80)])
    view.open(serve(project))
    view.ready()
    keys: dict[str, str] = {}
    for first in {name[0] for name in COCO}:
        view.press("/", first)
        shown = view.page.evaluate(
            "[...document.querySelectorAll('#find-list [role=option]:not([hidden])')].map((one) =>"
            " ['bdi', 'kbd'].map((part) => one.querySelector(part).textContent))"
        )
        keys |= {name: key for name, key in shown if name[0] == first}
        view.press("Escape")
    assert set(keys) == set(COCO)
    assert all(re.fullmatch("[0-9A-Z]", key) for key in keys.values()), keys
    for name in ("scissors", "teddy bear"):
        view.press("/", name[0], keys[name].lower())
        assert view.text("#said") == f"{name}: present."
        assert not view.page.is_visible("#find")
    # A letter with which a name goes on is a part of it.
    view.press("/", "s", "i")
    assert view.page.input_value("#find-label") == "si"
    view.press("Escape", "Enter")
    view.saved()
    present = {COCO[label] for (_, label), value in project.said().items() if value == 1}
    assert present == {"scissors", "teddy bear"}


def test_the_digits_of_a_french_keyboard_are_keys_without_shift(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(names=("dog", "door"))
    project.ask([(0, 0), (0, 1), (1, 0)])
    view.open(serve(project))
    view.ready()
    view.until("document.querySelectorAll('#asked kbd').length === 2")
    view.page.evaluate("""document.activeElement.dispatchEvent(
        new KeyboardEvent("keydown", { key: "&", code: "Digit1", bubbles: true }))""")
    assert view.text("#said") == "door: present."


# Which texts of a grid lie over one another, and words that are wider than their button.
OVERLAPS = """() => {
  const box = (one) => {
    const text = document.createRange();
    text.selectNodeContents(one);
    return text.getBoundingClientRect();
  };
  const over = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1
    && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 1;
  const cells = [...document.querySelectorAll(".cell")].filter((cell) => {
    const [why, ...signs] = [".picture > span", "kbd", ".mark"].map((at) => cell.querySelector(at));
    const outside = why && box(why).bottom > cell.getBoundingClientRect().bottom;
    return why && (outside || signs.some((one) => over(box(why), one.getBoundingClientRect())));
  });
  const broken = [...document.querySelectorAll('[data-view="grid"] button')].filter((one) =>
    one.offsetParent && one.scrollWidth > one.clientWidth + 1);
  return [...cells, ...broken].map((one) => one.textContent);
}"""


@pytest.mark.parametrize("language", ["de", "fr"])
def test_no_words_lie_over_others_in_any_language_on_a_phone_or_from_right_to_left(
    project: Project, serve: Serve, view: View, language: str
) -> None:
    view.expected = ("ERR_BLOCKED_BY_CLIENT",)
    view.page.route(re.compile(r"/images/0/"), lambda route: route.abort("blockedbyclient"))
    site = serve(project)
    view.page.context.add_cookies([
        {"name": "alasl-language", "value": language, "url": site.url}
    ])  # fmt: skip
    view.page.set_viewport_size({"width": 320, "height": 640})
    view.open(site)
    view.ready()
    view.press("m")
    view.ready("grid")
    for direction in ("ltr", "rtl"):
        view.page.evaluate(f"document.documentElement.dir = '{direction}'")
        for width in (320, 768):
            view.page.set_viewport_size({"width": width, "height": 640})
            view.page.wait_for_timeout(50)
            assert view.page.evaluate(OVERLAPS) == [], (direction, width)
            assert view.page.locator("#label").bounding_box()["width"] >= 90, "a name can be read"
            whole = """(one) => {
                one.textContent = one.textContent.replaceAll(/\\d+ /g, "123 ");
                return one.scrollWidth <= one.clientWidth; }"""
            assert view.page.eval_on_selector("#round", whole), "what is left is said in full"
