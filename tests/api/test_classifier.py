"""The scikit-learn estimator: its own checks, pipelines, cross-validation, unknown entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import alasl
from alasl.errors import AlaslError, DataError

NOT_OURS = {
    "check_supervised_y_no_nan": "an entry that is NaN is unknown",
    "check_classifiers_classes": "-1 is no class: it is unknown",
    "check_sample_weight_equivalence_on_dense_data": "features are scaled by all images, "
    "whatever they count",
}


@pytest.mark.filterwarnings("error::UserWarning")
@parametrize_with_checks([alasl.LabelClassifier()], expected_failed_checks=lambda _: dict(NOT_OURS))
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def table() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.standard_normal((300, 12))
    return X, (X[:, :3] + 0.3 * rng.standard_normal((300, 3)) > 0.5).astype(float)


def test_in_a_pipeline_and_in_cross_validation(table: tuple[np.ndarray, np.ndarray]) -> None:
    X, Y = table
    model = make_pipeline(StandardScaler(), alasl.LabelClassifier())
    seen = cross_val_predict(model, X, Y.astype(int), cv=3, method="predict_proba")
    assert seen.shape == (300, 3)
    assert ((seen > 0.5) == Y).mean() > 0.8


@pytest.mark.parametrize("hole", [-1.0, np.nan])
def test_unknown_entries_teach_nothing(table: tuple[np.ndarray, np.ndarray], hole: float) -> None:
    X, Y = table
    holes = Y.copy()
    holes[::2, 0] = hole
    holes[::3, 1] = hole
    by_labels = alasl.LabelClassifier().fit(X, holes).predict_proba(X)
    other = np.where(np.isnan(holes) | (holes < 0), -1, holes)
    np.testing.assert_array_equal(alasl.LabelClassifier().fit(X, other).predict_proba(X), by_labels)
    # As if the rows of the first label that are unknown were given the weight 0.
    weights = np.ones_like(Y)
    weights[::2, 0] = weights[::3, 1] = 0
    weighed = alasl.LabelClassifier().fit(X, 1.0 * Y, sample_weight=weights).predict_proba(X)
    np.testing.assert_allclose(weighed, by_labels, atol=2e-2)


@pytest.mark.parametrize(
    ("X", "y"),
    [
        (np.zeros((3, 2)), [[0, 2], [1, 0], [0, 1]]),
        (np.zeros((3, 2)), [[0, 1], [1, 0]]),
        (np.zeros((3, 2)), "abc"),
        (np.zeros((3, 2)), [0.5, 0.25, 1.0]),
    ],
)
def test_wrong_input_is_one_clear_error(X: Any, y: Any) -> None:
    with pytest.raises((AlaslError, ValueError)) as caught:
        alasl.LabelClassifier().fit(X, y)
    assert isinstance(caught.value, DataError)
    assert isinstance(caught.value, ValueError)
