"""What to ask, from arrays alone: the same as a strategy and the selector would say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import alasl
from alasl.errors import DataError, NothingToDo, UsageError
from alasl.labels import Labels
from alasl.strategies import available

NEED_MEMBERS = {s.name for s in available() if "members" in s.needs}
SHIPPED = [
    s.name
    for s in available()
    if s.function.__module__.startswith("alasl.") and s.name not in NEED_MEMBERS
]


@pytest.fixture(scope="module")
def table() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((120, 10), dtype=np.float32)
    truth = (features[:, :4] > 0.7).astype(np.int8)
    labels = truth.copy()
    labels[30:][rng.random((90, 4)) < 0.7] = -1
    return {"features": features, "truth": truth, "labels": labels}


@pytest.mark.parametrize("strategy", SHIPPED)
def test_every_strategy_asks_unknown_entries_within_the_budget(
    table: dict[str, np.ndarray], strategy: str
) -> None:
    found = alasl.ask(
        table["labels"], features=table["features"], answers=12, strategy=strategy, ask="entries"
    )
    assert found.shape == (12, 2)
    assert (table["labels"][tuple(found.T)] == -1).all()
    assert len({tuple(entry) for entry in found.tolist()}) == 12


def test_more_answers_than_entries_ask_all_of_them(table: dict[str, np.ndarray]) -> None:
    found = alasl.ask(table["labels"], features=table["features"], answers=10**7)
    assert {tuple(e) for e in found.tolist()} == {
        *zip(*np.nonzero(table["labels"] < 0), strict=True)
    }


def test_probabilities_of_ones_own_are_what_counts(table: dict[str, np.ndarray]) -> None:
    sure = np.full(table["labels"].shape, 0.999)
    unsure = [(50, 1), (70, 2)]
    rows, cols = np.nonzero(table["labels"][30:] == -1)
    unsure = [(int(rows[0]) + 30, int(cols[0])), (int(rows[-1]) + 30, int(cols[-1]))]
    for entry in unsure:
        sure[entry] = 0.5
    found = alasl.ask(table["labels"], sure, answers=2, strategy="entry-entropy:within=all")
    assert {tuple(entry) for entry in found.tolist()} == set(unsure)


def test_nan_a_frame_and_labels_say_the_same(table: dict[str, np.ndarray]) -> None:
    plain = alasl.ask(table["labels"], features=table["features"], answers=5)
    holes = np.where(table["labels"] < 0, np.nan, table["labels"])
    np.testing.assert_array_equal(alasl.ask(holes, features=table["features"], answers=5), plain)
    names, images = tuple("abcd"), tuple(map(str, range(120)))
    labels = Labels(table["labels"], names, images)
    np.testing.assert_array_equal(alasl.ask(labels, features=table["features"], answers=5), plain)


def test_whole_images(table: dict[str, np.ndarray]) -> None:
    found = alasl.ask(table["labels"], features=table["features"], images=3, strategy="hard")
    assert len(set(found[:, 0])) == 3
    for row in set(found[:, 0].tolist()):
        assert (found[:, 0] == row).sum() == (table["labels"][row] == -1).sum()


@pytest.mark.parametrize(
    ("labels", "more", "error", "says"),
    [
        ([[0, 1], [1, 2]], {}, DataError, "1, 0, -1 or NaN"),
        ([0, 1], {}, DataError, "table"),
        ([[0, -1]], {}, UsageError, "features"),
        ([[0, -1]], {"strategy": "entry-entropy"}, UsageError, "probabilities"),
        ([[-1, -1]], {"features": [[1.0]], "strategy": "entry-entropy"}, UsageError, "known"),
        ([[0, -1]], {"features": [[1.0], [2.0]]}, DataError, "row for each image"),
        ([[0, -1]], {"strategy": "bald"}, UsageError, "ensemble"),
        ([[0, 1]], {"strategy": "random"}, NothingToDo, "no entry"),
        ([[0, -1]], {"strategy": "randm"}, UsageError, "random"),
    ],
)
def test_what_is_wrong_or_missing_is_said(
    labels: Any, more: dict[str, Any], error: type[Exception], says: str
) -> None:
    with pytest.raises(error, match=says):
        alasl.ask(labels, **more)
