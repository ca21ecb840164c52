"""Image files found where exactly one can be meant, however the table writes its name."""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.data.alike import FILES, NAMES, Alike
from alasl.data.formats import read
from alasl.data.formats.locate import any_image, locate_images
from alasl.errors import DataError, UsageError

DECOMPOSED = unicodedata.normalize("NFD", "é.jpg")


def files(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def located(root: Path, *ids: str) -> list[str | None]:
    found = locate_images(ids, [root / "images", root])
    return [
        None if row in found.missing else path.relative_to(root).as_posix()
        for row, path in enumerate(found.paths)
    ]


@pytest.mark.parametrize(
    ("file", "image"),
    [
        ("images/a.jpg", "a.jpg"),
        ("images/a.jpg", "a"),
        ("images/a.JPG", "a"),
        ("images/a.jpg", "images/a.jpg"),
        ("images/a.jpg", "images\\a.jpg"),
        ("images/a.jpg", "./a.jpg"),
        ("images/a.jpg", "./images//a.jpg"),
        ("images/a.jpg", "/data/images/a.jpg"),
        ("images/a.jpg", "C:\\Users\\ann\\pics\\a.jpg"),
        ("images/a.jpg", "..\\..\\media\\upload\\4\\a.jpg"),
        ("images/a.jpg", "../../label-studio/data/media/upload/4/0f3a9c2e-a.jpg"),
        ("images/a.jpg", "file:///home/ann/a.jpg"),
        ("images/a.jpg", "https://example.org/x/a.jpg?width=3"),
        ("images/a.jpg", "s3://bucket/x/a.jpg"),
        ("images/0f3a9c2e-a.jpg", "a.jpg"),
        ("images/train/a.jpg", "train\\a.jpg"),
        ("images/train/a.jpg", "a.jpg"),
        ("train2017/a.jpg", "a.jpg"),
        ("images/A.JPG", "a.jpg"),
        ("images/Train/A.jpg", "train/a.jpg"),
        ("images/é.jpg", DECOMPOSED),
        (f"images/{DECOMPOSED}", "é.jpg"),
        (f"images/{DECOMPOSED}", "É"),
        ("images/my photo.jpg", "my%20photo.jpg"),
        ("images/my%20photo.jpg", "my photo.jpg"),
        ("images/my photo.jpg", "my_photo.jpg"),
        ("images/my photo.jpg", " my photo.jpg "),
        ("images/my photo.jpg", "my  photo .jpg"),
        ("images/000123.jpg", "123.jpg"),
        ("images/123.jpg", "000123"),
        ("images/000123.jpg", "123.0"),
        ("images/000123.jpg", "123"),
    ],
)
def test_a_file_is_found_by_what_tools_make_of_its_name(tmp_path: Path, file, image):
    files(tmp_path, file, "images/other.jpg", "images/.a.jpg", "images/a.txt")
    (tmp_path / "images").mkdir(exist_ok=True)
    assert located(tmp_path, image) == [file]


def test_the_nearest_way_of_writing_wins(tmp_path: Path):
    files(tmp_path, "images/A.jpg", "images/B.jpg", "images/b .jpg", "images/é.jpg", "images/É.jpg")
    assert located(tmp_path, "b.jpg", DECOMPOSED) == ["images/B.jpg", "images/é.jpg"]
    files(tmp_path, "images/train/a.jpg", "images/x/train/a.jpg", "images/a.jpg")
    assert located(tmp_path, "C:\\data\\images\\train\\a.jpg") == ["images/train/a.jpg"]


@pytest.mark.parametrize(
    ("names", "ids", "missing", "says"),
    [
        (["A.jpg", "a.JPG"], ["a.jpg"], [0], "it may mean"),
        (["train/a.jpg", "val/a.jpg"], ["a.jpg"], [0], "it may mean"),
        (["val/a.jpg"], ["train/a.jpg"], [0], "val/a.jpg"),
        (["a.jpg"], ["a.jpg", "A.jpg"], [1], "which is another id's"),
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"], [0, 1], "which is another id's"),
        (["007.jpg", "07.jpg"], ["7.jpg"], [0], "it may mean"),
        (["photo-1.jpg"], ["photo-2.jpg"], [0], "photo-1.jpg"),
        (["a.jpg"], ["a.png"], [0], "/a.jpg"),
        (["a.jpg"], ["zebra"], [0], ""),
    ],
)
def test_what_may_mean_several_or_none_is_missing_with_the_nearest(
    tmp_path: Path, names, ids, missing, says
):
    files(tmp_path / "images", *names)
    found = locate_images(ids, [tmp_path / "images", tmp_path])
    assert list(found.missing) == missing
    remark = found.missing[missing[0]].removeprefix(str(found.paths[missing[0]]))
    assert says in remark if says else remark == ""
    for row in missing:
        assert found.paths[row] == tmp_path / "images" / ids[row]


@pytest.mark.parametrize("ids", [("a", "a.jpg"), ("a.jpg", "./a.jpg"), ("s/b.jpg", "s//b.jpg")])
def test_two_ids_for_one_file_are_refused(tmp_path: Path, ids):
    files(tmp_path / "images", "a.jpg", "s/b.jpg")
    with pytest.raises(DataError, match="1 image files are named by two ids each") as error:
        locate_images(["c", *ids], [tmp_path / "images"])
    assert f"{ids[0]!r} and {ids[1]!r}" in error.value.more[0]


def test_names_of_numbers_are_compared_without_zeros_but_never_joined():
    assert FILES[-1]("007") == FILES[-1]("7.0") == FILES[-1]("7")
    assert len({FILES[-1](name) for name in ("7.jpg", "7", "70", "7.00", "7-1", "a7", "0")}) == 7


@given(st.lists(st.text(min_size=1), unique=True), st.text())
def test_what_is_found_is_what_compares_equal(names: list[str], name: str):
    alike = Alike([(known, known) for known in names], NAMES)
    levels = [[known for known in names if key(known) == key(name)] for key in NAMES]
    assert alike.fits(name) == next(filter(None, levels), [])
    for known in names:
        assert known in alike.fits(known)


def test_a_data_set_of_another_machine_is_read_with_a_note(tmp_path: Path, caplog):
    files(tmp_path, "images/a.jpg", "images/b.jpg")
    content = {
        "images": [{"id": i, "file_name": f"images\\{name}.jpg"} for i, name in enumerate("ab")],
        "categories": [{"id": 0, "name": "dog"}],
        "annotations": [{"id": 0, "image_id": 0, "category_id": 0}],
    }
    (tmp_path / "result.json").write_text(json.dumps(content))
    assert read(tmp_path).paths == (tmp_path / "images/a.jpg", tmp_path / "images/b.jpg")
    assert "2 image files lie elsewhere or are called otherwise" in caplog.text
    assert "'images\\\\a.jpg'" in caplog.text


def test_a_table_beside_its_images_one_folder_down(tmp_path: Path):
    files(tmp_path, "train2017/a.jpg", "annotations/notes.txt", "x/y.jpg")
    (tmp_path / "annotations" / "labels.csv").write_text("image,dog\na.jpg,1\n")
    expected = (tmp_path / "train2017" / "a.jpg",)
    assert read(tmp_path).paths == expected
    assert read(tmp_path / "annotations" / "labels.csv").paths == expected
    (tmp_path / "x" / "labels.csv").write_text("image,dog\ny,1\n")
    with pytest.raises(UsageError, match="several files may be the table") as error:
        read(tmp_path)
    assert {Path(table) for table in error.value.more} == {
        Path("annotations", "labels.csv"),
        Path("x", "labels.csv"),
    }
    assert read(tmp_path, labels="x/labels.csv").paths == (tmp_path / "x" / "y.jpg",)


def test_any_image_is_one_by_its_ending_or_by_an_ids_own_name(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("")
    assert not any_image(["one", "two"], [tmp_path])
    (tmp_path / "two").write_text("")
    assert any_image(["one", "two"], [tmp_path])
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert not any_image(["one"], [tmp_path])
    (deep / "other.jpg").write_text("")
    assert any_image(["one"], [tmp_path])
