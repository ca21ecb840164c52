"""Runs in step come to what each would have come to alone, and common trainings are done once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.models.base import Estimator
from alasl.models.estimators import probe as probes
from alasl.models.estimators.logistic import Logistic
from alasl.models.estimators.probe import Probes
from alasl.models.prepare import prepare
from alasl.models.registry import resolve
from alasl.record import Evaluation, Round
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from alasl.simulation.simulation import Simulation
from alasl.simulation.together import run_together

BASE = RunSettings(data="made", rounds=3, images=8, model="probe", epochs=4, train="clean")
STRATEGIES = ("random", "medium", "hard", "hard+medium", "entropy", "hard+entropy")

PLAIN = RunSettings(data="made", model="logistic", rounds=2, images=8, answers=30, missing=0.6)
# Of images and of entries, with and without probabilities, features and an ensemble.
MIXED = [
    replace(PLAIN, strategy="random"),
    replace(PLAIN, strategy="hard+entropy", train="clean"),
    replace(PLAIN, strategy="random", ask="entries", open_seconds=2.0),
    replace(PLAIN, strategy="variance", ask="entries"),
    replace(PLAIN, strategy="bald", members=3),
]


def simulations(dataset: Dataset, runs: Sequence[RunSettings]) -> list[Simulation]:
    """The runs, which share what they train on, though their models may differ."""
    split = make_split(dataset, runs[0])
    prepared = prepare(dataset, split.seen, runs[0])
    kinds = [resolve(run.model, run.training()) for run in runs]
    return [
        Simulation(dataset.labels, split, run, replace(prepared, kind=kind))
        for run, kind in zip(runs, kinds, strict=True)
    ]


@pytest.fixture
def picks(monkeypatch: pytest.MonkeyPatch) -> dict[Simulation, list[list[str]]]:
    """The images that every run asks from now on, by round."""
    found: dict[Simulation, list[list[str]]] = {}
    take = Simulation.take

    def noting(self: Simulation, event: Round) -> None:
        found.setdefault(self, []).append([asked.image for asked in event.asked])
        take(self, event)

    monkeypatch.setattr(Simulation, "take", noting)
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "size"),
    [
        ("clean", {"images": 300, "labels": 12}),
        ("known", {"images": 300, "labels": 12}),
        # As wide as the study's features and tables.
        ("clean", {"images": 400, "labels": 80, "dim": 1280}),
    ],
)
def test_each_probe_comes_to_what_it_would_alone(
    make_dataset: Callable[..., Dataset],
    picks: dict[Simulation, list[list[str]]],
    train: str,
    size: dict[str, int],
) -> None:
    """In float32, in which a stacked product may be rounded otherwise."""
    dataset = make_dataset(**size)
    runs = [
        replace(BASE, strategy=strategy, missing=missing, train=train)
        for strategy in STRATEGIES
        for missing in (0.2, 0.6)
    ]
    together = simulations(dataset, runs)
    outcome = run_together(together)
    for run, evaluations, one in zip(runs, outcome, together, strict=True):
        alone = simulate(run, dataset=dataset)
        assert [e.cost for e in evaluations] == alone.costs, run.strategy
        maps = [e.map(run.summary) for e in evaluations]
        np.testing.assert_allclose(maps, alone.maps, atol=0.05)
        # Scores are nowhere tied here, but for what chance decides alike.
        assert picks[one] == [[asked.image for asked in step.asked] for step in alone.rounds]


def untimed(evaluations: Sequence[Evaluation]) -> list[Evaluation]:
    sure = {"interval": None, "ap_intervals": (), "gain_reach": None}
    return [replace(e, seconds=0.0, **sure) for e in evaluations]


@pytest.mark.slow
def test_each_logistic_regression_comes_to_exactly_what_it_would_alone(
    make_dataset: Callable[..., Dataset],
) -> None:
    dataset = make_dataset()
    outcome = run_together(simulations(dataset, MIXED))
    for run, evaluations in zip(MIXED, outcome, strict=True):
        alone = simulate(run, dataset=dataset).evaluations
        assert untimed(evaluations) == untimed(alone)
    costs = [evaluations[-1].cost for evaluations in outcome]
    assert costs[2:4] == [60, 60]
    # Of 14 images, quicker by image; of 48, quicker by label.
    assert (outcome[2][-1].images, outcome[2][-1].time) == (14, 60 + 14 * 2)
    assert (outcome[3][-1].images, outcome[3][-1].time) == (48, 60 * 1.7)


def test_runs_of_several_models_go_in_step(make_dataset: Callable[..., Dataset]) -> None:
    """Models that see the same features: each recipe trains by itself."""
    dataset = make_dataset()
    recipes = [{"epochs": 4}, {"epochs": 2}, {"epochs": 4, "loss": "bce"}]
    runs = [replace(BASE, strategy="hard", missing=0.5, **more) for more in recipes]
    runs += [replace(runs[0], strategy="bald", members=3, answers=20)]
    outcome = run_together(simulations(dataset, runs))
    assert [len(evaluations[0].epochs) for evaluations in outcome] == [4, 2, 4, 4]
    for run, evaluations in zip(runs, outcome, strict=True):
        alone = simulate(run, dataset=dataset)
        assert [e.cost for e in evaluations] == alone.costs
        np.testing.assert_allclose([e.map_mean for e in evaluations], alone.maps, atol=0.05)
    assert outcome[0][0] == outcome[3][0] != outcome[2][0]


def test_probes_that_runs_have_in_common_are_trained_once(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(images=300, labels=12)
    runs = [replace(BASE, strategy=strategy, missing=0.4) for strategy in ("hard", "random")]
    runs += [replace(BASE, strategy="hard", missing=0.4), replace(BASE, rounds=0, missing=0.4)]
    trained: list[int] = []
    fit = Probes.fit

    def counting(self: Probes, rows: list[Any], *rest: Any, **named: Any) -> None:
        trained.append(len(rows))
        fit(self, rows, *rest, **named)

    monkeypatch.setattr(Probes, "fit", counting)
    outcome = run_together(simulations(dataset, runs))
    # The first is one for all; then hard (twice the same) and random in each of three rounds.
    assert sum(trained) == 1 + 3 * 2
    assert [len(o) for o in outcome] == [4, 4, 4, 1]
    assert len({o[0] for o in outcome}) == 1
    assert outcome[0] == outcome[2]


def test_logistic_regressions_that_runs_have_in_common_are_found_once(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = []
    fit = Logistic.fit

    def counting(self: Logistic, inputs: Any, *rest: Any, **named: Any) -> None:
        trained.append(len(inputs))
        fit(self, inputs, *rest, **named)

    monkeypatch.setattr(Logistic, "fit", counting)
    runs = [MIXED[0], MIXED[2], MIXED[0], replace(PLAIN, rounds=0), MIXED[1]]
    outcome = run_together(simulations(make_dataset(), runs))
    # The first once for four runs and once for the clean set alone; then, in each of two rounds,
    # images (twice the same), entries, and the clean set.
    assert len(trained) == 2 + 2 * 3
    assert [len(evaluations) for evaluations in outcome] == [3, 3, 3, 1, 3]
    assert outcome[0] == outcome[2]
    assert outcome[0][0] == outcome[1][0] == outcome[3][0] != outcome[4][0]
    assert outcome[0][1:] != outcome[1][1:]


def test_models_of_scikit_learn_have_their_trainings_in_common_too(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = "sklearn.naive_bayes:GaussianNB"
    source = resolve(spec).source
    assert resolve(spec).source is source
    trained, fit = [], source.fit

    def counting(self: Any, inputs: Any, *rest: Any, **named: Any) -> None:
        trained.append(len(inputs))
        fit(self, inputs, *rest, **named)

    monkeypatch.setattr(source, "fit", counting)
    runs = [replace(PLAIN, model=spec, strategy=strategy) for strategy in ("random", "hard")]
    dataset = make_dataset()
    outcome = run_together(simulations(dataset, runs))
    assert len(trained) == 1 + 2 * 2
    for run, evaluations in zip(runs, outcome, strict=True):
        assert untimed(evaluations) == untimed(simulate(run, dataset=dataset).evaluations)


def test_runs_that_part_do_not_share_a_model(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have their first training in common, and each its own from then on."""
    used: list[list[Estimator]] = []
    take = Simulation.take

    def noting(self: Simulation, event: Round) -> None:
        used.append([run.learner.estimator for run in together])
        take(self, event)

    monkeypatch.setattr(Simulation, "take", noting)
    together = simulations(make_dataset(), [MIXED[0], MIXED[3]])
    run_together(together)
    first, second = used[0], used[2]
    assert first[0] is first[1]
    assert second[0] is not second[1]
    assert {id(each) for each in second}.isdisjoint({id(first[0])})


def test_the_size_of_a_stack_changes_no_pick(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(images=300, labels=12)
    runs = [replace(BASE, strategy=m, missing=0.6) for m in STRATEGIES]
    told = []
    for size in (1, 3, 8):
        monkeypatch.setattr(probes, "STACK", size)
        outcome = run_together(simulations(dataset, runs))
        told.append([[e.cost for e in o] for o in outcome])
    assert told[0] == told[1] == told[2]
