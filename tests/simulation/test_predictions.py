"""Runs with other models' predictions: evidence for the model, never an entry; resumed as begun."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from alasl.config import from_dict, read_toml
from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions
from alasl.data.formats import write
from alasl.data.opening import make_split, read_data
from alasl.errors import ConflictError, UsageError
from alasl.journal import load
from alasl.models.model import Model
from alasl.models.prepare import prepare
from alasl.settings import RunSettings
from alasl.simulation.run import model_file, simulate
from alasl.simulation.simulation import Simulation
from told import write_npz

MakeDataset = Callable[..., Dataset]


@pytest.fixture
def place(make_dataset: MakeDataset, tmp_path: Path) -> Path:
    """A data set's file, and predictions of it: good ones, and others."""
    dataset = make_dataset()
    write(dataset.labels, tmp_path / "made.npz", "npz", features=dataset.features)
    for name, good in (("good", 3.0), ("noise", 0.0)):
        keep(dataset, tmp_path / f"{name}.npz", good)
    return tmp_path


def keep(dataset: Dataset, path: Path, good: float, seed: int = 3) -> None:
    rng = np.random.default_rng(seed)
    logits = 2 * rng.standard_normal(dataset.labels.shape) + good * dataset.labels.entries - 2
    told = Predictions(path.stem, expit(logits).astype(np.float32))
    write_npz(told.probabilities, dataset.labels.images, dataset.labels.names, path)


def settings(place: Path, *sources: str, **chosen: object) -> RunSettings:
    values: dict[str, object] = {"missing": 0.9, "rounds": 2, "answers": 20, "clean": 0.05}
    return RunSettings(
        data=str(place / "made.npz"),
        predictions=tuple(str(place / source) for source in sources),
        **{**values, **chosen},  # type: ignore[arg-type]
    )


def test_good_ones_help_and_what_is_known_is_the_same(place: Path) -> None:
    plain, helped = settings(place, clean=0.03), settings(place, "good.npz", clean=0.03)
    without, beside = simulate(plain), simulate(helped)
    assert beside.maps[0] > without.maps[0] + 5
    assert beside.start.table == without.start.table
    assert beside.start.unknown == without.start.unknown
    assert beside.costs == without.costs
    data = read_data(helped)
    split = make_split(data, helped)
    run = Simulation(data.labels, split, helped, prepare(data, split.seen, helped))
    bare = read_data(plain)
    same = Simulation(bare.labels, split, plain, prepare(bare, split.seen, plain))
    np.testing.assert_array_equal(run.known.entries, same.known.entries)
    np.testing.assert_array_equal(run.learner.test_entries, same.learner.test_entries)
    run.evaluate()
    job, other = run.learner.job(run.known), same.learner.job(same.known)
    np.testing.assert_array_equal(job.targets, other.targets)


def test_the_model_of_a_run_needs_them_named(place: Path, tmp_path: Path) -> None:
    simulate(settings(place, "good.npz"), tmp_path / "run")
    model = Model.load(model_file(tmp_path / "run", 2))
    assert model.predictions == ("good",)


def test_config_and_journal_keep_them(place: Path, tmp_path: Path) -> None:
    wanted = settings(place, "good.npz", "noise.npz")
    record = simulate(wanted, tmp_path / "run")
    assert from_dict(read_toml(tmp_path / "run" / "config.toml")) == wanted
    again = load(tmp_path / "run")
    assert again.settings == wanted
    digests = {p.name: p.digest for p in read_data(wanted).predictions}
    assert again.start.predictions == record.start.predictions == digests
    assert simulate(wanted, tmp_path / "run").maps == record.maps
    simulate(settings(place), tmp_path / "bare")
    assert "predictions" not in read_toml(tmp_path / "bare" / "config.toml")


def test_a_run_goes_on_with_the_same_ones_alone(
    place: Path, tmp_path: Path, make_dataset: MakeDataset
) -> None:
    wanted, folder = settings(place, "good.npz"), tmp_path / "run"
    whole = simulate(wanted, tmp_path / "whole")

    def stop(_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(wanted, folder, on_event=stop)
    before = (place / "good.npz").read_bytes()
    keep(make_dataset(), place / "good.npz", 3.0, seed=4)
    with pytest.raises(ConflictError, match=r"predictions are not those(.|\n)*good: there"):
        simulate(wanted, folder)
    (place / "good.npz").write_bytes(before)
    assert simulate(wanted, folder).maps == whole.maps
    with pytest.raises(ConflictError, match="a run of other settings"):
        simulate(settings(place, "noise.npz"), folder)


def test_automatic_answers_are_calibrated_with_them(place: Path) -> None:
    chosen = {"auto": 0.2, "auto_delta": 0.4, "clean": 0.6, "missing": 0.5, "rounds": 0}
    with_them = simulate(settings(place, "good.npz", **chosen)).out_of_fold[0]
    without = simulate(settings(place, **chosen)).out_of_fold[0]
    assert with_them.map is not None
    assert without.map is not None
    assert with_them.map > without.map
    assert with_them.given > without.given


def test_settings_take_one_text_a_list_or_none() -> None:
    assert from_dict({"predictions": "a.csv"}).predictions == ("a.csv",)
    assert from_dict({"predictions": ["a.csv", "b=c.csv"]}).predictions == ("a.csv", "b=c.csv")
    assert RunSettings().predictions == ()
    with pytest.raises(UsageError, match="--predictions must be a list of texts"):
        from_dict({"predictions": [1]})


def test_a_run_without_them_is_not_changed_by_those_beside(place: Path) -> None:
    data = read_data(settings(place, "good.npz"))
    plain = settings(place)
    alone = simulate(plain, dataset=replace(data, predictions=()))
    assert alone.maps == simulate(plain).maps
