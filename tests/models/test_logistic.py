"""Logistic regression as a model: scikit-learn's optimum, weights, soft targets, evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import logit
from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]

from alasl.data.evidence import Evidence
from alasl.data.inputs import Inputs
from alasl.errors import DataError
from alasl.metrics import average_precision, mean_ap
from alasl.models.choice import Choice
from alasl.models.estimators import logistic
from alasl.models.estimators.logistic import Logistic, LogisticSettings
from alasl.sparse import Sparse


def problem(seed: int = 0, images: int = 200) -> tuple[Inputs, np.ndarray, np.ndarray]:
    """Images, what is known of them, and the truth."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((images, 12))
    truth = (features @ rng.standard_normal((12, 5)) + rng.standard_normal(5) > 1).astype(np.int8)
    hidden = rng.random(truth.shape) < 0.6
    inputs = Inputs(features=features.astype(np.float32))
    return inputs, np.where(hidden, np.int8(-1), truth), truth


def fitted(inputs: Inputs, targets: np.ndarray, weights: np.ndarray | None = None) -> Logistic:
    model = Logistic(targets.shape[1])
    model.fit(inputs, targets, weights)
    return model


@pytest.mark.parametrize("spread", [0.5, 3.6])
def test_it_is_scikit_learns_optimum_on_the_known_entries_of_each_label(
    spread: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # scikit-learn does not penalise the bias.
    monkeypatch.setattr("alasl.models.solver.DEVIATION", 1e4)
    inputs, entries, _ = problem()
    model = Logistic(5, LogisticSettings(spread=spread))
    model.fit(inputs, entries)
    found = model.logits(inputs)
    for label in range(5):
        known = entries[:, label] >= 0
        reference = LogisticRegression(C=spread**2 / 12, tol=1e-10, max_iter=10_000)
        reference.fit(inputs.array()[known], entries[known, label])
        expected = reference.decision_function(inputs.array())
        np.testing.assert_allclose(found[:, label], expected, atol=0.01)


def test_a_weight_of_two_is_an_image_seen_twice() -> None:
    inputs, entries, _ = problem()
    counts = np.random.default_rng(1).integers(0, 3, len(entries))
    weights = np.repeat(counts[:, None], 5, axis=1).astype(np.float32)
    rows = np.repeat(np.arange(len(entries)), counts)
    weighted = fitted(inputs, entries, weights).logits(inputs)
    repeated = fitted(inputs.take(rows), entries[rows]).logits(inputs)
    np.testing.assert_allclose(weighted, repeated, atol=0.05)


def test_a_probability_as_target_is_both_answers_in_its_shares() -> None:
    inputs, entries, _ = problem()
    soft = np.where(entries >= 0, 0.2 + 0.7 * entries, -1.0).astype(np.float32)
    twice = inputs.take(np.tile(np.arange(len(inputs)), 2))
    hard = np.concatenate([np.where(entries >= 0, 1, -1), np.where(entries >= 0, 0, -1)])
    shares = np.concatenate([soft, 1 - soft]).clip(0, 1)
    found = fitted(inputs, soft).logits(inputs)
    expected = fitted(twice, hard.astype(np.int8), shares).logits(inputs)
    np.testing.assert_allclose(found, expected, atol=0.05)


def test_a_label_of_which_nothing_is_known_is_as_all_labels_are() -> None:
    inputs, entries, _ = problem()
    entries[:, 3] = -1
    logits = fitted(inputs, entries).logits(inputs)[:, 3]
    assert np.ptp(logits) == 0
    others = entries[entries >= 0].mean()
    assert logits[0] == pytest.approx(logit(others), abs=0.05)


def test_it_is_a_classifier() -> None:
    inputs, entries, truth = problem(images=400)
    model = Logistic(5)
    seen: list[tuple[int, np.ndarray]] = []
    rows, test = np.arange(300), inputs.take(np.arange(300, 400))
    model.fit(
        inputs.take(rows),
        entries[rows],
        seed=0,
        eval_on=test,
        on_epoch=lambda epoch, logits: seen.append((epoch, logits)),
    )
    ((epoch, logits),) = seen
    assert epoch == 0
    assert mean_ap(average_precision(logits, truth[300:])) > 80
    p = model.predict_proba(test)
    np.testing.assert_allclose(p, 1 / (1 + np.exp(-logits)), rtol=1e-5)
    np.testing.assert_array_equal(model.embed(test), test.array())
    other = Logistic(5)
    other.restore(model.tensors())
    np.testing.assert_array_equal(other.predict_proba(test), p)
    with pytest.raises(DataError, match="another number of labels"):
        Logistic(4).restore(model.tensors())


def test_evidence_of_other_models_is_learned_from_and_goes_with_the_images() -> None:
    inputs, entries, truth = problem(images=400)
    rng = np.random.default_rng(3)
    # One that knows, and says nothing of a third of the entries.
    said = (4 * truth - 2 + rng.standard_normal(truth.shape)).astype(np.float32)
    said[rng.random(said.shape) < 1 / 3] = np.nan
    rows, test = np.arange(60), np.arange(300, 400)
    informed = Inputs(features=inputs.features, evidence=Evidence.of(said[None]))
    maps = []
    for seen in (inputs, informed):
        model = fitted(seen.take(rows), entries[rows])
        logits = model.logits(seen.take(test))
        assert np.isfinite(logits).all()
        maps.append(mean_ap(average_precision(logits, truth[test])))
        again = Logistic(5)
        again.restore(model.tensors())
        np.testing.assert_array_equal(again.logits(seen.take(test)), logits)
    assert maps[1] > maps[0] + 5
    # Each image's own: turned with the images, the logits turn with them.
    turned = test[::-1]
    np.testing.assert_allclose(model.logits(informed.take(turned)), logits[::-1], atol=1e-5)


def test_blocks_of_images_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((90, 9)).astype(np.float32)
    evidence = rng.standard_normal((2, 90, 3)).astype(np.float32)
    inputs = Inputs(features, evidence=Evidence.of(evidence)).take(rng.permutation(90))
    fitted = Logistic(3)
    fitted.fit(inputs, rng.integers(-1, 2, (90, 3)).astype(np.int8))
    whole = fitted.predict_proba(inputs)
    np.testing.assert_allclose(whole, 1 / (1 + np.exp(-fitted.logits(inputs))), rtol=1e-6)
    monkeypatch.setattr("alasl.models.estimators.logistic.IMAGES", 16)
    np.testing.assert_allclose(fitted.predict_proba(inputs), whole, rtol=1e-6)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("images", [60, 1500])
def test_known_entries_alone_teach_what_the_whole_table_does(
    soft: bool, counted: bool, images: int
) -> None:
    inputs, entries, _ = problem(images=images)
    rng = np.random.default_rng(2)
    entries[:, 0] = -1  # nothing is known of one label, little of another, much of the rest
    entries[7:, 1] = -1
    targets = entries.astype(np.float32) * np.float32(0.9 if soft else 1)
    weights = rng.integers(0, 3, entries.shape).astype(np.float32) if counted else None
    whole = fitted(inputs, targets, weights)
    few = Sparse.of(np.where(targets < 0, np.float32(-1), targets))
    places = None if weights is None else replace(few, values=weights[few.rows, few.cols])
    listed = Logistic(5)
    listed.fit(inputs, few, places)
    assert listed._choice == whole._choice
    np.testing.assert_allclose(listed.logits(inputs), whole.logits(inputs), atol=1e-5)
    for model, table, counts in ((whole, targets, weights), (listed, few, places)):
        model.fit_members(inputs, table, counts, seed=3, members=2)
    ours, theirs = (model.members_proba(inputs) for model in (listed, whole))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def test_of_much_that_is_known_some_labels_are_chosen_by(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, entries, _ = problem(images=500)
    few = Sparse.of(entries)
    seen: list[tuple[int, int]] = []
    real = logistic.choose

    def choose(*given: Any, **more: Any) -> Choice:
        seen.append((len(given[1]), given[2].shape[1]))
        return real(*given, **more)

    monkeypatch.setattr(logistic, "choose", choose)
    monkeypatch.setattr(logistic, "CHOSEN", len(few) // 2)
    Logistic(5).fit(inputs, few)
    Logistic(5).fit(inputs, entries)
    assert [labels for _, labels in seen] == [2, 5]
    images, _ = seen[0]
    assert images < 500, "images of which nothing is known are of no use"
