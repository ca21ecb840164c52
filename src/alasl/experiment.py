"""One simulated experiment from settings to record: data, split, classifier, loop, journal."""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

from alasl.data.dataset import Dataset
from alasl.data.formats import read
from alasl.data.split import Split, read_split, stratified_split
from alasl.errors import ConflictError
from alasl.loop import Loop
from alasl.metrics import average_precision, mean_ap, undefined
from alasl.models.classifier import Classifier
from alasl.models.crossfit import deal, out_of_fold
from alasl.models.memory import keep_freed_memory
from alasl.runs import Evaluation, HeldOut, Journal, Record, Round, Start, Step, load, write_config
from alasl.seeds import torch_seed
from alasl.settings import RunSettings

Progress = Callable[[int, int], None]
OnEvent = Callable[[Record], None]

# Where a fine-tuning keeps what it needs to go on in the middle.
TRAINING = "training.safetensors"

log = logging.getLogger("alasl")


def read_data(settings: RunSettings) -> Dataset:
    """The data set that the settings name."""
    return read(
        Path(settings.data),
        labels=settings.labels,
        format=settings.format,
        empty=settings.empty,  # type: ignore[arg-type]  # RunSettings checked it
        images=settings.image_folder,
        features=settings.features,
    )


def make_split(dataset: Dataset, settings: RunSettings) -> Split:
    """Clean set, pool and test set: from the named file, else stratified by seed."""
    if settings.split:
        return read_split(Path(settings.split), dataset.labels, settings.seed, settings.clean)
    return stratified_split(dataset.labels, settings.seed, settings.clean, settings.test)


def make_classifier(
    dataset: Dataset,
    split: Split,
    settings: RunSettings,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
) -> Classifier:
    """The classifier that the settings ask for, over all images of the data set."""
    keep_freed_memory()
    weights = Path(settings.weights) if settings.weights else None
    if settings.model == "finetune":
        from alasl.models.finetune import Finetune, FinetuneSettings

        return Finetune(
            dataset,
            FinetuneSettings(**settings.training()),
            backbone=settings.backbone,
            weights=weights,
            checkpoint=checkpoint,
        )
    from alasl.models.features import features_of

    if settings.model == "probe":
        from alasl.models.probe import Probe, ProbeSettings, standardised

        probe = ProbeSettings(**settings.training())
    features = features_of(dataset, settings.backbone, weights, progress)
    if settings.model == "logistic":
        from alasl.models.logistic import Logistic, flattened

        return Logistic(flattened(features, split.seen), len(dataset.labels.names))
    return Probe(standardised(features, split.seen), len(dataset.labels.names), probe)


def simulate(
    settings: RunSettings,
    folder: Path | None = None,
    *,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    on_event: OnEvent | None = None,
) -> Record:
    """Run the experiment, or go on with the one that `folder` holds, and return its record.

    folder: where the journal is kept, so that a kill loses one step at most; None keeps nothing.
    dataset: instead of reading `settings.data`. on_event: called with the record after each step.
    Raises `ConflictError` where the folder holds a run of other settings, or one that is going on.
    """
    journal = Journal(folder) if folder else None
    if journal:
        journal.open()
    try:
        return _simulate(settings, journal, dataset, progress, on_event)
    finally:
        if journal:
            journal.close()


def _simulate(
    settings: RunSettings,
    journal: Journal | None,
    dataset: Dataset | None,
    progress: Progress | None,
    on_event: OnEvent | None,
) -> Record:
    before = _resume(settings, journal.folder) if journal else None
    if before and before.done:
        return before
    dataset = dataset or read_data(settings)
    split = make_split(dataset, settings)
    loop = Loop(dataset.labels, split, settings)
    folder = journal.folder if journal else None
    classifier = make_classifier(
        dataset, split, settings, folder / TRAINING if folder else None, progress
    )
    record = before or Record(settings, _start(dataset, split, loop))
    if record.start.table != dataset.labels.digest():
        raise ConflictError(
            "the data's table of entries is not the one that this run began with",
            where=str(folder),
            do="name another folder with --out, or bring the table back as it was",
        )
    if journal and journal.writes and not before:
        write_config(settings, journal.folder, record.start.versions)
        journal.append(record.start)
    for event in record.rounds:
        loop.take(event)
    if record.held:
        loop.take_held(record.held[-1])
    if folder and record.evaluations:
        classifier.load(_weights(folder, len(record.evaluations) - 1))

    beside: Classifier | None = None
    while not record.done:
        step: Step
        if record.wants_held:
            beside = beside or make_classifier(dataset, split, settings)
            step = hold_out(loop, beside)
        elif len(record.evaluations) == len(record.rounds):
            step = evaluate(loop, classifier)
            if loop.round == 0:
                _warn_of_undefined(step, loop.labels.names)
            if folder:
                classifier.save(_weights(folder, step.round))
        else:
            step = ask(loop, classifier)
        record.add(step)
        if journal:
            journal.append(step)
        if journal and journal.writes and isinstance(step, Evaluation):
            _weights(journal.folder, step.round - 1).unlink(missing_ok=True)
        if on_event:
            on_event(record)
    if journal and journal.writes:
        (journal.folder / TRAINING).unlink(missing_ok=True)
    return record


def _resume(settings: RunSettings, folder: Path) -> Record | None:
    if not Journal(folder).events():
        return None
    record = load(folder)
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


def _start(dataset: Dataset, split: Split, loop: Loop) -> Start:
    return Start(
        data=dataset.name,
        names=dataset.labels.names,
        sizes={"clean": len(split.clean), "pool": len(split.pool), "test": len(split.test)},
        table=dataset.labels.digest(),
        unknown=int(loop.labels.unknown[split.pool].sum()),
        versions={
            "python": platform.python_version(),
            **{name: version(name) for name in ("alasl", "numpy", "torch", "timm")},
        },
    )


def evaluate(loop: Loop, classifier: Classifier) -> Evaluation:
    """Train on what the loop has now, and evaluate on the test set after each epoch."""
    begun = time.perf_counter()
    settings = loop.settings
    rows, targets = loop.training_set(classifier.learns_from_unknown)
    maps: list[float] = []
    ap = np.full(len(loop.labels.names), np.nan)

    def watch(_: int, logits: np.ndarray) -> None:
        ap[:] = average_precision(logits, loop.test_entries)
        maps.append(mean_ap(ap))

    classifier.fit(
        rows,
        targets,
        seed=torch_seed(settings.seed, "train", loop.round),
        keep=settings.warm_start and loop.round > 0,
        weights=loop.weights(rows),
        watch=loop.split.test,
        on_epoch=watch,
    )
    return Evaluation(
        round=loop.round,
        images=loop.images,
        cost=loop.cost,
        epochs=tuple(maps),
        ap=tuple(float(v) for v in 100 * ap),
        seconds=time.perf_counter() - begun,
        time=loop.time,
    )


def hold_out(loop: Loop, classifier: Classifier) -> HeldOut:
    """Have images judged by models that did not see them, and new automatic answers put in.

    classifier: one to train these models with, beside the run's own.
    """
    begun = time.perf_counter()
    settings, clean = loop.settings, loop.split.clean
    rows, targets = loop.training_set(classifier.learns_from_unknown)
    said = out_of_fold(
        classifier,
        rows,
        targets,
        deal(loop.split, len(loop.labels.images), settings.folds, settings.seed),
        seed=torch_seed(settings.seed, "held out", loop.round),
        weights=loop.weights(rows),
    )
    value = mean_ap(average_precision(said[clean], loop.labels.entries[clean]))
    sides = loop.label(said) if settings.auto is not None else (None, None)
    seconds = time.perf_counter() - begun
    event = HeldOut(loop.round, None if math.isnan(value) else value, seconds, *sides)
    loop.take_held(event)
    return event


def ask(loop: Loop, classifier: Classifier) -> Round:
    """The loop's next round, with an ensemble trained first where the strategy needs one."""
    if "members" in loop.strategy.needs:
        settings = loop.settings
        rows, targets = loop.training_set(classifier.learns_from_unknown)
        classifier.fit_members(
            rows,
            targets,
            seed=torch_seed(settings.seed, "members", loop.round),
            members=settings.members,
            weights=loop.weights(rows),
        )
    return loop.ask(classifier)


def _warn_of_undefined(first: Evaluation, names: Sequence[str]) -> None:
    if missing := undefined(first.ap, names):
        log.warning(
            "%d labels have no known positive in the test set, so their AP is undefined: %s; "
            "mAP is over %d of %d labels",
            len(missing),
            ", ".join(missing[:5]) + (", ..." if len(missing) > 5 else ""),
            len(names) - len(missing),
            len(names),
        )


def _weights(folder: Path, round: int) -> Path:
    return folder / f"weights-{round:03d}.safetensors"
