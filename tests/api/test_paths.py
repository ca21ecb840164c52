"""From Python a place may be text, and a wrong answer is said so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import alasl
from alasl.data.dataset import Dataset
from alasl.errors import UsageError


def test_a_runs_folder_may_be_text(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> None:
    folder = str(tmp_path / "run")
    settings = alasl.RunSettings(rounds=1, answers=20)
    record = alasl.simulate(settings, folder, dataset=make_dataset())
    alasl.write_run(record, folder)
    assert alasl.load_run(folder).maps == record.maps
    alasl.write_report([record], f"{folder}/again.html")
    assert (tmp_path / "run" / "again.html").exists()


@pytest.fixture
def project(tmp_path: Path) -> Iterator[alasl.Project]:
    labels = alasl.Labels(np.full((9, 2), -1, np.int8), ("dog", "car"), (*"abcdefghi",))
    alasl.write(labels, tmp_path / "t.npz", "npz", features=np.eye(9, dtype=np.float32))
    made = alasl.Project.create(tmp_path / "mine", tmp_path / "t.npz")
    yield made
    made.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("a", "dgo", 1), "not have this label; seen: 'dgo'\n  nearest: 'dog'"),
        (("z", "dog", 1), "not have this image; seen: 'z'"),
        ((3, "dog", 1), "not have this image; seen: 3"),
        (
            ("a", "dog"),
            r"an answer is an image, a label, and 1, 0 or -1; seen: \('a', 'dog'\)",
        ),
    ],
)
def test_an_answer_to_nothing_is_refused(
    project: alasl.Project, answer: tuple[object, ...], said: str
) -> None:
    with pytest.raises(alasl.AlaslError, match=said):
        project.tell([("b", "dog", 1), answer])
    assert project.status().answers == 0


@pytest.mark.parametrize(
    "wrong", [{"label": ["dog"]}, {"labels_list": "n.txt"}, {"labels": ["dog"]}]
)
def test_who_names_labels_otherwise_is_told_how(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as told:
        alasl.Project.create(tmp_path / "mine", tmp_path, **wrong)
    assert 'names=["dog", "car"]' in str(told.value.do)
