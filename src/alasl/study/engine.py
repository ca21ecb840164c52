"""Running a study: its units over processes or a cluster, and going on after a kill."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from alasl.clusters import Workers
from alasl.config import from_dict
from alasl.data.dataset import Dataset
from alasl.data.opening import make_split, read_data
from alasl.data.predictions import named
from alasl.errors import ConflictError, DataError
from alasl.files import resource_errors, write_text
from alasl.models.device import small_products
from alasl.models.features import features_of
from alasl.models.nearness import grouped
from alasl.models.prepare import prepare
from alasl.models.registry import Kind, resolve
from alasl.record import Evaluation
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from alasl.simulation.simulation import Simulation
from alasl.simulation.together import run_together
from alasl.study.firsts import share_first
from alasl.study.results import Results, RunResult
from alasl.study.spec import Study, differences, read_study, to_toml
from alasl.threads import processors

# Trainings that share a GPU at most, and what of its memory, and of processors, each is to have.
SHARING, MEMORY, PROCESSORS = 4, 8 * 2**30, 4

Progress = Callable[[int, int], None]
Outcomes = list[list[Evaluation]]


@dataclass(frozen=True)
class Unit:
    """Runs done together: those of a seed that share features, or one fine-tuning.

    runs: their places in the study's order for that seed.
    """

    name: str
    seed: int
    runs: tuple[int, ...]


def run_study(
    study: Study,
    folder: Path,
    workers: Workers,
    *,
    extracting: Progress | None = None,
    progress: Callable[[int, int, int], None] | None = None,
) -> Results:
    """Do the runs of a study that its folder does not hold yet, and return all results.

    workers: from `clusters.workers`. Each unit is written whole as it comes in, so that a kill
    loses only what was running. progress(done, running, of) counts runs.
    Raises `ConflictError` where the folder is in use, or holds another study.
    """
    with _alone(folder):
        _same_study(study, folder)
        dataset = _data(study)
        units = units_of(study)
        left = [unit for unit in units if not _path(folder, unit).exists()]
        total = sum(len(unit.runs) for unit in units)
        waiting = [len(unit.runs) for unit in left]

        def tell() -> None:
            if progress:
                left = sum(waiting)
                progress(total - left, sum(waiting[: workers.count]), total)

        tell()
        if left:
            # Once and here, as a worker elsewhere may see other files.
            dataset = grouped(dataset, from_dict(dict(study.base)), extracting)
            dataset = _with_features(dataset, study, extracting)
        jobs = [(study, unit, dataset, folder.resolve()) for unit in left]
        sizes = {unit.name: len(unit.runs) for unit in units}
        for name, outcomes in workers.map(run_unit, jobs):
            _write(folder / "units" / f"{name}.json", dataset, outcomes)
            waiting.remove(sizes[name])
            tell()
        for seed in study.seed_range:
            _first(folder, seed).unlink(missing_ok=True)
        return load_results(folder, dataset)


def load_results(folder: Path, dataset: Dataset | None = None) -> Results:
    """The results that a study's folder holds so far. Raises `DataError` without a study."""
    path = folder / "study.toml"
    if not path.exists():
        raise DataError("no study here", where=str(folder), do="name a folder that a study made")
    study = read_study(path)
    if dataset is None:
        dataset = _data(study)
    runs = {seed: study.runs(seed) for seed in study.seed_range}
    found: dict[tuple[int, int], RunResult] = {}
    for unit in units_of(study):
        if _path(folder, unit).exists():
            outcomes = _read(_path(folder, unit), dataset)
            for number, evaluations in zip(unit.runs, outcomes, strict=True):
                grid, settings = runs[unit.seed][number]
                found[unit.seed, number] = RunResult(grid, settings, tuple(evaluations))
    images, labels = dataset.labels.shape
    # Grid by grid, then seed by seed, as a reader of the table expects.
    order = sorted(found, key=lambda key: (key[1], key[0]))
    done = tuple(found[key] for key in order)
    judged = [e for run in done for e in run.evaluations if not math.isnan(e.map_last)]
    # Of a table known whole, units of older versions have no intervals either.
    holes = len(dataset.labels.sparse) < images * labels
    partly = holes and any(e.interval is None for e in judged)
    return Results(study, dataset.name, images, labels, done, partly)


def _data(study: Study) -> Dataset:
    """The study's data set, with all predictions that any run takes."""
    runs = study.runs(study.seed_range[0])
    specs = tuple(dict.fromkeys(spec for _, run in runs for spec in run.predictions))
    return read_data(replace(from_dict(dict(study.base)), predictions=specs))


def _with_predictions(dataset: Dataset, run: RunSettings) -> Dataset:
    """The data set with the predictions that a run takes, in its order."""
    sources = {source.name: source for source in dataset.predictions}
    return replace(dataset, predictions=tuple(sources[named(spec)[0]] for spec in run.predictions))


def units_of(study: Study) -> list[Unit]:
    """The study's runs in the portions that are done, and kept, as one, in the order of doing.

    Of every seed the first, then of every seed the second: runs of a seed that are done at the same
    time would each do the training that they begin with.
    """
    units = []
    for seed in study.seed_range:
        together = []
        for number, (_, settings) in enumerate(study.runs(seed)):
            if _shares_features(settings):
                together.append(number)
            else:
                units.append(Unit(f"seed-{seed:04d}-run-{number:04d}", seed, (number,)))
        if together:
            units.append(Unit(f"seed-{seed:04d}", seed, tuple(together)))
    return sorted(units, key=lambda unit: unit.runs[0])


def run_unit(study: Study, unit: Unit, dataset: Dataset, folder: Path) -> tuple[str, Outcomes]:
    """One unit's name and its runs' evaluations; the same on any machine and number of workers."""
    runs = [study.runs(unit.seed)[number][1] for number in unit.runs]
    if not _shares_features(runs[0]):
        with _one_device(folder):
            sources = _with_predictions(dataset, runs[0])
            place = folder / "runs" / unit.name
            # One without rounds is alone in what it trains on.
            lent = share_first(place, _first(folder, unit.seed)) if runs[0].rounds else None
            record = simulate(runs[0], place, dataset=sources, on_event=lent)
        return unit.name, [record.evaluations]
    with small_products(torch.device("cpu")):
        return unit.name, _run_together(dataset, runs)


def _run_together(dataset: Dataset, runs: list[RunSettings]) -> Outcomes:
    outcomes: dict[int, list[Evaluation]] = {}
    # A grid may vary split and model; runs of one split and model share what they train on.
    shared: dict[tuple[Any, ...], list[int]] = {}
    for number, run in enumerate(runs):
        key = run.split, run.clean, run.test, run.predictions, _kind(run).source
        shared.setdefault(key, []).append(number)
    for numbers in shared.values():
        first = runs[numbers[0]]
        split = make_split(dataset, first)
        prepared = prepare(_with_predictions(dataset, first), split.seen, first)
        simulations = [
            Simulation(
                dataset.labels, split, runs[number], replace(prepared, kind=_kind(runs[number]))
            )
            for number in numbers
        ]
        outcomes |= zip(numbers, run_together(simulations), strict=True)
    return [outcomes[number] for number in range(len(runs))]


def _kind(settings: RunSettings) -> Kind:
    return resolve(settings.model, settings.training())


def _shares_features(settings: RunSettings) -> bool:
    """Whether a run can be done with others: its model sees features, and begins anew each round.

    Automatic answers and advice need models trained beside a run's own, so such runs are not.
    """
    if settings.auto is not None or settings.stop_below is not None or settings.warm_start:
        return False
    return _kind(settings).source.inputs == "features"


def _with_features(dataset: Dataset, study: Study, extracting: Progress | None) -> Dataset:
    """The data set with its features in memory, where any run trains on them."""
    runs = study.runs(study.seed_range[0])
    if dataset.features is not None or not any(
        _kind(settings).source.inputs == "features" for _, settings in runs
    ):
        return dataset
    base = from_dict(dict(study.base))
    weights = Path(base.weights) if base.weights else None
    features = features_of(dataset, base.backbone, weights, extracting)
    return replace(dataset, features=features)


def _sharing(memory: int) -> int:
    """How many trainings may share a GPU of so much memory, in bytes."""
    return max(1, min(SHARING, memory // MEMORY, processors() // PROCESSORS))


@contextmanager
def _one_device(folder: Path) -> Iterator[None]:
    """A GPU of this machine that few other units of the study use, where there are any.

    Small batches leave a GPU waiting for the processor, so several trainings share one.
    """
    if not torch.cuda.is_available():
        yield
        return
    gpus = range(torch.cuda.device_count())
    sharing = [_sharing(torch.cuda.get_device_properties(gpu).total_memory) for gpu in gpus]
    # Of all GPUs the first places, then the second ones.
    places = sorted((place, gpu) for gpu in gpus for place in range(sharing[gpu]))
    locks = [(gpu, FileLock(folder / f".gpu{gpu}-{place}.lock")) for place, gpu in places]
    while True:
        for number, lock in locks:
            try:
                lock.acquire(timeout=0.2)
            except Timeout:
                continue
            try:
                with torch.cuda.device(number):
                    yield
            finally:
                lock.release()
            return


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with resource_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ConflictError(
            "another process is running the study in this folder", where=str(folder)
        ) from None
    try:
        yield
    finally:
        lock.release()


def _same_study(study: Study, folder: Path) -> None:
    path = folder / "study.toml"
    if not path.exists():
        write_text(path, to_toml(study))
    elif found := differences(read_study(path), study):
        raise ConflictError(
            "the folder holds a study of other settings",
            where=str(folder),
            more=found,
            do="name another folder with --out, or go on with `alasl study resume`",
        )


def _first(folder: Path, seed: int) -> Path:
    return folder / "runs" / f"seed-{seed:04d}-first.safetensors"


def _path(folder: Path, unit: Unit) -> Path:
    return folder / "units" / f"{unit.name}.json"


def _write(path: Path, dataset: Dataset, outcomes: Outcomes) -> None:
    runs = [[e.to_dict() for e in evaluations] for evaluations in outcomes]
    content = {"table": _digest(dataset), "runs": runs}
    write_text(path, json.dumps(content, allow_nan=False) + "\n")


def _digest(dataset: Dataset) -> str:
    sources = sorted(f"{source.name}:{source.digest}" for source in dataset.predictions)
    return " ".join([dataset.labels.digest(), *sources])


def _read(path: Path, dataset: Dataset) -> Outcomes:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        outcomes = [[Evaluation.from_dict(e) for e in run] for run in content["runs"]]
        table = content["table"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            "not a unit of a study",
            where=str(path),
            seen=str(error),
            do="delete it: `alasl study resume` makes it again",
        ) from error
    if table != _digest(dataset):
        raise ConflictError(
            "the data's table of entries, or the predictions, are not those that this study began "
            "with",
            where=str(path),
            do="name another folder with --out, or bring the files back as they were",
        )
    return outcomes
