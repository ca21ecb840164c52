"""What people take, from the page's steps, and the way of asking that a queue says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from alasl.project.driver import Driver
from alasl.project.folder import Project
from alasl.project.records import Answer, Questions, Timed
from alasl.project.store import Store
from alasl.project.timing import LEAST, measured, of_steps, quickest
from alasl.seconds import Seconds
from alasl.settings import LearnerSettings


def opened(rng: np.random.Generator, many: int, most: int = 6) -> list[Timed]:
    """Steps of images that take 3 s to open and 0.8 s an answer, give or take."""
    each = rng.integers(1, most + 1, many)
    return [Timed(1, int(n), 3.0 + 0.8 * n + rng.normal(0, 0.3)) for n in each]


def test_openings_and_answers_are_told_apart_as_by_least_squares() -> None:
    steps = opened(np.random.default_rng(0), 400)
    found = of_steps(steps)
    design = np.array([[1, one.answers] for one in steps])
    expected = np.linalg.lstsq(design, np.array([one.seconds for one in steps]), rcond=None)[0]
    np.testing.assert_allclose([found.open, found.answer], expected, rtol=1e-9)
    assert abs(found.open - 3.0) < 0.1
    assert abs(found.answer - 0.8) < 0.03
    assert found.grid == Seconds().grid, "no grid was timed"


def test_a_grid_tells_what_an_answer_in_it_takes() -> None:
    grids = [Timed(12, 12, 12 * 0.9), Timed(30, 30, 30 * 0.5), Timed(8, 8, 8 * 1.2)]
    took = 12 * 0.9 + 30 * 0.5 + 8 * 1.2
    assert of_steps(grids) == Seconds(grid=took / 50)
    assert of_steps(grids[:2]) == Seconds(), f"fewer than {LEAST} answers tell nothing"


def test_single_entries_share_out_what_they_took_as_the_defaults_do() -> None:
    found = of_steps([Timed(1, 1, 6.0)] * LEAST)
    assert (found.open, found.answer) == pytest.approx((4.0, 2.0))


@pytest.mark.parametrize("slope", [-0.5, 0.0, 9.0])
def test_nothing_takes_less_than_no_time(slope: float) -> None:
    steps = [Timed(1, n, max(0.1, 5 + slope * (n - 3))) for n in (1, 2, 3, 4, 5)] * 30
    found = of_steps(steps)
    assert found.open >= 0
    assert found.answer > 0


def test_steps_are_what_one_page_sent_at_once(make_store: Callable[..., Store]) -> None:
    store = make_store(images=6, labels=3)
    grid = [Answer(image, 0, 0, seconds=0.5) for image in (2, 3, 4)]
    store.answer("ann", grid, request="request-1")
    one = [Answer(5, label, 1, seconds=2.0) for label in (0, 1)]
    store.answer("ben", one, request="request-2")
    store.answer("ben", [Answer(5, 2, 1)], request="request-3")
    assert sorted(store.steps(), key=lambda step: step.images) == [
        Timed(1, 2, 4.0),
        Timed(3, 3, 1.5),
    ]


def test_a_queue_says_how_it_is_answered_soonest() -> None:
    def queue(rows: list[int]) -> Questions:
        return Questions(rows, [0] * len(rows))

    apart, together, plain = queue([1, 2, 3, 4]), queue([1, 1, 1, 1]), LearnerSettings()
    assert quickest(Seconds(), apart, plain) == "label"
    assert quickest(Seconds(), together, plain) == "image"
    assert quickest(Seconds(), together, LearnerSettings(by="label")) == "label"
    assert quickest(Seconds(), apart, LearnerSettings(by="image")) == "image"
    assert quickest(Seconds(), apart, LearnerSettings(ask="tags")) == "image"


def test_the_store_keeps_the_way_of_its_queue(make_store: Callable[..., Store]) -> None:
    store = make_store()
    assert store.progress().way == "image"
    store.fill(1, Questions([2, 3], [0, 0]), way="label")
    assert store.progress().way == "label"
    store.fill(2, Questions([2, 2], [0, 1]))
    assert store.progress().way == "image"


@pytest.mark.parametrize(
    ("run", "way"),
    [
        ({}, "label"),
        ({"by": "image"}, "image"),
        ({"grid_seconds": 30.0}, "image"),
        ({"ask": "tags", "images": 20}, "image"),
    ],
)
def test_a_suggestion_says_the_way(
    make_project: Callable[..., Project], run: dict[str, Any], way: str
) -> None:
    project = make_project(run=run)
    driver = Driver(project)
    driver.train()
    driver.suggest()
    assert project.store.progress().way == way


def test_what_the_page_measured_takes_the_place_of_the_defaults(
    make_project: Callable[..., Project],
) -> None:
    project = make_project()
    driver = Driver(project)
    driver.train()
    driver.suggest()
    # Grids that take half a minute an answer.
    queue = [(one.image, one.label) for one in project.store.queue()]
    label = max({label for _, label in queue}, key=[label for _, label in queue].count)
    images = sorted({image for image, of in queue if of == label})
    for part in np.array_split(images, 2):
        slow = [Answer(int(image), label, 0, seconds=30.0) for image in part]
        project.store.answer("ann", slow * 1, request=f"request-{part[0]}")
    few = len(images) < LEAST
    assert (measured(project.store).grid == Seconds().grid) is few
    more = [(image, other) for image in range(LEAST) for other in (0,)]
    project.store.answer(
        "ben", [Answer(i, j, 0, seconds=30.0) for i, j in more], request="request-more"
    )
    assert measured(project.store).grid == pytest.approx(30.0)
    again = Driver(project)
    again.train()
    again.suggest()
    assert project.store.progress().way == "image"


def test_answers_from_a_file_tell_nothing_of_the_page(make_store: Callable[..., Store]) -> None:
    store = make_store()
    told = Answer(3, 0, 1, seconds=9.0, person="ann")
    store.import_answers("file.csv", [told])
    assert [answer.seconds for answer in store.answers()] == [9.0]
    assert store.steps() == []
