"""What a model is to everything above it: an estimator behind one interface, found by its name.

An estimator knows nothing of splits, rounds or projects. What it can do it says itself, so nobody
asks for its name. Adding one is one file here, or anywhere: `--model FILE.py:NAME`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from torch import Tensor, nn

from alasl.data.evidence import Evidence
from alasl.data.inputs import Inputs, Rows
from alasl.errors import DataError, UsageError
from alasl.models.beside import Beside
from alasl.models.neighbours import Neighbours
from alasl.models.transforms import Standardise, Transform
from alasl.sparse import Sparse

Probabilities = NDArray[np.float32]
Targets = NDArray[np.int8] | NDArray[np.float32]
Weights = NDArray[np.float32]
# Either of the two, (n, L); or, for an estimator that `takes_few`, `Sparse`: what is known, and of
# each label what all its other entries are.
Table = Any
OnEpoch = Callable[[int, NDArray[np.float32]], None]
# By what `embed` gives of n images, (n, D), the probabilities (n, w) of some labels.
Chances = Callable[[NDArray[np.floating], slice | NDArray[np.intp]], Probabilities]
Tensors = dict[str, Tensor]


@dataclass(frozen=True, eq=False)
class Job:
    """One training: images `rows` (n,) of some inputs, targets and weights (n, L), a seed."""

    rows: Rows
    targets: Table
    weights: Table
    seed: int

    def key(self) -> bytes:
        """Names the job: equal keys, equal trainings."""
        found = hashlib.sha256(self.rows.tobytes())
        for table in (self.targets, self.weights):
            parts = [table]
            if isinstance(table, Sparse):
                parts = [table.places, table.values, np.asarray(table.empty)]
            for array in parts:
                found.update(b"" if array is None else array.tobytes())
        found.update(str(self.seed).encode())
        return found.digest()

    def take(self, kept: Rows, seed: int) -> Job:
        """The training on some of its images, by their places (m,), with another seed."""
        weights = None if self.weights is None else taken(self.weights, kept)
        return Job(self.rows[kept], taken(self.targets, kept), weights, seed)


@dataclass(frozen=True)
class Context:
    """What an estimator that trains on image files is built with, beside its parameters.

    backbone, weights: as for `load_backbone`. checkpoint: a file to go on from after a kill.
    """

    backbone: str = "lite0"
    weights: Path | None = None
    checkpoint: Path | None = None


class Estimator:
    """A model's learning part: from inputs, targets and weights to probabilities.

    inputs: whether it sees features (through its transform) or image files.
    soft_targets: whether a target may be a probability. ensemble: whether it trains ensembles.
    takes_weights: whether an entry may count more than another; a weight of 0 leaves one out in
    any case.
    takes_evidence: whether it learns from the predictions of other models (`Inputs.evidence`).
    takes_few: whether targets and weights may be `Sparse`, of equal places: known entries alone, or
    more, and all others of a label are as its `empty` says, unknown where that is negative.
    Settings: a frozen dataclass of its parameters, each with a default.
    """

    Settings: ClassVar[type]
    inputs: ClassVar[Literal["features", "images"]] = "features"
    soft_targets: ClassVar[bool] = False
    ensemble: ClassVar[bool] = False
    takes_weights: ClassVar[bool] = True
    takes_evidence: ClassVar[bool] = False
    takes_few: ClassVar[bool] = False

    labels: int

    @property
    def learns_from_unknown(self) -> bool:
        """Whether unknown entries teach it anything, so images with nothing known do too."""
        return False

    @property
    def sources(self) -> int:
        """Of how many other models it learned the predictions."""
        return 0

    @classmethod
    def build(cls, labels: int, params: dict[str, Any], context: Context) -> Self:
        """A new estimator for so many labels; `context` is for those that train on files."""
        del context
        return cls(labels, cls.Settings(**params))  # type: ignore[call-arg]

    @classmethod
    def make_transform(cls, features: NDArray[np.floating], rows: Rows) -> Transform:
        """What is done to features first, learned from the images `rows` alone, no label."""
        return Standardise.fit(features, rows)

    @classmethod
    def make_neighbours(cls, features: NDArray[np.floating], rows: Rows) -> Neighbours | None:
        """What finds the neighbours of images among the images `rows`; None where it uses none.

        features: (N, D), after the transform.
        """
        del features, rows
        return None

    @classmethod
    def settled(cls, params: dict[str, Any]) -> dict[str, Any]:
        """Parameters that leave nothing to find in a training: for many that are only compared."""
        return params

    @property
    def smooth(self) -> float:
        """How much of what it sees of an image is what its neighbours look like; 0 for none.

        Without it (`Inputs.around`) it then predicts nothing.
        """
        return 0.0

    @property
    def spread(self) -> float | None:
        """Standard deviation of a logit before anything is known; None where there is no prior."""
        return None

    def fit(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int = 0,
        warm_start: bool = False,
        eval_on: Inputs | None = None,
        on_epoch: OnEpoch | None = None,
    ) -> None:
        """Train on n images with `targets` (n, L): 1, 0, a probability where `soft_targets`.

        A negative target is unknown; what it teaches is the loss's affair, nothing by default.
        weights: (n, L), 0 or more, how much each entry counts; None for 1.
        warm_start: go on from the last fit; otherwise begin anew.
        eval_on, on_epoch: after each epoch, on_epoch(epoch, logits (len(eval_on), L)) is called.
        """
        raise NotImplementedError

    @classmethod
    def fit_many(
        cls,
        estimators: Sequence[Self],
        inputs: Inputs,
        jobs: Sequence[Job],
        *,
        eval_on: Inputs | None = None,
        on_epoch: Callable[[int, int, NDArray[np.float32]], None] | None = None,
    ) -> None:
        """Train an estimator for each job on the same inputs; each as if it were alone.

        on_epoch(place of the job, epoch, logits). One after the other, unless a subclass can do
        many in one product.
        """
        for place, (estimator, job) in enumerate(zip(estimators, jobs, strict=True)):
            estimator.fit(
                inputs.take(job.rows),
                job.targets,
                job.weights,
                seed=job.seed,
                eval_on=eval_on,
                on_epoch=partial(on_epoch, place) if on_epoch else None,
            )

    def logits(self, inputs: Inputs) -> NDArray[np.float32]:
        """(n, L): log-odds that each label is present; they rank where probabilities would tie."""
        raise NotImplementedError

    def predict_proba(self, inputs: Inputs) -> Probabilities:
        """(n, L): the probability that each label is present in each image."""
        return np.asarray(expit(self.logits(inputs)), np.float32)

    def fit_members(
        self,
        inputs: Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        seed: int,
        members: int,
    ) -> None:
        """Train an ensemble beside the model, each member on a bootstrap of the images.

        Raises `UsageError` where the model has no ensembles.
        """
        del inputs, targets, weights, seed, members
        raise UsageError(
            f"this strategy needs an ensemble, which {type(self).__name__} does not train",
            do="take --model logistic or probe, or a strategy that needs no members",
        )

    def members_proba(self, inputs: Inputs) -> Probabilities:
        """(E, n, L): what `predict_proba` would give by each member of the ensemble."""
        raise NotImplementedError

    def embed(self, inputs: Inputs) -> NDArray[np.float32]:
        """(n, D): what the model sees of each image before its last layer."""
        return inputs.array()

    def chances(self) -> Chances | None:
        """What gives the probabilities of some labels; None where they do not follow from `embed`.

        Several threads may call it, and other processes.
        """
        return None

    def beside(self, others: Evidence) -> Beside | None:
        """What gives them by `embed` and by what other models say, (S, N, L); None likewise."""
        del others
        return None

    def module(self) -> nn.Module | None:
        """The same as a torch module that gives logits (n, L); None where that cannot be.

        Of floats (n, D) after the transform, mixed with the neighbours' where it uses them; or,
        for one that sees image files, of RGB squares, uint8 (n, size, size, 3).
        """
        return None

    def evidence(self, inputs: Inputs) -> NDArray[np.float32] | None:
        """(S, n, L): what other models say, by how far it may still move a logit; or None.

        In standard deviations that are left of it, of a label of which little is known.
        """
        del inputs
        return None

    def tensors(self) -> Tensors:
        """Everything that prediction needs, by name."""
        raise NotImplementedError

    def restore(self, tensors: Tensors, *, trust: bool = False) -> None:
        """Take what `tensors` gave. Raises `DataError` where it does not fit.

        trust: whether code that comes with it may run.
        """
        raise NotImplementedError


def differ(targets: Targets, weights: Weights | None) -> bool:
    """Whether some known entries count more than others, those of weight 0 left aside.

    targets, weights: (n, L) each.
    """
    if weights is None:
        return False
    counting = weights[(targets >= 0) & (weights > 0)]
    return bool(counting.size and counting.min() < counting.max())


def taken(table: Table, rows: Rows) -> Table:
    """Some rows of targets or weights, in the form that these have."""
    return table.take(rows) if isinstance(table, Sparse) else table[rows]


class Counting(NamedTuple):
    """Known entries that count something, image by image: (m,) each."""

    rows: Rows
    cols: Rows
    targets: NDArray[Any]
    counts: NDArray[np.float32]


def counting(targets: Table, weights: Table, rows: Rows | None = None) -> Counting:
    """The known entries, of weights above 0, of all images or of some, by their places there."""
    if rows is not None:
        targets = taken(targets, rows)
        weights = None if weights is None else taken(weights, rows)
    if isinstance(targets, Sparse):
        at, cols, values = targets.rows, targets.cols, targets.values
        counts = np.ones(len(at), np.float32) if weights is None else weights.values
        if (some := counts > 0).all():
            return Counting(at, cols, values, counts)
        return Counting(at[some], cols[some], values[some], counts[some])
    known = targets >= 0 if weights is None else (targets >= 0) & (weights > 0)
    at, cols = np.nonzero(known)
    counts = np.ones(len(at), np.float32) if weights is None else weights[at, cols]
    return Counting(at, cols, targets[at, cols], counts)


def restored(tensors: Tensors, *names: str) -> tuple[Tensor, ...]:
    """The tensors of these names. Raises `DataError` where one is missing."""
    missing = [name for name in names if name not in tensors]
    if missing:
        raise DataError("the model's file lacks a part", seen=", ".join(missing))
    return tuple(tensors[name] for name in names)


def check_labels(found: int, labels: int) -> None:
    """Raise a `DataError` unless what is restored is of as many labels as there are."""
    if found != labels:
        raise DataError(
            "the model is of another number of labels", seen=f"{found}, expected {labels}"
        )
