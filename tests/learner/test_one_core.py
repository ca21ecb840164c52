"""A simulation and a project on the same data, settings and answers ask and learn the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.formats import write
from alasl.data.opening import make_split
from alasl.models.prepare import prepare
from alasl.project.driver import Driver
from alasl.project.folder import init
from alasl.project.records import Answer
from alasl.project.settings import ProjectSettings
from alasl.record import Round
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.strategies import available
from told import write_npz

SHIPPED = [s.name for s in available() if s.function.__module__.startswith("alasl.")]


def in_both(
    dataset: Dataset, tmp_path: Path, rounds: int = 2, **chosen: Any
) -> tuple[list[Any], list[Any], Any, Any]:
    """The queries of some rounds by a simulation and by a project, and both last models."""
    settings = RunSettings(
        data=str(tmp_path / "data"), **{"missing": 0.7, "rounds": 5, "answers": 40, **chosen}
    )
    split = make_split(dataset, settings)
    prepared = prepare(dataset, split.seen, settings)
    run = Simulation(dataset.labels, split, settings, prepared)

    folder = tmp_path / "data"
    folder.mkdir()
    write(run.known.human_labels, folder / "table.npz", "npz", features=dataset.features)
    files = []
    for source in dataset.predictions:
        files.append(str(tmp_path / f"{source.name}.npz"))
        images, names = dataset.labels.images, dataset.labels.names
        write_npz(source.probabilities, images, names, Path(files[-1]))
    parts = {row: part for part in ("clean", "pool", "test") for row in getattr(split, part)}
    lines = [f"{name},{parts[row]}" for row, name in enumerate(dataset.labels.images)]
    (folder / "parts.csv").write_text("\n".join(["image,split", *lines, ""]))
    read = {item.name for item in fields(ProjectSettings)}
    own = {k: v for k, v in asdict(settings).items() if k in read}
    own |= {"split": str(folder / "parts.csv"), "gold": 0.0, "repeats": 0.0}
    own["predictions"] = tuple(files)
    project = init(tmp_path / "project", ProjectSettings(**own))

    by_run, by_project = [], []
    for number in range(rounds):
        run.evaluate()
        if settings.auto is not None:
            run.out_of_fold()
        event = run.ask()
        by_run.append(entries_of(event, dataset))
        driver = Driver(project)
        driver.train()
        driver.suggest()
        queue = project.store.queue()
        by_project.append({(q.image, q.label) for q in queue})
        answers = [
            Answer(q.image, q.label, int(dataset.labels.entries[q.image, q.label]), 1.0)
            for q in queue
        ]
        project.store.answer("ann", answers, request=f"round {number}")
    run.evaluate()
    driver = Driver(project)
    driver.train()
    models = run.learner.estimator.tensors(), driver.model().estimator.tensors()
    project.store.close()
    return by_run, by_project, *models


def entries_of(event: Round, dataset: Dataset) -> set[tuple[int, int]]:
    rows = {name: row for row, name in enumerate(dataset.labels.images)}
    cols = {name: col for col, name in enumerate(dataset.labels.names)}
    return {(rows[a.image], cols[name]) for a in event.asked for name in a.answers}


@pytest.mark.parametrize("strategy", SHIPPED)
def test_every_strategy_asks_the_same(
    make_dataset: Callable[..., Dataset], tmp_path: Path, strategy: str
) -> None:
    # That both find the same spread, `test_settings_do_the_same` shows.
    chosen = {"strategy": strategy, "images": 8, "model": "logistic:spread=1:smooth=0"}
    found = in_both(make_dataset(150), tmp_path, **chosen)
    by_run, by_project, model, same = found
    assert by_run == by_project
    assert all(len(query) for query in by_run)
    for name, tensor in model.items():
        assert torch.equal(tensor, same[name])


@pytest.mark.parametrize("model", ["logistic", "probe"])
@pytest.mark.parametrize("ask", ["images", "entries"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"strategy": "bald", "members": 3},
        {"auto": 0.2, "auto_delta": 0.4, "clean": 0.3, "calibrate": "known"},
        {"growth": 1.5},
        {"seconds": 30.0, "open_seconds": 2.0},
        {"train": "clean"},
        {"assume": "absent"},
        {"mechanism": "positives", "missing": 0.5},
    ],
    ids=lambda more: "-".join(more) or "plain",
)
def test_settings_do_the_same(
    make_dataset: Callable[..., Dataset], tmp_path: Path, model: str, ask: str, more: Any
) -> None:
    chosen = {"strategy": "entry-entropy", "images": 8, "model": model, "ask": ask, **more}
    by_run, by_project, trained, same = in_both(make_dataset(200), tmp_path, **chosen)
    assert by_run == by_project
    for name, tensor in trained.items():
        assert torch.equal(tensor, same[name])


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"strategy": "bald", "members": 3},
        {"auto": 0.2, "auto_delta": 0.4, "clean": 0.3, "calibrate": "known"},
    ],
    ids=lambda more: "-".join(more) or "plain",
)
def test_other_models_predictions_do_the_same(
    make_dataset: Callable[..., Dataset], tmp_path: Path, more: Any
) -> None:
    dataset = make_dataset(200)
    rng = np.random.default_rng(1)
    said = rng.random(dataset.labels.shape) ** np.where(dataset.labels.entries == 1, 0.3, 2)
    said[rng.random(said.shape) < 0.2] = np.nan
    dataset = replace(dataset, predictions=(Predictions("told", said.astype(np.float32)),))
    by_run, by_project, trained, same = in_both(dataset, tmp_path, **more)
    assert by_run == by_project
    assert trained["slopes"].shape == (1, 6)
    for name, tensor in trained.items():
        assert torch.equal(tensor, same[name])
