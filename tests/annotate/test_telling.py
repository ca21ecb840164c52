"""What people are told before they answer, what they note, and their own answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alasl.annotate.messages import Answers, Correct, Given, Mine, NoteIn, TasksIn
from alasl.annotate.tasks import NotThere, Tasks
from alasl.annotate.telling import Telling
from alasl.annotate.training import Training
from alasl.annotate.words import LANGUAGES, catalogue, chosen
from alasl.project.changes import LabelChange
from alasl.project.guide import Described, Instructed
from alasl.project.records import Answer

from .conftest import MakeProject, Project, Site, View

STATIC = Path(__file__).resolve().parents[2] / "src" / "alasl" / "annotate"


def test_the_guide_tells_all_by_number_and_status_says_when_it_changes(
    make_project: MakeProject,
) -> None:
    project = make_project()
    store, tasks = project.store, Tasks(project.store, Training(None))
    telling = Telling(store)
    assert telling.guide().instructions == ""
    store.change("owner", Described("dog", "barks", examples=("0002.jpg",), key="d"))
    store.change("owner", Instructed("Look twice."))
    store.change("owner", LabelChange("rule", implies=(("dog", "cat"),)))
    guide = telling.guide()
    assert (guide.instructions, len(guide.labels)) == ("Look twice.", 4)
    assert guide.labels[0].model_dump() == {
        "about": "barks", "colour": "", "key": "d", "parents": [1],
        "examples": [2], "counter_examples": [],
    }  # fmt: skip
    assert tasks.status("ann").guide == guide.event


def test_the_style_says_nothing_that_safari_does_not_take() -> None:
    for file in STATIC.glob("*/*.css"):
        found = re.findall(r"text-decoration: \w+ .*", file.read_text())
        assert found == [], f"{file.name}: the line and its style, apart"


def test_examples_are_kept_until_the_guide_changes_or_time_has_passed(
    make_project: MakeProject,
) -> None:
    project, now = make_project(), [0.0]
    telling = Telling(project.store, lambda: now[0])
    assert telling.meaning(0).examples == []
    project.store.answer("ann", [Answer(3, 0, 1, 1.0)], request="request-1")
    assert telling.meaning(0).examples == []  # kept
    now[0] = 601.0
    assert telling.meaning(0).examples == [3]
    project.store.change("owner", Described("dog", examples=("0001.jpg",)))
    assert telling.meaning(0).examples == [1, 3]
    with pytest.raises(NotThere):
        telling.meaning(4)


def test_a_person_sees_their_own_answers_page_by_page(make_project: MakeProject) -> None:
    project = make_project(images=30)
    tasks = Tasks(project.store, Training(None))
    for image in range(25):
        given = [Given(image=image, label=label, value=1, seconds=1.0) for label in (0, 1)]
        tasks.answer(Answers(person="ann", request=f"request-{image}", answers=given))
    first = tasks.mine(Mine(person="ann"))
    assert (len(first.answers), first.more) == (48, True)
    assert (first.answers[0].image, first.answers[0].label) == (24, 1)
    rest = tasks.mine(Mine(person="ann", before=first.answers[-1].event))
    assert ([one.image for one in rest.answers], rest.more) == ([0, 0], False)
    assert tasks.mine(Mine(person="ben")).answers == []
    assert len(tasks.mine(Mine(person="ann", value=0)).answers) == 0


def test_a_correction_and_a_note_sent_twice_count_once(make_project: MakeProject) -> None:
    project = make_project()
    tasks = Tasks(project.store, Training(None))
    for _ in range(2):
        tasks.correct(Correct(person="ann", request="request-1", image=0, label=0, value=1))
        tasks.note(NoteIn(person="ann", request="request-2", image=0, text="dark"))
    # Somebody else settled it meanwhile; what comes late again must not win.
    project.store.resolve("ben", 0, 0, 0)
    tasks.correct(Correct(person="ann", request="request-1", image=0, label=0, value=1))
    assert [e.person for e in project.events("resolve")] == ["ann", "ben"]
    assert len(project.store.notes()) == 1
    with pytest.raises(NotThere):
        tasks.note(NoteIn(person="ann", request="request-3", image=99, text="dark"))


def test_while_it_is_paused_nothing_is_asked(make_project: MakeProject) -> None:
    project = make_project()
    project.ask([(0, 0)])
    tasks = Tasks(project.store, Training(None))
    tasks.paused = True
    out = tasks.tasks(TasksIn(person="ann"))
    assert (out.tasks, out.status.paused) == ([], True)
    tasks.paused = False
    assert len(tasks.tasks(TasksIn(person="ann")).tasks) == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_says_all_that_english_says(language: str) -> None:
    english, other = catalogue("en"), catalogue(language)
    assert list(other) == list(english)

    def named(text: str | dict[str, str]) -> list[set[str]]:
        forms = [text] if isinstance(text, str) else list(text.values())
        return [set(re.findall(r"\{\w+\}", form)) for form in forms]

    for key, text in english.items():
        assert isinstance(other[key], str) == isinstance(text, str), key
        assert all(names == named(text)[0] for names in named(other[key])), key
        assert all(form for form in ([other[key]] if isinstance(text, str) else other[key])), key
        if isinstance(other[key], dict):
            assert "other" in other[key], key


def test_the_page_says_nothing_that_is_not_in_the_catalogue() -> None:
    english = catalogue("en")
    files = [*(STATIC / "static").glob("*.js"), *(STATIC / "owner").glob("*.js")]
    modules = "".join(file.read_text() for file in files)
    used = set(re.findall(r"\bt\(\s*(?:\w+ === \w+ \? )?\"([^\"]+)\"", modules))
    assert used <= set(english)
    assert any(key.startswith("owner.") for key in used)
    # The third template leads on at once.
    templates = "".join((STATIC / f"{name}.html.j2").read_text() for name in ("page", "owner"))
    assert set(re.findall(r't\["([^"]+)"\]', templates)) <= set(english)
    # What is left between tags is no sentence.
    left = re.sub(r"\{[{%#].*?[}%#]\}", "", templates, flags=re.DOTALL)
    assert re.findall(r">[^<>]*[A-Za-z]{3}[^<>]*<", left) == []
    # Nor is a sentence, which has a space and a capital or a full stop, in a module of the owner's.
    owner = "".join(file.read_text() for file in (STATIC / "owner").glob("*.js"))
    code = re.sub(r"//.*|/\*\*.*?\*/", "", owner)
    assert re.findall(r"[\"`'][A-Z][a-z]+ [a-z][^\"`']*[\"`']", code) == []


@pytest.mark.parametrize(
    ("cookie", "accepted", "language"),
    [
        (None, "", "en"),
        (None, "xx,en;q=0.5", "en"),
        (None, "de-AT,de;q=0.9,en;q=0.5", "de"),
        (None, "en;q=0.4,fr-CA;q=0.8", "fr"),
        ("fr", "de", "fr"),
        ("en", "xx", "en"),
        ("../en", "en-GB", "en"),
        (None, "en;q=x, *", "en"),
    ],
)
def test_the_language_is_chosen(cookie: str | None, accepted: str, language: str) -> None:
    assert chosen(cookie, accepted) == language


def test_on_the_page_meanings_notes_and_own_answers(
    make_project: MakeProject, serve: Callable[[Project], Site], view: View
) -> None:
    project = make_project()
    project.ask([(0, 0), (0, 1), (1, 0)])
    project.store.change("owner", Described("dog", "barks", colour="#c05000"))
    project.store.change("owner", Described("boat", key="b"))
    view.open(serve(project))
    view.page.wait_for_selector("#guide[open]")
    assert "barks" in view.text("#guide-text")
    # Beside what a bar to scroll by takes, which this browser does not draw.
    fits = """(one) => { one.style.borderInlineEndWidth = "15px"; one.style.width = "590px";
        return one.scrollWidth <= one.clientWidth; }"""
    assert view.page.eval_on_selector("#guide", fits)
    view.press("j")  # is no answer while the meaning is read
    view.press("i")
    view.ready()
    view.press("b")  # a label that is not asked, by a key of its own
    view.press("d", "k")  # one that is asked, by the first letter of its name
    view.page.wait_for_selector('#stage canvas[data-image="1"]')
    view.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0, (0, 2): 1}
    assert not view.page.is_visible("#guide[open]")  # it was read
    view.press("t")
    view.page.fill("#note-text", "too dark")
    view.page.check("#note-unclear")
    view.page.click('#note [type="submit"]')
    view.saved()
    (note,) = project.store.notes()
    assert (note.image, note.label, note.text) == (1, 0, "too dark")
    view.press("y")
    view.page.wait_for_selector("#mine-answers li")
    assert view.page.locator("#mine-answers li").count() == 3
    view.page.select_option("#mine-value", "0")
    view.until("document.querySelectorAll('#mine-answers li').length === 1")
    view.page.click('#mine-answers [data-value="1"]')
    view.press("Escape")
    view.saved()
    assert project.said()[0, 1] == 1
    # Undo takes back the change, which was the last thing done.
    view.press("u")
    view.saved()
    assert project.said()[0, 1] == 0
    assert json.dumps(project.store.problems()) == "[]"


def test_by_finger_in_german_nothing_is_small_and_a_swipe_answers(
    make_project: MakeProject, serve: Callable[[Project], Site], browser: Any
) -> None:
    project = make_project()
    project.ask([(0, 0), (0, 1)])
    site = serve(project)
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True, locale="de-DE"
    )
    shown = View(context.new_page())
    shown.open(site)
    shown.ready()
    assert shown.page.get_attribute("html", "lang") == "de"
    assert shown.text("#question") == "Was davon ist zu sehen?"
    page = shown.page
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    sides = page.evaluate(
        "[...document.querySelectorAll('button, select')].filter((one) => one.offsetParent)"
        ".map((one) => one.getBoundingClientRect()).flatMap(({ width, height }) => [width, height])"
    )
    assert min(sides) >= 43.5
    assert not page.is_visible(".legend")
    touch = "{ pointerType: 'touch', isPrimary: true, clientY: 200, bubbles: true, clientX: "
    page.evaluate(
        "for (const [name, x] of [['pointerdown', 60], ['pointerup', 200]])"
        f" document.getElementById('stage').dispatchEvent(new PointerEvent(name, {touch} x }}))"
    )
    page.click('[data-do="rest"] >> visible=true')
    shown.saved()
    assert project.said() == {(0, 0): 1, (0, 1): 0}
    context.close()


def test_a_tap_right_after_a_flick_is_a_tap(
    make_project: MakeProject, serve: Callable[[Project], Site], browser: Any
) -> None:
    project = make_project()
    project.ask([(0, 0), (0, 1)])
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True
    )
    shown = View(context.new_page())
    shown.open(serve(project))
    shown.ready()
    finger = context.new_cdp_session(shown.page)

    def touch(kind: str, *at: tuple[int, int]) -> None:
        points = [{"x": x, "y": y} for x, y in at]
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    touch("touchStart", (60, 200))
    for x in range(80, 260, 20):
        touch("touchMove", (x, 200))
    touch("touchEnd")
    shown.until("document.querySelector('#said').textContent === 'dog: present.'")
    shown.page.tap("#asked .here .choices button >> nth=1")
    shown.saved()
    shown.until("document.querySelector('#said').textContent === 'cat: absent.'", seconds=5)
    context.close()


def test_by_finger_a_label_s_name_stands_clear_of_its_images(
    make_project: MakeProject, serve: Callable[[Project], Site], browser: Any
) -> None:
    project = make_project(names=("a long name " * 12, "cat"))
    project.ask([(0, 0), (1, 0), (2, 1), (3, 1)], way="label")
    context = browser.new_context(
        viewport={"width": 768, "height": 800}, has_touch=True, is_mobile=True
    )
    view = View(context.new_page())
    view.open(serve(project))
    view.ready("grid")
    over = """all => all.map((name) =>
      name.closest("section").querySelector(".cell").getBoundingClientRect().top
      - name.getBoundingClientRect().bottom)"""
    gaps = view.page.eval_on_selector_all("#cells .about", over)
    wide = view.page.evaluate("document.documentElement.scrollWidth")
    context.close()
    assert len(gaps) == 2
    assert min(gaps) >= 0
    assert wide == 768
