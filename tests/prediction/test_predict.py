"""A model taken away says of every image what it said at home, in every format."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import alasl
from alasl.cli import exit_code
from alasl.data.formats.label_studio import read_tasks
from alasl.data.predictions import read_predictions
from alasl.errors import ConflictError, DataError, UsageError
from alasl.models.model import VERSION, Model
from alasl.prediction.formats import FORMATS, Predicted, Predictions, format_of, piece, write
from alasl.prediction.images import find_images

Trained = Callable[[str], tuple[Path, dict[str, np.ndarray]]]
Run = Callable[..., subprocess.CompletedProcess[str]]


def table_of(text: str) -> tuple[list[str], dict[str, np.ndarray]]:
    """The labels, and each image's probabilities, of a CSV with a row an image."""
    rows = list(csv.reader(io.StringIO(text)))
    return rows[0][1:], {row[0]: np.array([float(cell) for cell in row[1:]]) for row in rows[1:]}


def id_of(photo: str) -> str:
    """The scene's id of a file that the fixture `photos` made."""
    return Path(photo).stem.split("-", 1)[1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["logistic", "probe", "finetune"])
def test_a_model_says_elsewhere_what_it_said_in_its_project(
    trained: Trained, photos: Path, elsewhere: Run, tmp_path: Path, name: str
) -> None:
    project, said = trained(name)
    (file,) = (project / "model").glob("*.safetensors")
    model = tmp_path / "taken.safetensors"
    shutil.copy(file, model)
    # Nothing of the project is at hand while it predicts.
    hidden = project.rename(tmp_path / "hidden")
    try:
        done = elsewhere("predict", model, photos)
    finally:
        hidden.rename(project)
    assert done.returncode == 0, done.stderr
    labels, found = table_of(done.stdout)
    assert labels == list(Model.load(model).names)
    assert len(found) == 22
    by_stem = {Path(image).stem: row for image, row in said.items()}
    for photo, row in found.items():
        np.testing.assert_allclose(row, by_stem[id_of(photo)], atol=1e-6, rtol=0)
    assert not any("scenes" in photo for photo in found)


@pytest.mark.slow
def test_projects_runs_and_files_hold_models(
    trained: Trained, own_features: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    project, _ = trained("logistic")
    run, features = own_features
    (file,) = (project / "model").glob("*.safetensors")
    assert alasl.load(project).names == alasl.load(file).names
    model = alasl.load(run)
    assert model.predict_proba(features).shape == (120, 6)
    assert repr(model) == "<Model: probe on features, 6 labels>"
    with pytest.raises(DataError, match="there is no model here"):
        alasl.load(tmp_path)
    with pytest.raises(DataError, match="no such file or folder"):
        alasl.load(tmp_path / "nowhere")


def test_a_project_without_a_model_says_how_to_get_one(scenes: Path, tmp_path: Path) -> None:
    assert exit_code(["init", str(tmp_path / "p"), str(scenes), "--clean", "0.4"]) == 0
    with pytest.raises(DataError, match="there is no model yet"):
        alasl.load(tmp_path / "p")


@pytest.mark.slow
def test_broken_images_are_named_left_out_and_counted(
    trained: Trained, photos: Path, elsewhere: Run, tmp_path: Path
) -> None:
    model, _ = trained("logistic")
    whole = elsewhere("predict", model, photos)
    images = sorted(photos.rglob("*.jpg"))
    images[2].write_bytes(images[2].read_bytes()[:700])
    (photos / "empty.png").touch()
    (photos / "page.jpg").write_text("<html></html>")
    (photos / "notes.txt").write_text("no image")
    (photos / ".hidden.jpg").write_text("no image")
    done = elsewhere("predict", model, photos, "--out", tmp_path / "out.csv")
    assert done.returncode == DataError.exit_code
    for name in (images[2], photos / "empty.png", photos / "page.jpg"):
        assert f"left out: {name}: " in done.stderr
    assert "3 of 24 images could not be read and were left out" in done.stderr
    assert "notes" not in done.stderr
    assert ".hidden" not in done.stderr
    _, before = table_of(whole.stdout)
    _, after = table_of((tmp_path / "out.csv").read_text())
    lost = images[2].relative_to(photos).as_posix()
    assert list(after) == [image for image in before if image != lost]
    for image, row in after.items():
        np.testing.assert_allclose(row, before[image], atol=1e-6, rtol=0)


@pytest.mark.slow
def test_where_no_image_can_be_read_nothing_is_written(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model, _ = trained("logistic")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("no image")
    out = tmp_path / "out.csv"
    out.write_text("what was there")
    args = ["predict", str(model), str(tmp_path / "photos")]
    assert exit_code([*args, "--out", str(out)]) == DataError.exit_code
    assert "none of the images can be read" in capsys.readouterr().err
    assert out.read_text() == "what was there"
    assert exit_code(args) == DataError.exit_code
    assert capsys.readouterr().out == ""
    (tmp_path / "photos" / "a.jpg").unlink()
    assert exit_code(args) == DataError.exit_code
    assert "there are no images here" in capsys.readouterr().err


@pytest.mark.slow
def test_files_folders_and_tables_name_the_same_images(
    trained: Trained, scenes: Path, tmp_path: Path, elsewhere: Run
) -> None:
    model, _ = trained("logistic")
    some = sorted((scenes / "images").iterdir())[:3]
    by_files = elsewhere("predict", model, *some, some[0])
    labels, found = table_of(by_files.stdout)
    assert list(found) == [path.as_posix() for path in some]
    table = tmp_path / "few.csv"
    # The labels of a table are not asked for: they may be others, and unknown.
    table.write_text("\n".join(["image,anything", *(f"{path.stem}," for path in some[::-1]), ""]))
    by_table = elsewhere("predict", model, table, "--image-folder", scenes / "images")
    same, other = table_of(by_table.stdout)
    assert list(other) == [path.stem for path in some[::-1]]
    assert labels == same
    for path in some:
        np.testing.assert_array_equal(found[path.as_posix()], other[path.stem])
    refused = elsewhere("predict", model, table, some[0])
    assert refused.returncode == UsageError.exit_code
    assert "is given alone" in refused.stderr
    missing = elsewhere("predict", model, table)
    assert missing.returncode == DataError.exit_code
    assert "no image file of this table was found" in missing.stderr
    assert "--image-folder" in missing.stderr


@pytest.mark.slow
def test_a_table_with_a_missing_image_is_predicted_without_it(
    trained: Trained, scenes: Path, tmp_path: Path, elsewhere: Run
) -> None:
    model, _ = trained("logistic")
    some = sorted((scenes / "images").iterdir())[:2]
    table = tmp_path / "few.csv"
    table.write_text(f"image,a\n{some[0].stem},1\ngone,0\n{some[1].stem},1\n")
    done = elsewhere("predict", model, table, "--image-folder", scenes / "images")
    assert done.returncode == DataError.exit_code
    assert "the image file does not exist" in done.stderr
    assert list(table_of(done.stdout)[1]) == [path.stem for path in some]


def test_features_of_ones_own(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, features = own_features
    expected = alasl.load(run).predict_proba(features)
    np.save(tmp_path / "f.npy", features)
    np.savez(tmp_path / "f.npz", features=features, images=[f"photo {i}" for i in range(120)])
    for place, first in (
        (tmp_path / "f.npy", "0"),
        (tmp_path / "f.npz", "photo 0"),
        (run.parent / "table.npz", "0000.jpg"),
    ):
        assert exit_code(["predict", str(run), str(place), "-q"]) == 0
        _, found = table_of(capsys.readouterr().out)
        assert next(iter(found)) == first
        np.testing.assert_allclose(np.array(list(found.values())), expected, atol=1e-6, rtol=0)


@pytest.mark.slow
def test_features_that_do_not_fit_are_refused(
    own_features: tuple[Path, np.ndarray],
    trained: Trained,
    scenes: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run, features = own_features
    broken = features.copy()
    broken[7, 1] = np.nan
    cases = {
        "wide": (features[:, :-1], "another width"),
        "flat": (features[0], "one row for each image"),
        "nan": (broken, "first in row 7"),
        "text": (np.array(["a"]), "one row for each image"),
        "whole": (features.astype(np.int64), "features must be floats"),
    }
    for name, (array, says) in cases.items():
        np.save(tmp_path / f"{name}.npy", array)
        assert exit_code(["predict", str(run), str(tmp_path / f"{name}.npy"), "-q"]) == 3
        assert says in capsys.readouterr().err
    (tmp_path / "cut.npy").write_bytes((tmp_path / "wide.npy").read_bytes()[:100])
    assert exit_code(["predict", str(run), str(tmp_path / "cut.npy"), "-q"]) == 3
    assert "the features cannot be read" in capsys.readouterr().err
    assert exit_code(["predict", str(run), str(scenes / "images"), "-q"]) == 2
    assert "learned from features of your own" in capsys.readouterr().err
    model, _ = trained("finetune")
    np.save(tmp_path / "fine.npy", features)
    assert exit_code(["predict", str(model), str(tmp_path / "fine.npy"), "-q"]) == 2
    assert "this model looks at image files, not at features" in capsys.readouterr().err


def predictions(calls: bool = True) -> Predictions:
    thresholds = np.array([0.5, 0.25, np.nan], np.float32)
    return Predictions(("dog", "cat, big", "=boat"), thresholds, calls)


SAID = np.array([[0.9, 0.25, 1e-7], [0.1, 0.5, 1.0]], np.float32)


def put(
    found: Predictions,
    path: Path,
    format: str,
    blocks: Iterable[Predicted] = (Predicted(("a.jpg", "b é.jpg"), SAID),),
) -> None:
    """Write predictions of these blocks."""
    write(found, map(partial(piece, found, format), blocks), path, format)


def test_csv_with_a_row_an_image(tmp_path: Path) -> None:
    put(predictions(), tmp_path / "p.csv", "csv-wide")
    rows = list(csv.reader((tmp_path / "p.csv").open(encoding="utf-8", newline="")))
    assert rows == [
        ["image", "dog", "cat, big", "'=boat", "present"],
        ["a.jpg", "0.9", "0.25", "1e-07", "dog;cat, big"],
        ["b é.jpg", "0.1", "0.5", "1", "cat, big"],
    ]


def test_csv_with_a_row_an_entry(tmp_path: Path) -> None:
    put(predictions(), tmp_path / "p.csv", "csv-long")
    rows = list(csv.reader((tmp_path / "p.csv").open(encoding="utf-8", newline="")))
    assert rows[:4] == [
        ["image", "label", "probability", "present"],
        ["a.jpg", "dog", "0.9", "1"],
        ["a.jpg", "cat, big", "0.25", "1"],
        ["a.jpg", "'=boat", "1e-07", ""],
    ]
    assert rows[4][3] == "0"
    put(predictions(calls=False), tmp_path / "p.csv", "csv-long")
    assert (tmp_path / "p.csv").read_text().startswith("image,label,probability\na.jpg,dog,0.9\n")


def test_json_lines(tmp_path: Path) -> None:
    put(predictions(), tmp_path / "p.jsonl", "jsonl")
    first, second = map(json.loads, (tmp_path / "p.jsonl").read_text().splitlines())
    assert first["image"] == "a.jpg"
    assert first["probabilities"] == {"dog": 0.9, "cat, big": 0.25, "=boat": 1e-7}
    assert second["present"] == ["cat, big"]


def test_npz(tmp_path: Path) -> None:
    put(predictions(), tmp_path / "p.npz", "npz")
    with np.load(tmp_path / "p.npz") as file:
        assert file["images"].tolist() == ["a.jpg", "b é.jpg"]
        assert file["names"].tolist() == ["dog", "cat, big", "=boat"]
        assert file["probabilities"].dtype == np.float32
        assert file["present"].tolist() == [[1, 1, -1], [0, 1, -1]]


def test_label_studio(tmp_path: Path) -> None:
    put(predictions(), tmp_path / "p.json", "label-studio")
    tasks = json.loads((tmp_path / "p.json").read_text())
    ticked = [t["predictions"][0]["result"][0]["value"]["choices"] for t in tasks]
    assert ticked == [["dog", "cat, big"], ["cat, big", "=boat"]]
    # Doubt: (0.1 + 0.25 + 1e-7) / 3 and (0.1 + 0.5 + 0) / 3; 0.5 would be the most.
    scores = [t["predictions"][0]["score"] for t in tasks]
    assert scores == pytest.approx([1 - 2 * 0.35 / 3, 1 - 2 * 0.6 / 3], abs=1e-6)
    # ALASL reads such tasks; nobody has answered anything yet.
    export = read_tasks(tmp_path / "p.json")
    assert (export.images, export.names) == (("a.jpg", "b é.jpg"), predictions().names)
    assert export.answers == ()


def test_lower_probabilities_are_left_out(tmp_path: Path) -> None:
    found = replace(predictions(), least=0.25)
    none = Predicted(("none.jpg",), np.full((1, 3), 0.2, np.float32))
    blocks = [none, Predicted(("a.jpg", "b é.jpg"), SAID)]
    put(found, tmp_path / "p.csv", "csv-long", blocks)
    assert (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines() == [
        "image,label,probability,present",
        "a.jpg,dog,0.9,1",
        'a.jpg,"cat, big",0.25,1',
        'b é.jpg,"cat, big",0.5,1',
        "b é.jpg,'=boat,1,",
    ]
    put(found, tmp_path / "p.jsonl", "jsonl", blocks)
    lines = [json.loads(line) for line in (tmp_path / "p.jsonl").read_text().splitlines()]
    assert [line["probabilities"] for line in lines] == [
        {}, {"dog": 0.9, "cat, big": 0.25}, {"cat, big": 0.5, "=boat": 1.0},
    ]  # fmt: skip
    # What is not there is nothing said.
    read = read_predictions(
        str(tmp_path / "p.csv"), ("a.jpg", "b é.jpg"), ("dog", "cat, big", "=boat")
    )
    np.testing.assert_array_equal(np.isnan(read.table[:]), SAID < 0.25)


def test_only_a_format_of_entries_leaves_some_out(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, features = own_features
    np.save(tmp_path / "f.npy", features)
    args = ["predict", str(run), str(tmp_path / "f.npy"), "-q", "--at-least", "0.5"]
    assert exit_code([*args, "--out", str(tmp_path / "p.npz")]) == 2
    assert "npz has a place for every probability" in capsys.readouterr().err
    assert exit_code([*args, "--format", "csv-long"]) == 0
    high = alasl.load(run).predict_proba(features) >= 0.5
    assert 0 < high.sum() == len(capsys.readouterr().out.splitlines()) - 1 < high.size


@pytest.mark.parametrize("name", ["p.csv", "p.npz"])
def test_an_interruption_leaves_no_file_and_says_so(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, name: str
) -> None:
    run, features = own_features
    np.save(tmp_path / "f.npy", np.concatenate([features] * 10))
    code = (
        "import os, signal, sys\n"
        "from alasl.cli import main\n"
        "from alasl.models.model import Model\n"
        "say, blocks = Model.predict_proba, []\n"
        "def interrupted(*args, **more):\n"
        "    blocks.append(1)\n"
        "    if len(blocks) > 1:\n"
        "        os.kill(os.getpid(), int(sys.argv[1]))\n"
        "    return say(*args, **more)\n"
        "Model.predict_proba = interrupted\n"
        "main(sys.argv[2:])\n"
    )
    words = ["predict", str(run), str(tmp_path / "f.npy"), "-q", "--out", str(tmp_path / name)]
    for number, ended in ((2, 130), (15, 143)):
        done = subprocess.run(
            [sys.executable, "-c", code, str(number), *words], capture_output=True, text=True
        )
        assert done.returncode == ended, done.stderr
        assert ("the same command begins anew" in done.stderr) == (ended == 130)
        assert [path.name for path in tmp_path.iterdir()] == ["f.npy"]


@pytest.mark.parametrize("format", ["csv-wide", "csv-long", "jsonl", "label-studio"])
def test_blocks_are_written_as_they_come(tmp_path: Path, format: str) -> None:
    probabilities = np.full((500, 1), 0.25, np.float32)
    lengths: list[int] = []

    def blocks() -> Iterator[Predicted]:
        for start in range(0, 4000, 500):
            lengths.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
            yield Predicted(tuple(f"{start + i}.jpg" for i in range(500)), probabilities)

    put(Predictions(("dog",), np.ones(1, np.float32)), tmp_path / "p", format, blocks())
    assert lengths[-1] > 0.7 * (tmp_path / "p").stat().st_size
    if format == "label-studio":
        tasks = json.loads((tmp_path / "p").read_text())
        assert len(tasks) == 4000
        assert [place for place, task in enumerate(tasks) if "meta" in task] == [0]
        assert (tmp_path / "p").read_text() == json.dumps(tasks)


def test_a_label_called_as_the_column_is_refused(tmp_path: Path) -> None:
    block = Predicted(("a",), np.zeros((1, 1), np.float32))
    found = Predictions(("present",), np.zeros(1, np.float32), calls=True)
    with pytest.raises(DataError, match="a label is called 'present'"):
        put(found, tmp_path / "p.csv", "csv-wide", [block])
    assert not (tmp_path / "p.csv").exists()


def test_the_format_is_said_by_the_name_or_asked_for() -> None:
    assert format_of(None, None) == "csv-wide"
    assert format_of(Path("a.CSV"), None) == "csv-wide"
    assert format_of(Path("a.csv"), "csv-long") == "csv-long"
    assert {format_of(Path(f"a{each.suffix}"), None) for each in FORMATS.values()} == {
        "csv-wide", "jsonl", "npz", "label-studio",
    }  # fmt: skip
    with pytest.raises(UsageError, match="did you mean 'csv-long'"):
        format_of(None, "csv-lon")
    with pytest.raises(UsageError, match="needs a file"):
        format_of(None, "npz")
    with pytest.raises(UsageError, match="does not say its format"):
        format_of(Path("a.xlsx"), None)


def test_thresholds_and_single_labels(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, features = own_features
    model = alasl.load(run)
    np.save(tmp_path / "f.npy", features)
    args = ["predict", str(run), str(tmp_path / "f.npy"), "--threshold", "-q", "--json"]
    out = tmp_path / "p.npz"
    assert exit_code([*args, "--label", "label3", "--label", "label1", "--out", str(out)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["images"], told["labels"]) == (120, ["label3", "label1"])
    with np.load(out) as file:
        assert model.thresholds is not None
        np.testing.assert_array_equal(file["thresholds"], model.thresholds[[3, 1]])
        np.testing.assert_array_equal(
            file["present"], model.predict_proba(features)[:, [3, 1]] >= model.thresholds[[3, 1]]
        )
    assert exit_code([*args, "--label", "lable3", "--out", str(out)]) == 2
    assert "did you mean 'label3'?" in capsys.readouterr().err
    assert exit_code(args) == 2
    assert "--json needs a file" in capsys.readouterr().err


def test_a_model_without_thresholds_calls_nothing(
    make_dataset: Callable[..., alasl.Dataset],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = make_dataset(60)
    assert data.features is not None
    Model.fit(data.features, data.labels.entries).save(tmp_path / "m.safetensors")
    np.save(tmp_path / "f.npy", data.features)
    args = ["predict", str(tmp_path / "m.safetensors"), str(tmp_path / "f.npy"), "-q"]
    assert exit_code([*args, "--threshold"]) == 2
    assert "this model has no thresholds" in capsys.readouterr().err
    assert exit_code(args) == 0


def changed(source: Path, out: Path, /, **values: object) -> Path:
    """A model's file with some values of its description changed."""
    with safe_open(source, "pt") as file:
        card = json.loads(file.metadata()["alasl"])
    save_file(load_file(source), out, {"alasl": json.dumps(card | values)})
    return out


def test_files_that_are_no_model_are_refused(
    own_features: tuple[Path, np.ndarray], tmp_path: Path
) -> None:
    run, _ = own_features
    (good,) = run.glob("model-*.safetensors")
    out = tmp_path / "m.safetensors"
    out.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"m\.safetensors: this is no file of ALASL's"):
        alasl.load(out)
    out.write_text("no model")
    with pytest.raises(DataError, match="or it is damaged"):
        alasl.load(out)
    save_file(load_file(good), out)  # without a word on what it is
    with pytest.raises(DataError, match="no file of ALASL's"):
        alasl.load(out)
    with pytest.raises(DataError, match="no model of ALASL's"):
        alasl.load(changed(good, out, format="alasl checkpoint"))
    with pytest.raises(ConflictError, match="a newer ALASL"):
        alasl.load(changed(good, out, version=VERSION + 1))
    for values in (
        {"version": "1"},
        {"model": 7},
        {"parameters": [1]},
        {"names": 3},
        {"source": {"name": "lite0"}},
        {"versions": None, "about": None, "names": None},
        {"predictions": 5},
    ):
        with pytest.raises(DataError, match="the model's file is damaged"):
            alasl.load(changed(good, out, **values))
    with pytest.raises(UsageError, match=r"m\.safetensors: there is no model 'prob'"):
        alasl.load(changed(good, out, model="prob"))
    with pytest.raises(DataError, match="another number of labels"):
        alasl.load(changed(good, out, names=["a", "b"]))
    with pytest.raises(DataError, match="there more than once"):
        alasl.load(changed(good, out, names=["a"] * 6))
    with pytest.raises(DataError, match="0 sources, 1 names"):
        alasl.load(changed(good, out, predictions=["clip"]))
    with pytest.raises(UsageError, match="a name of predictions is of letters"):
        alasl.load(changed(good, out, predictions=["; rm"]))


def test_a_file_that_names_code_runs_it_only_if_trusted(
    own_features: tuple[Path, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = own_features
    (good,) = run.glob("model-*.safetensors")
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nC = dict\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "m.safetensors"
    for name in ("evil.x:C", "evil.py:C"):
        changed(good, file, model=name, parameters={})
        for args in (["predict", str(file), str(tmp_path)], ["export", str(file), "o.safetensors"]):
            more = ["--what", "model"] if args[0] == "export" else []
            assert exit_code([*args, *more]) == 2
        with pytest.raises(UsageError, match="--trust"):
            alasl.load(file)
    assert not (tmp_path / "ran").exists()


def test_images_of_all_names_are_found(tmp_path: Path) -> None:
    for name in ("b.JPG", "a/c.png", ".x.jpg", ".thumbs/d.jpg", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_images([tmp_path]).ids == ("a/c.png", "b.JPG")
    given = [tmp_path / "b.JPG", tmp_path / "a"]
    assert find_images(given).ids == tuple((tmp_path / n).as_posix() for n in ("b.JPG", "a/c.png"))
    with pytest.raises(DataError, match="no such file or folder"):
        find_images([tmp_path / "none.jpg"])


def test_an_npz_holds_no_block_that_is_written(tmp_path: Path) -> None:
    rng, made = np.random.default_rng(0), list[weakref.ref[np.ndarray]]()
    whole = rng.random((7, 3), np.float32)

    def blocks() -> Iterator[Predicted]:
        for start in range(0, 7, 2):
            assert all(block() is None for block in made[:-1])
            values = whole[start : start + 2].copy()
            made.append(weakref.ref(values))
            yield Predicted(tuple(f"{start + n}ä" for n in range(len(values))), values)
            del values

    said = Predictions(("a", "b", "ö"), np.array([0.5, np.nan, 0.1], np.float32), True)
    put(said, tmp_path / "out.npz", "npz", blocks())
    found = dict(np.load(tmp_path / "out.npz"))
    np.testing.assert_array_equal(found["probabilities"], whole)
    assert found["images"].tolist() == [f"{n}ä" for n in range(7)]
    assert found["names"].tolist() == ["a", "b", "ö"]
    np.testing.assert_array_equal(found["present"], said.called(whole))
    np.testing.assert_array_equal(found["thresholds"], said.thresholds)
    assert [file.name for file in tmp_path.iterdir()] == ["out.npz"]
