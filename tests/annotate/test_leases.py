"""What is asked of one person is not asked of another, also after a page slept or was offline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from alasl.annotate.messages import Answers, Given, TasksIn
from alasl.annotate.tasks import Tasks

from .conftest import MakeProject, Project, Site, View

Serve = Callable[..., Site]

# The page's clock goes on by ten minutes, in which nothing of it ran.
SLEEP = """() => {
  const now = Date.now;
  Date.now = () => now() + 600_000;
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def answer_all(tasks: Tasks, person: str, images: int) -> set[tuple[int, int]]:
    """Somebody else takes so many images, and says of all that is asked that it is absent."""
    found = tasks.tasks(TasksIn(person=person, images=images)).tasks
    said = [(task.image, one.label) for task in found for one in task.asked]
    given = [Given(image=i, label=j, value=0, seconds=1.0) for i, j in said]
    tasks.answer(Answers(person=person, request=f"request-{person}", answers=given))
    return set(said)


def twice(project: Project) -> int:
    """Questions that more than one person answered."""
    many = Counter((one.image, one.label) for one in project.store.answers())
    return sum(count > 1 for count in many.values())


def goes_on(view: View) -> bool:
    """Wait until something can be answered, which is said, or nothing is left."""
    ended = "document.body.dataset.state === 'wait' && document.body.dataset.wait === 'empty'"
    view.until(f"'ready' in document.body.dataset || {ended}")
    return not view.inside(ended)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["image", "label"])
def test_after_a_sleep_nothing_is_asked_that_others_answered_since(
    make_project: MakeProject, serve: Serve, view: View, way: str
) -> None:
    project = make_project(images=16)
    project.ask([(i, j) for j in (0, 1) for i in range(16)], way=way)
    site = serve(project)
    view.open(site)
    state = "image" if way == "image" else "grid"
    view.ready(state)
    view.until("!tasks.asking && tasks.ahead.length > 0")
    view.press("j")
    project.store.renew("Ann", seconds=-1)  # her leases end
    others = answer_all(site.tasks, "Ben", images=10)
    view.page.evaluate(SLEEP)
    view.until("session.current && session.current.items[0].image >= 10")
    view.saved()
    # What she had said already is a vote, and not lost.
    assert ("Ann", 0, 0, 1) in [
        (a.person, a.image, a.label, a.value) for a in project.store.answers()
    ]
    before = twice(project)
    while goes_on(view):
        view.press("Enter")
        view.saved()
    assert len(others) == 20
    assert (before, twice(project)) == (1, 1)
    assert project.store.progress().left == 0


@pytest.mark.slow
def test_of_an_image_only_what_others_did_not_get_is_asked(
    make_project: MakeProject, serve: Serve, view: View
) -> None:
    project = make_project(images=7)
    project.ask([(i, j) for i in range(7) for j in (0, 1)])
    view.open(serve(project))
    view.ready()
    view.until("!tasks.asking && tasks.ahead.length === 6")
    project.store.renew("Ann", seconds=-1)
    project.store.lease("Ben", images=7, label=1)
    view.inside("tasks.renew()")
    view.until("tasks.ahead.length === 6")
    assert (
        view.inside("tasks.ahead.map(({ asked }) => asked.map(({ label }) => label))") == [[0]] * 6
    )
    # What is in front of her stays while she works.
    assert view.asked() == ["dog", "cat"]
