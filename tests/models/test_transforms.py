"""Transforms of features: the plain formulas, in blocks of any size, kept and made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from alasl.errors import DataError
from alasl.models import transforms
from alasl.models.registry import resolve
from alasl.models.transforms import (
    Applied,
    Flatten,
    Standardise,
    Transform,
    Turn,
    from_tensors,
    skewness,
)

KINDS = [Standardise, Flatten]


def drawn(images: int = 50, width: int = 6, seed: int = 0) -> NDArray[np.float32]:
    """Features (N, D) of unlike scales, as networks give them; one of them is constant."""
    rng = np.random.default_rng(seed)
    features = rng.gamma(0.7, 1, (images, width)) * rng.uniform(0.1, 9, width) - 0.2
    features[:, 0] = 1.7
    return np.asarray(features, np.float32)


def plain_standardise(features: NDArray[np.floating], rows: NDArray[np.intp]) -> NDArray:
    seen = features[rows].astype(np.float64)
    std = seen.std(axis=0)
    return (features - seen.mean(axis=0)) * np.where(std > 1e-8, 1 / np.maximum(std, 1e-8), 0)


def plain_flatten(features: NDArray[np.floating], rows: NDArray[np.intp], kept: int) -> NDArray:
    roots = np.sign(features) * np.abs(features.astype(np.float64)) ** 0.5
    roots /= np.maximum(np.sqrt((roots**2).sum(axis=1, keepdims=True)), 1e-12)
    even = plain_standardise(roots, rows)
    variances, axes = np.linalg.eigh(even[rows].T @ even[rows] / len(rows))
    variances, axes = variances[-kept:], axes[:, -kept:]
    for axis in axes.T:
        axis *= np.sign(axis[np.abs(axis).argmax()])
    return even @ axes * np.sqrt(len(variances) / variances.sum())


def test_skewness_is_scipys_over_some_of_the_images(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows = drawn(300, 9)[:, 1:], np.arange(20, 300)
    plain = Standardise.fit(features, rows)
    want = np.median(scipy.stats.skew(features[rows].astype(np.float64)))
    assert skewness(plain, features, rows) == pytest.approx(want, abs=1e-3)
    monkeypatch.setattr(transforms, "LOOKED", 100)
    monkeypatch.setattr(transforms, "BLOCK", 50)
    third = (plain.apply(features[rows[::3]]).astype(np.float64) ** 3).mean(axis=0)
    assert skewness(plain, features, rows) == pytest.approx(np.median(third))


def test_only_skewed_features_are_flattened() -> None:
    """Roots of symmetric features, scaled to length 1, lose what tells them apart."""
    source, rows = resolve("logistic").source, np.arange(50)
    skewed = drawn(50, 12)
    assert isinstance(source.make_transform(skewed, rows), Flatten)
    assert isinstance(source.make_transform(skewed[:, :7], rows), Standardise)
    even = np.random.default_rng(0).standard_normal((50, 12), np.float32)
    assert isinstance(source.make_transform(even, rows), Standardise)
    # They keep what they vary by, if that is of one unit.
    even *= np.linspace(1, 5, 12, dtype=np.float32)
    scaled = source.make_transform(even, rows).apply(even)
    deviations = even.std(axis=0)
    np.testing.assert_allclose(
        scaled.std(axis=0), deviations / np.sqrt((deviations**2).mean()), rtol=1e-4
    )
    even[:, :3] *= 1e3
    np.testing.assert_allclose(source.make_transform(even, rows).apply(even).std(axis=0), 1, 1e-4)
    # A long tail on the left is no reason for roots.
    assert isinstance(source.make_transform(-skewed, rows), Standardise)
    with pytest.raises(DataError, match="needs an image"):
        source.make_transform(skewed, rows[:0])


@pytest.mark.parametrize("block", [1, 40, 10**6])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_they_are_the_plain_formulas(
    block: int, dtype: type[np.floating], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transforms, "BLOCK", block)
    features = drawn().astype(dtype)
    rows = np.arange(10, 45)
    standardised = Standardise.fit(features, rows).apply(features)
    np.testing.assert_allclose(standardised, plain_standardise(features, rows), atol=1e-4)
    # The constant feature is none any more once all are scaled to length 1.
    flat = Flatten.fit(features, rows).apply(features)
    np.testing.assert_allclose(flat, plain_flatten(features, rows, 6), atol=2e-4)
    assert standardised.dtype == flat.dtype == np.float32


def test_of_many_features_the_main_directions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "DIRECTIONS", 3)
    features, rows = drawn(width=9), np.arange(50)
    flat = Flatten.fit(features, rows)
    assert flat.width == 3
    result = flat.apply(features)
    np.testing.assert_allclose(result, plain_flatten(features, rows, 3), atol=2e-4)
    assert float((result**2).mean()) == pytest.approx(1, rel=1e-4)


def test_many_symmetric_features_are_turned_and_those_directions_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transforms, "DIRECTIONS", 3)
    monkeypatch.setattr(transforms, "BLOCK", 70)
    rng, rows = np.random.default_rng(0), np.arange(40)
    features = (rng.standard_normal((50, 4)) @ rng.standard_normal((4, 9))).astype(np.float32)
    features[:, 5] = 2
    turned = resolve("logistic").source.make_transform(features, rows)
    assert isinstance(turned, Turn)
    assert turned.width == 3
    scaled = Standardise.fit(features, rows).common().apply(features).astype(np.float64)
    *_, axes = np.linalg.svd(scaled[:40])
    found, want = turned.apply(features), scaled @ axes[:3].T
    want /= np.sqrt((want[:40] ** 2).mean())
    np.testing.assert_allclose(np.abs(found[:, ::-1]), np.abs(want), atol=1e-3)
    again = from_tensors(turned.tensors())
    assert isinstance(again, Turn)
    assert (again.apply(features) == found).all()


def test_features_far_from_0_and_close_together_are_told_apart() -> None:
    near = np.random.default_rng(0).standard_normal((40, 3))
    rows = np.arange(40)
    result = Standardise.fit(1e9 + near, rows).apply(1e9 + near)
    np.testing.assert_allclose(result, plain_standardise(near, rows), atol=1e-5)


@pytest.mark.parametrize("scale", [1e-20, 1e30])
@pytest.mark.parametrize("kind", KINDS)
def test_features_of_any_scale(kind: type[Standardise] | type[Flatten], scale: float) -> None:
    features, rows = drawn(), np.arange(50)
    result = kind.fit(features * np.float32(scale), rows).apply(features * np.float32(scale))
    if scale > 1 or kind is Flatten:
        plain = kind.fit(features, rows).apply(features)
        np.testing.assert_allclose(result, plain, atol=1e-3)
    else:
        assert not result.any()  # constant, as far as can be told


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_images_it_is_fitted_on_count(kind: type[Standardise] | type[Flatten]) -> None:
    features, rows = drawn(), np.arange(30)
    before = kind.fit(features, rows).apply(features)[:30]
    features[30:] *= -5
    assert (kind.fit(features, rows).apply(features)[:30] == before).all()


@pytest.mark.parametrize("kind", KINDS)
def test_kept_and_made_again_it_does_the_same_to_the_last_bit(
    kind: type[Standardise] | type[Flatten], tmp_path: Path
) -> None:
    features = drawn()
    first: Transform = kind.fit(features, np.arange(40))
    save_file(first.tensors(), tmp_path / "t.safetensors")
    again = from_tensors(load_file(tmp_path / "t.safetensors"))
    assert again.name == first.name
    assert again.width == first.width
    assert (again.apply(features) == first.apply(features)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_are_read_from_a_mapped_file(
    kind: type[Standardise] | type[Flatten], tmp_path: Path
) -> None:
    features = drawn()
    np.save(tmp_path / "f.npy", features)
    mapped = np.load(tmp_path / "f.npy", mmap_mode="r")
    rows = np.arange(40)
    there = kind.fit(features, rows).apply(features)
    assert (kind.fit(mapped, rows).apply(mapped) == there).all()


def test_an_image_without_any_feature_and_features_of_one_value() -> None:
    features = drawn()
    features[7] = 0
    assert np.isfinite(Flatten.fit(features, np.arange(50)).apply(features)).all()
    same = np.full((20, 4), 3, np.float32)
    for kind in KINDS:
        assert not kind.fit(same, np.arange(20)).apply(same).any()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_feature_that_is_no_number_is_named(
    kind: type[Standardise] | type[Flatten], value: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transforms, "BLOCK", 12)
    features, rows = drawn(), np.arange(5, 45)
    fitted = kind.fit(features, rows)
    features[[20, 31, 48], 2] = value
    with pytest.raises(DataError, match="row 20") as caught:
        kind.fit(features, rows)
    assert "2 of 40 rows" in str(caught.value)
    with pytest.raises(DataError, match="row 20") as caught:
        fitted.apply(features)
    assert "3 of 50 rows" in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
def test_features_of_another_width_are_refused(kind: type[Standardise] | type[Flatten]) -> None:
    features = drawn()
    fitted = kind.fit(features, np.arange(50))
    for other in (features[:, :5], features[0], features[None]):
        with pytest.raises(DataError, match="another width"):
            fitted.apply(other)
    with pytest.raises(DataError, match="needs an image"):
        kind.fit(features, np.arange(0))
    assert fitted.apply(features[:0]).shape == (0, fitted.width)


def test_tensors_of_something_else_are_refused() -> None:
    good = Flatten.fit(drawn(), np.arange(50)).tensors()
    for bad in (
        {},
        {"mean": good["mean"]},
        {**good, "weights": good["axes"]},
        {**good, "scale": good["scale"][:3]},
        {**good, "axes": good["axes"][:3]},
        {**good, "axes": good["mean"]},
        {**good, "directions": good["axes"]},
        {"mean": good["axes"], "scale": good["axes"]},
    ):
        with pytest.raises(DataError, match="not those of a transform"):
            from_tensors(bad)


@given(st.integers(1, 40), st.integers(1, 8), st.integers(1, 200), st.integers(0, 99))
def test_blocks_of_any_size_give_the_same(images: int, width: int, block: int, seed: int) -> None:
    features, rows = drawn(images, width, seed), np.arange(images)
    whole = Standardise.fit(features, rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transforms, "BLOCK", block)
        parts = Standardise.fit(features, rows)
        np.testing.assert_allclose(parts.mean, whole.mean, rtol=1e-6)
        np.testing.assert_allclose(parts.scale, whole.scale, rtol=1e-5)
        assert (whole.apply(features) == from_tensors(whole.tensors()).apply(features)).all()


def test_what_is_asked_for_here_and_there_stays_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    features = np.random.default_rng(0).standard_normal((400, 8)).astype(np.float32)
    applied = Applied(features, Standardise.fit(features, np.arange(400)))
    let_go: list[int] = []
    monkeypatch.setattr(transforms, "let_go", lambda array: let_go.append(len(array)))
    monkeypatch.setattr(transforms, "BLOCK", 800)
    whole = applied[:]
    assert let_go.count(400) == 4
    np.testing.assert_array_equal(applied[np.arange(300)], whole[:300])
    assert let_go.count(400) == 7
    for rows in (np.arange(0, 400, 7), np.arange(0)):
        np.testing.assert_array_equal(applied[rows], whole[rows])
    assert let_go.count(400) == 7
    # Of very many, after so many blocks: 58 rows are six blocks.
    monkeypatch.setattr(transforms, "MANY", 2)
    monkeypatch.setattr(transforms, "BLOCK", 80)
    applied[np.arange(0, 400, 7)]
    assert let_go.count(400) == 10
