"""What a strategy is shown of the model: the pool that a learner makes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.models.prepare import prepare
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.strategies import resolve


@pytest.mark.parametrize(
    ("model", "spread"), [("logistic:spread=1.3:smooth=0", 1.3), ("logistic", 3.6), ("probe", None)]
)
def test_a_pool_has_the_model_s_spread(
    make_dataset: Callable[..., Dataset], model: str, spread: float | None
) -> None:
    dataset = make_dataset()
    settings = RunSettings(data="made", model=model, missing=0.7, answers=20)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    run.evaluate()
    rows = np.asarray(split.pool)
    # Of so few known entries nothing is found: the usual spread.
    pool = run.learner._pool(run.known, rows, resolve("k-center"))
    assert pool.spread == spread
    restored = run.learner.new_estimator()
    restored.restore(run.learner.estimator.tensors())
    assert restored.spread == spread
