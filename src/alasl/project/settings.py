"""The settings of a project: `project.toml`, written by `init` and read by everything else."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomli_w

from alasl.errors import UsageError
from alasl.files import readable, write_text
from alasl.settings import (
    BELOW_ONE,
    NATURAL,
    POSITIVE,
    RunSettings,
    check_setting,
    setting,
    unknown,
)
from alasl.settings import from_dict as run_settings

# The settings of a run that mean something in a project.
OF_A_RUN = (
    "labels", "format", "empty", "image_folder", "features", "split", "clean", "test", "strategy",
    "ask", "answers", "images", "seconds", "answer_seconds", "open_seconds", "members", "model",
    "backbone", "weights", "loss", "epochs", "rate", "batch", "decay", "seed", "folds",
    "auto", "auto_share", "auto_delta", "auto_weight", "calibrate",
)  # fmt: skip


@dataclass(frozen=True)
class ProjectSettings:
    """How a project asks and trains. `run`: see `alasl.settings`, those named in `OF_A_RUN`."""

    name: str = setting("", "what pages and reports call the project [DATA's name]")
    root: str = setting("", "the folder below which the images lie")
    repeats: float = setting(0.1, "share of entries that two people are asked", limits=BELOW_ONE)
    gold: float = setting(
        0.03,
        "share of gold questions: known entries mixed in, to check attention",
        limits=BELOW_ONE,
    )
    every: int = setting(100, "answers after which annotate trains again", limits=POSITIVE)
    stop_below: float | None = setting(
        None, "mAP points per 1000 answers below which to advise to stop", limits=NATURAL
    )
    run: RunSettings = dataclasses.field(default_factory=RunSettings)

    def __post_init__(self) -> None:
        for item in own_fields():
            value = getattr(self, item.name)
            if value is not None:
                check_setting(item, value)


def own_fields() -> tuple[dataclasses.Field[Any], ...]:
    """The settings that a project has beside those of a run."""
    return tuple(item for item in dataclasses.fields(ProjectSettings) if item.name != "run")


def write(settings: ProjectSettings, path: Path) -> None:
    """Write project.toml, whole or not at all."""
    own = {item.name: getattr(settings, item.name) for item in own_fields()}
    kept = {k: v for k, v in settings.run.to_dict().items() if k in ("data", *OF_A_RUN)}
    tables = {"project": {k: v for k, v in own.items() if v is not None}, "run": kept}
    write_text(path, tomli_w.dumps(tables))


def read(path: Path) -> ProjectSettings:
    """Read project.toml. Raises `DataError` for no TOML, `UsageError` for what makes no sense."""
    with readable(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not a TOML file", where=str(path), seen=str(error)) from error
    own = tables.get("project", {})
    known = [item.name for item in own_fields()]
    for found, names in ((tables, ["project", "run"]), (own, known)):
        for key in found:
            if key not in names:
                raise unknown(key, names, where=str(path))
    return ProjectSettings(**own, run=run_settings(tables.get("run", {}), where=str(path)))
