"""MIRFLICKR: each label's file names its images by number; what is not named is absent."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alasl.data.formats import read, read_table
from alasl.errors import DataError, UsageError


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    folder = tmp_path / "mirflickr25k_annotations_v080"
    folder.mkdir()
    (folder / "README.txt").write_text("Labels of 3 images.\n")
    (folder / "sky.txt").write_text("1\n3\n")
    (folder / "sky_r1.txt").write_text("3\n")
    (folder / "dog.txt").write_text("2\n")
    (folder / "._dog.txt").write_bytes(b"\0\5\x16\7")
    (folder / "dog_r1.txt").write_text("\n")
    (tmp_path / "mirflickr").mkdir()
    for number in (1, 2, 3):
        Image.new("RGB", (4, 4)).save(tmp_path / "mirflickr" / f"im{number}.jpg")
    return tmp_path


def test_what_is_named_is_present_and_the_rest_absent(collection: Path) -> None:
    data = read(collection, format="mirflickr:images=3", labels="mirflickr25k_annotations_v080")
    assert data.labels.names == ("dog", "sky")
    assert data.labels.images == ("im1.jpg", "im2.jpg", "im3.jpg")
    assert data.labels.entries.tolist() == [[0, 1], [1, 0], [0, 1]]
    assert data.paths is not None
    assert data.paths[1] == collection / "mirflickr" / "im2.jpg"


def test_it_is_found_by_itself_and_has_25_000_images(collection: Path) -> None:
    labels = read_table(collection)[0].labels
    assert labels.shape == (25_000, 2)
    assert labels.entries.sum() == 3


def test_salient_labels_are_those_of_the_other_files(collection: Path) -> None:
    table = read_table(collection, format="mirflickr:images=3:salient=true",
                       labels="mirflickr25k_annotations_v080")[0]  # fmt: skip
    assert table.labels.names == ("dog", "sky")
    assert table.labels.entries.tolist() == [[0, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("text", ["0\n", "25001\n", "im7.jpg\n", "1 2\n"])
def test_what_is_no_number_of_an_image_is_named_by_line(collection: Path, text: str) -> None:
    folder = collection / "mirflickr25k_annotations_v080"
    (folder / "dog.txt").write_text("2\n" + text)
    with pytest.raises(DataError, match=r"dog\.txt:2: expected the number of an image, 1 to 25000"):
        read_table(collection)


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no annotations of MIRFLICKR"):
        read_table(tmp_path, format="mirflickr")
    with pytest.raises(UsageError, match="images must be int from 1 to"):
        read_table(tmp_path, format="mirflickr:images=0")
