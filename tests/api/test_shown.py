"""What a notebook shows of an object is short; a table and a figure are one call away."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import alasl
from alasl.data.dataset import Dataset
from alasl.errors import ResourceError, UsageError
from alasl.project.ground import Ground
from alasl.project.records import Training

MakeDataset = Callable[..., Dataset]
SETTINGS = alasl.RunSettings(data="made", rounds=1, answers=50, missing=0.5)


def table_of_dogs(folder: Path) -> Path:
    entries = np.array([[1, 0, -1]], np.int8).repeat(3, axis=0).reshape(9, 1)
    labels = alasl.Labels(entries, ("dog",), tuple(f"{n}.jpg" for n in range(9)))
    features = np.random.default_rng(0).standard_normal((9, 4), dtype=np.float32)
    alasl.write(labels, folder / "dogs.npz", "npz", features=features)
    return folder / "dogs.npz"


@pytest.fixture(scope="module")
def record(make_dataset: MakeDataset) -> alasl.Record:
    return alasl.simulate(SETTINGS, dataset=make_dataset())


def test_a_line_says_what_it_is(make_dataset: MakeDataset, record: alasl.Record) -> None:
    data = make_dataset()
    table = "200 images, 6 labels, 1200 of 1200 entries known"
    assert repr(data.labels) == f"<Labels: {table}>"
    assert repr(data) == f"<Dataset 'made': {table}; features of 16>"
    first, last = (
        f"{value:.2f} ({ends[0]:.1f} to {ends[1]:.1f})" if ends else ""
        for value, ends in zip(record.maps, record.intervals, strict=True)
    )
    assert repr(record) == f"<Record: 2 evaluations, mAP {first}, then {last} with 50 answers>"
    begun = alasl.Record(SETTINGS, record.start)
    assert repr(begun) == "<Record: 0 evaluations, mAP not judged>"


def test_a_training_is_shown_in_a_line() -> None:
    training = Training(0, 7, 60, 90.0, 1.0, 41.234, (1.0,) * 80, "model-7", "40 test images")
    assert repr(training) == "<Training: mAP 41.23 on 40 test images, after 60 answers>"
    sure = replace(training, ground=Ground(40, 9, False, (31.2, 52.3), (), {}))
    assert "mAP 41.23 (95 % interval 31.2 to 52.3) on 40 test images" in repr(sure)
    undefined = replace(training, map=None)
    assert repr(undefined) == "<Training: mAP undefined on 40 test images, after 60 answers>"


def test_where_a_project_stands_is_shown_in_a_line(tmp_path: Path) -> None:
    project = alasl.Project.create(tmp_path / "mine", table_of_dogs(tmp_path))
    assert repr(project.status()) == "<Overview of 'mine': 9 images, 1 label, 0 answers>"
    project.train()
    shown = repr(project.status())
    assert shown.startswith("<Overview of 'mine': 9 images, 1 label, 0 answers; <Training: mAP ")
    project.close()


def test_settings_show_what_is_not_the_default_and_can_be_made_again() -> None:
    shown = repr(SETTINGS)
    assert shown == "RunSettings(data='made', missing=0.5, rounds=1, answers=50)"
    assert eval(shown, {"RunSettings": alasl.RunSettings}) == SETTINGS
    assert repr(alasl.RunSettings()) == "RunSettings()"


def test_a_record_as_a_table(record: alasl.Record, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=dict))
    found = record.table()
    first, *labels = record.start.names
    assert list(found)[:9] == [
        *("round", "answers", "seconds", "mAP", "low", "high", "gain", "gain_low", "gain_high")
    ]
    assert len(found) == 9 + 3 * (1 + len(labels))
    assert found["answers"] == [0, 50]
    assert found["mAP"] == record.maps
    assert [*zip(found["low"], found["high"], strict=True)] == record.intervals
    assert found["gain"] == record.gains
    assert math.isnan(found["gain_low"][0])
    assert (found["gain_low"][1], found["gain_high"][1]) == record.gain_intervals[1]
    last = record.evaluations[-1]
    ends = found[f"ap_low:{first}"][-1], found[f"ap_high:{first}"][-1]
    assert (found[f"ap:{first}"][-1], ends) == (last.ap[0], last.ap_intervals[0])


def test_a_table_without_pandas_says_what_to_install(
    record: alasl.Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ResourceError, match="pip install pandas"):
        record.table()


def test_a_figure_is_shown_by_itself(record: alasl.Record) -> None:
    drawn = alasl.plot(record, record)
    lines = drawn.axes[0].get_lines()
    assert [line.get_ydata().tolist() for line in lines[:1]] == [record.maps]  # type: ignore[union-attr]
    assert "<svg" in drawn._repr_svg_()  # type: ignore[attr-defined]
    with pytest.raises(UsageError, match="no run to draw"):
        alasl.plot()
