"""The studies that come with the package, at toy size."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from alasl.data.scenes import make_scenes
from alasl.models.recipe import FinetuneSettings
from alasl.strategies import available
from alasl.study.spec import shipped


@pytest.fixture
def study(call: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., dict]:
    def study(place: Path, *arguments: str) -> dict:
        done = call("study", *arguments, "--workers", "1", "--out", "out", "--json", cwd=place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return study


def test_the_papers_full_study_has_the_papers_settings() -> None:
    full, probe = shipped()["paper-full"], shipped()["paper"]
    assert full.base == {
        "model": "finetune",
        "backbone": "tresnet_m",
        "loss": "asl",
        "batch": 16,
        "epochs": 20,
        "train": "clean",
        "clean": 0.1,
        "test": 0.2,
        "rounds": 10,
        "images": 50,
        "summary": "mean",
        "warm_start": False,
    }
    assert FinetuneSettings(**full.runs(0)[0][1].training()).size == 224
    # The same runs, figures and claims as with a probe.
    assert (full.grids, full.plots, full.claims) == (probe.grids, probe.plots, probe.claims)


@pytest.mark.slow
def test_the_papers_full_study_runs_with_a_small_network(
    tmp_path: Path, study: Callable[..., dict]
) -> None:
    make_scenes(tmp_path / "scenes", 24)
    small = ["--backbone", "test_efficientnet", "--weights", "none"]
    small += ["--model", "finetune:size=32"]
    toy = ["--seeds", "1", "--rounds", "1", "--images", "2", "--epochs", "1"]
    told = study(tmp_path, "paper-full", "scenes", *small, *toy)
    assert told["runs"] == 42
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    # 24 of the strategies and 10 of the splits have two evaluations, 8 without asking have one.
    assert len(rows) == 2 * 34 + 8
    first = {row["map"] for row in rows if row["grid"] == "strategies" and row["round"] == "0"}
    assert len(first) == 1
    verdicts = {claim["verdict"] for claim in told["claims"]}
    assert verdicts == {"undecided"}
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    plots = shipped()["paper-full"].plots
    assert figures == {f"{plot.file}.{kind}" for plot in plots for kind in ("png", "svg")}
    assert (tmp_path / "out" / "study.html").read_text().count("<svg") == len(plots)


@pytest.mark.slow
def test_the_papers_small_study_runs_and_draws_every_figure(
    tmp_path: Path, study: Callable[..., dict]
) -> None:
    make_scenes(tmp_path / "scenes", 24)
    small = ["--backbone", "test_efficientnet", "--weights", "none"]
    small += ["--model", "finetune:size=32"]
    toy = ["--seeds", "1", "--images", "2", "--epochs", "1"]
    told = study(tmp_path, "paper-small", "scenes", *small, *toy)
    assert told["runs"] == 13
    assert {claim["verdict"] for claim in told["claims"]} == {"undecided"}
    assert not [claim for claim in told["claims"] if "not measured" in claim["sentence"]]
    figures = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"figure-2", "figure-5a", "figure-5b", "figure-5c", "trainings"}


@pytest.mark.slow
def test_the_papers_study_runs_on_coco(
    shared_data: Path, tmp_path: Path, study: Callable[..., dict]
) -> None:
    data = str(shared_data / "coco256")
    toy = ["--seeds", "2", "--rounds", "2", "--images", "4", "--epochs", "2"]
    told = study(tmp_path, "paper", data, *toy)
    assert told["runs"] == 84
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    names = ["2", *(f"{n}{part}" for n in (3, 4, 5) for part in "abc"), "6a", "6b", "7a", "7b"]
    assert {f"figure-{n}.{kind}" for n in names for kind in ("png", "svg")} <= figures


@pytest.mark.slow
def test_the_study_of_losses_runs_and_draws_every_figure(
    tmp_path: Path, study: Callable[..., dict]
) -> None:
    make_scenes(tmp_path / "scenes", 40)
    small = ["--backbone", "test_efficientnet", "--weights", "none"]
    told = study(tmp_path, "losses", "scenes", *small, "--seeds", "1", "--epochs", "2")
    assert told["runs"] == 136
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert (
        len({(row["loss"], row["mechanism"], row["missing"]) for row in rows}) == len(rows) == 136
    )
    figures = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    shares = ["explicit-20", "explicit-60", "explicit-90", "explicit-98"]
    shares += ["positives-25", "positives-60", "positives-90", "single"]
    assert figures == {f"{name}.{kind}" for name in shares for kind in ("png", "svg")}


@pytest.mark.slow
def test_the_study_of_strategies_asks_by_every_one_that_ships(
    tmp_path: Path, study: Callable[..., dict]
) -> None:
    make_scenes(tmp_path / "scenes", 60)
    small = ["--backbone", "test_efficientnet", "--weights", "none"]
    toy = ["--seeds", "1", "--rounds", "1", "--answers", "20", "--images", "1"]
    told = study(tmp_path, "strategies", "scenes", *small, *toy)
    with (tmp_path / "out" / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = {m.name for m in available() if m.function.__module__.startswith("alasl.")}
    assert {row["strategy"] for row in rows} == names
    assert len(rows) == 2 * told["runs"] == 2 * (len(names) + 1)  # `random` stands in both grids
    figures = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert figures == {"entries-by-answers", "entries", "images"}
