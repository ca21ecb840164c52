"""Any scikit-learn classifier as a model: a copy for each label, on that label's known images.

`--model sklearn.ensemble:RandomForestClassifier:n_estimators=200`: a module, a class, parameters.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import logging
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from alasl.data.inputs import Inputs
from alasl.errors import AlaslError, DataError, ResourceError, UsageError
from alasl.models.base import (
    Context,
    Estimator,
    OnEpoch,
    Probabilities,
    Targets,
    Tensors,
    Weights,
    check_labels,
    differ,
    restored,
)
from alasl.models.bootstrap import bootstrap
from alasl.parameters import Parameter
from alasl.registry import FILE
from alasl.seeds import torch_seed

_log = logging.getLogger(__name__)

# Probabilities nearer to 0 or 1 are as good as these: their log-odds stay finite.
LEAST = 1e-30

# What scikit-learn's classifiers are made of beside what skops knows: all of it holds numbers, and
# none of it runs code that a file brings.
PARTS = frozenset(
    {
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
    }
)


@dataclass(frozen=True)
class Constant:
    """What is said of a label of which one answer alone is known, or none: how often it is present.

    Half an image of either answer is counted besides, so that it is never sure.
    """

    present: float

    def predict_proba(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """(n, 2): absent, present."""
        return np.tile([1 - self.present, self.present], (len(features), 1))


class Scikit(Estimator):
    """One scikit-learn classifier for each label, on the images of which the label is known."""

    maker: ClassVar[Any]
    ensemble = True

    def __init__(self, labels: int, params: dict[str, Any]) -> None:
        self.labels = labels
        self._params = params
        self._columns: list[Any] = []
        self._members: list[list[Any]] = []

    @classmethod
    def build(cls, labels: int, params: dict[str, Any], context: Context) -> Self:
        """See `Estimator.build`."""
        del context
        return cls(labels, params)

    def fit(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int = 0,
        warm_start: bool = False,  # noqa: ARG002  each fit begins anew
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """See `Estimator.fit`; it counts as one epoch."""
        if not self.takes_weights and differ(targets, weights):
            _warn_of_weights(self.maker.__name__)
        self._columns = self._fit(inputs.array(), targets, weights, seed)
        if eval_on is not None and on_epoch:
            on_epoch(0, self.logits(eval_on))

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """See `Estimator.logits`."""
        return self._says(self._columns, inputs.array())

    def fit_members(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int,
        members: int,
    ) -> None:
        """See `Estimator.fit_members`; without weights, a member sees images as often as drawn."""
        features = inputs.array()
        self._members = []
        for number, draw in enumerate(bootstrap(seed, members, len(features))):
            own = torch_seed(seed, "member", number)
            if self.takes_weights:
                ones = np.ones((1, targets.shape[1]), np.float32) if weights is None else weights
                columns = self._fit(features, targets, draw[:, None] * ones, own)
            else:
                rows = np.repeat(np.arange(len(draw)), draw.astype(np.intp))
                kept = None if weights is None else weights[rows]
                columns = self._fit(features[rows], targets[rows], kept, own)
            self._members.append(columns)

    def members_proba(self, inputs: Inputs) -> Probabilities:
        """See `Estimator.members_proba`."""
        features = inputs.array()
        logits = np.stack([self._says(columns, features) for columns in self._members])
        return np.asarray(expit(logits), np.float32)

    def tensors(self) -> Tensors:
        """See `Estimator.tensors`: in skops' format, which holds no code."""
        data = _skops().dumps([_plain(column) for column in self._columns])
        return {"skops": torch.frombuffer(bytearray(data), dtype=torch.uint8)}

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:
        """See `Estimator.restore`; types that are not known to run no code need `trust`."""
        (data,) = restored(tensors, "skops")
        raw = data.cpu().numpy().tobytes()
        try:
            found = _skops().get_untrusted_types(data=raw)
            unknown = sorted(set(found) - PARTS)
            if unknown and not trust:
                raise UsageError(
                    "the model holds types whose code it would run",
                    seen=", ".join(unknown),
                    do="trust it, if you know where it comes from",
                )
            columns = _skops().loads(raw, trusted=found)
        except AlaslError:
            raise
        except Exception as error:  # a damaged archive may raise anything
            raise DataError("the model's file is damaged", seen=str(error)[:200]) from error
        check_labels(len(columns), self.labels)
        self._columns = [
            Constant(**column) if isinstance(column, dict) else column for column in columns
        ]

    def _fit(
        self,
        features: NDArray[np.float32],
        targets: Targets,
        weights: Weights | None,
        seed: int,
    ) -> list[Any]:
        return [
            self._column(
                features,
                targets[:, label],
                None if weights is None else weights[:, label],
                torch_seed(seed, "label", label) % 2**32,
            )
            for label in range(self.labels)
        ]

    def _column(
        self,
        features: NDArray[np.float32],
        target: NDArray[Any],
        weight: NDArray[np.float32] | None,
        seed: int,
    ) -> Any:
        known = target >= 0
        counts = np.ones(len(target)) if weight is None else weight.astype(np.float64)
        # A target between 0 and 1 is both answers, each with its share of the weight.
        present = np.where(known, target, 0) * counts
        absent = np.where(known, 1 - target, 0) * counts
        yes, no = np.flatnonzero(present > 0), np.flatnonzero(absent > 0)
        if not len(yes) or not len(no):
            return Constant(float((present.sum() + 0.5) / (present.sum() + absent.sum() + 1)))
        rows = np.concatenate([yes, no])
        answers = np.repeat([1, 0], [len(yes), len(no)])
        shares = np.concatenate([present[yes], absent[no]])
        order = np.argsort(rows, kind="stable")
        params = dict(self._params)
        if "random_state" in inspect.signature(self.maker).parameters:
            params.setdefault("random_state", seed)
        try:
            found = self.maker(**params)
            more = {"sample_weight": shares[order]} if self.takes_weights else {}
            found.fit(features[rows[order]], answers[order], **more)
        except (ValueError, TypeError) as error:
            raise UsageError(
                f"{self.maker.__name__} cannot be trained so", seen=str(error).splitlines()[0]
            ) from error
        if not hasattr(found, "predict_proba"):
            raise UsageError(
                f"{self.maker.__name__} gives no probabilities with these parameters",
                seen=", ".join(f"{key}={value!r}" for key, value in params.items()),
                do="set what makes it give them, or take a class that always does, as "
                "sklearn.ensemble:ExtraTreesClassifier",
            )
        return found

    @staticmethod
    def _says(columns: list[Any], features: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, L): logits. By both probabilities, as one that is near 1 is rounded to it."""
        if not columns:
            raise RuntimeError("fit comes first")
        if not len(features):  # which scikit-learn refuses
            return np.zeros((0, len(columns)), np.float32)
        both = np.stack([column.predict_proba(features) for column in columns], axis=1)
        sides = np.log(np.maximum(both.astype(np.float64), LEAST))
        return np.asarray(sides[..., 1] - sides[..., 0], np.float32)


class Literally(Parameter):
    """A parameter of somebody else's class: any Python literal, else a text."""

    def parse(self, text: str, where: str) -> Any:  # noqa: ARG002
        """The value that `text` spells."""
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text


@cache  # so that it is said once, however often a class is trained
def _warn_of_weights(name: str) -> None:
    _log.warning(
        "%s takes no sample_weight, so it is ignored how much each entry counts: what people "
        "disagree on, and what was answered automatically, counts as much as any other entry",
        name,
    )


@cache
def source_of(module: str, name: str) -> tuple[type[Scikit], tuple[Parameter, ...]]:
    """The estimator around a class of a module, and what may be set of it.

    Raises `UsageError` where there is none, or it gives no probabilities.
    """
    where = f"model {module.removeprefix(FILE)}:{name}"
    try:
        maker = getattr(importlib.import_module(module), name)
    except Exception as error:  # code of others may raise anything
        raise UsageError(
            "there is no such class", where=where, seen=str(error), do="name MODULE:CLASS"
        ) from error
    if not hasattr(maker, "predict_proba") or not hasattr(maker, "fit"):
        raise UsageError(
            "a model must have fit and predict_proba",
            where=where,
            do="wrap it: sklearn.calibration:CalibratedClassifierCV, or write an Estimator",
        )
    arguments = [
        argument
        for argument in inspect.signature(maker).parameters.values()
        if argument.default is not argument.empty
    ]
    parameters = tuple(Literally(a.name, type(a.default), a.default) for a in arguments)
    weighted = "sample_weight" in inspect.signature(maker.fit).parameters
    made = type(
        name,
        (Scikit,),
        {
            "maker": maker,
            "Settings": dict,
            "takes_weights": weighted,
            "soft_targets": weighted,
            "__doc__": (inspect.getdoc(maker) or name).split("\n")[0],
        },
    )
    return made, parameters


def _plain(column: Any) -> Any:
    return {"present": column.present} if isinstance(column, Constant) else column


def _skops() -> Any:
    try:
        import skops.io
    except ImportError as error:
        raise ResourceError(
            "a scikit-learn model is kept in the format of skops, which is not installed",
            do="pip install 'alasl[sklearn]'",
        ) from error
    return skops.io
