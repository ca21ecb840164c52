"""The first training of a seed, which runs that differ only in what they ask have in common."""

from __future__ import annotations

import shutil
from pathlib import Path

from alasl.files import replacing
from alasl.record import Record
from alasl.simulation.run import TRAINING, OnEvent


def share_first(run: Path, kept: Path) -> OnEvent:
    """Let a run begin with a training that is kept, or keep its first one for others.

    run: its folder. kept: the checkpoint of another run's first training, where there is one yet.
    What comes back is told of each step of the run. A training takes from a checkpoint only what is
    of the very same fit, so one of another is passed over.
    """
    own = run / TRAINING
    if kept.exists() and not run.exists():
        run.mkdir(parents=True)
        _copy(kept, own)

    def keep(record: Record) -> None:
        first = len(record.evaluations) == 1 and not record.rounds
        if first and own.exists() and not kept.exists():
            _copy(own, kept)

    return keep


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as beside:
        shutil.copyfile(source, beside)
