"""PASCAL VOC: Main files come first, annotations where there are none; difficult is unknown."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from alasl.data.formats import read, read_table
from alasl.errors import DataError


def main(root: Path, **files: str) -> Path:
    folder = root / "ImageSets" / "Main"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return root


def annotation(root: Path, image: str, *objects: tuple[str, int]) -> Path:
    folder = root / "Annotations"
    folder.mkdir(exist_ok=True)
    part = "<part><name>head</name></part>"
    inner = "".join(
        f"<object><name>{n}</name><difficult>{d}</difficult>{part}</object>" for n, d in objects
    )
    (folder / f"{image}.xml").write_text(f"<annotation>{inner}</annotation>")
    return root


def test_main_files_give_present_absent_and_unknown(tmp_path: Path):
    main(
        tmp_path,
        dog_train="2008_000002  1\n2008_000003 -1\n",
        dog_val="2008_000009  0\n",
        dog_trainval="2008_000002  1\n2008_000003 -1\n2008_000009  0\n",
        potted_plant_train="2008_000002 -1\n2008_000003  1\n",
        train="2008_000002\n2008_000003\n",
    )
    annotation(tmp_path, "2008_000002", ("cow", 0))
    (tmp_path / "JPEGImages").mkdir()
    for image in ("2008_000002", "2008_000003", "2008_000009"):
        Image.new("RGB", (20, 20)).save(tmp_path / "JPEGImages" / f"{image}.jpg")
    dataset = read(tmp_path)
    assert dataset.labels.names == ("dog", "potted_plant")
    assert dataset.labels.entries.tolist() == [[1, 0], [0, 1], [-1, -1]]
    assert dataset.paths is not None
    assert dataset.paths[2] == tmp_path / "JPEGImages" / "2008_000009.jpg"


@pytest.mark.parametrize("subset", ["default", "valid", "my_own", "Train"])
def test_any_subset_that_has_its_own_file_is_read(tmp_path: Path, subset):
    files = {f"dog_{subset}": "a  1\nb -1\n", f"potted_plant_{subset}": "a\t-1\r\nb\t 0\r\n"}
    main(tmp_path, **files, **{subset: "a\nb\n"}, notes_about="nothing")
    labels = read_table(tmp_path)[0].labels
    assert (labels.images, labels.names) == (("a", "b"), ("dog", "potted_plant"))
    assert labels.entries.tolist() == [[1, 0], [0, -1]]


def test_a_subset_nobody_knows_is_an_error_that_names_those_read(tmp_path: Path):
    main(tmp_path, dog_eval="a 1\n")
    with pytest.raises(DataError, match="no ImageSets/Main/LABEL_SUBSET") as error:
        read_table(tmp_path)
    assert error.value.more == (str(Path("ImageSets", "Main", "dog_eval.txt")),)
    assert "train, val, trainval, test, valid, default" in (error.value.do or "")
    main(tmp_path, dog_valid="b -1\n")
    assert read_table(tmp_path)[0].labels.images == ("b",)


def test_files_that_macos_leaves_are_no_annotations(tmp_path: Path):
    annotation(tmp_path, "a", ("dog", 0))
    (tmp_path / "Annotations" / "._a.xml").write_bytes(b"\0\5\x16\7")
    assert read_table(tmp_path)[0].labels.images == ("a",)
    main(tmp_path, dog_train="b 1\n")
    (tmp_path / "ImageSets" / "Main" / "._dog_train.txt").write_bytes(b"\0\5\x16\7")
    (tmp_path / "JPEGImages").mkdir()
    for image in ("b.jpg", "._b.jpg"):
        (tmp_path / "JPEGImages" / image).touch()
    assert read(tmp_path).paths == (tmp_path / "JPEGImages" / "b.jpg",)


def test_annotations_in_folders_are_named_with_them(tmp_path: Path):
    annotation(tmp_path, "a", ("dog", 0))
    (tmp_path / "Annotations" / "s").mkdir()
    (tmp_path / "Annotations" / "a.xml").rename(tmp_path / "Annotations" / "s" / "x.y.xml")
    assert read_table(tmp_path)[0].labels.images == ("s/x.y",)


def test_annotations_give_difficult_as_unknown(tmp_path: Path):
    annotation(tmp_path, "a", ("dog", 0), ("dog", 1), ("cat", 1))
    annotation(tmp_path, "b")
    labels = read_table(tmp_path)[0].labels
    assert (labels.images, labels.names) == (("a", "b"), ("cat", "dog"))
    assert labels.entries.tolist() == [[-1, 1], [0, 0]]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a 1\nb yes\n", r"dog_train\.txt:2: expected an image and 1, -1 or 0"),
        ("a\n", r"dog_train\.txt:1"),
        ("a 1\na -1\n", r"dog_train\.txt:2: image 'a' has another value"),
        ("\t-1\n", r"dog_train\.txt:1"),
        ("", "no ImageSets"),
    ],
)
def test_a_malformed_main_file_is_named_by_line(tmp_path: Path, text, says):
    main(tmp_path, dog_train=text)
    with pytest.raises(DataError, match=says):
        read_table(tmp_path)


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ("<annotation>\n<object>", r"a\.xml:2: this is not valid XML"),
        ("", r"a\.xml:1: this is not valid XML"),
        ("<annotation><object/></annotation>", "an object has no name"),
    ],
)
def test_a_malformed_annotation_is_named_by_line(tmp_path: Path, xml, says):
    annotation(tmp_path, "a", ("dog", 0))
    (tmp_path / "Annotations" / "a.xml").write_text(xml)
    with pytest.raises(DataError, match=says):
        read_table(tmp_path)


def test_voc_is_a_folder(tmp_path: Path):
    (tmp_path / "a.csv").write_text("image,dog\na,1\n")
    with pytest.raises(DataError, match="PASCAL VOC is a folder"):
        read_table(tmp_path / "a.csv", format="voc")
    with pytest.raises(DataError, match="no ImageSets"):
        read_table(tmp_path, format="voc")


BOMB = "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f'<!DOCTYPE x [<!ENTITY a "lol">{BOMB}]><x><object><name>&i;</name></object></x>', "XML"),
        ("<a>" * 50_000, "not valid XML"),
        *(
            (f"<?xml version='1.0' encoding='{name}'?><a>ö</a>", "encoding that cannot be read")
            for name in ("nonsense", "shift_jis", "utf-7", "hex", "undefined")
        ),
    ],
)
def test_xml_made_to_do_harm_is_one_clear_error(tmp_path: Path, text: str, says: str):
    folder = tmp_path / "Annotations"
    folder.mkdir()
    (folder / "a.xml").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=says):
        read_table(tmp_path)
