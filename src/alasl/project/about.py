"""Which files of a project's model count; read without torch."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alasl.errors import DataError
from alasl.project.checks import check_model_name
from alasl.project.folder import MODEL

# Models, and what they say of the test set, are named after their training, and count once
# about.json names it.
ABOUT = "about.json"


@dataclass(frozen=True)
class About:
    """What the files are: the model's name, the last event it knew, and the strategy's notes.

    source: what made the features; others are made anew. settings: the model was made by.
    predictions: the digests of those that it was made with. table: the last change of labels or
    images that it knew.
    """

    model: str = ""
    event: int = 0
    source: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    memory: dict[str, Any] | None = None
    predictions: dict[str, str] | None = None
    table: int = 0


def read_about(folder: Path) -> About:
    """What a project's folder of its model holds. Raises `DataError` where that makes no sense."""
    path = folder / ABOUT
    if not path.exists():
        return About()
    try:
        found = About(**json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise DataError(
            "the notes on the model cannot be read",
            where=str(path),
            seen=str(error),
            do="remove the folder model/: it is made again",
        ) from error
    if found.model:
        check_model_name(found.model, str(path))
    return found


def model_path(project: Path) -> Path:
    """The file of the model of the project in a folder, which need not be open.

    Raises `DataError` before the first training.
    """
    name = read_about(project / MODEL).model
    if not name:
        raise DataError(
            "there is no model yet", where=str(project), do=f"train one: alasl train {project}"
        )
    return project / MODEL / f"{name}.safetensors"
