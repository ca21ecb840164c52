"""A project is opened without its images' names; these are read as they are asked for."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from alasl.labels import Labels
from alasl.project import blocks, initial
from alasl.project.changes import Dropped, NewImages
from alasl.project.folder import Project, load
from alasl.project.overview import overview
from alasl.project.store import Store

Make = Callable[..., Store]
MakeProject = Callable[..., Project]


def files_alone(read: Callable[..., Any]) -> Callable[..., Any]:
    def look(db: sqlite3.Connection, column: str, *image: int) -> Any:
        assert column == "file"
        return read(db, column, *image)

    return look


def test_a_status_reads_no_name_of_an_image(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    # Whether files are there is looked for among the first of them.
    for name in ("text", "texts"):
        monkeypatch.setattr(initial, name, files_alone(getattr(initial, name)))
    again = load(project.folder)
    assert overview(again).sizes["pool"] == project.store.roles.count("pool")
    again.store.close()


def test_a_few_names_are_looked_up_and_many_are_read_at_once(
    make_store: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store(200)
    names = tuple(f"{i:04d}.jpg" for i in range(200))
    with monkeypatch.context() as patch:
        patch.delattr(initial, "texts")
        assert (store.images[7], store.images[-1]) == ("0007.jpg", "0199.jpg")
        assert store.files[:2] == ("/pictures/0000.jpg", "/pictures/0001.jpg")
    assert [store.images[i] for i in range(200)] == [*names]
    assert (store.images, store.images[:], store.images[3:190]) == (names, names, names[3:190])
    assert store.images != names[1:]
    with pytest.raises(IndexError):
        store.images[200]


def test_images_that_left_are_passed_over(make_store: Make) -> None:
    store = make_store(200)
    store.change("owner", Dropped((0, 5)))
    assert (store.images[0], store.images[4], store.files[-1]) == (
        "0001.jpg", "0006.jpg", "/pictures/0199.jpg",
    )  # fmt: skip
    assert len(store.images) == len(store.labels().images) == 198
    assert "0005.jpg" not in store.images
    assert store.images == tuple(f"{i:04d}.jpg" for i in range(200) if i not in (0, 5))


def test_blocks_are_what_their_images_are_whatever_comes_in(make_store: Make) -> None:
    rng = np.random.default_rng(0)
    store = make_store(2 * blocks.MANY - 9)
    assert store.problems() == []
    first = store.initial_and_labels()[0].dense()
    new = rng.integers(-1, 2, (blocks.MANY, 3)).astype(np.int8)
    names = [f"new{i}" for i in range(len(new))]
    roles = rng.choice(["pool", "clean"], len(new)).tolist()
    store.change("owner", NewImages(names, [None] * len(new), roles, new))
    assert store.problems() == []
    np.testing.assert_array_equal(
        store.initial_and_labels()[0].dense(), np.concatenate([first, new])
    )
    assert store.roles[len(first) :] == tuple(roles)
    store.take_back("owner")
    assert store.images == tuple(f"{i:04d}.jpg" for i in range(len(first)))
    assert store.everything().images[-1] == names[-1]
    store.change("owner", NewImages(["more"], [None], ["pool"], new[:1]))
    assert store.images[-1] == "more"
    assert store.problems() == []


def test_a_block_that_is_not_what_its_images_are_is_found(make_store: Make) -> None:
    store = make_store()
    with closing(sqlite3.connect(store.path, isolation_level=None)) as db:
        db.execute("UPDATE blocks SET roles = x'000001010101'")
        assert store.problems() == []
        db.execute("UPDATE blocks SET roles = x'000001010102'")
    assert store.problems() == ["blocks of images: 2 rows differ from what the events say"]


def test_names_are_read_within_a_change(make_store: Make) -> None:
    store = make_store()
    table = np.full((2, 3), -1, np.int8)
    with store.together():
        store.change("owner", NewImages(["a", "b"], [None] * 2, ["pool"] * 2, table))
        assert store.images[-1] == "b"
    assert isinstance(store.labels(), Labels)
    assert store.images[-2:] == ("a", "b")
