"""A study's file: grids, the shipped studies, and errors that name the nearest key."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from alasl.errors import DataError, UsageError
from alasl.losses import available
from alasl.study.claims.shares import STRATEGIES
from alasl.study.spec import Study, checked, differences, parse, read_study, shipped, to_toml

SMALL = {
    "name": "small",
    "seeds": 2,
    "run": {"data": "d", "rounds": 2},
    "grid": [{"name": "a", "strategy": ["random", "hard"], "missing": [0.2, 0.4]}],
}


def test_a_grid_holds_every_combination_in_order() -> None:
    runs = parse(SMALL, "x.toml").runs(7)
    assert [(s.strategy, s.missing, s.seed, s.rounds) for _, s in runs] == [
        ("random", 0.2, 7, 2), ("random", 0.4, 7, 2), ("hard", 0.2, 7, 2), ("hard", 0.4, 7, 2),
    ]  # fmt: skip


def test_the_papers_study_has_all_its_runs() -> None:
    paper = shipped()["paper"]
    runs = paper.runs(0)
    strategies = [s for grid, s in runs if grid == "strategies"]
    assert len(strategies) * paper.seeds == 480
    assert {(s.train, s.rounds, s.images, s.epochs, s.summary) for s in strategies} == {
        ("clean", 10, 50, 20, "mean")
    }


def test_paper_full_has_exactly_the_papers_settings() -> None:
    study = shipped()["paper-full"]
    for grid, run in study.runs(0):
        assert (run.model, run.backbone, run.loss) == ("finetune", "tresnet_m", "asl")
        assert (run.batch, run.epochs, run.images, run.clean) == (16, 20, 50, 0.1)
        assert run.rounds == (0 if grid == "noisy" else 10)


def test_paper_small_is_the_papers_study_at_60_percent_with_a_small_network() -> None:
    runs = shipped()["paper-small"].runs(0)
    asking = [run for grid, run in runs if grid == "strategies"]
    assert [run.strategy for run in asking] == list(STRATEGIES)
    assert {(run.missing, run.train, run.rounds) for run in asking} == {(0.6, "clean", 1)}
    trained = [(grid, run.missing, run.loss) for grid, run in runs if run.train == "known"]
    assert trained == [
        ("noisy", 0.6, "asl"),
        ("noisy", 0.6, "asl"),
        ("complete", 0.0, "asl"),
        ("losses", 0.6, "bce"),
        ("losses", 0.6, "ll-r"),
    ]
    assert [run.assume for grid, run in runs if grid == "noisy"] == ["ignore", "absent"]
    assert {(run.model, run.backbone, run.summary, run.warm_start) for _, run in runs} == {
        ("finetune:size=96", "lite0", "mean", False)
    }


def test_the_study_of_losses_has_every_loss_at_every_hiding() -> None:
    runs = [run for _, run in shipped()["losses"].runs(0)]
    hidings = {(run.mechanism, run.missing) for run in runs}
    assert len(hidings) == 8
    assert {(run.loss, run.mechanism, run.missing) for run in runs} == {
        (loss, *hiding) for loss in available() for hiding in hidings
    }


def test_a_loss_that_is_not_there_is_refused_before_any_run() -> None:
    grid = [{"name": "a", "model": "probe", "loss": ["bce", "hill:margins=1"]}]
    with pytest.raises(UsageError, match=r"seen: margins=1(.|\n)*margin=1.0"):
        checked(parse({**SMALL, "grid": grid}, "x.toml"))


@pytest.mark.parametrize("name", sorted(shipped()))
def test_a_study_is_the_same_after_its_way_through_a_file(name: str, tmp_path: Path) -> None:
    study = shipped()[name]
    (tmp_path / "study.toml").write_text(to_toml(study))
    again = read_study(tmp_path / "study.toml")
    assert again == study
    assert differences(again, study) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sedes": 3}, "did you mean 'seeds'"),
        ({"run": {"data": "d", "misisng": 0.1}}, "did you mean 'missing'"),
        ({"grid": [{"stratgy": ["hard"]}]}, "did you mean 'strategy'"),
        ({"grid": [{"strategy": []}]}, "strategy has no value"),
        ({"grid": []}, r"at least one \[\[grid\]\]"),
        ({"grid": [{"missing": [0.2, 1.2]}]}, r"\[\[grid\]\] 1: missing must be"),
        ({"grid": [{"name": "a"}, {"name": "a"}]}, "two grids have one name"),
        ({"seeds": 0}, "whole number from 1 on"),
        ({"figure": [{"file": "f", "kind": "map-per-round", "grid": "b"}]}, "unknown grid 'b'"),
        ({"figure": [{"file": "f", "grid": "a"}]}, "a figure needs kind"),
    ],
)
def test_what_is_wrong_is_named_with_the_nearest_key(change: dict, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        parse({**SMALL, **change}, "x.toml")


@pytest.mark.parametrize("content", [b"name = ", b"\xff"])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.toml"):
        read_study(tmp_path / "x.toml")
    with pytest.raises(DataError, match="nowhere"):
        read_study(tmp_path / "nowhere.toml")


def test_differences_are_named_one_by_one() -> None:
    one = parse(SMALL, "x.toml")

    def but(**change: object) -> Study:
        return dataclasses.replace(one, **change)  # type: ignore[arg-type]

    assert differences(one, but(seeds=3)) == ["seeds: there 2, here 3"]
    assert differences(one, but(base={**one.base, "rounds": 3})) == [
        "[run] rounds: there 2, here 3"
    ]
    other = parse({**SMALL, "grid": [{"name": "a", "strategy": ["random"]}]}, "x.toml")
    assert differences(one, other) == [
        "[[grid]] a strategy: there ['random', 'hard'], here ['random']",
        "[[grid]] a missing: there [0.2, 0.4], here None",
    ]
