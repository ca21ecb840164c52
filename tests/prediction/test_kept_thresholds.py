"""Thresholds that runs and projects keep are chosen on images that the model did not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import alasl
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.data.opening import make_split
from alasl.evaluate.thresholds import choose_thresholds
from alasl.labels import Labels
from alasl.project.driver import Driver
from alasl.project.folder import init
from alasl.project.settings import ProjectSettings
from alasl.settings import RunSettings
from alasl.simulation.run import simulate


@pytest.mark.parametrize(("how", "precision"), [("f1", None), ("precision=0.75", 0.75)])
def test_a_run_chooses_them_on_its_test_set(
    make_dataset: Callable[..., Dataset], tmp_path: Path, how: str, precision: float | None
) -> None:
    data = make_dataset(200)
    settings = RunSettings(rounds=1, answers=30, thresholds=how)
    simulate(settings, tmp_path / "run", dataset=data)
    model = alasl.load(tmp_path / "run")
    test = make_split(data, settings).test
    assert data.features is not None
    said = model.predict_proba(data.features[test])
    expected = choose_thresholds(said, data.labels.entries[test], precision)
    np.testing.assert_allclose(model.thresholds, expected, atol=1e-6, rtol=0)
    assert np.isfinite(expected).any()


def test_a_project_chooses_them_by_folds_where_its_test_set_says_nothing(
    make_dataset: Callable[..., Dataset], tmp_path: Path
) -> None:
    data = make_dataset(120)
    split = make_split(data, ProjectSettings(data="x", clean=0.4))
    entries = data.labels.entries.copy()
    entries[split.test] = -1
    folder = tmp_path / "data"
    folder.mkdir()
    known = Labels(entries, data.labels.names, data.labels.images)
    write(known, folder / "table.npz", "npz", features=data.features)
    parts = {row: part for part in ("clean", "pool", "test") for row in getattr(split, part)}
    lines = [f"{name},{parts[row]}" for row, name in enumerate(data.labels.images)]
    (folder / "split.csv").write_text("\n".join(["image,split", *lines, ""]))
    settings = ProjectSettings(data=str(folder), split=str(folder / "split.csv"))
    project = init(tmp_path / "project", settings)
    driver = Driver(project)
    training = driver.train()
    assert training is not None
    assert training.map is None
    model = driver.model()
    learner = driver._learner
    by_folds = learner.folded(driver.known()).of(split.clean)
    expected = choose_thresholds(by_folds, entries[split.clean])
    np.testing.assert_array_equal(model.thresholds, expected)
    # Its own probabilities of the same images, which it has seen, give others.
    assert data.features is not None
    seen = choose_thresholds(model.predict_proba(data.features[split.clean]), entries[split.clean])
    assert not np.array_equal(seen, expected)
    project.store.close()
