"""The settings of a project: `project.toml`, written by `init` and read by everything else."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

from alasl.config import made, table, unknown
from alasl.errors import UsageError
from alasl.files import readable, write_text
from alasl.limits import BELOW_ONE, NATURAL, POSITIVE, setting
from alasl.settings import DataSettings, LearnerSettings


@dataclass(frozen=True)
class ProjectSettings(LearnerSettings, DataSettings):
    """How a project asks and trains."""

    heading: ClassVar[str] = "The project"
    name: str = setting("", "what pages and reports call the project [the folder's name]")
    root: str = setting("", "the folder below which the images lie")
    repeats: float = setting(0.1, "share of entries that two people are asked", limits=BELOW_ONE)
    gold: float = setting(
        0.03,
        "share of gold questions: known entries mixed in, to check attention",
        limits=BELOW_ONE,
    )
    audit: float = setting(
        0.25,
        "where the test images have unknown entries: share of the answers that chance draws from "
        "these, to judge the model by (the audit)",
        limits=BELOW_ONE,
    )
    audit_given: float = setting(
        0.1,
        "share of the audit that checks what was given of the test images; 0: it counts as right",
        limits=BELOW_ONE,
    )
    audit_again: bool = setting(
        True,
        "ask for answers of the audit once more that speak against the model, until little doubt "
        "is left",
    )
    recheck: float = setting(
        0.0,
        "share of the answers that check given entries again, the likeliest wrong ones first",
        limits=BELOW_ONE,
    )
    refit: bool = setting(
        True, "with an audit, let the model that is handed over learn from the audit's answers too"
    )
    every: int = setting(100, "answers after which annotate trains again", limits=POSITIVE)
    stop_below: float | None = setting(
        None, "mAP points per 1000 answers below which to advise to stop", limits=NATURAL
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.audit + self.recheck >= 1:
            raise UsageError(
                "the shares of the audit and of what is checked again leave nothing to ask",
                seen=f"audit = {self.audit}, recheck = {self.recheck}",
            )

    @property
    def calibrate_on(self) -> str:
        """What automatic answers are calibrated on: audit, clean or known."""
        return self.calibrate or "audit"

    @property
    def audited_answers(self) -> bool:
        """Whether there are to be automatic answers that the audit calibrates."""
        return self.auto is not None and self.calibrate_on == "audit"


def own_names() -> list[str]:
    """The settings that a project has beside those of its data and its learner."""
    parts = {item.name for part in (LearnerSettings, DataSettings) for item in fields(part)}
    return [item.name for item in fields(ProjectSettings) if item.name not in parts]


def write(settings: ProjectSettings, path: Path) -> None:
    """Write project.toml, whole or not at all."""
    own = own_names()
    rest = [item.name for item in fields(settings) if item.name not in own]
    write_text(path, "\n".join([table("project", settings, own), table("run", settings, rest)]))


def read(path: Path) -> ProjectSettings:
    """Read project.toml. Raises `DataError` for no TOML, `UsageError` for what makes no sense."""
    with readable(path):
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError("not a TOML file", where=str(path), seen=str(error)) from error
    for name in tables:
        if name not in ("project", "run"):
            raise unknown(name, ("project", "run"), where=str(path), what="table")
    values = {**tables.get("run", {}), **tables.get("project", {})}
    settings = made(ProjectSettings, values, where=str(path))
    if "data" not in values:
        raise UsageError(
            "the settings are not a project's, or were lost: they name no data",
            where=str(path),
            do="bring the file back from a copy",
        )
    return settings
