"""A scikit-learn estimator for many labels of which some entries are unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from alasl.api.asking import as_entries
from alasl.errors import DataError

if TYPE_CHECKING:
    from alasl.models.model import Model

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError:  # without scikit-learn it works all the same, except its tools

    class BaseEstimator:  # type: ignore[no-redef]
        """Stands in for scikit-learn's."""

    class ClassifierMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's."""

    check_is_fitted = validate_data = None


class InputError(DataError, ValueError):
    """Wrong input to the classifier; a `ValueError` too, as scikit-learn's tools expect."""


class LabelClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier of L labels at once; unknown entries of y are -1 or NaN, and teach nothing.

    model: what is trained, as `--model`: logistic, probe:loss=hill (any of `alasl losses`),
    sklearn.ensemble:ExtraTreesClassifier.
    random_state: a whole number that determines everything random.
    classes_: the labels' numbers, 0 to L - 1; the two classes where y is of one label.
    n_features_in_: D. model_: the trained `alasl` model, which can be saved.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((80, 5))
    >>> Y = (X[:, :2] > 0).astype(float)
    >>> Y[::4, 0] = np.nan                            # nobody looked
    >>> classifier = LabelClassifier().fit(X, Y)
    >>> classifier.predict_proba(X).shape
    (80, 2)
    >>> classifier.predict(X[:1]).tolist() in ([[0, 0]], [[0, 1]], [[1, 0]], [[1, 1]])
    True
    """

    def __init__(self, model: str = "logistic", random_state: int = 0) -> None:
        self.model = model
        self.random_state = random_state

    def fit(self, X: ArrayLike, y: ArrayLike, sample_weight: ArrayLike | None = None) -> Self:
        """Train on features X (n, D) and entries y (n, L), or (n,) for one label.

        sample_weight: (n,) or (n, L), how much each counts, 0 or more. Raises `InputError` for
        other values than 1, 0, -1 and NaN, and for features that are not finite.
        """
        from alasl.models.model import Model

        features = self._features(X, reset=True)
        if y is None:
            raise InputError("requires y to be passed, but the target y is None")
        table = np.asarray(y)
        self._single = table.ndim == 1
        table, classes = _binary(table[:, None] if self._single else table)
        try:
            entries = as_entries(table)
        except DataError as error:
            raise InputError(
                f"{error.what}. Only binary classification is supported; "
                "Unknown label type: continuous or multiclass",
                seen=error.seen,
            ) from error
        if len(entries) != len(features):
            raise InputError(
                "X and y must have a row for each image",
                seen=f"{len(features)} and {len(entries)}",
            )
        weights = None if sample_weight is None else _weights(sample_weight, entries.shape)
        self.model_: Model = Model.fit(
            features, entries, weights, kind=self.model, seed=self.random_state
        )
        # As scikit-learn's own: with several labels these are its classes, each present or not.
        self._values = classes
        labels = entries.shape[1]
        self.classes_ = classes if labels == 1 else np.arange(labels)
        return self

    def predict_proba(self, X: ArrayLike) -> NDArray[np.float32]:
        """(n, L): the probability that each label is present; (n, 2) where y was (n,)."""
        self._fitted()
        likely = self.model_.predict_proba(self._features(X, reset=False))
        return np.column_stack([1 - likely, likely]) if self._single else likely

    def decision_function(self, X: ArrayLike) -> NDArray[np.float32]:
        """(n, L): log-odds, or (n,) where y was (n,); they rank where probabilities would tie."""
        self._fitted()
        logits = self.model_.logits(self._features(X, reset=False))
        return logits[:, 0] if self._single else logits

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """(n, L): 1 where the probability is above a half, else 0; (n,) where y was (n,)."""
        present = np.asarray(self.decision_function(X) > 0).astype(np.intp)
        return np.asarray(self._values[present])

    def _features(self, X: ArrayLike, *, reset: bool) -> NDArray[np.float32]:
        if validate_data is not None:
            found = validate_data(self, X, dtype=np.float32, reset=reset)
            return np.asarray(found, np.float32)
        features = np.asarray(X, np.float32)
        if features.ndim != 2:
            raise InputError("X must be (n, D)", seen=f"shape {features.shape}")
        return features

    def _fitted(self) -> None:
        if check_is_fitted is not None:
            check_is_fitted(self)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags


def _binary(table: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """A table as 0 and 1, and its two classes: of one label they may be any two values."""
    plain = np.array([0, 1])
    if table.shape[1:] != (1,):
        return table, plain
    try:
        values = np.unique(table)
    except TypeError:  # values of several types have no order
        return table, plain
    if len(values) != 2 or set(values.tolist()) <= {-1, 0, 1} or (values != values).any():
        return table, plain
    return (table == values[1]).astype(np.int8), values


def _weights(given: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(n, L): how much each entry counts. Raises `InputError` where weights do not fit."""
    weights = np.asarray(given, np.float32)
    if weights.shape == shape[:1]:
        weights = weights[:, None]
    elif weights.shape != shape:
        raise InputError(
            "sample_weight must be (n,) or (n, L)", seen=f"{weights.shape} for entries {shape}"
        )
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise InputError("a weight must be finite, and 0 or more")
    if not weights.any():
        raise InputError("sample_weight is zero for all: nothing to train on")
    return np.array(np.broadcast_to(weights, shape))
