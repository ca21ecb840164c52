"""scikit-learn classes whose fit takes no `sample_weight`: what is lost is said, or refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from sklearn.naive_bayes import GaussianNB

import alasl
from alasl.data.inputs import Inputs
from alasl.errors import UsageError
from alasl.models.estimators.scikit import _warn_of_weights
from alasl.models.model import Model
from alasl.models.registry import resolve

NEIGHBOURS = "sklearn.neighbors:KNeighborsClassifier:n_neighbors=3"


@pytest.fixture
def table() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (60, 4), targets and weights (60, 2) that differ."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((60, 4)).astype(np.float32)
    targets = (features[:, :2] > 0).astype(np.int8)
    return features, targets, rng.uniform(0.1, 1, targets.shape).astype(np.float32)


@pytest.fixture(autouse=True)
def _new() -> None:
    _warn_of_weights.cache_clear()


def test_ignored_weights_are_said_once(
    table: tuple[np.ndarray, np.ndarray, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    features, targets, weights = table
    for _ in range(3):
        estimator = resolve(NEIGHBOURS).estimator(2)
        estimator.fit(Inputs(features), targets, weights)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "KNeighborsClassifier takes no sample_weight, so it is ignored" in record.getMessage()


def test_nothing_is_said_where_nothing_is_ignored(
    table: tuple[np.ndarray, np.ndarray, np.ndarray], caplog: pytest.LogCaptureFixture
) -> None:
    features, targets, weights = table
    targets[:5] = -1
    alike = np.where(targets < 0, np.float32(0.2), np.float32(0.5))
    alike[10:20] = 0  # as unknown
    for each in (None, alike):
        resolve(NEIGHBOURS).estimator(2).fit(Inputs(features), targets, each)
    bayes = resolve("sklearn.naive_bayes:GaussianNB").estimator(2)
    bayes.fit(Inputs(features), targets, weights)
    assert not caplog.records


def test_weights_that_are_given_by_hand_are_refused(
    table: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    features, targets, weights = table
    classifier = alasl.LabelClassifier(model=NEIGHBOURS)
    with pytest.raises(UsageError, match=r"KNeighborsClassifier(.|\n)*takes no weights"):
        classifier.fit(features, targets, sample_weight=weights)
    with pytest.raises(UsageError, match="takes no weights"):
        Model.fit(features, targets, weights, kind=NEIGHBOURS)
    found = classifier.fit(features, targets, sample_weight=np.full(60, 2.0))
    expected = alasl.LabelClassifier(model=NEIGHBOURS).fit(features, targets)
    np.testing.assert_array_equal(found.predict_proba(features), expected.predict_proba(features))


def test_members_learn_nothing_of_an_entry_of_weight_0(
    table: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    features, targets, _ = table
    weights = np.ones(targets.shape, np.float32)
    weights[20:] = 0
    found = []
    for known in (np.where(weights > 0, targets, np.int8(-1)), targets):
        estimator = resolve(NEIGHBOURS).estimator(2)
        estimator.fit_members(Inputs(features), known, weights, seed=0, members=3)
        found.append(estimator.members_proba(Inputs(features)))
    np.testing.assert_array_equal(found[0], found[1])


def test_a_class_that_gives_no_probabilities_so_is_told_of(
    table: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    features, targets, _ = table
    estimator = resolve("sklearn.svm:SVC").estimator(2)
    with pytest.raises(UsageError, match="SVC gives no probabilities with these parameters"):
        estimator.fit(Inputs(features), targets)


def test_what_is_all_but_sure_keeps_its_order() -> None:
    rng = np.random.default_rng(0)
    features = rng.standard_normal((300, 40)).astype(np.float32)
    features[:, :20] += 3 * (features[:, :1] > 0)
    targets = (features[:, :1] > 0).astype(np.int8)
    estimator = resolve("sklearn.naive_bayes:GaussianNB").estimator(1)
    estimator.fit(Inputs(features), targets)
    found = estimator.logits(Inputs(features))[:, 0]
    known = GaussianNB().fit(features, targets[:, 0]).predict_log_proba(features)
    expected = known[:, 1] - known[:, 0]
    assert np.abs(expected).max() > 30, "a probability of 1 for float32"
    within = np.abs(expected) < 60
    np.testing.assert_allclose(found[within], expected[within], rtol=1e-3)
    assert np.isfinite(found).all()


OWN = """
from sklearn.linear_model import LogisticRegression


class Gentle(LogisticRegression):
    def __init__(self, C=0.1):
        super().__init__(C=C)


class Silent:
    def fit(self, features, answers):
        return self
"""


def test_a_class_in_a_file_is_a_model_as_one_in_a_module_is(
    table: tuple[np.ndarray, np.ndarray, np.ndarray], tmp_path: Path
) -> None:
    features, targets, _ = table
    file = tmp_path / "own.py"
    file.write_text(OWN)
    kept = Model.fit(features, targets, kind=f"{file}:Gentle:C=0.5")
    same = Model.fit(features, targets, kind="sklearn.linear_model:LogisticRegression:C=0.5")
    says = kept.predict_proba(features)
    np.testing.assert_allclose(says, same.predict_proba(features))
    kept.save(tmp_path / "own.safetensors")
    with pytest.raises(UsageError, match="trust"):
        alasl.load(tmp_path / "own.safetensors")
    found = alasl.load(tmp_path / "own.safetensors", trust=True)
    np.testing.assert_array_equal(found.predict_proba(features), says)
    with pytest.raises(UsageError, match=r"model /.*own\.py:Silent(.|\n)*fit and predict_proba"):
        resolve(f"{file}:Silent")
    with pytest.raises(UsageError, match="there is no model 'Loud'"):
        resolve(f"{file}:Loud")
