"""Other models' predictions in a project: kept beside the answers, never among them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from alasl.cli.status import lines
from alasl.data.evidence import Predictions
from alasl.data.predictions import read_predictions
from alasl.errors import ConflictError, DataError, UsageError
from alasl.project.changes import LabelChange
from alasl.project.driver import Driver
from alasl.project.exports import export
from alasl.project.folder import Project, load
from alasl.project.imports import import_predictions
from alasl.project.model_files import ModelFiles
from alasl.project.overview import overview
from told import write_npz

MakeProject = Callable[..., Project]
Call = Callable[..., subprocess.CompletedProcess[str]]


def write_told(project: Project, path: Path, seed: int = 0) -> Path:
    """Predictions that know the truth fairly well."""
    store = project.store
    truth = np.load(Path(project.settings.data) / "truth.npy")
    logits = np.random.default_rng(seed).standard_normal(truth.shape) + 4 * truth - 2
    told = Predictions("told", expit(logits).astype(np.float32))
    write_npz(told.probabilities, store.images, store.names, path)
    return path


def test_an_import_changes_the_model_and_no_entry(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project()
    before = Driver(project).train()
    entries = project.store.labels().entries
    events = project.store.last_event()
    source = import_predictions(project, write_told(project, tmp_path / "p.npz"), "clip")
    assert source.counts() == {"entries": 1800, "images": 300, "labels": 6}
    assert [each.name for each in project.predictions()] == ["clip"]
    np.testing.assert_array_equal(project.store.labels().entries, entries)
    assert project.store.last_event() == events
    assert not ModelFiles(project).current()
    with pytest.raises(ConflictError, match=r"other predictions(.|\n)*alasl train"):
        Driver(project).suggest()
    after = Driver(project).renew()
    assert ModelFiles(project).current()
    assert before is not None
    assert after is not None
    assert after.map is not None
    assert before.map is not None
    assert after.map > before.map
    assert Driver(project).model().predictions == ("clip",)
    np.testing.assert_array_equal(project.store.labels().entries, entries)
    assert Driver(project).suggest() == 60
    # What is taken away or told anew is learned anew.
    import_predictions(project, write_told(project, tmp_path / "p.npz", seed=1), "clip")
    assert not ModelFiles(project).current()
    (project.folder / "predictions" / "clip.npz").unlink()
    Driver(project).renew()
    assert Driver(project).model().predictions == ()


def test_they_are_never_exported_as_entries_or_answers(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project()
    known = export(project, tmp_path / "before.csv", "csv-long", "table")
    import_predictions(project, write_told(project, tmp_path / "p.npz"), "clip")
    assert export(project, tmp_path / "after.csv", "csv-long", "table") == known
    assert (tmp_path / "after.csv").read_bytes() == (tmp_path / "before.csv").read_bytes()
    assert list(project.store.answers()) == []


def test_a_project_begins_with_them_and_keeps_its_own_copy(
    make_project: MakeProject, tmp_path: Path
) -> None:
    first = make_project()
    told = write_told(first, tmp_path / "told.npz")
    project = make_project(predictions=(f"clip={told}",))
    expected = first.folder  # unlike it
    assert not (expected / "predictions").exists()
    told.unlink()
    again = load(project.folder)
    assert [each.name for each in again.predictions()] == ["clip"]
    assert again.settings.predictions == ()
    Driver(again).train()
    assert Driver(again).model().predictions == ("clip",)
    again.store.close()


def test_a_file_that_names_images_and_labels_is_read_where_it_lies(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project()
    path = project.folder / "predictions" / "clip.npz"
    path.parent.mkdir()
    told = read_predictions(
        str(write_told(project, path)), project.store.images, project.store.names
    ).table[:]
    (found,) = project.predictions()
    np.testing.assert_array_equal(found.table[:], told)
    # In the order of the table, without names.
    np.save(tmp_path / "clip.npy", told)
    import_predictions(project, tmp_path / "clip.npy", "clip")
    (found,) = project.predictions()
    np.testing.assert_array_equal(found.table[:], told)
    # The same again is nothing new; of a label that goes, nothing is said any more.
    digest = found.digest
    import_predictions(project, tmp_path / "clip.npy", "clip")
    assert project.predictions()[0].digest == digest
    project.store.change("owner", LabelChange("remove", project.store.names[:1]))
    (found,) = project.predictions()
    np.testing.assert_array_equal(found.table[:], told[:, 1:])
    assert found.counts()["labels"] == told.shape[1] - 1
    assert found.digest != digest
    np.save(tmp_path / "clip.npy", told[:, 1:].astype(np.float16))
    import_predictions(project, tmp_path / "clip.npy", "clip")
    (found,) = project.predictions()
    assert found.table.base.dtype == np.float16
    np.testing.assert_allclose(found.table[:], told[:, 1:], atol=1e-3)


def test_settings_that_name_them_are_refused(make_project: MakeProject) -> None:
    project = make_project()
    path = project.folder / "project.toml"
    path.write_text(path.read_text() + 'predictions = ["clip.csv"]\n')
    with pytest.raises(UsageError, match=r"own folder(.|\n)*--as predictions NAME"):
        load(project.folder)


def test_what_cannot_be_taken_changes_nothing(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project()
    (tmp_path / "bad.csv").write_text("image,label9\n0001.jpg,0.5\n")
    with pytest.raises(DataError, match=r"label 'label9'; nearest"):
        import_predictions(project, tmp_path / "bad.csv", "clip")
    told = write_told(project, tmp_path / "p.npz")
    with pytest.raises(UsageError, match="letters"):
        import_predictions(project, told, "../clip")
    assert project.predictions() == ()
    probe = make_project(model="probe")
    with pytest.raises(UsageError, match="--model curriculum or logistic"):
        import_predictions(probe, told, "clip")
    with pytest.raises(UsageError, match="--model curriculum or logistic"):
        make_project(model="probe", predictions=(str(told),))
    for number in range(8):
        import_predictions(project, told, f"n{number}")
    with pytest.raises(UsageError, match="more than 8"):
        import_predictions(project, told, "n8")
    import_predictions(project, told, "n7")


@pytest.mark.slow
def test_the_command_says_of_how_many(
    make_project: MakeProject, tmp_path: Path, call: Call
) -> None:
    project = make_project()
    (tmp_path / "p.csv").write_text("image,label,probability\n0001.jpg,label2,0.5\n")
    command = ["import", project.folder, tmp_path / "p.csv", "--as", "predictions", "clip"]
    done = call(*command)
    assert done.returncode == 0, done.stderr
    assert "clip: 1 of 1800 entries, in 1 of 300 images and 1 of 6 labels" in done.stdout
    done = call(*command, "--json")
    taken = json.loads(done.stdout)
    assert (taken["predictions"], taken["entries"]) == ("clip", 1)


def test_the_state_names_them_and_counts_what_they_predict(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project()
    assert overview(project).to_dict()["predictions"] == []
    assert "predictions" not in "\n".join(lines(overview(project)))
    (tmp_path / "p.csv").write_text("image,label2,label3\n0001.jpg,0.5,\n0002.jpg,0.1,0.2\n")
    import_predictions(project, tmp_path / "p.csv", "ram")
    import_predictions(project, write_told(project, tmp_path / "p.npz"), "clip")
    state = overview(project)
    assert state.to_dict()["predictions"] == [
        {"name": "clip", "entries": 1800, "images": 300, "labels": 6},
        {"name": "ram", "entries": 3, "images": 2, "labels": 2},
    ]
    text = list(lines(state))
    assert "predictions clip: of 1800 entries, in 300 images and 6 labels" in text
    assert "predictions ram: of 3 entries, in 2 images and 2 labels" in text
