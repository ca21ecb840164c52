"""Runs of a seed that differ in what they ask share their first training, and change by nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from alasl.clusters import workers
from alasl.data.scenes import make_scenes
from alasl.models.estimators.finetune import Finetune
from alasl.simulation.run import TRAINING, simulate
from alasl.study.engine import run_study, units_of
from alasl.study.firsts import share_first
from alasl.study.spec import parse

pytestmark = pytest.mark.slow


def test_the_first_training_of_a_seed_is_done_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_scenes(tmp_path / "scenes", 24)
    study = parse(
        {
            "seeds": 1,
            "run": {
                "data": str(tmp_path / "scenes"),
                "model": "finetune:size=32:precision=float32",
                "backbone": "test_efficientnet",
                "weights": "none",
                "near": False,
                "train": "clean",
                "epochs": 2,
                "rounds": 1,
                "images": 2,
            },
            "grid": [
                {"name": "ways", "strategy": ["random", "hard"], "missing": [0.4, 0.6]},
                {"name": "noisy", "strategy": "random", "rounds": 0, "train": "known"},
            ],
        },
        "small.toml",
    )
    epochs: list[int] = []
    epoch = Finetune._epoch

    def count(self: Finetune, training: object, number: int, *rest: object) -> None:
        epochs.append(number)
        epoch(self, training, number, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Finetune, "_epoch", count)
    with workers("local", 1) as one:
        results = run_study(study, tmp_path / "out", one)
    # Four runs have a first training in common, and a second of their own; one is without rounds.
    assert epochs == [0, 1] * (1 + 4 + 1)
    assert not list((tmp_path / "out").rglob("*first*"))
    monkeypatch.setattr(Finetune, "_epoch", epoch)
    for found in results.runs:
        alone = simulate(found.settings).evaluations
        assert [e.epochs for e in found.evaluations] == [e.epochs for e in alone]


def test_runs_that_begin_with_the_same_training_are_not_begun_at_once() -> None:
    strategies = ["random", "hard", "medium"]
    run = {"data": "scenes", "model": "finetune", "rounds": 1, "images": 2}
    grid = [{"name": "ways", "strategy": strategies}]
    study = parse({"seeds": 4, "run": run, "grid": grid}, "small.toml")
    assert [unit.seed for unit in units_of(study)] == [0, 1, 2, 3] * len(strategies)


def test_a_run_that_has_begun_keeps_its_own_training(tmp_path: Path) -> None:
    run, kept = tmp_path / "run", tmp_path / "first.safetensors"
    kept.write_bytes(b"another's")
    run.mkdir()
    (run / TRAINING).write_bytes(b"its own")
    share_first(run, kept)
    assert (run / TRAINING).read_bytes() == b"its own"
    share_first(tmp_path / "new", kept)
    assert (tmp_path / "new" / TRAINING).read_bytes() == b"another's"
