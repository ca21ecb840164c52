"""The page in a real browser: every state, every key, and what it leaves in the store."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alasl.annotate.training import Training
from alasl.project.changes import LabelChange
from alasl.project.ground import Ground
from alasl.project.guide import Described
from alasl.project.records import Questions
from alasl.project.records import Training as Training_
from alasl.project.store import Store

from .conftest import NAMES, MakeProject, Project, Site, View

pytestmark = pytest.mark.slow

Serve = Callable[..., Site]

# Whether the first button of what is marked lies open, and not below something else or cut off.
HIT = """
(() => {
  const buttons = [...document.querySelectorAll(".here .choices button, .here > .cell")];
  const button = buttons.find((one) => one.offsetParent);
  const { left, top, width, height } = button.getBoundingClientRect();
  const there = document.elementFromPoint(left + width / 2, top + height / 2);
  return button.contains(there);
})()
"""


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    """Six images, of each dog, cat and boat are asked; the tree is known."""
    entries = np.full((6, 4), -1, np.int8)
    entries[:, 3] = [1, 0, 1, 0, 1, 0]
    made = make_project(entries=entries)
    made.ask([(i, j) for i in range(6) for j in range(3)])
    return made


def test_a_page_that_is_open_takes_a_new_label_and_loses_no_answer(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.until("tasks.ahead.length === 5 && !tasks.asking")
    other = Store.open(project.store.path)
    other.change("owner", LabelChange("merge", ("dog", "cat"), ("pet",)))
    view.press("j", "k", "l")
    view.page.locator("#label option", has_text="pet").wait_for(state="attached")
    view.ready()
    assert (view.image(), view.asked()) == ("Image 0001.jpg", ["boat"])
    shown = view.page.locator("#label option:not([hidden])").all_text_contents()
    assert [text.split(" (")[0] for text in shown] == ["boat", "tree", "pet"]
    view.saved()
    said = [(e.image, e.label, e.value) for e in project.events("answer")]
    assert said == [(0, 0, 1), (0, 1, 0), (0, 2, -1)], "of the labels that were shown"
    assert other.labels().entries[0].tolist() == [-1, 1, 1], "boat, tree, pet"
    other.close()


# By image


def test_the_likeliest_label_is_asked_first_and_what_is_known_stands_apart(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    entries = np.full((6, 4), -1, np.int8)
    entries[0] = (1, -1, -1, 0)
    project = make_project(entries=entries)
    project.ask([(0, 1), (0, 2)], p=[0.2, 0.7])
    view.open(serve(project))
    view.ready()
    assert view.asked() == ["boat", "cat"]
    assert view.here() == "boat"
    assert re.sub(r"\s+", " ", view.text("#known")) == "PresentdogAbsenttree"
    assert view.page.locator("#asked [aria-pressed=true]").count() == 0
    assert view.text("#asked .chance") == ""


def test_of_much_that_is_known_the_first_is_shown_and_all_on_demand(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    names = tuple(f"label{j}" for j in range(90))
    entries = np.full((2, 90), -1, np.int8)
    entries[0, 1:] = np.arange(89) < 3
    project = make_project(images=2, names=names, entries=entries)
    project.ask([(0, 0), (1, 0)])
    view.open(serve(project))
    view.ready()
    known = view.page.locator("#known dd")
    assert known.all_text_contents() == [f"label{j}" for j in range(1, 41)] + ["49 more"]
    assert view.page.locator("#known dt").all_text_contents() == ["Present", "Absent"]
    view.page.click("#known button >> text=49 more")
    assert known.all_text_contents() == [f"label{j}" for j in range(1, 90)]
    assert view.page.evaluate("document.activeElement.textContent") == "label41"
    view.press("Enter", "k")
    view.saved()
    assert [(e.label, e.value) for e in project.events("resolve")] == [], "it was absent"
    view.press("j")
    view.until("session.current?.items[0].image === 1")
    assert view.text("#known") == "Nothing yet"


def test_one_key_answers_and_goes_on(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    assert view.image() == "Image 0000.jpg"
    view.press("j")
    assert view.here() == "cat"
    assert view.text("#said") == "dog: present."
    view.press("k", "l")
    view.ready()
    assert view.image() == "Image 0001.jpg"
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0, (0, 2): -1}
    view.until_text("#counts", "3 answers, 3 by you")
    assert view.text("#round") == "15 of 18 left, round 1"
    first = project.events("answer")[0]
    assert (first.person, first.model, first.shown, first.round) == ("Ann", "m1", False, 1)
    assert first.probability == pytest.approx(0.9)


def test_the_rest_is_absent_with_one_key(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    view.press("j", "Enter")
    view.ready()
    view.press(";")
    view.ready()
    assert view.image() == "Image 0002.jpg"
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0, (0, 2): 0} | {(1, j): 0 for j in range(3)}


def test_labels_can_be_answered_out_of_order_and_changed(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("ArrowDown", "ArrowDown", "j")
    assert view.here() == "dog"
    view.press("j", "ArrowUp", "k", "l")
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 0, (0, 1): -1, (0, 2): 1}


def test_a_label_is_found_by_its_name_and_keys_are_off_while_it_is_typed(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("/")
    view.page.keyboard.type("jklupo")
    view.saved()
    assert project.said() == {}
    view.page.fill("#find-label", "bo")
    view.press("Enter")
    assert view.here() == "boat"
    assert view.page.is_hidden("#find")
    view.press("/", "Escape", "j")
    assert view.page.locator("#asked .label").nth(2).locator("[aria-pressed=true]").count() == 1


def test_any_label_can_be_answered_and_what_is_known_corrected_and_taken_back(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    entries = np.full((6, 4), -1, np.int8)
    entries[:, 3] = 1
    project = make_project(entries=entries)
    project.ask([(0, 0), (1, 0)])
    view.open(serve(project))
    view.ready()
    assert view.asked() == ["dog"]
    # Not asked: the boat is answered, the cat only looked at, so it stays unknown.
    view.press("/")
    view.page.fill("#find-label", "cat")
    view.press("Enter", "/")
    view.page.fill("#find-label", "boa")
    view.press("Enter")
    assert (view.asked(), view.here()) == (["dog", "cat", "boat"], "boat")
    view.press("j")
    assert view.here() == "dog"
    # Known: the tree is no tree.
    view.page.click("#known button")
    assert view.here() == "tree"
    assert view.page.locator("#asked .here [aria-pressed=true]").text_content() == "Present"
    view.press("k", "Enter")
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 0, (0, 2): 1}
    labels = project.store.labels()
    assert labels.entries[0].tolist() == [0, -1, 1, 0]
    assert labels.sources[labels.source[0, 3]] == "resolved"
    assert [(e.person, e.value) for e in project.events("resolve")] == [("Ann", 0)]
    assert project.store.problems() == []
    view.press("u")
    view.ready()
    view.saved()
    assert view.image() == "Image 0000.jpg"
    assert project.store.labels().entries[0].tolist() == [-1, -1, -1, 1]
    view.press("/")
    view.page.fill("#find-label", "zebra")
    view.press("Enter")
    assert view.text("#said") == "There is no label zebra."


def test_a_correction_is_kept_though_the_image_is_skipped_or_the_page_left(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    entries = np.full((6, 4), -1, np.int8)
    entries[:, 3] = 1
    project = make_project(entries=entries)
    project.ask([(0, 0), (1, 0)])
    view.open(serve(project))
    for image, leave in enumerate((lambda: view.press("p"), view.page.reload)):
        view.ready()
        assert view.image() == f"Image 000{image}.jpg"
        view.page.click("#known button")
        view.press("k")
        leave()
        view.until("outbox.items.length === 0")
        assert project.store.labels().entries[image, 3] == 0


def test_each_answer_is_timed_without_the_time_away(
    project: Project, serve: Serve, view: View
) -> None:
    # The page's clock goes on by itself too, so what it tells is more by what the test takes.
    view.page.clock.install()
    view.open(serve(project))
    begun = time.monotonic()
    view.ready()
    view.page.clock.run_for(1500)
    view.press("j")
    view.page.clock.run_for(700)
    view.press("k")
    # Ten minutes without a key are no thinking.
    view.page.clock.run_for(600_000)
    view.press("l")
    view.ready()
    view.page.clock.run_for(600)
    view.press("Enter")
    view.until("outbox.items.length === 0")
    lasted = time.monotonic() - begun
    took = [event.seconds for event in project.events("answer")]
    expected = [1.5, 0.7, 120, 0.2, 0.2, 0.2]
    assert len(took) == len(expected)
    for measured, least in zip(took, expected, strict=True):
        assert least - 0.15 <= measured <= min(least + lasted, 120) + 0.15


def test_a_key_held_down_answers_once(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    for _ in range(5):
        view.page.keyboard.down("j")
    view.page.keyboard.up("j")
    assert view.here() == "cat"


def test_nothing_is_answered_before_the_image_is_seen(
    project: Project, serve: Serve, view: View
) -> None:
    held: list[object] = []
    view.page.route("**/images/1/*", lambda route: held.append(route))
    view.open(serve(project))
    view.ready()
    view.press("Enter")
    view.page.wait_for_selector('body:not([data-ready])[data-state="image"]')
    view.press("j", "Enter", "k")
    view.saved()
    assert {image for image, _ in project.said()} == {0}
    view.until_held(held)
    held[0].continue_()  # type: ignore[attr-defined]
    view.ready()
    view.press("Enter")
    view.saved()
    assert {image for image, _ in project.said()} == {0, 1}


def test_an_image_that_cannot_be_shown_says_why_and_can_only_be_skipped(
    project: Project, serve: Serve, view: View
) -> None:
    (project.images / "0000.jpg").write_bytes(b"<html>")
    view.expected = ("404",)
    view.open(serve(project))
    view.ready()
    assert "its file is no image that can be read" in view.text("#stage")
    assert str(project.images) not in view.text("#stage")
    view.press("j", "k", "l", "Enter", ";")
    assert view.text("#said") == "This image cannot be shown, so it can only be skipped."
    assert not view.page.is_visible("#asked .choices button")
    view.press("/", *"tree", "Enter")
    assert view.here() == "tree"
    view.press("Enter", "k", "p")
    view.ready()
    assert view.image() == "Image 0001.jpg"
    assert view.page.is_visible("#asked button")
    view.saved()
    assert project.events("skip")[0].image == 0
    assert project.said() == {}


def test_a_picture_of_the_grid_that_cannot_be_shown_is_left_to_others(
    project: Project, serve: Serve, view: View
) -> None:
    for bad in ("0001.jpg", "0004.jpg"):
        (project.images / bad).unlink()
    view.expected = ("404",)
    view.open(serve(project))
    view.ready()
    by_label(view)
    assert view.text(".cell >> nth=1 >> .picture") == "Cannot be shown: its file is not there"
    view.press("w", "q", "ArrowRight", "j", "k", "Enter")
    view.saved()
    assert project.said() == {(0, 0): 1, (2, 0): 0, (3, 0): 0, (5, 0): 0}
    assert sorted(event.image or 0 for event in project.events("skip")) == [1, 4]


def test_predictions_are_shown_and_ticked_only_when_asked_and_the_answers_say_so(
    project: Project, serve: Serve, view: View
) -> None:
    project.ask([(i, j) for i in range(6) for j in range(3)], p=[0.8, 0.6, 0.3] * 6)
    view.open(serve(project))
    view.ready()
    view.press("h")
    view.page.check("#shown")
    view.press("Escape", "Enter")
    view.until("document.querySelector('#asked [aria-pressed=true]')")
    assert view.page.locator("#asked [aria-pressed=true]").all_text_contents() == ["Present"] * 2
    assert view.page.locator("#asked .chance").all_text_contents() == ["80 %", "60 %", "30 %"]
    view.press("k", "Enter")
    view.ready()
    view.saved()
    answers = project.events("answer")
    assert [(e.image, e.value, e.shown) for e in answers] == [
        (0, 0, False), (0, 0, False), (0, 0, False), (1, 0, True), (1, 1, True), (1, 0, True),
    ]  # fmt: skip


# By label


def by_label(view: View) -> None:
    view.press("m")
    view.ready("grid")


def test_a_grid_asks_one_label_of_many_images(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    by_label(view)
    assert view.text("#tick") == "Tick every image with dog"
    assert view.page.locator(".cell kbd").all_text_contents() == list("QWERAS")
    view.press("q", "r", "w", "w")
    assert view.ticked() == [0, 3]
    view.press("ArrowRight", "l", "Enter")
    view.saved()
    said = {(0, 0): 1, (1, 0): 0, (2, 0): -1, (3, 0): 1, (4, 0): 0, (5, 0): 0}
    assert project.said() == said
    assert len({event.act for event in project.events("answer")}) == 1
    # And on to the other labels, by itself.
    for label in ("cat", "boat"):
        view.until(f"document.querySelector('#tick-label').textContent === '{label}'")
        view.ready("grid")
        view.press("Enter")
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert view.text("#wait-title") == "All answered. Thank you!"
    assert "Round 1 is done: 18 answers, 18 in all. You gave 18 answers in" in view.text(
        "#wait-text"
    )


def test_ticks_are_kept_when_the_grid_is_left_for_the_other_way_and_come_back_by_undo(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("m")
    view.ready("grid")
    view.press("w", "r")
    assert view.ticked() == [1, 3]
    view.press("m")
    view.ready()
    view.press("m")
    view.ready("grid")
    view.saved()
    label = view.inside("session.current.items[0].label")
    assert project.said() == {(1, label): 1, (3, label): 1}
    assert view.page.locator(".cell").count() == 4, "the others are still asked"
    view.press("u")
    view.until("session.current.items.length === 6")
    assert view.ticked() == [1], "the last tick is taken back, the other still to be sent"
    view.saved()
    assert project.said() == {}


def test_a_grid_is_walked_ticked_and_skipped_by_arrows_and_answer_keys(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    by_label(view)
    # Six images stand in two rows of three.
    view.press("ArrowDown", "j", "p", "ArrowUp", "j", "Space", "ArrowRight", "ArrowRight", "Space")
    assert view.ticked() == [2, 5]
    view.press("Enter")
    view.saved()
    assert project.said() == {(0, 0): 0, (1, 0): 0, (2, 0): 1, (3, 0): 0, (5, 0): 1}
    assert [event.image for event in project.events("skip")] == [4]
    view.press("u")
    view.until("document.querySelector('#tick-label').textContent === 'dog'")
    view.ready("grid")
    view.saved()
    assert project.said() == {}
    assert [event.kind for event in project.events("undo")] == ["undo"] * 2


def test_a_grid_is_as_large_as_the_screen_and_keys_go_with_the_marked_image(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=40, names=("dog", "cat"), size=(16, 16))
    project.ask([(i, 0) for i in range(20)] + [(i, 1) for i in range(40)])
    view.page.set_viewport_size({"width": 1280, "height": 800})
    view.open(serve(project))
    view.ready()
    view.press("m")
    cells = "document.querySelectorAll('.cell').length"
    keys = "[...document.querySelectorAll('.cell kbd')].map((k) => k.textContent).join('')"
    # Of 40 left of the cat there are as many as fit, then the rest, then the other label.
    for label, many in (("cat", 18), ("cat", 18), ("cat", 4), ("dog", 18), ("dog", 2)):
        view.until(f"document.querySelector('#tick-label').textContent === '{label}'")
        view.until(f"{cells} === {many}")
        view.ready("grid")
        assert view.page.evaluate(keys) == "QWERASDFZXCV"[:many]
        fits = "document.querySelector('.cells').getBoundingClientRect().bottom <= innerHeight"
        assert view.page.evaluate(fits)
        if many == 18:
            view.press("ArrowDown", "ArrowDown", "q")
            assert view.ticked() == [12]
            assert view.page.evaluate(keys) == "QWERAS"
        view.press("Enter")
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert sum(project.said().values()) == 3
    assert len(project.said()) == 60


# The label and the places of each part of a screen.
PARTS = """[...document.querySelectorAll("#cells section")].map((part) =>
  [part.querySelector(".about").textContent, part.querySelectorAll("li").length])"""


# How often the page asks for the header's height, which lays it out where it is half drawn.
ASKS = """() => {
  window.asks = 0;
  Object.defineProperty(document.querySelector("header"), "offsetHeight", {
    get: () => { window.asks += 1; return 40; },
  });
}"""


def test_a_key_lays_the_page_out_once(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    view.page.evaluate(ASKS)
    view.press(";")
    view.ready()
    view.saved()
    assert view.page.evaluate("window.asks") == 0
    view.page.set_viewport_size({"width": 1100, "height": 700})
    view.until("innerWidth === 1100")
    # The page hears of it with the next frame.
    view.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    view.press(";")
    view.ready()
    assert view.page.evaluate("window.asks") == 1


def test_labels_with_few_images_share_a_screen_one_after_the_other(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=20, names=("dog", "cat", "boat", "tree", "sea"))
    pairs = [(i, 0) for i in range(7)] + [(i, 1) for i in range(3)] + [(i, 2) for i in range(2, 5)]
    project.ask([*pairs, (2, 3), (9, 4)], way="label")
    project.store.change("owner", Described("boat", about="Also a canoe"))
    view.open(serve(project))
    view.ready("grid")
    assert (view.page.evaluate(PARTS), view.text("#tick")) == (
        [["dog", 7]], "Tick every image with dog",
    )  # fmt: skip
    view.press("Enter")
    view.until("document.querySelectorAll('#cells section').length === 4")
    view.press("Escape")  # what the boat means
    view.ready("grid")
    assert view.page.evaluate(PARTS) == [["cat", 3], ["boat", 3], ["tree", 1], ["sea", 1]]
    assert view.page.locator("#cells h3 .soft").nth(1).text_content() == "Also a canoe"
    assert view.page.locator(".cell kbd").all_text_contents() == list("QWERASDF")
    assert view.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    # The same image is asked of three labels, each answered for itself.
    assert view.page.locator('#cells img[data-image="2"]').count() == 3
    view.press("e", "a")
    assert view.text("#said") == "boat, Image 5: ticked."
    assert view.page.locator("#label").input_value() == "2"
    # Up and down go to what lies there, whichever label it is of.
    view.press("ArrowUp", "l", "ArrowDown")
    assert view.inside("[session.current.values[1], session.current.cursor]") == [-1, 5]
    view.press("Enter")
    view.saved()
    said = {place: value for place, value in project.said().items() if place[1]}
    assert said == {
        (0, 1): 0, (1, 1): -1, (2, 1): 1, (2, 2): 0, (3, 2): 1, (4, 2): 0, (2, 3): 0, (9, 4): 0,
    }  # fmt: skip
    # It comes back as it was, though the page was loaded again meanwhile.
    view.page.reload()
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.press("u")
    view.ready("grid")
    assert view.page.evaluate(PARTS) == [["cat", 3], ["boat", 3], ["tree", 1], ["sea", 1]]
    assert view.ticked() == [2, 4]
    assert project.store.problems() == []


def test_an_image_is_fetched_for_each_label_and_a_long_label_has_a_screen_of_its_own(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=24)
    project.ask([(i, 0) for i in range(24)] + [(i, 1) for i in range(3)], way="label")
    view.page.set_viewport_size({"width": 320, "height": 480})
    view.open(serve(project))
    view.ready("grid")
    assert view.page.evaluate(PARTS) == [["dog", 12]]
    # Two requests: the second has cats of images that are shown as dogs.
    view.until("tasks.ahead.length === 15")
    view.page.set_viewport_size({"width": 1280, "height": 800})
    view.page.select_option("#label", "1")
    view.ready("grid")
    assert view.page.evaluate(PARTS) == [["cat", 3]]


@pytest.mark.parametrize("by", ["key", "scroll"])
def test_what_lies_below_the_screen_is_not_answered_before_it_was_seen(
    project: Project, serve: Serve, view: View, by: str
) -> None:
    view.page.set_viewport_size({"width": 320, "height": 480})
    view.open(serve(project))
    view.ready()
    by_label(view)
    assert view.text("#save span >> visible=true") == "More below"
    view.press("q")
    if by == "key":
        view.press("Enter")
        assert view.inside("session.current.cursor") >= 2
    else:
        view.page.mouse.wheel(0, 2000)
    view.until("session.current.seen.size === 6")
    assert view.text("#save span >> visible=true") == "Save, rest absent"
    view.saved()
    assert project.said() == {}
    view.press("Enter")
    view.saved()
    assert project.said() == {(0, 0): 1} | {(i, 0): 0 for i in range(1, 6)}
    # The next one begins above, and not where this one was left.
    view.ready("grid")
    assert view.inside("[session.current.items[0].label !== 0, session.current.seen.has(5)]") == [
        True, False,
    ]  # fmt: skip


def test_another_label_is_chosen_from_the_list(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    by_label(view)
    assert view.page.locator("#label option").all_text_contents() == [
        "dog (6 left)", "cat (6 left)", "boat (6 left)", "tree (0 left)",
    ]  # fmt: skip
    view.page.select_option("#label", "2")
    view.until("document.querySelector('#tick-label').textContent === 'boat'")
    view.ready("grid")
    view.press("q", "Enter")
    view.saved()
    assert {label for _, label in project.said()} == {2}


def test_an_image_of_the_grid_is_seen_larger(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    by_label(view)
    view.press("ArrowRight", "o")
    view.page.wait_for_selector("#larger[open] canvas")
    assert view.page.get_attribute("#larger canvas", "aria-label") == "Image 0001.jpg"
    # It stays, of the next image, while these are answered.
    view.press("j")
    view.page.wait_for_selector('#larger canvas[aria-label="Image 0002.jpg"]')
    view.press("ArrowLeft")
    view.page.wait_for_selector('#larger canvas[aria-label="Image 0001.jpg"]')
    view.press("o")
    assert view.ticked() == [1]
    assert view.page.locator("#larger[open]").count() == 0
    view.until("document.activeElement.matches('.here .cell')")  # by way of the grid


# Undo and skip


def test_sixty_steps_are_taken_back_one_by_one(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=61, names=("dog",), size=(16, 16))
    project.ask([(i, 0) for i in range(61)])
    view.open(serve(project))
    for i in range(60):
        view.ready()
        view.press("j" if i % 2 else "k")
    view.saved()
    assert len(project.said()) == 60
    for i in reversed(range(60)):
        view.press("u")
        view.ready()
        assert view.image() == f"Image {i:04d}.jpg"
    view.saved()
    assert project.said() == {}
    assert len(project.events("undo")) == 60
    view.press("j")
    view.saved()
    assert project.said() == {(0, 0): 1}


def test_undo_takes_back_the_last_key_within_an_image_and_across(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("j", "k", "u")
    assert view.here() == "cat"
    assert view.page.locator("#asked [aria-pressed=true]").all_text_contents() == ["Present"]
    view.press("j", "l", "Backspace")
    view.ready()
    assert view.image() == "Image 0000.jpg"
    assert view.here() == "boat"
    view.press("Control+z", "Control+z")
    assert view.page.locator("#asked [aria-pressed=true]").count() == 0
    view.saved()
    assert project.said() == {}


def test_undo_goes_on_after_a_reload_and_ends_where_there_is_nothing(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("j", "j", "k")
    view.ready()
    view.press("p")
    view.ready()
    view.saved()
    view.page.reload()
    view.ready()
    assert view.image() == "Image 0002.jpg"
    for image in ("0001", "0000"):
        view.press("u")
        view.page.wait_for_selector(f'#stage canvas[aria-label="Image {image}.jpg"]')
        view.ready()
    assert view.here() == "boat"
    view.saved()
    assert project.said() == {}
    view.press("j")
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 1, (0, 2): 1}
    view.press("u", "u", "u", "u")
    view.until("document.querySelector('#said').textContent === 'There is nothing to take back.'")
    view.ready()


def test_a_skipped_image_is_left_to_others(
    project: Project, serve: Serve, view: View, browser: object
) -> None:
    project.ask([(0, 0), (1, 0)])
    site = serve(project)
    view.open(site)
    view.ready()
    view.press("p")
    view.ready()
    assert view.image() == "Image 0001.jpg"
    view.press("j")
    view.page.wait_for_selector('body[data-wait="empty"]')
    assert view.text("#wait-title") == "Nothing for you right now"
    assert "You gave 1 answer in" in view.text("#wait-text")
    other = browser.new_context().new_page()  # type: ignore[attr-defined]
    theirs = View(other)
    theirs.open(site, "Ben")
    theirs.ready()
    assert theirs.image() == "Image 0000.jpg"
    other.context.close()


# Where things stand


def all_answered(project: Project, serve: Serve, view: View) -> None:
    """Ask one question, and answer it by present."""
    project.ask([(0, 0)])
    view.open(serve(project))
    view.ready()
    view.press("j")
    view.page.wait_for_selector('body[data-wait="empty"]')


def test_at_the_end_it_says_so_and_asks_on_when_there_is_more(
    project: Project, serve: Serve, view: View
) -> None:
    all_answered(project, serve, view)
    assert view.text("#wait-title") == "All answered. Thank you!"
    assert "alasl suggest" in view.text("#wait-text")
    assert "Round 1 is done: 1 answer, 1 in all. You gave 1 answer in" in view.text("#wait-text")
    assert "The model" not in view.text("#wait-text")
    project.ask([(3, 1)])
    view.ready()
    assert view.image() == "Image 0003.jpg"
    assert view.here() == "cat"


def test_an_answer_that_is_asked_for_once_more_is_asked_of_the_same_person(
    project: Project, serve: Serve, view: View
) -> None:
    all_answered(project, serve, view)
    assert project.said() == {(0, 0): 1}
    project.store.fill(2, Questions([0], [0], why=["again"], pi=[0.5]))
    view.ready()
    assert view.image() == "Image 0000.jpg"
    assert view.asked()[0] not in view.text("#known"), view.text("#known")
    view.press("k")
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert project.said() == {(0, 0): 0}
    assert [event.value for event in project.events("answer")] == [1, 0]


def test_all_is_answered_only_when_the_server_has_it(
    project: Project, serve: Serve, view: View
) -> None:
    project.ask([(0, 0)])
    view.open(serve(project))
    view.ready()
    held: list[Any] = []
    view.page.route("**/api/answers", lambda route: held.append(route))
    with view.page.expect_response("**/api/tasks"):
        view.press("j")
    view.page.wait_for_timeout(300)
    assert view.page.get_attribute("body", "data-wait") == "loading"
    view.until_held(held)
    held[0].continue_()
    view.page.wait_for_selector('body[data-wait="empty"]')
    assert view.text("#wait-title") == "All answered. Thank you!"


def test_what_was_counted_before_an_answer_is_counted_again(
    project: Project, serve: Serve, view: View
) -> None:
    def old(route: Any) -> None:
        sent = route.fetch()
        told = sent.json()
        told["status"] |= {"answers": 0, "mine": 0}
        route.fulfill(response=sent, json=told)

    for path in ("answers", "tasks"):
        view.page.route(f"**/api/{path}", old)
    view.open(serve(project))
    view.ready()
    view.press("j", "k", "l")
    view.until_text("#counts", "3 answers, 3 by you")


def test_a_quiet_line_says_where_it_stands_and_never_goes_back(
    project: Project, serve: Serve, view: View
) -> None:
    for answers, value in ((0, 40.0), (100, 41.5), (300, 44.5)):
        gain = (3.0, -0.5, 6.5) if answers == 300 else None
        ground = Ground(6, 9, False, (30.0, 60.0), ((30.0, 60.0),) * 4, {}, gain)
        project.store.note_training(
            Training_(1.0, answers, answers, 1.0, 1.0, value, (value,) * 4, "m", "it", ground)
        )
    view.page.clock.install()
    view.open(serve(project))
    view.ready()
    assert view.text("h1") == "ALASL"
    assert view.text("#worth") == "mAP 44.5 % (30.0 to 60.0)"
    assert view.text("#brought") == "+1.5 (−0.3 to +3.3) per 100 answers"
    for key in "jjjkkk":
        view.page.clock.run_for(2000)
        view.press(key)
        view.ready()
    view.saved()
    view.page.clock.run_for(3000)
    view.press("j", "j", "j")
    view.saved()
    view.until_text("#counts", "9 answers, 9 by you")
    assert view.text("#round") == "9 of 18 left, round 1"
    assert re.fullmatch(r"\d\d/min, < 1 min", view.text("#pace"))
    # The next round begins, and an older status comes late.
    project.ask([(i, j) for i in range(3, 6) for j in range(3)])
    view.inside("import(new URL('static/progress.js', document.baseURI)).then((module) =>"
                " module.showStatus({ ...progress.status, event: 1, answers: 2 }))")  # fmt: skip
    assert view.text("#counts") == "9 answers, 9 by you"
    view.ready()
    view.page.clock.run_for(2000)
    view.press("Enter")
    view.saved()
    view.until_text("#counts", "12 answers, 12 by you")
    for _ in range(2):
        view.ready()
        view.page.clock.run_for(2000)
        view.press("Enter")
        view.saved()
    view.until("document.querySelector('#bar').value === document.querySelector('#bar').max")
    assert view.text("#round") == "0 of 9 left, round 1"


def test_without_questions_it_says_what_will_bring_some(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    training = Training(["true"])
    view.open(serve(make_project(), training=training))
    view.page.wait_for_selector('body[data-wait="empty"]')
    assert view.text("#wait-title") == "No questions yet"
    training.state = "training"
    view.until("document.querySelector('#wait-title').textContent === 'The model is learning'")


def test_a_name_is_asked_first_and_kept(project: Project, serve: Serve, view: View) -> None:
    site = serve(project)
    view.open(site, person=None)
    view.page.fill("#person", "  Jukka-Pekka jkl ")
    view.press("Enter")
    view.ready()
    view.press("j")
    view.page.goto(site.url)
    view.ready()
    view.saved()
    assert project.events("answer")[0].person == "Jukka-Pekka jkl"


def test_a_name_given_before_the_script_runs_is_not_sent_elsewhere(
    project: Project, serve: Serve, view: View
) -> None:
    held: list[Any] = []
    view.page.route("**/static/main.js", lambda route: held.append(route))
    view.page.goto(serve(project).link, wait_until="commit")
    view.page.wait_for_selector("#person")
    assert view.page.is_disabled("#person")
    assert view.page.is_disabled("#start button")
    view.until_held(held)
    held[0].continue_()
    view.page.fill("#person", "Ann")
    view.press("Enter")
    view.ready()


def test_answers_to_a_part_of_an_image_are_kept_when_the_page_is_left(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("j", "k")
    view.page.reload()
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0}
    assert view.asked() == ["boat"]
    view.press("h")
    view.page.fill("#rename", "Ben")
    view.press("Escape")
    view.until("settings.person === 'Ben'")
    view.ready()
    view.press("j")
    view.saved()
    assert [e.person for e in project.events("answer")] == ["Ann", "Ann", "Ben"]


# Zoom, size, sight


def test_zoom_by_keys_and_back(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()

    canvas = "document.querySelector('#stage canvas').clientWidth"
    fitting = float(view.page.evaluate(canvas))

    def until_width(times: float, rel: float = 0.01) -> None:
        """On a busy machine a key takes a while."""
        wanted = times * fitting
        view.until(f"Math.abs({canvas} - {wanted}) <= {rel * wanted}")

    view.press("o")
    until_width(2.5)
    left = view.page.evaluate("document.querySelector('#stage').scrollLeft")
    view.press("Shift+ArrowRight")
    assert view.page.evaluate("document.querySelector('#stage').scrollLeft") > left > 0
    view.press("+")
    until_width(3.75)
    view.press("-", "0")
    until_width(1, rel=0)
    view.press("o", "Enter")
    view.ready()
    until_width(1, rel=0)


@pytest.mark.parametrize("size", [(320, 640), (640, 400), (320, 256)])
def test_it_fits_a_narrow_screen_and_twice_the_size(
    project: Project, serve: Serve, view: View, size: tuple[int, int]
) -> None:
    view.page.set_viewport_size({"width": size[0], "height": size[1]})
    view.open(serve(project), person=None)
    fits = "document.documentElement.scrollWidth <= innerWidth"
    assert view.page.evaluate(fits)
    view.page.fill("#person", "Ann")
    view.press("Enter")
    for state in ("image", "grid"):
        view.ready(state)
        assert view.page.evaluate(fits), state
        view.press("ArrowDown")
        box = view.page.locator(".here > *:visible").bounding_box()
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= size[1] + 1
        assert view.page.evaluate(HIT), "what is marked can be pressed"
        view.press("h")
        assert view.page.evaluate(fits), "help"
        view.press("Escape", "m")


def test_arrows_go_the_way_that_people_read(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    view.press("m")
    view.ready("grid")
    view.page.evaluate("document.documentElement.dir = 'rtl'")
    view.press("ArrowLeft", "ArrowLeft", "ArrowRight")
    assert view.inside("session.current.cursor") == 1
    here, first = (
        view.page.locator(at).bounding_box() for at in ("#cells .here", "#cells li:first-child")
    )
    assert here["x"] < first["x"]
    view.press("m")
    view.ready()
    view.press("o")
    middle = "(one) => Math.abs(one.scrollWidth - one.clientWidth - 2 * one.scrollLeft)"
    assert view.page.eval_on_selector("#stage", middle) < 4, "of what is zoomed the middle is shown"


def test_a_label_chosen_while_the_page_looks_for_one_stays(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    held: list[Any] = []
    view.page.route("**/api/status", lambda route: held.append(route))
    view.press("m")
    view.until_held(held)
    view.page.select_option("#label", "2", force=True)
    held[0].continue_()
    view.ready("grid")
    assert view.text("#tick-label") == "boat"


def test_the_page_asks_the_way_that_is_quicker_for_the_queue_until_the_person_chooses(
    project: Project, serve: Serve, view: View
) -> None:
    pairs = [(i, j) for i in range(6) for j in range(3)]
    project.ask(pairs, way="label", round=2)
    view.open(serve(project))
    view.ready("grid")
    assert view.page.get_attribute("#mode-grid", "aria-pressed") == "true"
    # A round comes in that is quicker by image: what is shown is answered first.
    project.ask(pairs[6:], way="image", round=3)
    view.press("Enter")
    view.saved()
    view.ready("grid")
    view.press("Enter")
    view.ready()
    assert view.page.get_attribute("#mode-image", "aria-pressed") == "true"
    # Whoever chooses the other way keeps it.
    view.press("m")
    view.ready("grid")
    view.page.reload()
    view.ready("grid")
    # Who comes back to the queue's way goes by the queue again.
    view.press("m")
    view.ready()
    assert view.inside("settings.chosen") is None


def test_single_keys_can_be_turned_off_and_the_mouse_does_everything(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.page.click("[data-do=help]")
    view.page.uncheck("#keys")
    view.page.click("#help [data-do=close]")
    view.press("j", "p", "u", ";")
    view.page.locator("#asked .label").nth(1).get_by_text("Present").click()
    # Enter is about the image again, not about the button just clicked.
    view.press("Enter")
    view.ready()
    view.page.click("#mode-grid")
    view.ready("grid")
    view.page.locator(".cell").nth(1).click()
    view.page.click('[data-view="grid"] [data-do=rest]')
    view.saved()
    assert project.said() == {
        (0, 0): 0, (0, 1): 1, (0, 2): 0,
    } | {(i, j): int((i, j) == (2, 0)) for i in range(1, 6) for j in range(3)}  # fmt: skip


def test_a_screen_reader_finds_its_way(project: Project, serve: Serve, view: View) -> None:
    view.open(serve(project))
    view.ready()
    tree = view.page.locator("body").aria_snapshot()
    for part in ("banner", "main", 'status', 'progressbar "Answers given in this round"',
                 'application "Which of these does it show?"', 'group "dog, 1 of 3"',
                 'button "Cannot tell"', 'img "Image 0000.jpg"',
                 'heading "Known already"'):  # fmt: skip
        assert part in tree, part
    focused(view, "dog, 1 of 3")
    view.press("j")
    focused(view, "cat, 2 of 3")
    assert 'group "dog, present, 1 of 3"' in view.page.locator("main").aria_snapshot()
    view.press("h")
    focused(view, "Keys and settings")
    view.press("Escape")
    focused(view, "cat, 2 of 3")
    by_label(view)
    focused(view, "Image 1 of")
    many = view.page.locator(".cell").count()
    tree = view.page.locator("main").aria_snapshot()
    assert f'checkbox "Image 1 of {many}"' in tree
    view.press("q")
    ticked = f'checkbox "Image 1 of {many}" [checked]'
    assert ticked in view.page.locator("main").aria_snapshot()


def test_keys_that_come_before_the_focus_does_keep_what_they_did(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.press("/")
    view.page.wait_for_timeout(500)
    assert view.page.evaluate("document.activeElement.id") == "find-label"
    view.press("Escape", "ArrowDown")
    view.page.wait_for_timeout(500)
    assert view.here() == "cat"
    focused(view, "cat, 2 of 3")


def focused(view: View, name: str) -> None:
    """Wait until the focus, which moves in steps that screen readers follow, is on something."""
    view.until(
        "(({ariaLabel, textContent}) => ariaLabel ?? textContent)(document.activeElement)"
        f".includes({json.dumps(name)})"
    )


# What an element does by and by: how long, and of which kind.
MOVES = """
[...document.querySelectorAll("*")].flatMap((one) => {
  const { transitionDuration, animationDuration, scrollBehavior } = getComputedStyle(one);
  const still = /^(0s(, )?)+$/;
  const moves = !still.test(transitionDuration) || !still.test(animationDuration);
  return moves || scrollBehavior === "smooth" ? [one.outerHTML.slice(0, 60)] : [];
})
"""


def test_nothing_moves_for_those_who_want_it_still(
    project: Project, serve: Serve, view: View
) -> None:
    view.page.emulate_media(reduced_motion="reduce")
    view.open(serve(project))
    assert view.page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches")
    for key, state in (("", "image"), ("o", "image"), ("m", "grid"), ("o", "grid")):
        view.press(*key)
        view.ready(state)
        assert view.page.evaluate(MOVES) == []
    view.press("Escape", "h")
    view.page.wait_for_selector("#help[open]")
    assert view.page.evaluate(MOVES) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_its_ground(
    project: Project, serve: Serve, view: View, scheme: str
) -> None:
    view.page.emulate_media(color_scheme=scheme)
    view.open(serve(project))
    view.ready()
    view.press("j", "k")
    low = view.page.evaluate(CONTRAST)
    by_label(view)
    view.press("q")
    assert low + view.page.evaluate(CONTRAST) == []
    assert len(NAMES) == 4


# Visible texts whose contrast to the nearest opaque ground is below 4.5 (WCAG AA).
CONTRAST = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  return [...document.querySelectorAll("body *")].filter((e) =>
    e.checkVisibility() && e.closest(".unseen") === null && !e.matches("option")
    && [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim())
  ).flatMap((e) => {
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    return ratio < 4.5 ? [`${e.textContent.trim()}: ${ratio.toFixed(2)}`] : [];
  });
}"""
