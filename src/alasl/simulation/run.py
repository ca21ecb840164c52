"""One simulated experiment from settings to record: data, split, model, simulation, journal."""

from __future__ import annotations

import logging
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from alasl.data.dataset import Dataset
from alasl.data.evidence import digests
from alasl.data.opening import make_split, read_data
from alasl.data.presence import in_words, known_by_presence
from alasl.data.split import Split
from alasl.errors import ConflictError
from alasl.journal import Journal, Moves, load, write_config
from alasl.labels import PRESENT, UNKNOWN
from alasl.metrics import undefined
from alasl.models.model import Model
from alasl.models.nearness import grouped
from alasl.models.prepare import context_of, prepare
from alasl.models.weights import require_packaged
from alasl.record import Evaluation, OutOfFold, Record, Round, Start
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.simulation.sure import Intervals

Progress = Callable[[int, int], None]
OnEvent = Callable[[Record], None]

# Where a fine-tuning keeps what it needs to go on in the middle.
TRAINING = "training.safetensors"

log = logging.getLogger("alasl")


def simulate(
    settings: RunSettings,
    folder: str | Path | None = None,
    *,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    on_event: OnEvent | None = None,
    trust: bool = False,
) -> Record:
    """Run the experiment, or go on with the one that `folder` holds, and return its record.

    folder: where the journal is kept, so that a kill loses one step at most; None keeps nothing.
    dataset: instead of reading `settings.data`. on_event: called with the record after each step.
    trust: whether a model that the folder keeps may run code beside what the settings name.
    Raises `ConflictError` where the folder holds a run of other settings, or one that is going on.
    """
    journal = Journal(Path(folder)) if folder else None
    if journal:
        journal.open()
    try:
        return _simulate(settings, journal, dataset, progress, on_event, trust)
    finally:
        if journal:
            journal.close()


def _simulate(
    settings: RunSettings,
    journal: Journal | None,
    dataset: Dataset | None,
    progress: Progress | None,
    on_event: OnEvent | None,
    trust: bool,
) -> Record:
    before = _resume(settings, journal.folder) if journal else None
    if before and before.done:
        return before
    dataset = dataset or read_data(settings)
    if dataset.features is None:
        require_packaged(settings.backbone, settings.weights)
    if dataset.groups is None:
        dataset = grouped(dataset, settings, progress)
    split = make_split(dataset, settings)
    folder = journal.folder if journal else None
    prepared = prepare(dataset, split.seen, settings, progress)
    context = context_of(settings, folder / TRAINING if folder else None)
    run = Simulation(dataset.labels, split, settings, prepared, context)
    if settings.assume == "auto":
        _tell_of_presence(run)
    moves = Moves(folder)
    record = before or Record(settings, _start(dataset, split, run), moves=moves.of)
    if record.start.table != dataset.labels.digest():
        raise ConflictError(
            "the data's table of entries is not the one that this run began with",
            where=str(folder),
            do="name another folder with --out, or bring the table back as it was",
        )
    if record.start.predictions != digests(dataset.predictions):
        raise ConflictError(
            "the predictions are not those that this run began with",
            where=str(folder),
            more=_differ(record.start.predictions, digests(dataset.predictions)),
            do="name another folder with --out, or bring the files back as they were",
        )
    if journal and journal.writes and not before:
        journal.restart()
        write_config(settings, journal.folder, record.start.versions)
        journal.append(record.start)
    for event in record.rounds:
        run.take(event)
    if record.out_of_fold:
        run.take_out_of_fold(record.out_of_fold[-1])
    if folder and record.evaluations:
        file = model_file(folder, len(record.evaluations) - 1)
        kept = Model.load(file, trust=trust or (settings.model, settings.loss or ""))
        run.learner.estimator.restore(kept.estimator.tensors(), trust=True)

    intervals = Intervals(run.learner.test_entries, moves)
    while not record.done:
        step: Evaluation | OutOfFold | Round
        if record.wants_out_of_fold:
            step = run.out_of_fold()
        elif len(record.evaluations) == len(record.rounds):
            judged = run.learner.train(run.known)
            step = intervals.of(run.evaluation(judged), judged.logits)
            if step.round == 0:
                _warn_of_undefined(step, dataset.labels.names)
            if journal and journal.writes:
                model = run.learner.model(
                    run.known,
                    judged,
                    dataset.labels.names,
                    data=dataset.name,
                    answers=step.cost,
                    round=step.round,
                    interval=step.interval,
                    ap_intervals=step.ap_intervals,
                )
                model.save(model_file(journal.folder, step.round))
        else:
            step = run.ask()
        record.add(step)
        if journal:
            journal.append(step)
        if journal and journal.writes and isinstance(step, Evaluation):
            model_file(journal.folder, step.round - 1).unlink(missing_ok=True)
        if on_event:
            on_event(record)
    if journal and journal.writes:
        (journal.folder / TRAINING).unlink(missing_ok=True)
    return record


def _resume(settings: RunSettings, folder: Path) -> Record | None:
    if not Journal(folder).events():
        return None
    record = load(folder)
    if not record.evaluations and not (folder / TRAINING).exists():
        # It failed before it reached anything, so nothing is lost by beginning anew.
        return None
    there, here = record.settings.to_dict(), settings.to_dict()
    if there != here:
        differ = sorted(k for k in {*there, *here} if there.get(k) != here.get(k))
        raise ConflictError(
            "the folder holds a run of other settings",
            where=str(folder),
            more=[f"{k}: there {there.get(k)!r}, here {here.get(k)!r}" for k in differ],
            do="name another folder with --out, or run with that folder's config.toml",
        )
    return record


def _start(dataset: Dataset, split: Split, run: Simulation) -> Start:
    return Start(
        data=dataset.name,
        names=dataset.labels.names,
        sizes={"clean": len(split.clean), "pool": len(split.pool), "test": len(split.test)},
        table=dataset.labels.digest(),
        unknown=run.unknown,
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("alasl", "numpy", "torch", "timm")},
        },
        predictions=digests(dataset.predictions),
        test=dataset.labels.take(split.test).digest(),
        test_known=float((run.learner.test_entries != UNKNOWN).mean()),
        test_presents=tuple((run.learner.test_entries == PRESENT).sum(axis=0).tolist()),
    )


def _differ(there: dict[str, str], here: dict[str, str]) -> list[str]:
    return [
        f"{name}: there {there.get(name, 'none')}, here {here.get(name, 'none')}"
        for name in {**there, **here}
        if there.get(name) != here.get(name)
    ]


def _tell_of_presence(run: Simulation) -> None:
    names = run.known.human_labels.names
    marked = known_by_presence(run.known.given(run.split.pool))
    if marked.any():
        log.warning("%s", in_words(np.array(names)[marked].tolist(), len(names)))


def _warn_of_undefined(first: Evaluation, names: Sequence[str]) -> None:
    if missing := undefined(first.ap, names):
        log.warning(
            "AP is undefined for %d of %d labels, of which no present entry is known in the test "
            "set, or no absent one: %s; the mean leaves them out",
            len(missing),
            len(names),
            ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else ""),
        )


def model_file(folder: Path, round: int) -> Path:
    """Where a run keeps its model after a round."""
    return folder / f"model-{round:03d}.safetensors"


def last_model(folder: Path) -> Path | None:
    """The model of a run's last round so far; None where there is none."""
    found = sorted(folder.glob("model-*.safetensors"), key=lambda path: (len(path.name), path))
    return found[-1] if found else None
