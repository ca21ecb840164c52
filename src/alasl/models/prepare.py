"""Images made ready for a kind of model: features found, and its transform learned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alasl.data.dataset import Dataset
from alasl.data.evidence import Evidence, Predictions, evidence_of
from alasl.data.inputs import Inputs, Rows
from alasl.errors import DataError, UsageError
from alasl.models.base import Context
from alasl.models.features import extract
from alasl.models.memory import keep_freed_memory
from alasl.models.neighbours import Neighbours, Surroundings
from alasl.models.registry import Kind, available, resolve
from alasl.models.source import Source
from alasl.models.transforms import Applied, Transform
from alasl.settings import ModelSettings

_log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# Numbers of features after a transform that are held, 1 GB; of more, those that are asked for are
# made then.
HELD = 2**28


@dataclass(frozen=True, eq=False)
class Prepared:
    """Images made ready for a kind of model: what it sees of them, and how that was made.

    inputs: after the transform, M images. transform: None where the model sees image files.
    source: the backbone of the features; None where the user brought them, or there are none.
    predictions: the names of the sources of evidence. neighbours: what found those of the inputs;
    None where the model uses none.
    """

    kind: Kind
    inputs: Inputs
    transform: Transform | None = None
    source: Source | None = None
    predictions: tuple[str, ...] = ()
    neighbours: Neighbours | None = None

    @classmethod
    def of(
        cls,
        kind: Kind,
        inputs: Inputs,
        rows: Rows,
        *,
        source: Source | None = None,
        transform: Transform | None = None,
        predictions: Sequence[Predictions] = (),
    ) -> Prepared:
        """Make inputs ready; the transform is learned from the images `rows`, unless given.

        Neighbours are looked for among these images, too.

        predictions: of other models, on the same images.
        Raises `UsageError` where the model does not take them.
        """
        names = tuple(each.name for each in predictions)
        if predictions:
            inputs = replace(inputs, evidence=evidence_of(predictions))
        if inputs.evidence is not None:
            refuse_evidence(kind)
        if kind.source.inputs == "images":
            return cls(kind, inputs, predictions=names)
        if inputs.features is None:
            raise DataError("this model learns from features, and there are none")
        learned = transform or kind.source.make_transform(inputs.features, rows)
        features: Any = Applied(inputs.features, learned)
        held = len(features) * learned.width < HELD
        if held:
            features = learned.apply(inputs.features)
        near = kind.source.make_neighbours(features, rows)
        around = Surroundings(near, features, kept=held) if near else None
        ready = replace(inputs, features=features, around=around)
        return cls(kind, ready, learned, source, names, near)


def prepare(
    dataset: Dataset, rows: Rows, settings: ModelSettings, progress: Progress | None = None
) -> Prepared:
    """A data set's images as the model of the settings sees them.

    rows: the images that a transform is learned from. progress(done, of): of features made.
    """
    keep_freed_memory()
    kind, sources = resolve(settings.model, settings.training()), dataset.predictions
    if sources:
        refuse_evidence(kind)  # before hours of work
    if kind.source.inputs == "images" and dataset.paths is not None:
        return Prepared.of(kind, Inputs(paths=dataset.paths), rows, predictions=sources)
    if dataset.features is not None:
        return Prepared.of(kind, Inputs(dataset.features, dataset.paths), rows, predictions=sources)
    if dataset.paths is None:
        raise DataError(
            f"the data set {dataset.name!r} has neither images nor features",
            do="put the images into images/ beside the table, or name --features FILE.npy",
        )
    weights = context_of(settings).weights
    features, source = extract(dataset.paths, settings.backbone, weights, progress)
    inputs = Inputs(features, dataset.paths)
    return Prepared.of(kind, inputs, rows, source=source, predictions=sources)


def refuse_evidence(kind: Kind) -> None:
    """Raise a `UsageError` where a model does not learn from other models' predictions."""
    if not kind.source.takes_evidence:
        able = [each.name for each in available() if each.source.takes_evidence]
        raise UsageError(
            f"the model {kind.spec} does not learn from other models' predictions",
            do=f"take --model {' or '.join(able)}, or leave out --predictions",
        )


def evidence_for(
    names: Sequence[str], predictions: Sequence[Predictions], shape: tuple[int, int]
) -> Evidence | None:
    """(S, n, L): what the sources `names` say of n images, as `Inputs.evidence` has them.

    predictions: in any order. shape: (n, L). Images of which a source predicts nothing are counted
    in a warning. Raises `UsageError` where a source is missing, and for one of another name.
    """
    given = {source.name: source for source in predictions}
    if others := [name for name in given if name not in names]:
        raise UsageError(
            "the model did not learn with the predictions of that name",
            seen=", ".join(others),
            do=f"it learned with {', '.join(names)}: name them so, as NAME=FILE"
            if names
            else "leave out --predictions: it learned without any",
        )
    if missing := [name for name in names if name not in given]:
        raise UsageError(
            "the model learned with other models' predictions, and needs them of these images",
            seen=f"no predictions named {', '.join(missing)}",
            do="give them: "
            + " ".join(f"--predictions {name}=FILE" for name in missing)
            + ", or predictions={NAME: ...} from Python",
        )
    found = [given[name] for name in names]
    for source in found:
        source.check_shape(shape)
        if silent := int(np.count_nonzero(source.per_image == 0)):
            _log.warning(
                "the model learned with the predictions %r, and there are none of %d of %d "
                "images: these go by what is seen alone",
                *(source.name, silent, shape[0]),
            )
    return evidence_of(found)


def context_of(settings: ModelSettings, checkpoint: Path | None = None) -> Context:
    """What a model that trains on image files is built with."""
    weights = Path(settings.weights) if settings.weights else None
    return Context(settings.backbone, weights, checkpoint)
