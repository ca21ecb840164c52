"""What waits together is written together, and what fails takes nobody else's answer with it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from alasl.annotate.writer import Writer
from alasl.errors import ConflictError, ResourceError
from alasl.project.records import SOURCES, Answer
from alasl.project.store import Store

from .conftest import MakeProject, Project, run


@pytest.fixture
def project(make_project: MakeProject) -> Project:
    made = make_project(images=40, names=("dog", "cat"), size=(8, 8))
    made.ask([(i, 0) for i in range(40)])
    return made


def answer(store: Store, image: int, value: int = 1, request: str | None = None) -> None:
    given = [Answer(image, 0, value, 1.0)]
    store.answer(f"person {image % 20}", given, request=request or f"request-{image}")


class Held:
    """A store whose first transaction waits, until all others wait behind it."""

    def __init__(self, store: Store) -> None:
        self.store, self.go = store, threading.Event()
        self.durable: list[bool] = []

    @contextmanager
    def together(self, *, durable: bool = True) -> Iterator[None]:
        if not self.durable:
            self.go.wait()
        self.durable.append(durable)
        with self.store.together(durable=durable):
            yield


def write_all(held: Held, calls: list[tuple[Callable[[], Any], bool]]) -> list[Any]:
    """The outcomes of an empty call and of `calls`, which all wait for it."""

    async def work() -> list[Any]:
        writer = Writer(held)  # type: ignore[arg-type]
        first = asyncio.ensure_future(writer(lambda: None, durable=False))
        await asyncio.sleep(0.05)
        others = [asyncio.ensure_future(writer(what, durable=durable)) for what, durable in calls]
        await asyncio.sleep(0.05)
        held.go.set()
        outcomes = await asyncio.gather(first, *others, return_exceptions=True)
        writer.stop()
        return outcomes[1:]

    return run(work())


def test_what_waits_is_one_transaction(project: Project) -> None:
    held = Held(project.store)
    calls = [(lambda i=i: answer(project.store, i), True) for i in range(40)]
    assert write_all(held, calls) == [None] * 40
    assert held.durable == [False, True]
    assert project.said() == {(i, 0): 1 for i in range(40)}
    assert project.store.progress().left == 0
    assert project.store.problems() == []


def test_what_needs_no_disk_waits_for_none(project: Project) -> None:
    held = Held(project.store)
    calls = [
        (lambda: project.store.lease("ann"), False),
        (lambda: project.store.held("ann"), False),
    ]
    leased, seen = write_all(held, calls)
    assert held.durable == [False, False]
    assert leased == seen


def test_a_call_that_fails_is_undone_alone(project: Project) -> None:
    def half() -> None:
        with project.store._database.writing() as db:
            db.execute("DELETE FROM queue WHERE image > 2")
            raise ConflictError("no")

    calls = [
        (lambda: answer(project.store, 0), True),
        (half, True),
        (lambda: answer(project.store, 0, value=0), True),  # the same request, other words
        (lambda: answer(project.store, 1), True),
    ]
    outcomes = write_all(Held(project.store), calls)
    assert [type(outcome) for outcome in outcomes] == [
        type(None), ConflictError, ConflictError, type(None),
    ]  # fmt: skip
    assert project.said() == {(0, 0): 1, (1, 0): 1}
    assert project.store.progress().size == 40
    assert project.store.problems() == []


@pytest.mark.parametrize("error", [ResourceError("the disk is full"), MemoryError()])
def test_a_full_disk_is_everybodys_and_nothing_is_said_to_be_saved(
    project: Project, error: Exception
) -> None:
    def fail() -> None:
        raise error

    calls = [(lambda: answer(project.store, 0), True), (fail, True), (lambda: 1, True)]
    assert write_all(Held(project.store), calls) == [error] * 3
    assert project.said() == {}
    assert project.store.problems() == []


def test_others_see_nothing_before_it_is_written(project: Project) -> None:
    seen: list[int] = []

    def look() -> None:
        other = threading.Thread(target=lambda: seen.append(len(project.said())))
        other.start()
        other.join()

    calls = [(lambda: answer(project.store, 0), True), (look, True)]
    write_all(Held(project.store), calls)
    assert seen == [0]
    assert project.said() == {(0, 0): 1}


def test_the_state_of_one_image_is_its_row_of_the_table_but_for_automatic_answers(
    make_project: MakeProject,
) -> None:
    rng = np.random.default_rng(0)
    entries = rng.integers(-1, 2, (6, 4)).astype(np.int8)
    project = make_project(entries=entries)
    store = project.store
    for k in range(60):
        person, image, label = f"p{k % 5}", int(rng.integers(6)), int(rng.integers(4))
        value = int(rng.integers(-1, 2))
        if k % 7 == 0:
            store.machine("m", rng.integers(-1, 2, (6, 4)).astype(np.int8))
        elif k % 11 == 0:
            store.resolve(person, image, label, value)
        else:
            store.answer(person, [Answer(image, label, value, 1.0)], request=f"request-{k}")
        labels = store.labels()
        table = labels.forget(labels.source == SOURCES.index("machine")).entries
        for i in range(6):
            row = {j: int(v) for j, v in enumerate(table[i]) if v >= 0}
            assert store.known(i) == row
