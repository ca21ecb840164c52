"""A page that is open while labels and images of its project change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.annotate.messages import Answers, By, Given, TasksIn
from alasl.annotate.pictures import Pictures
from alasl.annotate.server import _Files
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training
from alasl.errors import DataError
from alasl.project.changes import LabelChange, NewImages
from alasl.project.records import Questions
from alasl.project.store import Store

from .conftest import MakeProject, Project


def elsewhere(project: Project, *requests: LabelChange | NewImages) -> Store:
    """The changes as another process makes them; its store, which knows what there is now."""
    other = Store.open(project.store.path)
    other.change("owner", *requests)
    return other


def test_answers_to_a_label_that_was_merged_meanwhile_count(make_project: MakeProject) -> None:
    project = make_project()  # dog, cat, boat, tree
    project.ask([(0, 0), (1, 1), (2, 2)])
    page = Tasks(project.store, Training(None))
    (first,) = page.tasks(TasksIn(person="ann")).tasks
    assert [one.label for one in first.asked] == [0]
    other = elsewhere(project, LabelChange("merge", ("dog", "cat"), ("pet",)))
    sent = Answers(
        person="ann",
        request="request-1",
        answers=[Given(image=first.image, label=0, value=1, seconds=1.0)],
    )
    status = page.answer(sent).status
    assert len(status.labels) == 5, "so the page takes the new name"
    assert other.labels().entries[0].tolist() == [-1, -1, 1], "boat, tree, pet"
    other.fill(2, Questions([0, 3], [0, 2]))
    tasks = page.tasks(TasksIn(person="ann", images=5)).tasks
    assert [(t.image, [one.label for one in t.asked]) for t in tasks] == [(0, [2]), (3, [4])]
    assert tasks[0].known == [(4, 1)], "by number, and only of labels that there are"
    assert page.renew("ann").held == [[0, 2], [3, 4]]
    assert page.status(By(person="ann").person, now=True).left == 2
    other.close()


def test_images_that_come_in_are_shown_and_others_are_not(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(images=2)
    pictures = Pictures(
        _Files(project.store), project.images, lambda: project.store.everything().folders
    )
    (tmp_path / "more").mkdir()
    for name in ("new.jpg", "other.jpg"):
        Image.new("RGB", (8, 8), "red").save(tmp_path / "more" / name)
    files = ["../../more/new.jpg"]
    one = np.full((1, 4), -1, np.int8)
    elsewhere(project, NewImages(["new.jpg"], files, ["pool"], one)).close()
    with pytest.raises(DataError, match="outside"):
        pictures.get(2, "small")
    elsewhere(project, NewImages(["b.jpg"], files, ["pool"], one, folder="../../more")).close()
    assert pictures.get(3, "small")
    with pytest.raises(DataError, match="no file"):
        pictures.get(4, "small")
