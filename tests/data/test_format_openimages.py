"""Open Images: people's answers are entries, a machine's guesses never are."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read_table, write
from alasl.errors import DataError
from alasl.labels import Labels

HEADER = "ImageID,Source,LabelName,Confidence"


def read(tmp_path: Path, *rows: str, classes: str = ""):
    (tmp_path / "t.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    if classes:
        (tmp_path / "class-descriptions.csv").write_text(classes)
    return read_table(tmp_path)[0].labels


def test_human_rows_are_entries_and_machine_rows_are_not(tmp_path: Path, caplog):
    with caplog.at_level(logging.WARNING, "alasl"):
        labels = read(
            tmp_path,
            "000026e7ee790996,verification,/m/0bt9lr,1",
            "0000000000000123,crowdsource-verification,/m/01yrx,0",
            "000026e7ee790996,machine,/m/01yrx,1",
            "000026e7ee790996,verification,/m/07j7r,0.7",
            "00000000000abcde,machine,/m/01yrx,0.9",
            classes='/m/01yrx,Cat\n/m/0zzz,Never used\n/m/0bt9lr,"Dog, tame"\n',
        )
    # Ids of digits only keep their zeros; names come in the order of the descriptions.
    assert labels.images == ("000026e7ee790996", "0000000000000123", "00000000000abcde")
    assert labels.names == ("Cat", "Dog, tame", "/m/07j7r")
    assert labels.entries.tolist() == [[-1, 1, -1], [0, -1, -1], [-1, -1, -1]]
    assert "3 rows are a machine's guesses" in caplog.text


def test_one_name_for_two_classes_keeps_them_apart(tmp_path: Path):
    rows = ("a,verification,/m/1,1", "a,verification,/m/2,0")
    labels = read(tmp_path, *rows, classes="/m/1,Bowl\n/m/2,Bowl\n")
    assert labels.names == ("Bowl (/m/1)", "Bowl (/m/2)")
    write(labels, tmp_path / "t.csv", "openimages")
    assert "/m/2,0" in (tmp_path / "t.csv").read_text()


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("class-descriptions.csv", ""),
        ("class-descriptions-boxable.csv", ""),
        ("oidv7-class-descriptions.csv", "LabelName,DisplayName\n"),
        ("oidv6-class-descriptions-boxable.csv", "LabelName,DisplayName\n"),
    ],
)
def test_names_come_from_descriptions_as_they_are_served(tmp_path: Path, caplog, file, header):
    (tmp_path / file).write_text(f"{header}/m/2,Dog\n/m/1,Cat\n")
    labels = read(tmp_path, "a,verification,/m/1,1", "a,verification,/m/2,0")
    assert labels.names == ("Dog", "Cat")
    assert caplog.text == ""
    write(labels, tmp_path / "t.csv", "openimages")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([file, "t.csv"])
    assert "a,verification,/m/1,1" in (tmp_path / "t.csv").read_text()


def test_labels_without_a_name_are_counted(tmp_path: Path, caplog):
    rows = ("a,verification,/m/1,1", "a,verification,/m/2,0", "a,verification,/g/3,0")
    assert read(tmp_path, *rows, classes="/m/2,Dog\n").names == ("Dog", "/m/1", "/g/3")
    assert "2 labels are called by their class ids" in caplog.text


def test_what_sources_differ_on_is_unknown_with_a_count(tmp_path: Path, caplog):
    labels = read(
        tmp_path,
        "a,verification,/m/1,1",
        "a,crowdsource-verification,/m/2,0",
        "b,verification,/m/1,1",
        "b,crowdsource-verification,/m/1,0",
        "b,verification,/m/2,1",
        "b,crowdsource-verification,/m/2,1",
        "b,verification,/m/2,1",
        classes="/m/2,Dog\n/m/1,Cat\n",
    )
    assert labels.names == ("Dog", "Cat")
    assert labels.entries.tolist() == [[0, 1], [1, -1]]
    assert "1 entries are unknown, as sources of the file differ" in caplog.text
    assert "image 'b', label 'Cat'" in caplog.text


def test_other_columns_are_left_out_by_name(tmp_path: Path, caplog):
    (tmp_path / "t.csv").write_text("ImageID,Rotation,LabelName,Source,Confidence\na,90,x,v,1\n")
    assert read_table(tmp_path / "t.csv")[0].labels.entries.tolist() == [[1]]
    assert "columns that are not read: 'Rotation'" in caplog.text


def test_class_ids_beside_are_used_and_never_replaced(tmp_path: Path):
    classes = tmp_path / "class-descriptions.csv"
    classes.write_text("/m/1,Cat\n/m/2,Dog\n")
    write(Labels(np.array([[1, 0]]), ("Dog", "Cat"), ("a",)), tmp_path / "t.csv", "openimages")
    lines = (tmp_path / "t.csv").read_text().split()
    assert lines == [HEADER, "a,verification,/m/2,1", "a,verification,/m/1,0"]
    with pytest.raises(DataError, match="1 labels have no class id here"):
        write(Labels(np.array([[1]]), ("Cow",), ("a",)), tmp_path / "u.csv", "openimages")
    assert not (tmp_path / "u.csv").exists()
    assert classes.read_text() == "/m/1,Cat\n/m/2,Dog\n"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (("a,verification,/m/1,yes",), r"t\.csv:2: column 'Confidence' holds 'yes'"),
        (("a,verification,/m/1,2",), "a number from 0 to 1"),
        (("a,verification,/m/1,nan",), "a number from 0 to 1"),
        (("a,verification,/m/1",), "3 cells; expected 4"),
        (("a,crowd,/m/1,1", "a,crowd,/m/1,0"), r"lines 2 and 3: image 'a', label '/m/1'"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, rows, says):
    with pytest.raises(DataError, match=says):
        read(tmp_path, *rows)


def test_boxes_are_not_taken_for_image_labels(tmp_path: Path):
    (tmp_path / "t.csv").write_text(HEADER + ",XMin\na,x,/m/1,1,0.5\n")
    with pytest.raises(DataError, match="not boxes"):
        read_table(tmp_path / "t.csv")


def test_malformed_class_descriptions_are_named_by_line(tmp_path: Path):
    with pytest.raises(DataError, match=r"class-descriptions\.csv:2: expected an id and a name"):
        read(tmp_path, "a,verification,/m/1,1", classes="/m/1,Cat\n/m/2\n")
