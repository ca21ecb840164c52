"""A model one can take away: label names, backbone, transform, estimator, all in one file."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from alasl.data.evidence import Evidence, Predictions, check_name
from alasl.data.inputs import Inputs
from alasl.data.named_images import Images, named_images
from alasl.data.predictions import Given, predictions_of
from alasl.errors import AlaslError, ConflictError, DataError, UsageError
from alasl.labels import refuse_duplicates
from alasl.models.base import (
    Context,
    Estimator,
    Probabilities,
    Targets,
    Tensors,
    Weights,
    differ,
    restored,
)
from alasl.models.checkpoint import digest, part, read_tensors, under, write_tensors
from alasl.models.features import extract
from alasl.models.neighbours import Neighbours
from alasl.models.prepare import Prepared, evidence_for
from alasl.models.registry import Kind, code_of, resolve
from alasl.models.source import Source
from alasl.models.transforms import Transform, from_tensors

if TYPE_CHECKING:
    from alasl.models.backbones import Backbone

Progress = Callable[[int, int], None]

# What the file says that it is; a newer version is refused.
# 2: features are mixed with those of neighbours.
FORMAT, VERSION = "alasl model", 2


def versions_here() -> dict[str, str]:
    """The versions of what a model that is trained now is made with."""
    packages = ("alasl", "numpy", "torch")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


@dataclass
class Model:
    """A trained classifier of many labels that needs nothing beside itself.

    names: the L labels. kind: what was trained. transform: what is done to features first.
    source: the backbone that makes the features; None for features of the user's own.
    thresholds: (L,), the probability from which on a label is called present, or None.
    about: how it was trained and judged, as JSON takes it. versions: of what it was made with.
    weights: a file of the backbone's weights where they are not its own; a saved model needs it no
    more.
    predictions: the names of the other models whose predictions it learned with, and needs.
    neighbours: among which images those of an image are looked for, where the model does.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 4), dtype=np.float32)
    >>> Y = (X[:, :2] > 0).astype(np.int8)
    >>> Y[::3] = -1                                # unknown entries
    >>> model = Model.fit(X, Y, names=("dog", "cat"))
    >>> model.predict_proba(X).shape
    (60, 2)
    """

    names: tuple[str, ...]
    kind: Kind
    estimator: Estimator = field(repr=False)
    transform: Transform | None = field(default=None, repr=False)
    source: Source | None = None
    thresholds: NDArray[np.float32] | None = field(default=None, repr=False)
    about: dict[str, Any] = field(default_factory=dict, repr=False)
    versions: dict[str, str] = field(default_factory=versions_here, repr=False)
    weights: Path | None = field(default=None, repr=False)
    predictions: tuple[str, ...] = ()
    neighbours: Neighbours | None = field(default=None, repr=False)
    _backbone: Backbone | None = field(default=None, repr=False)

    @classmethod
    def fit(
        cls,
        features: NDArray[np.floating] | Inputs,
        targets: Targets,
        weights: Weights | None = None,
        *,
        names: Sequence[str] | None = None,
        kind: str = "logistic",
        seed: int = 0,
    ) -> Self:
        """A model trained on images with `targets` (n, L): 1, 0, or negative for unknown.

        features: (n, D), or inputs with image files. weights: (n, L), how much each entry counts.
        Raises `UsageError` where they differ and the model cannot count entries differently.
        """
        inputs = features if isinstance(features, Inputs) else Inputs(features=features)
        found = resolve(kind)
        if not found.source.takes_weights and differ(targets, weights):
            raise UsageError(
                f"the model {found.spec} takes no weights, and those given differ",
                do="leave the weights out, or take a model that takes them, as logistic does",
            )
        prepared = Prepared.of(found, inputs, np.arange(len(inputs)))
        estimator = found.estimator(targets.shape[1])
        estimator.fit(prepared.inputs, targets, weights, seed=seed)
        labels = tuple(names or (f"label{number}" for number in range(targets.shape[1])))
        sources = 0 if inputs.evidence is None else len(inputs.evidence)
        others = tuple(f"source{number}" for number in range(sources))
        return cls(
            labels,
            found,
            estimator,
            prepared.transform,
            predictions=others,
            neighbours=prepared.neighbours,
        )

    def __repr__(self) -> str:
        seen = self.source.name if self.source else self.kind.source.inputs
        return f"<Model: {self.kind.spec} on {seen}, {len(self.names)} labels>"

    def predict_proba(
        self,
        images: Images,
        *,
        predictions: Given | None = None,
        progress: Progress | None = None,
    ) -> Probabilities:
        """(n, L): the probability that each label is present in each image.

        images: files, a folder (the images below it, sorted), or features (n, D).
        predictions: of the other models that it learned with, by their names: probabilities (n, L)
        of these images, NaN where nothing is predicted, or a file as `alasl predict` takes it.
        Raises `DataError` for an image that cannot be read, and for features of another width;
        `UsageError` where predictions that it learned with are missing.
        """
        found = self.logits(images, predictions=predictions, progress=progress)
        return np.asarray(expit(found), np.float32)

    def logits(
        self,
        images: Images,
        *,
        predictions: Given | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float32]:
        """(n, L): log-odds; see `predict_proba`."""
        found = self.estimator.logits(self.prepare(images, predictions, progress))
        if found.shape[1] != len(self.names):
            raise DataError(
                "the model says something of other labels than it names",
                seen=f"{found.shape[1]} labels, {len(self.names)} names",
            )
        return found

    def prepare(
        self,
        images: Images,
        predictions: Given | None = None,
        progress: Progress | None = None,
    ) -> Inputs:
        """Images, and what other models predict of them, as the estimator sees them."""
        named = named_images(images)
        inputs, evidence = named.inputs, named.inputs.others()
        if predictions or evidence is None:
            others = predictions_of(predictions or {}, named.ids, self.names, of_more=True)
            evidence = self.evidence(others, len(inputs))
        elif len(evidence) != len(self.predictions):
            raise DataError(
                "the evidence is not of the sources that the model learned with",
                seen=f"{len(evidence)} sources",
                do=f"it learned with {len(self.predictions)}: "
                f"{', '.join(self.predictions) or 'none'}",
            )
        if self.kind.source.inputs == "images":
            if inputs.paths is None:
                raise UsageError(
                    "this model looks at image files, not at features",
                    do="give files, or a folder of them",
                )
            return inputs
        if self.transform is None:
            raise DataError("the model has no transform")
        if inputs.features is None:
            if self.source is None:
                raise UsageError(
                    "this model learned from features of your own, so it needs such features",
                    seen=f"{len(inputs)} image files",
                    do="give an array (n, D), or a .npy file of them",
                )
            features, _ = extract(inputs.files(), self.backbone(), None, progress)
        else:
            # As they are: the transform computes in float64 where they do.
            features = inputs.features if inputs.rows is None else inputs.features[inputs.rows]
        if features.ndim != 2 or features.shape[1] != self.width:
            raise DataError(
                "these features are of another width than the model's",
                seen=f"{features.shape}, expected (n, {self.width})",
            )
        files = None if inputs.paths is None else tuple(inputs.files())
        seen, around = self.transform.apply(features), None
        if self.estimator.smooth:
            if self.neighbours is None:
                raise DataError("the model looks at neighbours, and has none")
            around = self.neighbours.around(seen)
        return Inputs(seen, files, evidence, around=around)

    @property
    def width(self) -> int | None:
        """D: the features of an image before the transform; None for a model that sees files."""
        return None if self.transform is None else self.transform.tensors()["mean"].shape[-1]

    @property
    def size(self) -> int | None:
        """Side of the squares that images are squished to, pixels; None where it sees none."""
        found = self.source.size if self.source else getattr(self.estimator, "size", None)
        return None if found is None else int(found)

    def evidence(self, predictions: Sequence[Predictions], images: int) -> Evidence | None:
        """(S, n, L): the predictions of other models on n images, as `Inputs.evidence` has them.

        See `evidence_for`.
        """
        return evidence_for(self.predictions, predictions, (images, len(self.names)))

    def backbone(self) -> Backbone:
        """The network that makes the features. Raises `DataError` where its weights differ."""
        if self._backbone is None:
            from alasl.models.backbones import load_backbone

            if self.source is None:
                raise UsageError("this model learned from features of your own")
            self._backbone = load_backbone(self.source.name, weights=self.weights)
            if self._backbone.identity != self.source.identity:
                raise DataError(
                    "the backbone's weights here are not those the model was trained with",
                    seen=f"{self._backbone.identity}, not {self.source.identity}",
                )
        return self._backbone

    def save(self, path: str | Path) -> None:
        """Write one file, whole or not at all; a backbone that is not shipped travels in it."""
        from alasl.models.weights import ships

        tensors: Tensors = under("estimator", self.estimator.tensors())
        if self.transform is not None:
            arrays = self.transform.tensors()
            tensors |= under("transform", {k: torch.from_numpy(v) for k, v in arrays.items()})
        if self.neighbours is not None and self.estimator.smooth:
            near = self.neighbours.tensors()
            tensors |= under("neighbours", {k: torch.from_numpy(v) for k, v in near.items()})
        if self.thresholds is not None:
            tensors["thresholds"] = torch.from_numpy(np.asarray(self.thresholds, np.float32))
        if self.source and not ships(self.source.name, self.source.identity):
            tensors |= under("backbone", self.backbone().network.state_dict())
        write_tensors(Path(path), tensors, self._card())

    def _card(self) -> dict[str, Any]:
        """What the file says of itself, as JSON takes it."""
        kind = self.kind
        return {
            "format": FORMAT,
            "version": VERSION,
            "names": list(self.names),
            "model": kind.name,
            "parameters": kind.settings,
            "inputs": kind.source.inputs,
            "source": asdict(self.source) if self.source else None,
            "backbone": _network_of(self.estimator),
            "about": self.about,
            "predictions": list(self.predictions),
            "versions": self.versions,
        }

    @classmethod
    def load(cls, path: str | Path, *, trust: bool | Sequence[str] = False) -> Self:
        """The model in a file that `save` wrote.

        trust: whether code of others that the model needs, as a FILE.py, may run; or specs of a
        model and its loss: then the code that these name may run, and no other.
        Raises `DataError` for another kind of file or a damaged one, `ConflictError` for one of a
        newer ALASL, and `UsageError` where it would run code and there is no trust.
        """
        tensors, card = read_tensors(Path(path), do="take the model from where it was made again")
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            raise DataError("this file is no model of ALASL's", where=str(path))
        try:
            if card["version"] > VERSION:
                raise ConflictError(
                    "this model was written by a newer ALASL",
                    seen=f"version {card['version']}, this one reads {VERSION}",
                    do="upgrade ALASL",
                )
            values = (v for v in card["parameters"].values() if isinstance(v, str))
            code = {each for spec in (card["model"], *values) for each in code_of(spec)}
            if not isinstance(trust, bool):
                trust = bool(code) and code <= {each for spec in trust for each in code_of(spec)}
            if code and not trust:
                raise UsageError(
                    "this model would run code that comes from elsewhere",
                    seen=", ".join(sorted(code)),
                    do="trust it (--trust, or trust=True), if you know where it comes from",
                )
            return cls._restored(tensors, card, trust)
        except AlaslError as error:
            raise type(error)(error.what, where=str(path), seen=error.seen, do=error.do) from error
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                "the model's file is damaged",
                where=str(path),
                seen=f"{type(error).__name__}: {error}".splitlines()[0][:200],
            ) from error

    @classmethod
    def _restored(cls, tensors: Tensors, card: dict[str, Any], trust: bool) -> Self:
        names, predictions = tuple(card["names"]), tuple(card["predictions"])
        refuse_duplicates("label", names)
        for name in predictions:
            check_name(name)
        kind = resolve(card["model"], card["parameters"])
        context = Context()
        if card["backbone"]:
            from alasl.models.weights import RANDOM

            context = Context(card["backbone"], RANDOM)
        estimator = kind.estimator(len(names), context)
        estimator.restore(part(tensors, "estimator"), trust=trust)
        if estimator.sources != len(predictions):
            raise DataError(
                "the model learned with other predictions than it names",
                seen=f"{estimator.sources} sources, {len(predictions)} names",
            )
        source = Source.of(card["source"]) if card["source"] else None
        arrays = {name: each.numpy() for name, each in part(tensors, "transform").items()}
        transform, neighbours = from_tensors(arrays) if arrays else None, None
        if estimator.smooth:
            (references,) = restored(part(tensors, "neighbours"), "references")
            neighbours = Neighbours.of(references.numpy(), transform.width if transform else None)
        thresholds = tensors["thresholds"].numpy() if "thresholds" in tensors else None
        if thresholds is not None and thresholds.shape != (len(names),):
            raise DataError("there must be a threshold for each label", seen=str(thresholds.shape))
        model = cls(
            names,
            kind,
            estimator,
            transform,
            source,
            thresholds,
            card["about"],
            card["versions"],
            predictions=predictions,
            neighbours=neighbours,
        )
        if source and (network := part(tensors, "backbone")):
            model._backbone = _travelled(source, network)
        return model


def _network_of(estimator: Estimator) -> str | None:
    """The backbone's name where the estimator is a whole network of its own."""
    backbone = getattr(estimator, "backbone", None)
    return None if backbone is None else str(backbone.name)


def _travelled(source: Source, state: Tensors) -> Backbone:
    """The backbone whose weights came with the model.

    It goes by what the weights are, whatever the file says: features are kept under that name.
    """
    from alasl.models.backbones import load_backbone
    from alasl.models.weights import RANDOM

    backbone = load_backbone(source.name, weights=RANDOM)
    backbone.network.load_state_dict(state)
    return replace(backbone, identity=f"{source.name}:{digest(state)}")
