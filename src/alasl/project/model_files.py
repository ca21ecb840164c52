"""What training leaves in a project's folder: the model, and what it says of the test set.

All of it can be made again from the store at any time. What a model says of other images is found
when somebody asks: a table of it would be many times what is known.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.data.dataset import check_features
from alasl.data.duplicates import Groups, groups_among
from alasl.data.evidence import digests, evidence_of
from alasl.data.inputs import Inputs, Rows
from alasl.errors import AlaslError, DataError
from alasl.files import write_text
from alasl.models.features import extract
from alasl.models.memory import keep_freed_memory
from alasl.models.model import Model
from alasl.models.prepare import Prepared, context_of
from alasl.models.registry import resolve
from alasl.models.source import Source
from alasl.project import seen_files
from alasl.project.about import ABOUT, About, model_path, read_about
from alasl.project.arrays import load_array, save_array
from alasl.project.checks import check_model_name
from alasl.project.folder import Project
from alasl.project.settings import ProjectSettings
from alasl.sparse import Made

Progress = Callable[[int, int], None]

FEATURES = "features.npy"

_log = logging.getLogger(__name__)


class ModelFiles:
    """The files of a project's model; a kill leaves the model that was there before."""

    def __init__(
        self, project: Project, progress: Progress | None = None, *, trust: bool = False
    ) -> None:
        self._project = project
        self._progress = progress
        self._trust = trust
        self._digests: dict[str, str] = {}
        self._looked = False

    def about(self) -> About:
        """What the files are now. Raises `DataError` where about.json makes no sense."""
        return read_about(self._project.model)

    def note(self, about: About) -> None:
        """Say what the files are."""
        write_text(self._project.model / ABOUT, json.dumps(vars(about)) + "\n")

    def current(self) -> bool:
        """Whether the model knows all that people said, by the settings as they are now."""
        about, project = self.about(), self._project
        settings = project.settings.to_dict()
        predictions = about.predictions or {}
        return (
            about.event >= project.store.last_human_event()
            and about.settings == settings
            and predictions == digests(project.predictions())
        )

    def prepared(self) -> Prepared:
        """All images as the model sees them; features are made once and kept in the project.

        The transform is that of the model there is, where images and settings are the same.
        """
        keep_freed_memory()
        project, settings = self._project, self._project.settings
        kind = resolve(settings.model, settings.training())
        rows, predictions = project.split().seen, project.predictions()
        paths, features = project.paths(), self._brought()
        self._digests = digests(predictions)
        if kind.source.inputs == "images" and paths is not None:
            project.require_images()
            return Prepared.of(kind, Inputs(paths=paths), rows, predictions=predictions)
        source = None
        if features is None:
            features, source = self._features()
        inputs = Inputs(features, paths)
        before = self._kept()
        transform = None
        if before and before.kind.name == kind.name and before.source == source:
            transform = before.transform
        return Prepared.of(
            kind, inputs, rows, source=source, transform=transform, predictions=predictions
        )

    def _brought(self) -> NDArray[np.floating] | None:
        """(N, D): the features that the data came with, if any."""
        features = self._project.features()
        if features is not None:
            check_features(features, len(self._project.store.images))
        return features

    def _features(self) -> tuple[NDArray[np.float32], Source]:
        """(N, D): the backbone's features of every image, from the project where it has them.

        The file is by the images' numbers; of one that has left it may have none.
        """
        project, settings = self._project, self._project.settings
        about, path = self.about(), self._project.model / FEATURES
        named = {"name": settings.backbone, "weights": settings.weights or ""}
        kept, scheme = about.source, project.store.scheme
        if not (kept and path.exists() and {k: kept[k] for k in named} == named):
            kept = None
        before = self._load(FEATURES) if kept else np.empty((0, 1), np.float32)
        new = np.ones(len(scheme.rows), np.bool_)
        old = scheme.rows < len(before)
        new[old] = np.isnan(before[scheme.rows[old], 0])
        paths = project.paths()
        if kept and paths is not None:
            new |= self._changed(np.flatnonzero(~new), paths)
        if kept and not new.any():
            whole = len(before) == len(scheme.rows)
            return (before if whole else before[scheme.rows]), Source.of(kept)
        if paths is None:
            raise DataError("the project has neither images nor features", where=str(path.parent))
        project.require_images()
        files = [paths[place] for place in np.flatnonzero(new)]
        weights = context_of(settings).weights
        features, source = extract(files, settings.backbone, weights, self._progress)
        every = np.full((len(scheme.images), source.width), np.nan, np.float32)
        if kept:
            every[: len(before)] = before
        every[scheme.rows[new]] = features
        self._save(FEATURES, every)
        seen_files.note(project.model, scheme.rows[new], files)
        self.note(replace(about, source={**asdict(source), **named}))
        return self._features()

    def _changed(self, places: Rows, paths: Sequence[Path]) -> NDArray[np.bool_]:
        """(N,): which of the images at `places` (n,) have another file now, with a warning."""
        scheme = self._project.store.scheme
        found = np.zeros(len(scheme.rows), np.bool_)
        if not self._looked:
            files = [paths[place] for place in places]
            found[places] = seen_files.changed(self._project.model, scheme.rows[places], files)
            self._looked = True
        if found.any():
            _log.warning(
                "%d image files are others than before, the first %r: their features are made anew",
                *(found.sum(), scheme.images[int(scheme.rows[found.argmax()])]),
            )
        return found

    def groups(self) -> Groups | None:
        """(N,): equal for images that are nearly the same, so that folds keep them together.

        By the features that training sees, found once for a table's images and kept; None where it
        sees image files. Of other features than lite0's it is not known how near is the same.
        """
        project, settings = self._project, self._project.settings
        path = project.model / self._groups
        if path.exists():
            return np.asarray(load_array(path), np.intp)
        features = self._brought()
        near = features is None and settings.near and settings.backbone == ProjectSettings.backbone
        if features is None:
            if resolve(settings.model, settings.training()).source.inputs == "images":
                return None
            features = self._features()[0]
        # By features alone: files of one content have equal ones.
        groups = groups_among(
            len(features), None, None if near else features, features if near else None
        )
        found = np.arange(len(features)) if groups is None else groups
        save_array(path, found.astype(np.int32))
        return found

    @property
    def _groups(self) -> str:
        return f"groups-{self._project.store.scheme.version}.npy"

    def model(self) -> Model:
        """The model that there is. Raises `DataError` before the first training."""
        return self._load_model(model_path(self._project.folder))

    def _load_model(self, path: Path) -> Model:
        # Of what the file names, only what the settings name too is run unasked.
        settings = self._project.settings
        named = (settings.model, settings.loss or "")
        return Model.load(path, trust=self._trust or named)

    def _kept(self) -> Model | None:
        """The model that there is, if it can still be read."""
        try:
            return self.model()
        except (AlaslError, OSError):
            return None

    def judged(self) -> Model:
        """The model that was judged, which chooses what to ask: it saw no test image."""
        path = self._model(f"judged-{self.about().model}")
        return self._load_model(path) if path.exists() else self.model()

    def logits(self) -> NDArray[np.float32] | None:
        """(T, L): what it said of the test images; None before the first training."""
        path = f"test-{self.about().model}.npy"
        return self._load(path) if (self._project.model / path).exists() else None

    def keep(
        self,
        name: str,
        event: int,
        model: Model,
        judged: Model | None,
        logits: NDArray[Any],
    ) -> None:
        """Let this be the model, which knew everything up to `event`.

        judged: the one that saw no test image, where `model` did. logits: (T, L), what it says of
        the test set.
        """
        check_model_name(name, str(self._project.model))
        about, settings = self.about(), self._project.settings.to_dict()
        model.save(self._model(name))
        kept = {ABOUT, FEATURES, seen_files.MARKS, self._groups, f"test-{name}.npy"}
        kept.add(self._model(name).name)
        if judged is not None:
            path = self._model(f"judged-{name}")
            judged.save(path)
            kept.add(path.name)
        self._save(f"test-{name}.npy", logits)
        self.note(
            replace(
                about,
                model=name,
                event=event,
                settings=settings,
                predictions=self._digests,
                table=self._project.store.scheme.version,
            )
        )
        # What killed trainings left goes, too.
        for path in self._project.model.iterdir():
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def probabilities(self, rows: Rows, cols: Rows) -> NDArray[np.float64]:
        """(n,): what the model that was judged says of entries at rows and columns."""
        model = self.judged()
        inputs = self._seen_by(model)

        def say(images: Rows) -> NDArray[np.float32]:
            return model.predict_proba(inputs.take(images))

        return Made((len(inputs), len(model.names)), say)[rows, cols].astype(np.float64)

    def _seen_by(self, model: Model) -> Inputs:
        """All images as a model takes them, before its transform."""
        predictions = self._project.predictions() if model.predictions else ()
        evidence = evidence_of(predictions)
        if model.kind.source.inputs == "images":
            return Inputs(paths=self._project.paths(), evidence=evidence)
        features = self._project.features()
        return Inputs(self._features()[0] if features is None else features, evidence=evidence)

    def _model(self, name: str) -> Path:
        return self._project.model / f"{name}.safetensors"

    def _save(self, name: str, array: NDArray[np.floating]) -> None:
        save_array(self._project.model / name, np.asarray(array, np.float32))

    def _load(self, name: str) -> NDArray[np.float32]:
        return load_array(self._project.model / name)
