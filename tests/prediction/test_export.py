"""A model taken away: its file and its card, and as ONNX what `alasl predict` says."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

import alasl
from alasl.cli import exit_code
from alasl.data.images import load_square
from alasl.errors import ConflictError, DataError, UsageError
from alasl.journal import load
from alasl.models.model import Model
from alasl.prediction.card import MARK, card
from alasl.prediction.exports import export_model

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")

Trained = Callable[[str], tuple[Path, dict[str, np.ndarray]]]


def run_onnx(file: Path, inputs: np.ndarray) -> np.ndarray:
    """What onnxruntime says, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    (said,) = session.run(["probabilities"], {taken.name: inputs})
    found: np.ndarray = said
    return found


def metadata(file: Path) -> dict[str, object]:
    return {p.key: json.loads(p.value) for p in onnx.load(file).metadata_props}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logistic", "finetune"])
def test_onnx_says_of_images_what_predict_says(
    trained: Trained, photos: Path, tmp_path: Path, name: str
) -> None:
    project, _ = trained(name)
    model = alasl.load(project)
    export_model(project, tmp_path / "m.onnx")
    assert model.size == 224
    files = sorted(photos.rglob("*.jpg"))[:7]
    squares = np.stack([load_square(file, model.size) for file in files])
    expected = model.predict_proba(files)
    # What a network of random weights says is near a half, whatever the image.
    near = 1e-5 if name == "finetune" else 1e-4
    assert expected.std(axis=0).max() > 100 * near
    for rows in (slice(0, 1), slice(0, 7), slice(2, 5)):  # any number of images
        found = run_onnx(tmp_path / "m.onnx", squares[rows])
        np.testing.assert_allclose(found, expected[rows], atol=near, rtol=0)
    onnx.checker.check_model(tmp_path / "m.onnx", full_check=True)
    told = metadata(tmp_path / "m.onnx")
    assert told["names"] == list(model.names)
    assert told["size"] == 224
    assert "bicubic" in str(told["pixels"])
    thresholds = np.array([np.nan if t is None else t for t in told["thresholds"]], np.float32)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(thresholds, model.thresholds)
    # The model itself is as it was.
    np.testing.assert_array_equal(model.predict_proba(files), expected)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["logistic", "logistic:spread=2:smooth=0.5", "probe"])
def test_onnx_says_of_features_what_predict_says(
    make_dataset: Callable[..., alasl.Dataset], tmp_path: Path, kind: str
) -> None:
    data = make_dataset(80)
    assert data.features is not None
    model = Model.fit(data.features, data.labels.entries, names=data.labels.names, kind=kind)
    model.save(tmp_path / "m.safetensors")
    export_model(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    features = np.concatenate([data.features, -5 * data.features[:3], np.zeros((1, 16), "f4")])
    found = run_onnx(tmp_path / "m.onnx", features)
    np.testing.assert_allclose(found, model.predict_proba(features), atol=1e-4, rtol=0)
    assert metadata(tmp_path / "m.onnx")["thresholds"] is None
    assert "pixels" not in metadata(tmp_path / "m.onnx")
    assert "{'features': inputs}" in (tmp_path / "m.md").read_text()


def test_a_model_that_is_no_network_has_no_onnx(
    make_dataset: Callable[..., alasl.Dataset], tmp_path: Path
) -> None:
    pytest.importorskip("skops")
    data = make_dataset(60)
    assert data.features is not None
    kind = "sklearn.naive_bayes:GaussianNB"
    Model.fit(data.features, data.labels.entries, kind=kind).save(tmp_path / "m.safetensors")
    with pytest.raises(UsageError, match="cannot be written as ONNX"):
        export_model(tmp_path / "m.safetensors", tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()
    assert not (tmp_path / "m.md").exists()


@pytest.mark.slow
def test_a_models_file_is_copied_with_its_card(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, _ = own_features
    out = tmp_path / "taken" / "pets.safetensors"
    args = ["export", str(run), str(out), "--what", "model"]
    assert exit_code([*args, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["card"] == str(out.with_suffix(".md"))
    (file,) = run.glob("model-*.safetensors")
    assert out.read_bytes() == file.read_bytes()
    text = out.with_suffix(".md").read_text()
    assert "alasl.load('pets.safetensors')" in text
    assert "InferenceSession('pets.onnx')" in text
    # Again, over the card that is there; and a file over itself.
    assert exit_code(args) == 0
    assert exit_code(["export", str(out), str(out), "--what", "model"]) == 0
    assert out.read_bytes() == file.read_bytes()
    assert exit_code([*args, "--to", "coco"]) == 2
    assert exit_code(["export", str(run), str(tmp_path / "m.pt"), "--what", "model"]) == 2
    assert "ends in .safetensors or .onnx" in capsys.readouterr().err


def test_no_other_file_is_taken_for_a_card(
    own_features: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    run, _ = own_features
    (tmp_path / "README.md").write_text("# Mine")
    with pytest.raises(ConflictError, match="over a file that is none"):
        export_model(run, tmp_path / "README.safetensors")
    assert (tmp_path / "README.md").read_text() == "# Mine"
    assert not (tmp_path / "README.safetensors").exists()


@pytest.mark.slow
def test_a_card_says_what_its_numbers_rest_on(
    trained: Trained, own_features: tuple[Path, np.ndarray]
) -> None:
    project, _ = trained("logistic")
    model = alasl.load(project)
    text = card(model, "scenes")
    assert MARK in text
    assert "Judged on 12 test images, all known; no model that saw an image was judged" in text
    defined = sum(ap is not None for ap in model.about["ap"])
    low, high = model.about["ground"]["map"]
    sure = f"(95 % interval {low:.1f} to {high:.1f})"
    assert f"mAP is {model.about['map']:.1f} % {sure} over {defined} of {len(model.names)}" in text
    figure = r"(\S+ \(\S+ to \S+\)|-)"
    row = r"^\| (\S.*?) \| (\d+) \| (\d+) \| (\S+) \| (\S+ to \S+|-) \| (\S+) \| "
    row += rf"{figure} \| {figure} \| {figure} \|$"
    rows = re.findall(row, text, re.MULTILINE)
    assert [row[0] for row in rows] == list(model.names)
    figures = model.about["ground"]["figures"]
    for (_, present, absent, ap, sure, threshold, *called), value, column in zip(
        rows,
        model.thresholds,  # type: ignore[arg-type]
        range(len(rows)),
        strict=True,
    ):
        for text_of, name in zip(called, ("precision", "recall", "f1"), strict=True):
            told = figures[name]["labels"][column]
            assert text_of.split()[0] == ("-" if told is None else f"{told[0]:.1f}")
        assert int(present) + int(absent) == 12
        assert (threshold == "-") == np.isnan(value) == (int(present) in (0, 12))
        assert (ap == "-") == (sure == "-") == (present == "0")
    assert "alasl predict scenes.safetensors photos" in text
    assert "tf_efficientnet_lite0:" in text
    # No place on the machine where it was made.
    assert str(project.parent) not in text
    mean, low, high = figures["f1"]["mean"]
    assert f"F1 {mean:.1f} ({low:.1f} to {high:.1f}) %, over {figures['f1']['over']}" in text
    assert "tried on the tenth" in text
    refitted = {**model.about, "refit": True}
    for value, learned in ((model.about["map"], True), (None, False)):
        model.about = {**refitted, "map": value}
        assert ("has learned from these answers" in card(model, "m")) == learned
    own = card(alasl.load(own_features[0]), "own")
    assert "alasl predict own.safetensors features.npy" in own
    assert "features of one's own, 16 numbers an image" in own
    assert "look better than they will" in own


def test_a_card_of_a_run_has_intervals_and_calls_nothing_map_that_is_none(
    own_features: tuple[Path, np.ndarray],
) -> None:
    last = load(own_features[0]).evaluations[-1]
    model = alasl.load(own_features[0])
    own = card(model, "own")
    low, high = last.interval or (0.0, 0.0)
    assert f"mAP is {last.map_last:.1f} % (95 % interval {low:.1f} to {high:.1f})" in own
    for ap, (low, high) in zip(last.ap, last.ap_intervals, strict=True):  # type: ignore[misc]
        assert f"| {ap:.1f} | {low:.1f} to {high:.1f} |" in own
    some = {"judged on": "the known entries of the 9 images", "interval": None, "ap_intervals": ()}
    model.about = {**model.about, **some}
    partly = card(model, "own")
    assert f"The mean AP of these is {last.map_last:.1f} % over" in partly
    assert "mAP is" not in partly


def test_a_card_of_a_model_that_was_not_judged(
    make_dataset: Callable[..., alasl.Dataset],
) -> None:
    data = make_dataset(60)
    assert data.features is not None
    model = Model.fit(data.features, data.labels.entries, names=["a|b", "<i>", "c", "d", "e", "f"])
    assert "It was not judged." in card(model, "m")
    model.about = {"ap": [1.0], "map": None}
    with pytest.raises(DataError, match="makes no sense"):
        card(model, "m")


@pytest.mark.slow
def test_a_backbone_with_weights_of_its_own_travels(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    network = timm.create_model("test_resnet", num_classes=0)
    weights = tmp_path / "weights.safetensors"
    save_file(network.state_dict(), weights)
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    args = ["run", str(scenes), "--clean", "0.4", "--rounds", "0", "--quiet"]
    args += ["--backbone", "test_resnet", "--weights", str(weights)]
    assert exit_code([*args, "--out", str(tmp_path / "run")]) == 0
    shutil.copy(tmp_path / "run" / "model-000.safetensors", tmp_path / "m.safetensors")
    before = alasl.load(tmp_path / "run").predict_proba(scenes / "images")
    weights.unlink()
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "other"))
    model = alasl.load(tmp_path / "m.safetensors")
    files = sorted((scenes / "images").iterdir())[::-1][:11]
    found = model.predict_proba(files)
    np.testing.assert_allclose(found, before[::-1][:11], atol=1e-6, rtol=0)
    # A copy of a copy, too.
    model.save(tmp_path / "n.safetensors")
    again = alasl.load(tmp_path / "n.safetensors").predict_proba(files)
    np.testing.assert_array_equal(again, found)
