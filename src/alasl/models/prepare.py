"""Images made ready for a kind of model: features found, and its transform learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from alasl.data.dataset import Dataset
from alasl.data.inputs import Inputs, Rows
from alasl.errors import DataError
from alasl.models.base import Context
from alasl.models.features import Source, extract
from alasl.models.memory import keep_freed_memory
from alasl.models.registry import Kind, resolve
from alasl.models.transforms import Transform
from alasl.settings import ModelSettings

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Images made ready for a kind of model: what it sees of them, and how that was made.

    inputs: after the transform, M images. transform: None where the model sees image files.
    source: the backbone of the features; None where the user brought them, or there are none.
    """

    kind: Kind
    inputs: Inputs
    transform: Transform | None = None
    source: Source | None = None

    @classmethod
    def of(
        cls,
        kind: Kind,
        inputs: Inputs,
        rows: Rows,
        *,
        source: Source | None = None,
        transform: Transform | None = None,
    ) -> Prepared:
        """Make inputs ready; the transform is learned from the images `rows`, unless given."""
        if kind.source.inputs == "images":
            return cls(kind, inputs)
        if inputs.features is None:
            raise DataError("this model learns from features, and there are none")
        learned = transform or kind.source.make_transform(inputs.features, rows)
        return cls(kind, replace(inputs, features=learned.apply(inputs.features)), learned, source)


def prepare(
    dataset: Dataset, rows: Rows, settings: ModelSettings, progress: Progress | None = None
) -> Prepared:
    """A data set's images as the model of the settings sees them.

    rows: the images that a transform is learned from. progress(done, of): of features made.
    """
    keep_freed_memory()
    kind = resolve(settings.model, settings.training())
    if kind.source.inputs == "images" and dataset.paths is not None:
        return Prepared(kind, Inputs(paths=dataset.paths))
    if dataset.features is not None:
        return Prepared.of(kind, Inputs(dataset.features, dataset.paths), rows)
    if dataset.paths is None:
        raise DataError(
            f"the data set {dataset.name!r} has neither images nor features",
            do="put the images into images/ beside the table, or name --features FILE.npy",
        )
    weights = context_of(settings).weights
    features, source = extract(dataset.paths, settings.backbone, weights, progress)
    return Prepared.of(kind, Inputs(features, dataset.paths), rows, source=source)


def context_of(settings: ModelSettings, checkpoint: Path | None = None) -> Context:
    """What a model that trains on image files is built with."""
    weights = Path(settings.weights) if settings.weights else None
    return Context(settings.backbone, weights, checkpoint)
