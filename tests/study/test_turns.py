"""Runs in turn come to what each would have come to alone, and common trainings are done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from alasl.experiment import make_classifier, simulate
from alasl.loop import Loop
from alasl.models.logistic import Logistic
from alasl.study.turns import run_in_turn

from alasl.data.dataset import Dataset
from alasl.data.split import stratified_split
from alasl.record import Evaluation
from alasl.settings import RunSettings

BASE = RunSettings(data="made", model="logistic", rounds=2, images=8, answers=30, missing=0.6)
# Of images and of entries, with and without probabilities, features and an ensemble.
RUNS = [
    replace(BASE, strategy="random"),
    replace(BASE, strategy="hard+entropy", train="clean"),
    replace(BASE, strategy="random", ask="entries", open_seconds=2.0),
    replace(BASE, strategy="variance", ask="entries"),
]


@pytest.fixture(scope="module")
def dataset(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset()


def in_turn(dataset: Dataset, runs: list[RunSettings]) -> list[list[Evaluation]]:
    split = stratified_split(dataset.labels, 0)
    loops = [Loop(dataset.labels, split, run) for run in runs]
    return run_in_turn(loops, make_classifier(dataset, split, runs[0]))


def test_each_run_comes_to_what_it_would_alone(dataset: Dataset) -> None:
    outcome = in_turn(dataset, RUNS)
    for run, evaluations in zip(RUNS, outcome, strict=True):
        alone = simulate(run, dataset=dataset).evaluations
        assert evaluations == [replace(e, seconds=0.0) for e in alone]
    costs = [evaluations[-1].cost for evaluations in outcome]
    assert costs[2:] == [60, 60]
    assert outcome[2][-1].time > outcome[3][-1].time == 60


def test_trainings_that_runs_have_in_common_are_done_once(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    fit = Logistic.fit

    def counting(self: Logistic, *arguments: Any, **named: Any) -> None:
        trained.append(len(arguments[0]))
        fit(self, *arguments, **named)

    monkeypatch.setattr(Logistic, "fit", counting)
    outcome = in_turn(dataset, [RUNS[0], RUNS[2], RUNS[0], replace(BASE, rounds=0), RUNS[1]])
    # The first once for four runs and once for the clean set alone; then, in each of two rounds,
    # images (twice the same), entries, and the clean set.
    assert len(trained) == 2 + 2 * 3
    assert [len(evaluations) for evaluations in outcome] == [3, 3, 3, 1, 3]
    assert outcome[0] == outcome[2]
    assert outcome[0][0] == outcome[1][0] == outcome[3][0] != outcome[4][0]
    assert outcome[0][1:] != outcome[1][1:]
