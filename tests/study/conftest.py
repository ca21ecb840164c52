"""Results of studies made up by hand, with effects that are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from alasl.record import Evaluation
from alasl.settings import RunSettings
from alasl.study.results import Results, RunResult
from alasl.study.spec import Study, parse, shipped

# Answers for an image with none missing: with 500 images and 40 % missing, Random's cost is 16 000.
LABELS = 80
# How many more unknown entries than Random's an image has that the strategy asks.
DEARER = {"hard": 1.3, "medium": 1.3, "hard+medium": 1.3, "hard+entropy": 1.1}
DEARER |= {"random": 1.0, "entropy": 1.0}


def final(run: RunSettings) -> float:
    """A made-up mAP after the last round: what the paper says of it, nearly."""
    gains = {"random": 12.0, "hard": 13.0, "medium": 13.0, "hard+medium": 13.0, "entropy": 12.5}
    gains |= {"hard+entropy": 14.0}
    if not run.rounds:
        return 45.0 - 20 * run.missing * (1 if run.assume == "ignore" else 2)
    return 28.0 + gains.get(run.strategy.split(":")[0], 12.8)


def cost(run: RunSettings) -> float:
    """Answers for an image."""
    return LABELS * run.missing * DEARER.get(run.strategy.split(":")[0], 1.2)


def chance(run: RunSettings, seed: int) -> float:
    """What a seed adds to a run's last mAP; equal for the strategies that ask the same images."""
    name = run.strategy.split(":")[0]
    asked = "hard" if name in ("medium", "hard", "hard+medium") else name
    rng = np.random.default_rng([seed, *asked.encode(), round(100 * run.missing)])
    split = np.random.default_rng(seed).normal(0, 2)
    return float(split + rng.normal(0, 0.2))


@pytest.fixture(scope="session")
def paper() -> Study:
    return shipped()["paper"]


@pytest.fixture(scope="session")
def make_study() -> Callable[..., Study]:
    """A study from the content of its file, with data named."""

    def make(**content: Any) -> Study:
        content = {"name": "own", "seeds": 4, **content}
        content["run"] = {"data": "d", "rounds": 4, **content.get("run", {})}
        return parse(content, "own.toml")

    return make


@pytest.fixture(scope="session")
def make_results() -> Callable[..., Results]:
    """Results of a study: mAP rises from 28 to its last, the more slowly the later.

    last, dear: change a run's last mAP, and its answers for an image, that are made up otherwise.
    missing: whether to leave out a run of a grid and settings.
    """

    def make(
        study: Study,
        seeds: int | None = None,
        last: Callable[[RunSettings, float], float] = lambda _, made_up: made_up,
        dear: Callable[[RunSettings, float], float] = lambda _, made_up: made_up,
        missing: Callable[[str, RunSettings], bool] = lambda *_: False,
    ) -> Results:
        study = replace(study, seeds=seeds or study.seeds)
        runs = []
        for seed in study.seed_range:
            for grid, settings in study.runs(seed):
                if missing(grid, settings):
                    continue
                rounds = settings.rounds
                end = last(settings, final(settings)) + chance(settings, seed)
                first = 28.0 + np.random.default_rng(seed).normal(0, 0.2)
                answers = settings.images * dear(settings, cost(settings))
                evaluations = []
                for i in range(rounds + 1):
                    value = float(first + np.sqrt(i / rounds) * (end - first)) if rounds else end
                    evaluations.append(
                        Evaluation(
                            i, i * settings.images, round(i * answers), (value,), (value,), 0.0
                        )
                    )
                runs.append(RunResult(grid, settings, tuple(evaluations)))
        return Results(study, "corel5k", 4999, LABELS, tuple(runs))

    return make
