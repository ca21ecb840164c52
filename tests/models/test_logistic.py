"""Logistic regression: scikit-learn's optimum, unknown entries left out, weights, soft targets."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from alasl.errors import DataError
from alasl.metrics import average_precision, mean_ap
from alasl.models.logistic import Logistic, fit_logistic, flattened


def problem(seed: int = 0, images: int = 200) -> tuple[torch.Tensor, np.ndarray]:
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((images, 12))
    entries = (features @ rng.standard_normal((12, 5)) + rng.standard_normal(5) > 1).astype(np.int8)
    hidden = rng.random(entries.shape) < 0.6
    return torch.from_numpy(features), np.where(hidden, np.int8(-1), entries)


@pytest.mark.parametrize("spread", [0.5, 3.6])
def test_it_is_scikit_learns_optimum_on_the_known_entries_of_each_label(spread: float) -> None:
    features, entries = problem()
    weights, bias = fit_logistic(features, torch.as_tensor(entries), spread=spread)
    for label in range(5):
        known = entries[:, label] >= 0
        reference = LogisticRegression(C=spread**2 / 12, tol=1e-10, max_iter=10_000)
        reference.fit(features[known], entries[known, label])
        np.testing.assert_allclose(weights[:, label], reference.coef_[0], atol=2e-3 * spread)
        np.testing.assert_allclose(bias[0, label], reference.intercept_[0], atol=2e-3 * spread)


def test_a_weight_of_two_is_an_image_seen_twice() -> None:
    features, entries = problem()
    counts = np.random.default_rng(1).integers(0, 3, len(entries))
    weighted = fit_logistic(
        features,
        torch.as_tensor(entries),
        torch.as_tensor(np.repeat(counts[:, None], 5, axis=1).astype(np.float64)),
    )
    rows = np.repeat(np.arange(len(entries)), counts)
    repeated = fit_logistic(features[rows], torch.as_tensor(entries[rows]))
    for one, other in zip(weighted, repeated, strict=True):
        torch.testing.assert_close(one, other, atol=5e-3, rtol=0)


def test_a_probability_as_target_is_both_answers_in_its_shares() -> None:
    features, entries = problem()
    soft = np.where(entries >= 0, 0.2 + 0.7 * entries, -1.0)
    found = fit_logistic(features, torch.as_tensor(soft))
    twice = torch.cat([features, features])
    hard = np.concatenate([np.where(entries >= 0, 1, -1), np.where(entries >= 0, 0, -1)])
    shares = np.concatenate([soft, 1 - soft]).clip(0, 1)
    reference = fit_logistic(twice, torch.as_tensor(hard), torch.as_tensor(shares))
    for one, other in zip(found, reference, strict=True):
        torch.testing.assert_close(one, other, atol=5e-3, rtol=0)


def test_a_label_of_which_nothing_is_known_is_left_at_even_odds() -> None:
    features, entries = problem()
    entries[:, 3] = -1
    weights, bias = fit_logistic(features, torch.as_tensor(entries))
    assert weights[:, 3].abs().max() == 0
    assert bias[0, 3] == 0


def test_flattening_looks_at_the_reference_images_alone() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(1, 3, (50, 4)).astype(np.float32)
    features[7] = 0
    reference = np.arange(30)
    result = flattened(features, reference)
    roots = np.sign(features) * np.abs(features) ** 0.5
    length = np.array([max(sum(v * v for v in row) ** 0.5, 1e-12) for row in roots])
    unit = roots / length[:, None]
    expected = (unit - unit[:30].mean(0)) / unit[:30].std(0)
    # Turned only: what lies between any two images is as it was.
    np.testing.assert_allclose(result @ result.T, expected @ expected.T, rtol=1e-3, atol=1e-3)
    spread = result[:30].T @ result[:30] / 30
    np.testing.assert_allclose(spread - torch.diag(spread.diag()), 0, atol=1e-5)
    assert (spread.diag().diff() > 0).all()
    features[30:] *= -5
    np.testing.assert_array_equal(flattened(features, reference)[:30], result[:30])


def test_of_many_features_the_main_directions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alasl.models.logistic.DIRECTIONS", 3)
    rng = np.random.default_rng(0)
    features = (rng.normal(0, 1, (60, 3)) @ rng.normal(0, 1, (3, 40))).astype(np.float32)
    result = flattened(features, np.arange(60))
    assert result.shape == (60, 3)
    assert float(result.square().sum()) == pytest.approx(180, rel=1e-3)
    monkeypatch.undo()
    whole = flattened(features, np.arange(60))
    assert whole.shape == (60, 40)
    turned = whole[:, -3:] * (result[0, 0] / whole[0, -3])
    np.testing.assert_allclose(result, turned, rtol=1e-2, atol=1e-3)


def test_it_is_a_classifier(tmp_path: Path) -> None:
    features, entries = problem(images=400)
    complete = problem(images=400)[1]
    model = Logistic(features.float(), 5)
    seen: list[tuple[int, np.ndarray]] = []
    test = np.arange(300, 400)
    model.fit(
        np.arange(300),
        entries[:300],
        seed=0,
        watch=test,
        on_epoch=lambda epoch, logits: seen.append((epoch, logits)),
    )
    ((epoch, logits),) = seen
    assert epoch == 0
    assert mean_ap(average_precision(logits, complete[test])) > 80
    p = model.predict(test)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-logits)), rtol=1e-5)
    assert (model.features(test) == features[test].float().numpy()).all()
    model.save(tmp_path / "w.safetensors")
    other = Logistic(features.float(), 5)
    other.load(tmp_path / "w.safetensors")
    assert (other.predict(test) == p).all()
    with pytest.raises(DataError, match="not of this classifier"):
        Logistic(features.float(), 4).load(tmp_path / "w.safetensors")
