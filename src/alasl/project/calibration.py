"""What automatic answers are calibrated on, and where nothing is there for it."""

from __future__ import annotations

import logging

import numpy as np

from alasl.data.presence import known_by_presence
from alasl.data.split import Split
from alasl.errors import UsageError
from alasl.evaluate.audit import Audit
from alasl.labels import PRESENT, UNKNOWN, Entries
from alasl.project.settings import ProjectSettings
from alasl.sparse import Sparse

_log = logging.getLogger(__name__)

# By so many standard errors what was given differs from the audit in 1 of 100 cases by chance.
_STRAYS = 3.0
# Presents that the audit found, below which the error is not known itself.
_FEWEST = 20


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


def may_be_by_chance(audit: Audit) -> bool:
    """Whether chance may have chosen what was given of the test images; if not, a warning says so.

    Then as many of it are present, label by label, as of the rest, which the audit tells.
    """
    said = np.where(audit.given, audit.entries, audit.claims)
    rest = said == UNKNOWN
    both = rest.any(axis=0) & ~rest.all(axis=0)
    given, others = (~rest).sum(axis=0)[both], rest.sum(axis=0)[both]
    found = (rest & audit.audited & (audit.entries == PRESENT))[:, both]
    if found.sum() < _FEWEST:
        return True
    over = np.where(found, 1 / np.where(found, audit.pi[:, both], 1), 0)
    share = np.clip(over.sum(axis=0) / others, 0, 1)
    error = given * share * (1 - share) + (given / others) ** 2 * (over * (over - 1)).sum(axis=0)
    present, expected = (said == PRESENT).sum(axis=0)[both].sum(), (given * share).sum()
    if abs(present - expected) <= _STRAYS * np.sqrt(error.sum()):
        return True
    _log.warning(
        "no automatic answers: %.0f %% of the given entries of test images are present, and of the "
        "others %.0f %% by the audit; so chance did not choose what is known, and nothing can be "
        'calibrated on it: take calibrate = "audit"',
        *(100 * present / given.sum(), 100 * expected / given.sum()),
    )
    return False
