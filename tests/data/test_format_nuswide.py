"""NUS-WIDE: a line an image in each label's file; all images, or those of both parts."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alasl.data.formats import read, read_table
from alasl.errors import DataError


def lay_out(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


ALL = {
    # As the file has it: with Windows' separators, and blanks at the end.
    "ImageList/Imagelist.txt": "actor\\0001_21.jpg \nactor\\0002_17.jpg \nzoo\\0003_9.jpg \n",
    "Groundtruth/AllLabels/Labels_sky.txt": "1\n0\n1\n",
    "Groundtruth/AllLabels/Labels_dog.txt": "0\n0\n1\n",
}
PARTS = {
    "ImageList/TrainImagelist.txt": "actor\\0002_17.jpg\nzoo\\0003_9.jpg\n",
    "ImageList/TestImagelist.txt": "actor\\0001_21.jpg\n",
    "Groundtruth/TrainTestLabels/Labels_sky_Train.txt": "0\n1\n",
    "Groundtruth/TrainTestLabels/Labels_sky_Test.txt": "1\n",
    "Groundtruth/TrainTestLabels/Labels_dog_Train.txt": "0\n1\n",
    "Groundtruth/TrainTestLabels/Labels_dog_Test.txt": "0\n",
}


def test_a_line_is_an_image_and_a_file_is_a_label(tmp_path: Path) -> None:
    lay_out(tmp_path, ALL)
    for image in ("actor/0001_21.jpg", "actor/0002_17.jpg", "zoo/0003_9.jpg"):
        path = tmp_path / "Flickr" / image
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(path)
    data = read(tmp_path)
    assert data.labels.names == ("dog", "sky")
    assert data.labels.images == ("actor/0001_21.jpg", "actor/0002_17.jpg", "zoo/0003_9.jpg")
    assert data.labels.entries.tolist() == [[0, 1], [0, 0], [1, 1]]
    assert data.paths is not None
    assert data.paths[2] == tmp_path / "Flickr" / "zoo" / "0003_9.jpg"


def test_both_parts_are_the_same_table_in_their_order(tmp_path: Path) -> None:
    labels = read_table(lay_out(tmp_path, PARTS))[0].labels
    assert labels.images == ("actor/0002_17.jpg", "zoo/0003_9.jpg", "actor/0001_21.jpg")
    assert labels.entries.tolist() == [[0, 0], [1, 1], [0, 1]]
    # All labels come first, where they are there.
    assert read_table(lay_out(tmp_path, ALL))[0].labels.images[0] == "actor/0001_21.jpg"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"Groundtruth/AllLabels/Labels_sky.txt": "1\nyes\n1\n"}, r"Labels_sky\.txt:2: expected 1"),
        ({"Groundtruth/AllLabels/Labels_sky.txt": "1\n0\n"}, r"seen: 2 lines, 3 images"),
        ({"ImageList/Imagelist.txt": "a.jpg\na.jpg\nb.jpg\n"}, "more than once"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, files: dict[str, str], says: str) -> None:
    with pytest.raises(DataError, match=says):
        read_table(lay_out(tmp_path, ALL | files))


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    one = {k: v for k, v in PARTS.items() if not k.endswith("dog_Test.txt")}
    with pytest.raises(DataError, match=r"one part only\n  dog"):
        read_table(lay_out(tmp_path / "a", one))
    with pytest.raises(DataError, match=r"TrainImagelist\.txt: the file cannot be read"):
        read_table(lay_out(tmp_path / "b", {k: v for k, v in PARTS.items() if "List/Tr" not in k}))
    with pytest.raises(DataError, match="no Labels_LABEL"):
        read_table(
            lay_out(tmp_path / "c", {"ImageList/x.txt": "", "Groundtruth/AllLabels/README": ""})
        )
