"""A model that learned with other models' predictions is given them for new images."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

import alasl
from alasl.cli import exit_code
from alasl.data.dataset import Dataset
from alasl.data.evidence import Predictions, evidence_of
from alasl.data.formats import write
from alasl.data.inputs import Inputs
from alasl.data.named_images import named_images
from alasl.errors import DataError, UsageError
from alasl.models.model import Model
from alasl.prediction import shares
from told import write_npz

Text = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Place:
    """A folder with a data set's features, two other models' predictions, and a run with them."""

    folder: Path
    data: Dataset
    clip: Predictions
    ram: Predictions

    @property
    def run(self) -> str:
        """The run's folder."""
        return str(self.folder / "run")

    def file(self, name: str) -> str:
        """The path of a file, as a command line has it."""
        return str(self.folder / name)

    def expected(self) -> np.ndarray:
        """(N, L): the model's probabilities with both predictions, by the evidence itself."""
        evidence = evidence_of((self.clip, self.ram))
        return alasl.load(self.run).predict_proba(Inputs(self.data.features, evidence=evidence))


@pytest.fixture(scope="module")
def place(make_dataset: Callable[..., Dataset], tmp_path_factory: pytest.TempPathFactory) -> Place:
    folder, data = tmp_path_factory.mktemp("others"), make_dataset(120)
    assert data.features is not None
    write(data.labels, folder / "table.npz", "npz", features=data.features)
    np.savez(folder / "new.npz", features=data.features, images=data.labels.images)
    sources = []
    for seed, name in enumerate(("clip", "ram")):
        noise = np.random.default_rng(seed).standard_normal(data.labels.shape)
        source = Predictions(name, expit(noise + 3 * data.labels.entries - 1.5).astype(np.float32))
        write_npz(
            source.probabilities, data.labels.images, data.labels.names, folder / f"{name}.npz"
        )
        sources.append(source)
    args = ["run", str(folder / "table.npz"), "--rounds", "1", "--answers", "20", "-q"]
    named = [f"--predictions={folder / name}.npz" for name in ("clip", "ram")]
    assert exit_code([*args, *named, "--out", str(folder / "run")]) == 0
    return Place(folder, data, *sources)


def table_of(text: str) -> tuple[list[str], np.ndarray]:
    """Images, and probabilities (n, L), of a CSV with a row an image."""
    rows = list(csv.reader(io.StringIO(text)))[1:]
    return [row[0] for row in rows], np.array([row[1:] for row in rows], np.float64)


@pytest.mark.parametrize("workers", [[], ["--workers", "2"]], ids=["one", "two"])
def test_the_command_takes_them_in_any_order(
    place: Place, capsys: Text, monkeypatch: pytest.MonkeyPatch, workers: list[str]
) -> None:
    monkeypatch.setattr(shares, "BLOCK", 50)
    capsys.readouterr()
    args = ["predict", place.run, place.file("new.npz"), *workers]
    others = [f"--predictions=ram={place.file('ram.npz')}", "--predictions", place.file("clip.npz")]
    assert exit_code([*args, *others]) == 0
    out, err = capsys.readouterr()
    images, found = table_of(out)
    assert tuple(images) == place.data.labels.images
    np.testing.assert_allclose(found, place.expected(), atol=1e-6, rtol=0)
    assert "WARNING" not in err


def test_missing_ones_are_one_error_that_names_them(place: Place, capsys: Text) -> None:
    args = ["predict", place.run, place.file("new.npz"), "-q"]
    assert exit_code(args) == UsageError.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert "seen: no predictions named clip, ram" in err
    assert "--predictions clip=FILE --predictions ram=FILE" in err
    assert exit_code([*args, f"--predictions=clip={place.file('clip.npz')}"]) == 2
    assert "no predictions named ram" in capsys.readouterr().err
    features = np.asarray(place.data.features)
    with pytest.raises(UsageError, match="no predictions named clip, ram"):
        alasl.load(place.run).predict_proba(features)


def test_images_of_which_a_file_says_nothing_are_counted(
    place: Place, tmp_path: Path, capsys: Text
) -> None:
    rows, names = place.clip.probabilities[:90], place.data.labels.names
    write_npz(rows, place.data.labels.images[:90], names, tmp_path / "p")
    args = ["predict", place.run, place.file("new.npz"), "--out", str(tmp_path / "o.npz"), "--json"]
    others = [f"--predictions=clip={tmp_path / 'p'}", f"--predictions=ram={place.file('ram.npz')}"]
    assert exit_code([*args, *others]) == 0
    out, err = capsys.readouterr()
    assert "predictions 'clip', and there are none of 30 of 120 images" in err
    assert "'ram'" not in err
    counts = [each["images"] for each in json.loads(out)["predictions"]]
    assert counts == [90, 120]
    with np.load(tmp_path / "o.npz") as file:
        found, expected = file["probabilities"], place.expected()
    np.testing.assert_allclose(found[:90], expected[:90], atol=1e-6, rtol=0)
    assert np.abs(found[90:] - expected[90:]).max() > 0.01


def test_names_that_nobody_has_are_refused_with_the_nearest(
    place: Place, tmp_path: Path, capsys: Text
) -> None:
    image, label = place.data.labels.images[0], place.data.labels.names[0]
    cases = {
        f"{image[:-4]}x{image[-4:]},{label},0.5": f"nearest: {image!r}",
        f"{image},lable0,0.5": f"nearest: {label!r}",
        f"{image},{label},1.5": "no probabilities from 0 to 1",
    }
    args = ["predict", place.run, place.file("new.npz"), "--predictions"]
    for row, says in cases.items():
        (tmp_path / "clip.csv").write_text(f"image,label,probability\n{row}\n")
        assert exit_code([*args, str(tmp_path / "clip.csv")]) == DataError.exit_code
        assert says in capsys.readouterr().err
    assert exit_code([*args, f"vlm={place.file('clip.npz')}"]) == 2
    assert "it learned with clip, ram: name them so" in capsys.readouterr().err
    twice = [f"clip={place.file('clip.npz')}"] * 2
    assert exit_code([*args, twice[0], "--predictions", twice[1]]) == 2
    assert "two files of predictions have one name" in capsys.readouterr().err


def test_a_model_that_learned_without_any_takes_none(place: Place, tmp_path: Path) -> None:
    features = np.asarray(place.data.features)
    model = Model.fit(features, place.data.labels.entries, names=place.data.labels.names)
    with pytest.raises(UsageError, match="it learned without any"):
        model.predict_proba(features, predictions={"clip": place.clip.probabilities})
    model.save(tmp_path / "m.safetensors")
    args = ["predict", str(tmp_path / "m.safetensors"), place.file("new.npz"), "--predictions"]
    assert exit_code([*args, place.file("clip.npz")]) == 2


def test_python_takes_arrays_and_files(place: Place, tmp_path: Path) -> None:
    model, features = alasl.load(place.run), np.asarray(place.data.features)
    clip, ram = place.clip.probabilities, place.ram.probabilities
    found = model.predict_proba(features, predictions={"ram": ram, "clip": clip})
    np.testing.assert_array_equal(found, place.expected())
    found = model.predict_proba(features[5:9], predictions={"ram": ram[5:9], "clip": clip[5:9]})
    np.testing.assert_allclose(found, place.expected()[5:9], atol=1e-6)
    # In a file, features are called by their row.
    write_npz(ram, [str(i) for i in range(120)], model.names, tmp_path / "r.npz")
    mixed = {"ram": tmp_path / "r.npz", "clip": clip.astype(np.float64)}
    np.testing.assert_array_equal(
        model.predict_proba(features, predictions=mixed), place.expected()
    )
    for wrong, says in (
        (clip[:7], r"do not fit the images and labels(.|\n)*\(7, 6\), expected \(120, 6\)"),
        (clip[0], "must be probabilities"),
        (clip * 2, "from 0 to 1"),
        ([["a"]], "must be numbers"),
        (tmp_path / "none.csv", "none.csv"),
    ):
        with pytest.raises(DataError, match=says):
            model.predict_proba(features, predictions={"ram": ram, "clip": wrong})
    for wrong in (["clip=clip.csv"], "clip=clip.csv"):
        with pytest.raises(UsageError, match="must be a mapping"):
            model.predict_proba(features, predictions=wrong)


def test_images_in_every_form_have_ids(tmp_path: Path) -> None:
    names = tuple(f"{i}.jpg" for i in range(3))
    for name in (*names, "deep/x.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert named_images(tmp_path).ids == (*names, "deep/x.png")
    assert named_images(str(tmp_path / "1.jpg")).ids == ((tmp_path / "1.jpg").as_posix(),)
    files = [tmp_path / "1.jpg", tmp_path / "1.jpg"]
    assert named_images(files).ids == tuple(file.as_posix() for file in files)
    assert named_images(np.zeros((2, 3))).ids == ("0", "1")
    with pytest.raises(DataError, match="no images here"):
        named_images([])
    with pytest.raises(DataError, match="one row for each image"):
        named_images(np.zeros(()))


@pytest.mark.slow
def test_a_broken_image_leaves_the_others_their_own_predictions(
    scenes: Path, tmp_path: Path, capsys: Text
) -> None:
    labels = alasl.read(scenes).labels
    truth = np.abs(labels.entries - np.float32(0.1))
    write_npz(truth, labels.images, labels.names, tmp_path / "clip.npz")
    args = ["run", str(scenes), "--rounds", "0", "-q", "--out", str(tmp_path / "run")]
    assert exit_code([*args, f"--predictions={tmp_path / 'clip.npz'}"]) == 0
    photos = tmp_path / "photos"
    shutil.copytree(scenes / "images", photos)
    # The file calls images otherwise than the folder does: without an ending.
    args = ["predict", str(tmp_path / "run"), str(photos), f"--predictions={tmp_path / 'clip.npz'}"]
    capsys.readouterr()
    assert exit_code(args) == 0
    images, whole = table_of(capsys.readouterr().out)
    (photos / images[3]).write_bytes(b"broken")
    assert exit_code(args) == DataError.exit_code
    out, err = capsys.readouterr()
    assert "1 of 40 images could not be read" in err
    left, found = table_of(out)
    assert left == images[:3] + images[4:]
    np.testing.assert_allclose(found, np.delete(whole, 3, axis=0), atol=1e-6)


def test_it_is_not_written_as_onnx_and_its_card_says_what_it_needs(
    place: Place, tmp_path: Path, capsys: Text
) -> None:
    args = ["export", place.run, "--what", "model"]
    assert exit_code([*args, str(tmp_path / "m.onnx")]) == 2
    assert "cannot be written as ONNX" in capsys.readouterr().err
    assert exit_code([*args, str(tmp_path / "m.safetensors")]) == 0
    card = (tmp_path / "m.md").read_text()
    assert "needs theirs of new images: clip, ram" in card
    assert "--predictions clip=clip.csv --predictions ram=ram.csv --threshold" in card
    assert ".onnx" not in card
