"""No answer is lost: without a connection, over reloads, without room to keep it, on refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from .conftest import GONE, MakeProject, Project, Site, View

pytestmark = pytest.mark.slow

Serve = Callable[..., Site]


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    made = make_project(images=12, names=("dog", "cat"))
    made.ask([(i, 0) for i in range(12)])
    return made


def test_answers_given_while_the_server_is_gone_arrive_when_it_is_back(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    site = serve(project)
    view.open(site)
    view.ready()
    view.press("j")
    view.ready()
    view.saved()
    site.stop()
    for _ in range(3):
        view.press("k")
        view.ready()
    view.until("document.querySelector('#saved').dataset.state === 'trouble'")
    assert "Not saved yet: 3 steps, kept in this browser" in view.text("#saved")
    # Undone before it was ever sent.
    view.press("u")
    view.ready()
    assert view.image() == "Image 0003.jpg"
    view.press("l")
    view.ready()
    assert project.said() == {(0, 0): 1}
    site.start()
    view.saved()
    assert view.text("#saved") == "All saved"
    assert project.said() == {(0, 0): 1, (1, 0): 0, (2, 0): 0, (3, 0): -1}
    assert [event.kind for event in project.store.events()][1:] == [
        "answer", "answer", "answer", "answer", "undo", "answer",
    ]  # fmt: skip


def test_without_images_left_it_says_that_the_connection_is_gone_and_goes_on_by_itself(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    site = serve(project)
    view.open(site)
    view.ready()
    view.ahead(6)
    site.stop()
    for _ in range(7):
        view.page.wait_for_selector("body[data-ready]")
        view.press("j")
    view.page.wait_for_selector('body[data-wait="offline"]')
    assert view.text("#wait-title") == "No connection"
    assert "kept in this browser" in view.text("#wait-text")
    site.start()
    view.ready()
    view.saved()
    assert len(project.said()) == 7
    assert view.image() == "Image 0007.jpg"


def test_unsent_answers_outlast_the_page(project: Project, serve: Serve, view: View) -> None:
    view.expected = GONE
    site = serve(project)
    view.open(site)
    view.ready()
    site.stop()
    view.press("j")
    view.ready()
    view.press("k")
    view.ready()
    kept = view.page.evaluate("Object.keys(localStorage).filter((k) => k.includes(':out:')).length")
    assert kept == 2
    view.page.close()
    site.start()
    view.page = view.page.context.new_page()
    view.page.goto(site.url)
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 1, (1, 0): 0}
    assert view.image() == "Image 0002.jpg"
    left = view.page.evaluate("Object.keys(localStorage).filter((k) => k.includes(':out:')).length")
    assert left == 0


def test_an_answer_whose_receipt_was_lost_counts_once(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    lost: list[int] = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
            return
        lost.append(route.fetch().status)
        route.abort()

    view.page.route("**/api/answers", lose)
    view.open(serve(project))
    view.ready()
    view.press("j")
    view.ready()
    view.saved()
    assert lost == [200]
    assert project.said() == {(0, 0): 1}
    assert len(project.events("answer")) == 1


def test_images_that_were_handed_out_and_never_arrived_are_asked_at_the_end(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    lost: list[int] = []

    def lose(route: Any) -> None:
        if lost or json.loads(route.request.post_data)["fresh"]:
            route.continue_()
            return
        lost.extend(task["image"] for task in route.fetch().json()["tasks"])
        route.abort()

    view.page.route("**/api/tasks", lose)
    view.open(serve(project))
    for _ in range(12):
        view.ready()
        view.press("j")
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert lost
    assert project.said() == {(i, 0): 1 for i in range(12)}
    assert len(project.events("answer")) == 12


def test_answers_are_never_sent_to_another_project_at_the_same_address(
    project: Project, make_project: MakeProject, serve: Serve, view: View
) -> None:
    view.expected = GONE
    site = serve(project)
    view.open(site)
    view.ready()
    site.stop()
    view.press("j")
    view.ready()
    other = make_project(images=12, names=("dog", "cat"))
    other.ask([(5, 1)])
    first, site.project = site.project, other
    site.start()
    view.page.reload()
    view.page.wait_for_selector("#person")
    view.page.fill("#person", "Ann")
    view.press("Enter")
    view.ready()
    view.saved()
    assert other.said() == {}
    site.stop()
    site.project = first
    site.start()
    view.page.reload()
    view.ready()
    view.saved()
    assert project.said() == {(0, 0): 1}


def test_where_the_browser_keeps_nothing_it_says_so(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = GONE
    view.page.add_init_script(
        "Storage.prototype.setItem = () => { throw new DOMException('QuotaExceededError'); }"
    )
    site = serve(project)
    view.open(site)
    view.ready()
    site.stop()
    view.press("j")
    view.ready()
    view.until("document.querySelector('#saved').dataset.state === 'trouble'")
    assert "this browser cannot keep it. Leave this page open." in view.text("#saved")
    site.start()
    view.saved()
    assert project.said() == {(0, 0): 1}


def test_what_the_server_refuses_is_said_and_kept_and_the_rest_goes_on(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = ("422",)

    def spoil(route: Any) -> None:
        body = json.loads(route.request.post_data)
        if body["answers"][0]["image"] == 0:
            body["answers"][0]["seconds"] = -1
        route.continue_(post_data=json.dumps(body))

    view.page.route("**/api/answers", spoil)
    view.open(serve(project))
    view.ready()
    view.press("j")
    view.ready()
    view.press("j")
    view.ready()
    view.saved()
    assert "The server refused a step" in view.text("#alert")
    assert project.said() == {(1, 0): 1}
    kept = view.inside("storage.keys('refused:').map((key) => storage.get(key).body)")
    assert kept[0]["answers"][0]["image"] == 0
    # One step back is the one that stands.
    view.press("u")
    view.ready()
    view.saved()
    assert project.said() == {}


def test_after_a_long_sleep_images_that_others_took_are_not_asked_again(
    project: Project, serve: Serve, view: View
) -> None:
    view.open(serve(project))
    view.ready()
    view.until("tasks.ahead.length === 6")
    project.store.release("Ann")
    taken = [task.image for task in project.store.lease("Ben", images=4)]
    assert taken == [0, 1, 2, 3]
    view.inside("tasks.renew()")
    view.until("tasks.ahead.length === 6 && !tasks.ahead.some((task) => task.image < 4)")
    view.press("j")
    view.ready()
    assert view.image() == "Image 0004.jpg"


def test_a_wrong_token_keeps_the_answers_and_says_what_to_do(
    project: Project, serve: Serve, view: View
) -> None:
    view.expected = ("403",)
    view.open(serve(project))
    view.ready()
    view.page.context.clear_cookies()
    view.press("j")
    view.ready()
    view.until("document.querySelector('#saved').dataset.state === 'trouble'")
    assert "Open the link" in view.text("#saved")
    assert view.inside("outbox.items.length") == 1


@pytest.mark.parametrize("what", ["down", 403, 409, 503])
def test_a_server_in_trouble_is_asked_once_in_two_seconds_and_the_page_says_so(
    project: Project, serve: Serve, view: View, what: str | int
) -> None:
    view.expected = (*GONE, str(what))
    view.page.clock.install()
    view.open(serve(project))
    view.ready()
    view.press("m")
    view.ready("grid")
    asked: list[str] = []

    def refuse(route: Any) -> None:
        asked.append(route.request.url)
        if what == "down":
            route.abort("connectionrefused")
        else:
            route.fulfill(status=what, json={"error": "why it failed"})

    view.page.route("**/api/**", refuse)
    view.page.route("**/images/**", refuse)
    # Steps to be sent, tasks and pictures to be had: all at once want something of it.
    view.press("q", "Enter")
    view.page.wait_for_selector("body[data-wait]")
    view.press("m")
    asked.clear()
    for _ in range(20):
        view.page.clock.run_for(1000)
        view.page.wait_for_timeout(1)
    assert 5 <= len(asked) <= 11, asked
    assert view.text("#wait-title") == "No connection"
    why = "The server cannot be reached." if what == "down" else "Why it failed."
    assert why in view.text("#wait-text")
    assert why in view.text("#saved")
    view.page.unroute("**/api/**")
    view.page.unroute("**/images/**")
    view.page.clock.run_for(4000)
    view.page.wait_for_selector('body[data-wait="empty"]')
    view.saved()
    assert view.text("#saved") == "All saved"
    assert len(project.said()) == 12


@pytest.mark.parametrize("status", [404, 413, 502])
def test_what_a_proxy_answers_in_the_servers_place_loses_nothing_and_floods_nobody(
    project: Project, serve: Serve, view: View, status: int
) -> None:
    view.expected = (str(status),)
    # By HTTP/2 a status has no words.
    view.page.add_init_script(
        "Object.defineProperty(Response.prototype, 'statusText', { get: () => '' });"
    )
    view.page.clock.install()
    view.open(serve(project))
    view.ready()
    asked: list[str] = []

    def answer(route: Any) -> None:
        asked.append(route.request.url)
        route.fulfill(status=status, body="<html>nginx</html>", content_type="text/html")

    view.page.route("**/api/**", answer)
    view.press("j")
    view.until("document.querySelector('#saved').dataset.state === 'trouble'", seconds=10)
    asked.clear()
    for _ in range(10):
        view.page.clock.run_for(1000)
        view.page.wait_for_timeout(1)
    assert 2 <= len(asked) <= 6, asked
    assert f"1 step, kept in this browser. The server answers with error {status}." in view.text(
        "#saved"
    )
    view.page.unroute("**/api/**")
    view.page.clock.run_for(3000)
    view.saved()
    assert project.said() == {(0, 0): 1}
