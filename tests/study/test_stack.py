"""Stacked runs come to what each would have come to alone, and common trainings are done once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from alasl.loop import Loop
from alasl.models.probe import Probes, standardised

from alasl.data.dataset import Dataset
from alasl.data.split import stratified_split
from alasl.record import Round
from alasl.settings import RunSettings
from alasl.simulation.run import simulate
from alasl.study import stack

BASE = RunSettings(data="made", model="probe", rounds=3, images=8, epochs=4, train="clean")
STRATEGIES = ("random", "medium", "hard", "hard+medium", "entropy", "hard+entropy")


def loops_of(dataset: Dataset, runs: list[RunSettings]) -> tuple[list[Loop], object]:
    split = stratified_split(dataset.labels, 0)
    assert dataset.features is not None
    seen = np.sort(np.concatenate([split.clean, split.pool]))
    return [Loop(dataset.labels, split, run) for run in runs], standardised(dataset.features, seen)


@pytest.fixture
def picks(monkeypatch: pytest.MonkeyPatch) -> dict[Loop, list[list[str]]]:
    """The images that every loop asks from now on, by round."""
    found: dict[Loop, list[list[str]]] = {}
    take = Loop.take

    def noting(self: Loop, event: Round) -> None:
        found.setdefault(self, []).append([asked.image for asked in event.asked])
        take(self, event)

    monkeypatch.setattr(Loop, "take", noting)
    return found


@pytest.mark.parametrize(
    ("train", "size"),
    [
        ("clean", {"images": 300, "labels": 12}),
        ("known", {"images": 300, "labels": 12}),
        # As wide as the study's features and tables.
        ("clean", {"images": 400, "labels": 80, "dim": 1280}),
    ],
)
def test_each_run_comes_to_what_it_would_alone(
    make_dataset: Callable[..., Dataset],
    picks: dict[Loop, list[list[str]]],
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
    loops, features = loops_of(dataset, runs)
    outcome = stack.run_stack(loops, features)  # type: ignore[arg-type]
    for run, evaluations, loop in zip(runs, outcome, loops, strict=True):
        alone = simulate(run, dataset=dataset)
        assert [e.cost for e in evaluations] == alone.costs, run.strategy
        maps = [e.map(run.summary) for e in evaluations]
        np.testing.assert_allclose(maps, alone.maps, atol=0.05)
        # Scores are nowhere tied here, but for what chance decides alike.
        assert picks[loop] == [[asked.image for asked in step.asked] for step in alone.rounds]


def test_trainings_that_runs_have_in_common_are_done_once(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(images=300, labels=12)
    runs = [replace(BASE, strategy=strategy, missing=0.4) for strategy in ("hard", "random")]
    runs += [replace(BASE, strategy="hard", missing=0.4), replace(BASE, rounds=0, missing=0.4)]
    trained: list[int] = []
    fit = Probes.fit

    def counting(self: Probes, rows: list, *rest: object, **named: object) -> None:
        trained.append(len(rows))
        fit(self, rows, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Probes, "fit", counting)
    loops, features = loops_of(dataset, runs)
    outcome = stack.run_stack(loops, features)  # type: ignore[arg-type]
    # The first is one for all; then hard (twice the same) and random in each of three rounds.
    assert sum(trained) == 1 + 3 * 2
    assert [len(o) for o in outcome] == [4, 4, 4, 1]
    assert len({o[0] for o in outcome}) == 1
    assert outcome[0] == outcome[2]


def test_the_size_of_a_stack_changes_no_pick(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make_dataset(images=300, labels=12)
    runs = [replace(BASE, strategy=m, missing=0.6) for m in STRATEGIES]
    told = []
    for size in (1, 3, 8):
        monkeypatch.setattr(stack, "STACK", size)
        loops, features = loops_of(dataset, runs)
        outcome = stack.run_stack(loops, features)  # type: ignore[arg-type]
        told.append([[e.cost for e in o] for o in outcome])
    assert told[0] == told[1] == told[2]
