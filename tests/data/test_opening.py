"""What settings open: the split that an audit needs, and data of which only names are known."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from alasl.data.dataset import Dataset
from alasl.data.formats import read_table
from alasl.data.opening import data_of_names, make_split, read_names
from alasl.errors import DataError, UsageError
from alasl.labels import Labels
from alasl.settings import DataSettings, RunSettings


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    for number, name in enumerate(("b/2.png", "1.png", "3.JPG")):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_and_names_are_a_table_of_unknowns(photos: Path) -> None:
    found = data_of_names(photos, ["dog", "cat"])
    assert found.labels.images == ("1.png", "3.JPG", "b/2.png")
    assert found.labels.names == ("dog", "cat")
    assert (found.labels.entries == -1).all()
    assert found.name == "photos"
    assert found.paths is not None
    assert all(path.is_file() for path in found.paths)


@pytest.mark.parametrize("names", [["dog", "dog"], [""]])
def test_names_must_be_names(photos: Path, names: list[str]) -> None:
    with pytest.raises(UsageError, match="labels need names, each once"):
        data_of_names(photos, names)


def test_names_alone_need_images(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="need a folder of images"):
        data_of_names(photos / "notes.txt", ["dog"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images here"):
        data_of_names(tmp_path / "empty", ["dog"])
    with pytest.raises(DataError, match="there is no such file or folder"):
        data_of_names(tmp_path / "fotos", ["dog"])


def test_names_are_read_a_line_each(tmp_path: Path) -> None:
    path = tmp_path / "names.txt"
    path.write_bytes("\ufeffdog\r\n\r\n  traffic light \n犬".encode())
    assert read_names(path) == ["dog", "traffic light", "犬"]
    path.write_text("\n \n")
    with pytest.raises(DataError, match="names no label"):
        read_names(path)
    with pytest.raises(DataError, match="cannot read the names"):
        read_names(tmp_path / "nothing.txt")


def made(known: float) -> Dataset:
    """200 images of which this share is fully known, and of the others a tenth of the entries."""
    rng = np.random.default_rng(0)
    entries = (rng.random((200, 3)) < 0.4).astype(np.int8)
    hidden = rng.random(entries.shape) < 0.9
    hidden[: round(200 * known)] = False
    entries[hidden] = -1
    labels = Labels(entries, ("a", "b", "c"), tuple(map(str, range(200))))
    return Dataset(labels, features=rng.standard_normal((200, 4)))


def test_a_complete_test_set_is_taken_where_there_is_one() -> None:
    data, settings = made(0.5), DataSettings()
    split = make_split(data, settings, audited=True)
    np.testing.assert_array_equal(split.test, make_split(data, settings).test)
    assert len(split.clean) == 20
    assert (data.labels.entries[split.test] >= 0).all()


def test_else_chance_draws_it() -> None:
    data, settings = made(0.1), DataSettings()
    split = make_split(data, settings, audited=True)
    assert len(split.clean) == 0
    assert len(split.test) == 40
    assert len(make_split(data, settings).clean) == 20, "a simulation asks no audit"


def test_a_part_is_not_left_small_because_images_are_alike(
    make_dataset, caplog: pytest.LogCaptureFixture
) -> None:
    plain = make_dataset(images=60)
    settings = RunSettings(data="x", clean=0.2, test=0.3)
    pairs = replace(plain, groups=np.arange(60) // 2)
    split = make_split(pairs, settings)
    assert not split.shared()
    assert not caplog.text
    chained = replace(plain, groups=np.maximum(np.arange(60) - 52, 0))
    with caplog.at_level(logging.WARNING, "alasl"):
        again = make_split(chained, settings)
    assert "the test set of the split has" in caplog.text
    np.testing.assert_array_equal(again.test, make_split(plain, settings).test)
    with caplog.at_level(logging.WARNING, "alasl"):
        caplog.clear()
        make_split(chained, replace(settings, near=False))
    assert not caplog.text


def test_folders_that_alasl_made_are_no_data(tmp_path: Path) -> None:
    for what, names in (
        ("a project", ("project.toml", "store.sqlite")),
        ("a run", ("config.toml", "journal.jsonl")),
        ("a study", ("study.toml", "results.csv")),
    ):
        folder = tmp_path / names[0]
        folder.mkdir()
        for name in names:
            (folder / name).write_text("{}")
        with pytest.raises(DataError, match=f"this is {what}, not a table of entries"):
            read_table(folder)
