"""Neighbours in a collection: plain loops, any blocks, no jumps; and models that look at them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.data.inputs import Inputs
from alasl.errors import DataError
from alasl.models import neighbours
from alasl.models.checkpoint import part, read_tensors, write_tensors
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.models.model import Model
from alasl.models.neighbours import NEAREST, SAME, SPARE, TINY, Neighbours, Surroundings
from alasl.models.prepare import Prepared
from alasl.models.registry import resolve

SMOOTHED = "logistic:spread=2:smooth=0.5"


def found_among(features: np.ndarray) -> Neighbours:
    found = Neighbours.fit(features, np.arange(len(features)))
    assert found is not None
    return found


def by_loops(references: np.ndarray, features: np.ndarray) -> np.ndarray:
    """What `Neighbours.around` says, in float64, one image after the other."""
    result = np.zeros(features.shape)
    for row, own in enumerate(features):
        likes = []
        for other in references:
            c = own @ other / (np.linalg.norm(own) * np.linalg.norm(other))
            likes.append(0.0 if c > SAME or c < 0 else c)
        order = sorted(range(len(likes)), key=lambda place: -likes[place])
        last = likes[order[NEAREST]]
        total = sum(likes[place] - last for place in order[:NEAREST])
        for place in order[:NEAREST]:
            result[row] += (likes[place] - last) * references[place] / (total + TINY)
    return result


def test_it_is_the_plain_formula_without_the_image_itself_and_its_copies() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((70, 12)).astype(np.float32)
    features[60:] = features[:10] * np.float32(1.5)  # as like as can be
    found = found_among(features)
    new = np.concatenate([features, rng.standard_normal((5, 12)).astype(np.float32)])
    expected = by_loops(found.references.astype(np.float64), new.astype(np.float64))
    np.testing.assert_allclose(found.around(new), expected, atol=1e-5)


@pytest.mark.parametrize("images", [65, 1700])
def test_of_many_references_the_highest_are_found_whatever_copies_there_are(images: int) -> None:
    # So many, that they are compared in groups, and some are left over.
    rng = np.random.default_rng(3)
    features = rng.standard_normal((images, 8)).astype(np.float32)
    # As many copies of one image as are found at once, and of another one more than that.
    for place, copies in ((10, SPARE), (30, SPARE + 12)):
        features[place : place + copies] = features[place] * np.arange(1, copies + 1)[:, None]
    found = found_among(features)
    some = features[[10, 11, 30, 41, 60]]
    expected = by_loops(found.references.astype(np.float64), some.astype(np.float64))
    np.testing.assert_allclose(found.around(some), expected, atol=1e-5)


@pytest.mark.slow
@given(st.integers(1, 2000), st.integers(1, 30), st.integers(0, 5))
def test_blocks_and_the_order_of_images_change_nothing(block: int, images: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((55, 9)).astype(np.float32)
    found, turned = found_among(features), found_among(features[::-1])
    expected = found.around(features)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        patch.setattr(neighbours, "IMAGES", images)
        np.testing.assert_allclose(found.around(features), expected, atol=1e-6)
        np.testing.assert_allclose(found.around(features[7:9]), expected[7:9], atol=1e-6)
    np.testing.assert_allclose(turned.around(features), expected, atol=1e-6)


def test_an_images_neighbours_do_not_hang_on_the_images_beside_it() -> None:
    rng = np.random.default_rng(2)
    features = rng.standard_normal((3000, 33)).astype(np.float32)
    found = found_among(features)
    whole = found.around(features)
    for rows in ([5], [2999, 0, 1500], rng.permutation(3000)[:1100]):
        np.testing.assert_array_equal(found.around(features[rows]), whole[rows])


def test_a_neighbour_comes_in_and_goes_out_without_a_jump() -> None:
    rng = np.random.default_rng(1)
    found = found_among(rng.standard_normal((60, 8)).astype(np.float32))
    one, other = rng.standard_normal((2, 8))
    steps = np.linspace(0, 1, 2001)[:, None]
    way = found.around((one + steps * (other - one)).astype(np.float32))
    assert np.abs(way[-1] - way[0]).max() > 0.5
    assert np.abs(np.diff(way, axis=0)).max() < 0.01


def test_copies_count_once_and_of_many_images_the_same_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(2)
    features = rng.standard_normal((300, 8)).astype(np.float32)
    twice = np.concatenate([features, features])
    assert {*map(bytes, found_among(twice).references)} == {
        *map(bytes, features.astype(np.float16))
    }
    monkeypatch.setattr(neighbours, "MOST", 100)
    drawn = found_among(features).references
    assert drawn.shape == (100, 8)
    np.testing.assert_array_equal(drawn, found_among(features).references)
    rows = np.arange(49)
    assert Neighbours.fit(features, rows) is None
    assert Neighbours.fit(np.zeros((60, 8), np.float32), np.arange(60)) is None


def test_an_image_like_no_other_has_nothing_around_it() -> None:
    features = np.eye(60, dtype=np.float32)
    np.testing.assert_array_equal(found_among(features).around(features), 0)
    np.testing.assert_array_equal(found_among(features).around(features[:1] * 0), 0)


@pytest.mark.parametrize("shape", [(60,), (60, 7), (20, 8)])
def test_references_of_something_else_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match="no neighbours of the model's features"):
        Neighbours.of(np.zeros(shape, np.float16), 8)


# Models that look at them


@pytest.fixture(scope="module")
def problem() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((90, 10)).astype(np.float32)
    targets = (features[:, :3] > 0.3).astype(np.int8)
    targets[rng.random(targets.shape) < 0.3] = -1
    return features, targets


def test_a_model_takes_its_collection_with_it(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    features = problem[0]
    model = Model.fit(*problem, kind=SMOOTHED)
    model.save(tmp_path / "m.safetensors")
    again = Model.load(tmp_path / "m.safetensors")
    new = np.random.default_rng(1).standard_normal((7, 10)).astype(np.float32)
    for seen in (features, new, new[:1]):
        np.testing.assert_array_equal(again.predict_proba(seen), model.predict_proba(seen))
    np.testing.assert_allclose(
        again.predict_proba(new[:1]), again.predict_proba(new)[:1], atol=1e-6
    )
    assert model.neighbours is not None
    assert model.transform is not None
    seen = model.transform.apply(features)
    inputs = Inputs(seen, around=model.neighbours.around(seen))
    np.testing.assert_allclose(
        model.estimator.predict_proba(inputs), again.predict_proba(features), atol=1e-6
    )
    plain = Model.fit(*problem, kind="logistic:spread=2:smooth=0")
    assert np.abs(plain.predict_proba(new) - model.predict_proba(new)).max() > 0.01
    plain.save(tmp_path / "plain.safetensors")
    assert not part(read_tensors(tmp_path / "plain.safetensors")[0], "neighbours")


def test_a_file_without_its_collection_is_refused(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    Model.fit(*problem, kind=SMOOTHED).save(path)
    tensors, card = read_tensors(path)
    write_tensors(path, {k: v for k, v in tensors.items() if "neighbours" not in k}, card)
    with pytest.raises(DataError, match="lacks a part"):
        Model.load(path)


def test_a_file_of_before_neighbours_says_the_same_as_then(
    problem: tuple[np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    model = Model.fit(*problem, kind="logistic:spread=3.6:smooth=0")
    model.save(path)
    tensors, card = read_tensors(path)
    del tensors["estimator.choice"]
    write_tensors(path, tensors, {**card, "version": 1, "parameters": {}})
    found = Model.load(path)
    np.testing.assert_array_equal(found.predict_proba(problem[0]), model.predict_proba(problem[0]))


def test_smoothing_is_the_mixture_with_as_large_logits_at_first(
    problem: tuple[np.ndarray, np.ndarray],
) -> None:
    features, targets = problem
    around = found_among(features).around(features)
    smoothed = Logistic(3, LogisticSettings(spread=2.0, smooth=0.25))
    smoothed.fit(Inputs(features, around=around), targets)
    mixed = 0.75 * features + 0.25 * around
    scale = np.sqrt(np.square(features).mean() / np.square(mixed).mean())
    plain = Logistic(3, LogisticSettings(spread=2.0, smooth=0.0))
    plain.fit(Inputs(mixed * scale), targets)
    np.testing.assert_allclose(
        smoothed.logits(Inputs(features, around=around)),
        plain.logits(Inputs(mixed * scale)),
        atol=0.02,
    )
    np.testing.assert_allclose(smoothed.embed(Inputs(features, around=around)), mixed, atol=1e-6)
    with pytest.raises(DataError, match="there are none"):
        smoothed.logits(Inputs(features))


def test_surroundings_are_found_once_for_the_images_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    features = rng.standard_normal((90, 9)).astype(np.float32)
    found, asked = found_among(features), []
    whole, around = found.around(features), Neighbours.around

    def spied(self: Neighbours, some: np.ndarray) -> np.ndarray:
        asked.append(len(some))
        return around(self, some)

    monkeypatch.setattr(Neighbours, "around", spied)
    surroundings = Surroundings(found, features)
    for rows in ([3, 1, 3], [1, 3], [80, 3, 2], np.arange(90)):
        np.testing.assert_array_equal(surroundings[np.asarray(rows)], whole[rows])
    assert asked == [2, 2, 86]


def test_what_is_smoothed_by_nothing_asks_for_no_neighbours() -> None:
    rng = np.random.default_rng(4)
    features = rng.standard_normal((200, 9)).astype(np.float32)
    prepared = Prepared.of(resolve("logistic"), Inputs(features), np.arange(200))
    targets = np.full((200, 3), -1, np.int8)
    targets[:30] = rng.integers(0, 2, (30, 3))
    fitted = prepared.kind.estimator(3)
    fitted.fit(prepared.inputs, targets)
    fitted.predict_proba(prepared.inputs)
    assert isinstance(prepared.inputs.around, Surroundings)
    assert not len(prepared.inputs.around._found)


def test_surroundings_of_few_images_take_the_memory_of_few() -> None:
    features = np.random.default_rng(0).standard_normal((20_000, 64)).astype(np.float32)
    near = Surroundings(found_among(features[:200]), features)
    rows = np.array([5, 19_999, 3, 5])
    near[rows]
    tracemalloc.start()
    some = near[np.arange(100)]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < features.nbytes / 10
    np.testing.assert_array_equal(near[rows][[0, 2, 3]], some[[5, 3, 5]])
