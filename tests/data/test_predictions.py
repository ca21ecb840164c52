"""Other models' predictions from files: every form in the table's order, and what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit

from alasl.data import prediction_text
from alasl.data.dataset import Dataset
from alasl.data.evidence import LEAST, Predictions, evidence_of, log_odds
from alasl.data.formats import npz, read_table
from alasl.data.prediction_arrays import is_kept, read_kept, write_kept
from alasl.data.predictions import named, read_all, read_predictions
from alasl.errors import DataError, UsageError
from alasl.labels import Labels
from told import write_npz

IMAGES, NAMES = ("a.jpg", "b.jpg", "c.jpg"), ("dog", "cat")
NOTHING = np.nan


def read(tmp_path: Path, text: str, name: str = "clip.csv") -> NDArray[np.float32]:
    path = tmp_path / name
    path.write_text(text)
    return read_predictions(str(path), IMAGES, NAMES).table[:]


EXPECTED = np.array([[0.9, NOTHING], [0.25, 1], [NOTHING, NOTHING]], np.float32)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("clip.csv", "image,label,probability\nb.jpg,cat,1\na.jpg,dog,0.9\nb.jpg,dog,0.25\n"),
        (
            "more.csv",
            "image,label,probability,present\nb.jpg,cat,1,1\na.jpg,dog,.9,\nb,dog,.25,0\n",
        ),
        ("wide.csv", "image,cat,dog\nb.jpg,1.0,0.25\na.jpg,,0.9\n"),
        ("called.csv", "image,cat,dog,present\nb.jpg,1.0,0.25,cat\na.jpg,nan,0.9,dog;cat\n"),
        (
            "lines.jsonl",
            '{"image": "b.jpg", "probabilities": {"cat": 1, "dog": 0.25}, "present": ["cat"]}\n'
            '{"image": "a.jpg", "probabilities": {"dog": 0.9, "cat": null}}\n',
        ),
    ],
)
def test_every_form_of_text_is_read_in_the_order_of_the_table(
    tmp_path: Path, name: str, text: str
) -> None:
    np.testing.assert_array_equal(read(tmp_path, text, name), EXPECTED)


def test_arrays_are_read_in_the_order_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    said = np.array([[1, 0.25], [NOTHING, 0.9]])
    np.savez(path, probabilities=said, images=["b.jpg", "a.jpg"], names=["cat", "dog"])
    found = read_predictions(f"mine={path}", IMAGES, NAMES)
    np.testing.assert_array_equal(found.table[:], EXPECTED)
    assert found.name == "mine"


def test_a_machine_of_open_images_is_evidence_and_people_are_not(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "ImageID,Source,LabelName,Confidence\n1,verification,/m/1,1\n2,machine,/m/1,0.7\n"
        "1,machine,/m/2,0.2\n2,verification,/m/3,0\n2,machine,/m/3,1\n"
    )
    (tmp_path / "class-descriptions.csv").write_text("/m/1,Dog\n/m/2,Bowl\n/m/3,Bowl\n")
    labels = read_table(tmp_path)[0].labels
    assert labels.names == ("Dog", "Bowl (/m/2)", "Bowl (/m/3)")
    assert labels.entries.tolist() == [[1, -1, -1], [-1, -1, 0]]
    found = read_predictions(str(path), labels.images, labels.names).table[:]
    expected = [[NOTHING, 0.2, NOTHING], [0.7, NOTHING, 1]]
    np.testing.assert_array_equal(found, np.array(expected, np.float32))


@pytest.mark.slow
@given(st.data())
def test_what_is_written_is_read_back(tmp_path_factory: pytest.TempPathFactory, data) -> None:
    cells = st.one_of(st.just(float("nan")), st.floats(0, 1, width=32))
    said = np.array(
        data.draw(st.lists(st.lists(cells, min_size=2, max_size=2), min_size=3, max_size=3))
    )
    said[0, 0] = 0.5
    told = Predictions("x", said.astype(np.float32))
    path = tmp_path_factory.mktemp("w") / "x.npz"
    write_npz(told.probabilities, IMAGES, NAMES, path)
    found = read_predictions(str(path), IMAGES, NAMES)
    np.testing.assert_array_equal(found.table[:], told.probabilities)
    assert found.digest == told.digest


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "image,label,probability\nd.jpg,dog,0.5\n",
            r"one of the predictions names an image or a label(.|\n)*'d.jpg'",
        ),
        ("image,label,probability\na.jpg,dgo,0.5\n", r"label 'dgo'; nearest: 'dog'"),
        ("image,dog,horse\na.jpg,0,1\n", "label 'horse'"),
        ("image,dog\na.jpg,1.5\n", r"no probabilities from 0 to 1\n.*'a.jpg', label 'dog': '1.5'"),
        ("image,dog\na.jpg,-0.1\nb.jpg,x\n", "2 predictions are no probabilities"),
        ("image,dog\na.jpg,97 %\n", "'97 %'"),
        ("image,dog\na.jpg,inf\n", "'inf'"),
        ("image,dog\na.jpg,0.5\na.jpg,0.6\n", r"predicted twice, and differently\n.*:2 and .*:3"),
        ("image,dog\na.jpg,\n", "the file predicts nothing"),
        ("image,dog\n", "the file predicts nothing"),
        ("", "an empty file"),
        ('{"image": "a.jpg", "label": "dog"}\n', "a line must be like"),
        ('{"image": "a.jpg", "probabilities": {"dog": true}}\nx\n', r":2: this is not valid JSON"),
        ('[{"image": "a.jpg"}]\n', "a line must be like"),
        ('{"image": "a.jpg", "probabilities": {"dog": "high"}}', "'high'"),
    ],
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, text)


def test_the_same_twice_is_no_contradiction(tmp_path: Path) -> None:
    found = read(tmp_path, "image,dog\na.jpg,0.5\na.jpg,0.50\n")
    assert found[0, 0] == 0.5


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"names": ["dog"], "images": ["a.jpg"]}, "the npz lacks probabilities"),
        ({"probabilities": [[0.5, 1]], "names": ["dog"], "images": ["a.jpg"]}, "numbers"),
        ({"probabilities": [[2.0]], "names": ["dog"], "images": ["a.jpg"]}, "label 'dog': 2"),
        ({"probabilities": [[1.0]], "names": ["dgo"], "images": ["a.jpg"]}, "nearest: 'dog'"),
        (
            {"probabilities": [[0.5], [0.5]], "names": ["dog"], "images": ["a.jpg", "a.jpg"]},
            "'images' names one twice; seen: 'a.jpg'",
        ),
    ],
)
def test_arrays_that_make_no_sense_are_refused(tmp_path: Path, arrays, says: str) -> None:
    path = tmp_path / "p.npz"
    np.savez(path, **arrays)
    with pytest.raises(DataError, match=says):
        read_predictions(str(path), IMAGES, NAMES)


def test_a_damaged_archive_and_no_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    path.write_bytes(b"PK\x03\x04 and nothing more")
    with pytest.raises(DataError, match="not a plain npz"):
        read_predictions(str(path), IMAGES, NAMES)
    np.savez(path, probabilities=np.array([[object()]]), images=["a"], names=["dog"])
    with pytest.raises(DataError, match="not a plain npz"):
        read_predictions(str(path), IMAGES, NAMES)
    with pytest.raises(DataError, match="cannot be read"):
        read_predictions(str(tmp_path / "none.csv"), IMAGES, NAMES)


def test_names_are_those_given_or_the_files(tmp_path: Path) -> None:
    assert named("clip=some/file=1.csv") == ("clip", Path("some/file=1.csv"))
    assert named("runs/x=1/clip.csv") == ("clip", Path("runs/x=1/clip.csv"))
    (tmp_path / "clip.csv").write_text("image,dog\na.jpg,0.5\n")
    file = tmp_path / "clip.csv"
    two = read_all([str(file), f"b={file}"], IMAGES, NAMES)
    assert [each.name for each in two] == ["clip", "b"]
    with pytest.raises(UsageError, match=r"one name; seen: 'clip'"):
        read_all([str(file), f"clip={file}"], IMAGES, NAMES)
    with pytest.raises(UsageError, match="more than 8"):
        read_all([f"n{number}={file}" for number in range(9)], IMAGES, NAMES)
    with pytest.raises(UsageError, match="letters"):
        Predictions("../x", np.zeros((1, 1), np.float32))


def test_of_how_much_is_said_is_counted(tmp_path: Path, caplog) -> None:
    (tmp_path / "clip.csv").write_text("image,dog\na.jpg,0.5\n")
    with caplog.at_level(logging.WARNING, "alasl"):
        read_all([str(tmp_path / "clip.csv")], IMAGES, NAMES)
    assert "clip: 1 of 6 entries, in 1 of 3 images and 1 of 2 labels" in caplog.text


@pytest.mark.parametrize("arrays", [False, True])
def test_of_a_file_about_more_images_those_asked_about_are_taken(
    tmp_path: Path, caplog, arrays: bool
) -> None:
    path = tmp_path / ("clip.npz" if arrays else "clip.csv")
    if arrays:
        said = np.array([[0.5, 1], [0.25, 0.9]])
        np.savez(path, probabilities=said, images=["other.jpg", "b.jpg"], names=["cat", "dog"])
    else:
        path.write_text("image,cat,dog\nother.jpg,0.5,1\nb.jpg,0.25,0.9\n")
    with pytest.raises(DataError, match=r"other\.jpg"):
        read_predictions(str(path), IMAGES, NAMES)
    with caplog.at_level(logging.WARNING, "alasl"):
        found = read_predictions(str(path), IMAGES, NAMES, of_more=True)
    np.testing.assert_array_equal(
        found.table[:],
        np.array([[NOTHING] * 2, [0.9, 0.25], [NOTHING] * 2], np.float32),
    )
    assert "1 images, first 'other.jpg', are not among the images asked about" in caplog.text
    with pytest.raises(DataError, match=r"'b\.jpg'"):
        read_predictions(str(path), ["c.jpg"], NAMES, of_more=True)


def test_logits_stay_finite_and_keep_their_order() -> None:
    told = Predictions("x", np.array([[0, 1e-5, 0.5, 1, NOTHING]], np.float32))
    logits = log_odds(told.probabilities)[0]
    assert np.isfinite(logits[:4]).all()
    assert (np.diff(logits[:4]) > 0).all()
    np.testing.assert_allclose(expit(logits[:4]), [LEAST, 1e-5, 0.5, 1 - LEAST], rtol=1e-3)
    assert np.isnan(logits[4])
    both = evidence_of([told, Predictions("y", told.probabilities)])
    assert both is not None
    assert both.shape == (2, 1, 5)
    assert evidence_of([]) is None


def test_equal_content_has_one_digest() -> None:
    one = Predictions("x", EXPECTED)
    assert one.digest == Predictions("y", EXPECTED.copy()).digest
    other = EXPECTED.copy()
    other[2, 1] = 0
    assert one.digest != Predictions("x", other).digest
    assert one.digest != Predictions("x", EXPECTED.reshape(2, 3)).digest


def test_a_data_set_refuses_predictions_of_another_shape_and_takes_some_images() -> None:
    labels = Labels(np.zeros((3, 2), np.int8), NAMES, IMAGES)
    features = np.eye(3)
    data = Dataset(labels, features=features, predictions=(Predictions("x", EXPECTED),))
    np.testing.assert_array_equal(data.take([2, 0]).predictions[0].table[:], EXPECTED[[2, 0]])
    with pytest.raises(DataError, match="do not fit the images and labels"):
        Dataset(labels, features=features, predictions=(Predictions("x", EXPECTED[:2]),))


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.uint8])
def test_arrays_stay_in_their_file(tmp_path: Path, kind) -> None:
    said = np.array([[0, 1], [1, 1], [0, 1]], kind)
    np.save(tmp_path / "said.npy", said)
    np.savez(tmp_path / "said.npz", probabilities=said, images=IMAGES, names=NAMES)
    for file in ("said.npy", "said.npz"):
        found = read_predictions(str(tmp_path / file), IMAGES, NAMES)
        assert isinstance(found.table.base, np.memmap)
        assert found.table.base.dtype == kind
        np.testing.assert_array_equal(found.table[:], said.astype(np.float32))


def test_an_array_without_names_has_the_tables_shape(tmp_path: Path) -> None:
    np.save(tmp_path / "p.npy", np.ones((3, 3), np.float32))
    with pytest.raises(DataError, match=r"\(3, 3\), 3 images, 2 names"):
        read_predictions(str(tmp_path / "p.npy"), IMAGES, NAMES)
    np.save(tmp_path / "p.npy", np.array([[0, 1], [2, 0], [0, 0.5]], np.float16))
    with pytest.raises(DataError, match=r"image row 1, label column 0: 2\.0"):
        read_predictions(str(tmp_path / "p.npy"), IMAGES, NAMES)


def test_a_packed_array_is_unpacked_into_a_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(npz, "_LARGE", 1)
    monkeypatch.setenv("ALASL_CACHE", str(tmp_path / "cache"))
    write_npz(EXPECTED, IMAGES, NAMES, tmp_path / "p.npz")
    found = read_predictions(str(tmp_path / "p.npz"), IMAGES, NAMES)
    assert isinstance(found.table.base, np.memmap)
    np.testing.assert_array_equal(found.table[:], EXPECTED)


def test_parquet_is_read_as_csv_is(tmp_path: Path, monkeypatch) -> None:
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr(prediction_text, "_ROWS", 2)
    long = {"image": ["b.jpg", "a", "b.jpg"], "label": ["cat", "dog", "dog"]}
    wide = {"image": ["b.jpg", "a.jpg"], "cat": [1.0, None], "dog": [0.25, 0.9]}
    for table in (wide, {**long, "probability": [1, 0.9, 0.25]}):
        parquet.write_table(arrow.table(table), tmp_path / "p.parquet")
        found = read_predictions(str(tmp_path / "p.parquet"), IMAGES, NAMES)
        np.testing.assert_array_equal(found.table[:], EXPECTED)
    parquet.write_table(arrow.table({"image": ["a.jpg"], "dog": [1.5]}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match=r"p\.parquet:1: image 'a\.jpg', label 'dog': 1\.5"):
        read_predictions(str(tmp_path / "p.parquet"), IMAGES, NAMES)
    parquet.write_table(arrow.table({"file": ["a.jpg"], "dog": [1]}), tmp_path / "p.parquet")
    with pytest.raises(DataError, match="the first column must be called 'image'"):
        read_predictions(str(tmp_path / "p.parquet"), IMAGES, NAMES)


@pytest.mark.parametrize("share", [0.05, 0.9])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_what_a_project_keeps_is_of_its_numbers(tmp_path: Path, share: float, kind) -> None:
    rng = np.random.default_rng(2)
    said = np.where(rng.random((40, 12)) < share, rng.random((40, 12)), np.nan).astype(kind)
    images, labels = np.sort(rng.permutation(50)[:40]), rng.permutation(20)[:12]
    source, path = Predictions("x", said), tmp_path / "x.npz"
    write_kept(source, images, labels, path)
    assert is_kept(path)
    again = read_kept("x", path, images, labels)
    np.testing.assert_array_equal(again.table[:], said.astype(np.float32))
    assert again.counts() == source.counts()
    assert (again.table.base.values if share < 0.1 else again.table.base).dtype == kind
    # Images and labels may have left, and others have come.
    rows, cols = np.append(images[::2], 60), np.append(30, labels[1:])
    some = read_kept("x", path, rows, cols)
    expected = np.full((21, 12), np.nan, np.float32)
    expected[:20, 1:] = said[::2, 1:]
    np.testing.assert_array_equal(some.table[:], expected)
    assert some.counts() == Predictions("x", expected).counts()
    assert again.digest == read_kept("x", path, images, labels).digest != some.digest
