"""A model by the place that holds it: a project, a run's folder, or the model's own file."""

from __future__ import annotations

from pathlib import Path

from alasl.errors import DataError
from alasl.models.model import Model
from alasl.project.about import model_path
from alasl.project.folder import is_project
from alasl.simulation.run import last_model


def open_model(path: str | Path, *, trust: bool = False) -> Model:
    """The model of a project, of a run after its last round, or in a file.

    trust: whether code that the model needs of others may run.
    Raises `DataError` where there is no model, or its file is damaged.
    """
    return Model.load(find_model(Path(path)), trust=trust)


def find_model(path: Path) -> Path:
    """The file of the model that `path` names. Raises `DataError` where there is none."""
    if path.is_file():
        return path
    if not path.exists():
        raise DataError("there is no such file or folder", where=str(path))
    if is_project(path):
        return model_path(path)
    found = last_model(path)
    if found is None:
        raise DataError(
            "there is no model here",
            where=str(path),
            do="name a project, the folder of a run, or a model's file",
        )
    return found
