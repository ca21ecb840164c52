"""What automatic answers are calibrated on, and where nothing is there for it."""

from __future__ import annotations

from alasl.data.presence import known_by_presence
from alasl.data.split import Split
from alasl.errors import UsageError
from alasl.labels import UNKNOWN, Entries
from alasl.project.settings import ProjectSettings
from alasl.sparse import Sparse


def require_ground(settings: ProjectSettings, split: Split, given: Entries | Sparse) -> None:
    """Raise `UsageError` where automatic answers are asked for, and nothing can calibrate them.

    given: int8 (N, L), the table before anybody was asked.
    """
    if settings.auto is None:
        return
    seen = f"auto = {settings.auto}, calibrate = {settings.calibrate_on}"
    chance = 'where chance alone chose which entries are known: calibrate = "known"'
    if settings.calibrate_on == "audit":
        if settings.audit and (given[split.test] == UNKNOWN).any():
            return
        why = "every test entry was given" if settings.audit else "there is to be none (audit = 0)"
        raise UsageError(
            f"automatic answers are calibrated on the audit, and {why}",
            seen=seen,
            do=f'leave auto out; or, {chance}; or "clean", for the clean images alone',
        )
    if settings.calibrate_on == "clean" and not len(split.clean):
        raise UsageError(
            "automatic answers are calibrated on clean images, and no image of this table is "
            "taken for clean, as too few are fully known",
            seen=seen,
            do='take calibrate = "audit", the default; or name clean images in a --split file; '
            f"or, {chance}",
        )
    rows = split.clean if settings.calibrate_on == "clean" else split.seen
    if known_by_presence(given[rows]).all():
        raise UsageError(
            "automatic answers cannot be calibrated on given entries that are known because they "
            "are present: none would ever be seen to be wrong",
            seen=seen,
            do='take calibrate = "audit", the default, which asks entries drawn by chance',
        )
