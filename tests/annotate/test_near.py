"""Images of a grid stand beside those that look like them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from alasl.annotate.messages import TasksIn
from alasl.annotate.near import features_of, side_by_side
from alasl.annotate.tasks import Tasks
from alasl.annotate.training import Training

from .conftest import MakeProject


def three_kinds(each: int = 4, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.intp]]:
    """Features of three kinds of images, shuffled, and the kind of each."""
    rng = np.random.default_rng(seed)
    kind = rng.permutation(np.repeat(np.arange(3), each))
    centre = 5 * rng.standard_normal((3, 16))
    return (centre[kind] + rng.standard_normal((3 * each, 16))).astype(np.float32), kind


def walked(features: NDArray[np.float32]) -> list[int]:
    """The same by plain loops."""
    apart = features.astype(float) - features.astype(float).mean(axis=0)
    left, order = list(range(1, len(features))), [0]
    while left:
        here = apart[order[-1]]
        near = [here @ apart[i] / (np.linalg.norm(here) * np.linalg.norm(apart[i])) for i in left]
        order.append(left.pop(int(np.argmax(near))))
    return order


@pytest.mark.parametrize("seed", range(5))
def test_images_of_a_kind_stand_together(seed: int) -> None:
    features, kind = three_kinds(seed=seed)
    order = side_by_side(features)
    assert order[0] == 0, "what is asked first stands first"
    assert np.count_nonzero(np.diff(kind[order])) == 2
    assert order == walked(features)


def test_images_without_features_come_last() -> None:
    features, _ = three_kinds()
    features[[0, 5]] = np.nan
    order = side_by_side(features)
    assert order[-2:] == [0, 5]
    assert sorted(order) == list(range(12))


@given(arrays(np.float32, st.tuples(st.integers(0, 9), st.integers(1, 3)), elements=st.floats(
    -1e6, 1e6, width=32)))  # fmt: skip
def test_every_image_stands_once(features: NDArray[np.float32]) -> None:
    assert sorted(side_by_side(features)) == list(range(len(features)))


def test_a_grid_is_ordered_and_an_image_is_not(make_project: MakeProject) -> None:
    features, _ = three_kinds()
    project = make_project(images=12)
    project.ask([(i, 0) for i in range(12)])
    tasks = Tasks(project.store, Training(None), folder=project.folder)

    def given_out(label: int | None) -> list[int]:
        out = tasks.tasks(TasksIn(person="ann", images=12, label=label, fresh=True))
        return [task.image for task in out.tasks]

    assert given_out(0) == list(range(12)), "without features the queue's order"
    (project.folder / "model").mkdir()
    np.save(project.folder / "model" / "features.npy", features)
    assert given_out(0) == side_by_side(features) != list(range(12))
    assert given_out(None) == list(range(12))
    # What came with the project goes before what a training made; one image has none.
    np.save(project.folder / "features.npy", features[:11, :8])
    assert given_out(0) == [*side_by_side(features[:11, :8]), 11]


def test_features_that_are_not_there_are_none(tmp_path: Path) -> None:
    assert features_of(tmp_path, [0]) is None
    (tmp_path / "features.npy").write_bytes(b"torn")
    assert features_of(tmp_path, [0]) is None
