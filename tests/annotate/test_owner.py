"""The page of whoever runs a project: its own door, and what can be seen and done there."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn

from alasl.annotate.app import make_app
from alasl.annotate.connections import Connection
from alasl.annotate.guard import Access
from alasl.annotate.messages import Settle
from alasl.annotate.owner_app import Doors, make_owner_app
from alasl.annotate.owning import Owning, Suspects
from alasl.annotate.pictures import Pictures
from alasl.annotate.server import listen
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.annotate.words import LANGUAGES, catalogue
from alasl.evaluate.audit import NO_ABSENT, NO_AUDIT, NO_PRESENT
from alasl.evaluate.suspects import ErrorRate
from alasl.labels import Labels
from alasl.project import doubts
from alasl.project.changes import LabelChange
from alasl.project.folder import Project as Opened
from alasl.project.ground import Ground
from alasl.project.records import Answer, Questions
from alasl.project.records import Training as Training_
from alasl.project.settings import ProjectSettings
from alasl.project.store import Store
from alasl.project.trainings import CAME, LACKS

from .conftest import TOKEN, MakeProject, Project
from .test_guard import ORIGIN, Reply, send

OWNER = "o" * 64


def own_project(made: Project, said: dict[str, int]) -> tuple[Project, Opened]:
    """A project on which people said this of one entry, seen by its owner."""
    entries = np.full((6, 4), -1, np.int8)
    entries[0], entries[1] = 1, 0
    roles = ["test", "clean", *["pool"] * 4]
    labels = Labels(entries, made.store.names, made.store.images)
    files = [*made.store.files]
    project = replace(made, store=Store.create(made.folder / "own.sqlite", labels, files, roles))
    for person, value in said.items():
        request = f"request-{person}"
        project.store.answer(person, [Answer(2, 1, value, 2.0)], request=request)
    settings = ProjectSettings(data="images", root="images")
    return project, Opened(project.folder, settings, project.store, project.images)


@pytest.fixture
def opened(make_project: MakeProject) -> Iterator[tuple[Project, Opened]]:
    """A project on which two people disagree about one entry, seen by its owner."""
    project, own = own_project(make_project(), {"ann": 1, "ben": 0})
    yield project, own
    project.store.close()


class Both:
    """Both pages, and requests to them."""

    def __init__(self, project: Project, opened: Opened) -> None:
        self.people = Access(TOKEN, "alasl-8765")
        self.owner = replace(self.people, token=OWNER, cookie="alasl-owner-8765")
        self.tasks = Tasks(project.store, Training(None))
        pictures = Pictures(project.store.files, project.images)
        self.app = Doors(
            make_app(self.tasks, pictures, self.people),
            make_owner_app(Owning(opened, self.tasks), pictures, self.owner, "mine"),
            self.owner,
        )

    def ask(self, path: str, body: Any = None, cookie: str | None = None) -> Reply:
        """As the owner's browser, unless another cookie is named."""
        headers = [("host", "127.0.0.1:8765"), ("origin", ORIGIN)]
        headers += [("sec-fetch-site", "same-origin"), ("content-type", "application/json")]
        headers.append(("cookie", cookie or f"alasl-owner-8765={OWNER}"))
        method = "GET" if body is None else "POST"
        return send(self.app, method, path, headers, json.dumps(body).encode())

    def own(self, path: str, body: Any = None) -> Reply:
        return self.ask(f"/{self.owner.place}{path}", body)


@pytest.fixture
def both(opened: tuple[Project, Opened]) -> Both:
    return Both(*opened)


def test_each_token_opens_its_own_page_alone(both: Both) -> None:
    people = f"alasl-8765={TOKEN}"
    entered = both.ask(f"/?token={OWNER}", cookie="none=1")
    assert (entered.status, both.owner.place in entered.headers["refresh"]) == (200, True)
    assert f"Path=/{both.owner.place}" in entered.headers["set-cookie"]
    assert both.people.place in both.ask(f"/?token={TOKEN}", cookie="n=1").headers["refresh"]
    assert both.own("/").status == 200
    assert "style-src 'self'" in both.own("/").headers["content-security-policy"]
    # Whoever answers sees nothing of it, by whatever path.
    for path in ("/", "/api/overview", "/api/export/table/coco", "/report", "/images/0/small"):
        assert both.ask(f"/{both.owner.place}{path}", cookie=people).status == 403, path
    forged = f"alasl-owner-8765={TOKEN}"
    assert both.ask(f"/{both.owner.place}/api/overview", cookie=forged).status == 403
    for path in ("/api/overview", f"/{both.people.place}/api/overview"):
        assert both.ask(path, cookie=people).status == 404
    # Nor does the owner's token open people's page.
    assert both.ask(f"/{both.people.place}/").status == 403


def test_it_tells_what_status_tells_and_pauses(both: Both) -> None:
    state = both.own("/api/overview").json()
    assert [one["name"] for one in state["people"]] == ["ann", "ben"]
    assert (state["disagreements"], state["paused"], state["training"]) == (1, False, "off")
    assert both.own("/api/pause", {"paused": True}).status == 204
    assert both.tasks.status("ann").paused
    assert both.own("/api/overview").json()["paused"]
    assert both.own("/api/pause", {"paused": "maybe"}).status == 422


def test_a_pause_outlives_the_server(both: Both, opened: Any) -> None:
    store = opened[0].store
    assert not Tasks(store, Training(None)).paused
    both.own("/api/pause", {"paused": True})
    assert Tasks(store, Training(None)).paused
    assert store.problems() == []
    both.own("/api/pause", {"paused": False})
    assert not Tasks(store, Training(None)).paused


@pytest.mark.parametrize(("language", "says"), [("de", "Zu entscheiden"), ("fr", "À trancher")])
def test_it_speaks_the_language_of_the_browser(both: Both, language: str, says: str) -> None:
    headers = [("host", "127.0.0.1:8765"), ("sec-fetch-site", "same-origin")]
    headers += [("cookie", f"alasl-owner-8765={OWNER}"), ("accept-language", language)]
    page = send(both.app, "GET", f"/{both.owner.place}/", headers, b"").body.decode()
    assert f'<html lang="{language}"' in page
    assert says in page


def test_what_people_disagree_on_is_settled_with_the_image(both: Both, opened: Any) -> None:
    listed = both.own("/api/disagreements").json()
    (found,) = listed["entries"]
    assert listed["all"] == 1
    assert (found["image"], found["label"], found["called"]) == (2, 1, "cat")
    assert found["said"] == {"ann": 1, "ben": 0}
    assert both.own(f"/images/{found['image']}/small").headers["content-type"] == "image/jpeg"
    settle = {"person": "eve", "image": 2, "label": 1, "value": 1}
    assert both.own("/api/settle", settle).status == 204
    assert both.own("/api/disagreements").json() == {"entries": [], "all": 0}
    assert opened[0].store.labels().entries[2, 1] == 1
    assert both.own("/api/settle", settle | {"label": 77}).status == 404
    assert both.own("/api/settle", settle | {"value": 2}).status == 422


def test_what_the_rules_forbid_is_listed_with_its_reason(both: Both, opened: Any) -> None:
    opened[0].store.change("eve", LabelChange("rule", excludes=(("dog", "cat"),)))
    found = both.own("/api/disagreements").json()["entries"]
    rules = [(one["called"], one["rule"], one["other"], one["first"]) for one in found]
    assert rules[1:] == [("dog", "excludes", "cat", True), ("cat", "excludes", "dog", False)]
    assert rules[0] == ("cat", None, "", False), "on which two people disagree"


def test_lists_are_cut_and_say_of_how_many(
    both: Both, opened: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alasl.annotate.owning.MOST", 2)
    store = opened[0].store
    for image in (3, 4, 5):
        for person, value in (("ann", 1), ("ben", 0)):
            store.answer(person, [Answer(image, 0, value)], request=f"{person} {image}")
        store.note("ann", "dark", image=image, request=f"note {image}")
    listed = both.own("/api/disagreements").json()
    assert (len(listed["entries"]), listed["all"]) == (2, 4)
    state = both.own("/api/overview").json()
    assert (len(state["notes"]), state["notes_all"]) == (2, 3)


def test_notes_are_read_and_files_taken_away(both: Both, opened: Any) -> None:
    opened[0].store.note("ann", "dark", image=3, label=0, request="request-note")
    (note,) = both.own("/api/overview").json()["notes"]
    assert (note["number"], note["label"], note["text"]) == (3, "dog", "dark")
    assert both.own("/api/note", {"person": "eve", "note": note["id"]}).status == 204
    assert both.own("/api/note", {"person": "eve", "note": note["id"]}).status == 409
    table = both.own("/api/export/table/csv-wide")
    assert table.headers["content-disposition"] == 'attachment; filename="table.csv"'
    assert table.body.startswith(b"image,dog,cat,boat,tree")
    assert b"ann" in both.own("/api/export/answers/csv-long").body
    for wrong in ("table/no", "model/coco"):
        assert both.own(f"/api/export/{wrong}").status == 422, wrong


@pytest.mark.slow
def test_the_report_holds_its_own_style_and_nothing_else(both: Both) -> None:
    report = both.own("/report")
    assert report.status == 200
    policy = report.headers["content-security-policy"]
    assert "'unsafe-inline'" in policy
    assert "script" not in policy
    assert b"<svg" in report.body or b"ann" in report.body


def test_suspects_are_looked_for_by_the_command(tmp_path: Path) -> None:
    suspects = Suspects(tmp_path)
    for code, state in (
        ("print('{\"suspects\": []}')", "found"),
        ("raise SystemExit('no')", "failed"),
    ):
        suspects._command = [sys.executable, "-c", code]
        suspects.look()
        end = time.monotonic() + 60
        while suspects.state == "looking":
            assert time.monotonic() < end
            time.sleep(0.01)
        assert suspects.state == state
    assert "no" in suspects.why


def test_a_suspect_that_was_settled_makes_room_for_the_next(
    opened: tuple[Project, Opened], monkeypatch: pytest.MonkeyPatch
) -> None:
    project, own = opened
    owning = Owning(own, Tasks(project.store, Training(None)))
    owning.suspects.found = {
        "of": {"presents": 4, "absents": 5},
        "suspects": [
            {"image": name, "label": label, "given": given, "probability": 0.1}
            for given, label in ((1, "dog"), (0, "cat"))
            for name in project.store.images[:3]
        ],
    }

    def shown() -> list[tuple[int, int]]:
        return [(one["number"], one["column"]) for one in owning.suspected()["suspects"]]

    # Presents and absents in turn, however many are shown at once.
    assert shown() == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]
    monkeypatch.setattr("alasl.annotate.owning.MOST", 3)
    assert shown() == [(0, 0), (0, 1), (1, 0)]
    owning.settle(Settle(person="eve", image=0, label=0, value=0))
    assert shown() == [(1, 0), (0, 1), (2, 0)]
    assert owning.suspected()["all"] == 9


def tell(found: Any, route: Any) -> None:
    """Answer a request of the page in the server's place."""
    route.fulfill(json=found)


@contextmanager
def owners_page(
    project: Project, own: Opened, browser: Any, language: str = "en", **routes: Any
) -> Iterator[Any]:
    """The owner's page in a browser; `routes`: what the server is to say there instead."""
    listening = listen("127.0.0.1", 0)
    config = uvicorn.Config(Both(project, own).app, log_level="error", http=Connection)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    page, problems = browser.new_page(locale=language), []
    page.on("pageerror", lambda error: problems.append(str(error)))
    for name, found in routes.items():
        page.route(f"**/api/{name}", partial(tell, found))
    try:
        page.goto(f"http://127.0.0.1:{listening.getsockname()[1]}/?token={OWNER}")
        page.wait_for_selector("#labels td")
        yield page
        assert not problems
    finally:
        page.close()
        server.should_exit = True
        thread.join()
        project.store.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("said", "language"),
    [
        ({}, "en"),
        ({"ann": 1}, "de"),
        ({"ann": 1, "ben": 1}, "fr"),
        ({"ann": 1, "ben": 0}, "en"),
    ],
)
def test_a_browser_shows_every_table_however_far_people_got(
    said: dict[str, int], language: str, make_project: MakeProject, browser: Any
) -> None:
    project, own = own_project(make_project(), said)
    project.store.note("ann", "dark", image=3, label=0, request="request-note")
    for answers in (0, 9):
        project.store.note_training(
            Training_(1.0, answers, answers, 1.0, 1.0, 0.5, (0.5,) * 4, "m", "on what is known")
        )
    with owners_page(project, own, browser, language) as page:
        page.wait_for_selector("#exports a")
        assert page.locator("#people tbody tr").count() == len(said)
        assert page.locator("#labels tbody tr").count() == 4
        assert page.get_attribute("html", "lang") == language
        assert page.locator("#settle li").count() == (len(set(said.values())) > 1)
        page.set_viewport_size({"width": 400, "height": 900})
        cells = "all => Math.max(...all.map(cell => cell.getBoundingClientRect().height))"
        assert page.eval_on_selector_all("th", cells) < 75, "words stay whole"
        other = "fr" if language != "fr" else "en"
        page.select_option("#language", other)
        page.wait_for_selector(f'html[lang="{other}"] #labels td')
        heights = "all => all.map((one) => one.getBoundingClientRect().height)"
        assert min(page.eval_on_selector_all("#curve text", heights)) > 11, "as large as elsewhere"
        assert page.locator("#curve .range").count() == 2, "an interval for each point"
        page.evaluate("document.documentElement.dir = 'rtl'")
        inside = """all => all.every((one) => {
            const [box, whole] = [one, one.ownerSVGElement].map((e) => e.getBoundingClientRect());
            return box.left >= whole.left && box.right <= whole.right; })"""
        assert page.eval_on_selector_all("#curve text", inside)
        page.click("#pause")
        page.wait_for_selector('#pause[aria-pressed="true"]')
        page.click("#notes button")
        page.wait_for_selector("#notes-none:not([hidden])")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "for another person"),
        ("de", "für eine andere Person"),
        ("fr", "pour une autre personne"),
    ],
)
def test_it_says_what_the_model_is_worth_and_what_waits_for_another_person(
    language: str, says: str, make_project: MakeProject, browser: Any
) -> None:
    project, own = own_project(make_project(), {})
    store = project.store
    store.fill(1, Questions([3], [1]), repeats=1.0)
    ground = Ground(6, 4, False, (20.0, 71.5), (None,) * 4, {})
    store.note_training(
        Training_(1.0, 0, 0, 1.0, 1.0, 45.0, (45.0,) * 4, "m", "on some", ground, (0, 1, 2, 3))
    )
    with owners_page(project, own, browser, language) as page:
        point = "." if language == "en" else ","
        assert f"mAP 45{point}0 % (20{point}0" in page.inner_text("#stands").replace("\xa0", " ")
        assert says not in page.inner_text("#stands")
        store.answer("ann", [Answer(3, 1, 1, 500.0)], request="ann")
        page.reload()
        page.wait_for_selector("#labels td")
        assert f"1 {says}" in page.inner_text("#stands").replace("of them ", "")
        assert "8 min" in page.inner_text("#stands")
        assert "`alasl suggest`" in page.inner_text("#next")


# What the page says of two answers, and of a label without a known present.
SPOKEN = {
    "en": (
        "by 2 audit answers a label",
        str(doubts.Doubt("presents", {"share": 12, "low": 3, "high": 20, "n": 25})),
    ),
    "de": ("mit 2 Audit-Antworten je Label", "12,0 % (3,0 bis 20,0) der gegebenen „vorhanden“"),
    "fr": ("avec 2 réponses d'audit par", "fausses 12,0 % (3,0 à 20,0) des entrées « présent »"),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_doubts_and_why_a_label_has_no_ap_are_said_in_its_language(
    language: str, make_project: MakeProject, browser: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, own = own_project(make_project(), {})
    ends, other = (15.0, 71.5), "none known"
    ground = Ground(6, 2, False, ends, (ends, None, None, None), {1: NO_PRESENT, 2: other})
    ap = (45.0, None, None, None)
    project.store.note_training(
        Training_(1.0, 0, 0, 1.0, 1.0, 45.0, ap, "m", "on some", ground, (0, 1, 2, 3))
    )
    rate = ErrorRate(1, 25, 3, 0.03, 0.2)
    monkeypatch.setattr(doubts, "error_rates", lambda _: (rate, replace(rate, low=0.0)))
    with owners_page(project, own, browser, language) as page:
        said = page.inner_text("#more").replace("\xa0", " ")
        assert [text for text in SPOKEN[language] if text not in said] == [], said
        cells = page.locator("#labels tbody tr td:nth-child(7)").all_inner_texts()
        spoken = catalogue(language)["owner.lacks.no-present"]
        assert cells == ["45.0" if language == "en" else "45,0", spoken, other, ""]


def test_each_doubt_and_reason_has_a_sentence(both: Both) -> None:
    reasons = (*LACKS.values(), "other")
    assert set(catalogue("en")) >= {f"owner.lacks.{kind}" for kind in reasons}
    assert {NO_PRESENT, NO_ABSENT, NO_AUDIT, CAME} == set(LACKS)
    labels = both.own("/api/overview").json()["labels"]
    assert {one["no_ap"]["why"] for one in labels} == {""}


@pytest.mark.slow
def test_of_many_suspects_twelve_are_shown_and_more_on_demand(
    make_project: MakeProject, browser: Any
) -> None:
    suspect = {"image": "0000.jpg", "label": "dog", "column": 0, "given": 1, "probability": 0.1}
    found = {
        "state": "found", "all": 99, "why": "", "rates": {},
        "suspects": [suspect | {"number": i % 6} for i in range(30)],
    }  # fmt: skip
    project, own = own_project(make_project(), {})
    with owners_page(project, own, browser, suspects=found) as page:
        entries, more = page.locator("#suspects li"), page.locator("#suspects-on")
        page.wait_for_selector("#suspects li")
        assert (entries.count(), more.is_visible()) == (12, True)
        assert not page.locator("#settle-on, #notes-on").first.is_visible()
        more.press("Enter")
        assert entries.count() == 24
        focused = "all => all.findIndex((one) => one.contains(document.activeElement))"
        assert page.eval_on_selector_all("#suspects li", focused) == 12
        # One that was settled does not fold the others again.
        with page.expect_response("**/api/suspects"):
            entries.first.locator("button").first.click()
        page.wait_for_selector("#suspects li:nth-child(24)")
        more.click()
        assert (entries.count(), more.is_visible()) == (30, False)
