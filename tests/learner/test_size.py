"""A large table is trained on by its known entries alone, as a small one is whole."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from alasl.data.dataset import Dataset
from alasl.data.opening import make_split
from alasl.labels import Labels
from alasl.learner import learner as learning
from alasl.learner import size
from alasl.models.prepare import prepare
from alasl.project.targets import Chances, Weights
from alasl.settings import RunSettings
from alasl.simulation.simulation import Simulation
from alasl.sparse import Sparse


@pytest.mark.parametrize("said", ["given", "by people", "by a machine"])
def test_known_entries_alone_teach_the_same(
    make_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    dataset = make_dataset(120)
    settings = RunSettings(data="made", missing=0.7, answers=30)
    split = make_split(dataset, settings)
    run = Simulation(dataset.labels, split, settings, prepare(dataset, split.seen, settings))
    known, learner = run.known, run.learner
    open_ = split.pool[known.of(split.pool)[:, 0] < 0]
    cols = np.zeros(len(open_), np.intp)
    if said == "by people":
        chances = np.linspace(0.1, 0.9, len(open_), dtype=np.float32)
        machine = Sparse.at_places(known.sparse.shape, open_[:5], cols[:5], np.int8(1))
        known = replace(
            known,
            targets=Chances(known.human_labels, open_, cols, chances),
            weights=Weights(machine, 0.5),
        )
    elif said == "by a machine":
        known = replace(
            known, automatic=Sparse.at_places(known.sparse.shape, open_, cols, np.int8(1))
        )
    whole, job = learner.train(known).logits, learner.job(known)
    monkeypatch.setattr(size, "LARGE", 0)
    monkeypatch.setattr(learning, "FEW", 0)
    monkeypatch.setattr(Labels, "of", None)  # no image is taken whole
    few = learner.job(known)
    assert isinstance(few.targets, Sparse)
    assert few.key() != job.key()
    np.testing.assert_array_equal(few.rows, job.rows)
    np.testing.assert_array_equal(few.targets.dense(), job.targets)
    assert (few.weights is None) == (job.weights is None)
    if few.weights is not None:
        np.testing.assert_array_equal(
            few.weights.dense()[job.targets >= 0], job.weights[job.targets >= 0]
        )
    np.testing.assert_allclose(learner.train(known).logits, whole, atol=1e-5)
