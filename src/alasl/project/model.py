"""The model of a project: its files, made again from the store at any time, and its classifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alasl.experiment import make_classifier
from alasl.files import replacing, write_text
from alasl.models.classifier import Classifier
from alasl.project.checks import check_model_name
from alasl.project.folder import Project

Progress = Callable[[int, int], None]

# Weights and probabilities are named after their model, and count once about.json names it.
ABOUT, FEATURES = "about.json", "features.npy"


@dataclass(frozen=True)
class About:
    """What the files of the model are: its name, the last event it knew, and the strategy's notes.

    seen: what the features were made from; others are made anew. run: the settings it was made by.
    """

    model: str = ""
    event: int = 0
    seen: tuple[Any, ...] = ()
    run: dict[str, Any] | None = None
    memory: dict[str, Any] | None = None


class Model:
    """What training left in a project's folder; a kill leaves the model that stood before."""

    def __init__(self, project: Project, progress: Progress | None = None) -> None:
        self._project = project
        self._progress = progress
        self._classifier: Classifier | None = None

    def about(self) -> About:
        """What the files are now."""
        path = self._project.model / ABOUT
        if not path.exists():
            return About()
        about = About(**json.loads(path.read_text()))
        check_model_name(about.model, str(path))
        return about

    def note(self, about: About) -> None:
        """Say what the files are."""
        write_text(self._project.model / ABOUT, json.dumps(vars(about)) + "\n")

    def classifier(self) -> Classifier:
        """The classifier over all images; features are computed once and kept in the project."""
        if self._classifier is None:
            project, run = self._project, self._project.settings.run
            dataset = project.dataset()
            kept = dataset.features is None and run.model != "finetune"
            seen = (run.backbone, run.weights or "")
            about = self.about()
            if kept and tuple(about.seen) == seen and (project.model / FEATURES).exists():
                dataset = replace(dataset, features=self._load(FEATURES))
            elif kept:
                from alasl.models.features import features_of

                weights = Path(run.weights) if run.weights else None
                features = features_of(dataset, run.backbone, weights, self._progress)
                self._save(FEATURES, features)
                self.note(replace(about, seen=seen))
                dataset = replace(dataset, features=self._load(FEATURES))
            self._classifier = make_classifier(
                dataset, project.split(), run, progress=self._progress
            )
        return self._classifier

    def stands(self) -> bool:
        """Whether it knows all that people said, and was made by the settings as they are now."""
        about, settings = self.about(), self._project.settings.run
        return about.event >= self._project.store.last_said() and about.run == settings.to_dict()

    def trained(self) -> Classifier:
        """The classifier with the weights of the model that stands."""
        if self._classifier is None:
            self.classifier().load(self._weights(self.about().model))
        return self.classifier()

    def keep(self, model: str, event: int) -> None:
        """Let the classifier as it is now be the model, which knew everything up to `event`."""
        classifier, about = self.classifier(), self.about()
        classifier.save(self._weights(model))
        images = np.arange(len(self._project.store.images))
        self._save(f"{model}.npy", classifier.predict(images))
        run = self._project.settings.run.to_dict()
        self.note(replace(about, model=model, event=event, run=run))
        if about.model != model:
            self._weights(about.model).unlink(missing_ok=True)
            (self._project.model / f"{about.model}.npy").unlink(missing_ok=True)

    def probabilities(self) -> NDArray[np.float32]:
        """(N, L): what the model that stands says of every image."""
        return self._load(f"{self.about().model}.npy")

    def _weights(self, model: str) -> Path:
        return self._project.model / f"{model}.safetensors"

    def _save(self, name: str, array: NDArray[np.floating]) -> None:
        with replacing(self._project.model / name) as beside, beside.open("wb") as file:
            np.save(file, np.asarray(array, np.float32))

    def _load(self, name: str) -> NDArray[np.float32]:
        found: NDArray[np.float32] = np.load(self._project.model / name, mmap_mode="r")
        return found
