"""The spreadsheet of a query: what people and spreadsheets do with it, and no formula in it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from alasl.errors import DataError
from alasl.project import exchange
from alasl.project.exchange import Asked
from alasl.project.records import Answer

IMAGES, NAMES = ("a.jpg", "=b;.jpg", "ä.jpg"), ("dog", "=cat")


def said(image, label, value, person, seconds=None, at=None, **more) -> Answer:
    """An answer as a file has it."""
    return Answer(image, label, value, seconds, person=person, at=at, **more)


ASKED = [Asked(1, 1, 0.25, 1.0, "first"), Asked(0, 0, None, 0.5), Asked(2, 0, 0.123456, 0.0)]


def read(path: Path, **options) -> list[Answer]:
    return exchange.read(path, "queue", IMAGES, NAMES, **options)


def test_it_is_a_plain_table_that_a_spreadsheet_reads_as_utf8(tmp_path: Path) -> None:
    path = tmp_path / "queue.csv"
    exchange.write_query(path, "queue", IMAGES, NAMES, ASKED)
    assert path.read_bytes().startswith(b'\xef\xbb\xbf"image",')
    with path.open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file)) == [
            ["image", "label", "probability", "priority", "question", "answer"],
            ["'=b;.jpg", "'=cat", "0.2500", "1.0000", "first", ""],
            ["a.jpg", "dog", "", "0.5000", "", ""],
            ["ä.jpg", "dog", "0.1235", "0.0000", "", ""],
        ]


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_filled_in_sorted_and_saved_by_a_spreadsheet(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "queue.csv"
    exchange.write_query(path, "queue", IMAGES, NAMES, ASKED)
    with path.open(encoding="utf-8-sig", newline="") as file:
        _, *rows = csv.reader(file)
    for cells, answer in zip(rows, ["1", " ? ", ""], strict=True):
        cells[-1] = answer
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        out = csv.writer(file, delimiter=separator)
        out.writerow(["answer", "remark", "label", "image", "question"])
        out.writerows([cells[5], "a, b; c", *cells[1::-1], cells[4]] for cells in reversed(rows))
    told = [said(0, 0, -1, "ann"), said(1, 1, 1, "ann", question="first")]
    assert read(path, person="ann") == told
    assert exchange.read(path, None, IMAGES, NAMES, person="ann") == read(path, person="ann")


@pytest.mark.parametrize("column", ["annotator", "person"])
def test_a_column_says_who_answered(tmp_path: Path, column: str) -> None:
    path = tmp_path / "queue.csv"
    rows = ["a.jpg,dog,1, ben ", "a.jpg,dog,0,cid", "ä.jpg,dog,1,"]
    path.write_text("\n".join([f"image,label,answer,{column}", *rows]) + "\n", encoding="utf-8")
    told = [said(0, 0, 1, "ben"), said(0, 0, 0, "cid"), said(2, 0, 1, "ann")]
    assert read(path, person="ann") == told


def test_every_cell_that_is_no_answer_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "queue.csv"
    path.write_text('image,label,answer\na.jpg,dog,yes\n"a.jpg",dog,1\na.jpg,dog,-1\n')
    with pytest.raises(DataError, match="2 cells of the column 'answer'") as error:
        read(path)
    assert error.value.more == (f"{path}:2: 'yes'", f"{path}:4: '-1'")


def test_cells_and_names_that_are_wrong_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "queue.csv"
    path.write_text("image,label,answer\n" + "a.jpg,dog,yes\n" * 6 + "z.jpg,dog,1\na.jpg,horse,0\n")
    with pytest.raises(DataError, match="6 cells of the column 'answer' without") as error:
        read(path)
    assert "'yes'" in str(error.value)
    assert "2 answers name images or labels" in str(error.value)
    assert "image 'z.jpg'" in str(error.value)
    assert "label 'horse'" in str(error.value)
    assert len(error.value.more) == 8
    assert "write 1 (present)" in str(error.value.do)
    assert "correct the names" in str(error.value.do)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected one column each of image, label, answer"),
        ("image,label\n", "expected one column each"),
        ("image,label,answer,answer\n", "expected one column each"),
        ("image,label,answer\na.jpg,dog\n", "csv:2: the row has 2 cells; expected 3"),
        ('image,label,answer\n"a.jpg,dog,1\n', "not valid CSV"),
        ("image,label,answer\na.jpg,dog\0,1\n", "NUL"),
    ],
)
def test_what_is_no_queue_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "queue.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=says):
        read(path)


def test_what_a_spreadsheet_saved_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "queue.csv"
    path.write_bytes("image,label,answer\nä.jpg,dog,1\n".encode("cp1252"))
    with pytest.raises(DataError, match="csv:2: the file is not UTF-8"):
        read(path)


def test_unicode_text_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    path = tmp_path / "queue.csv"
    for text, encoding in (
        ("image\tlabel\tanswer\r\na.jpg\tdog\t1\r\n", "utf-16"),
        ("sep=;\nimage;label;answer\n\n;;\na.jpg ;dog;1\n", "utf-8"),
    ):
        path.write_bytes(text.encode(encoding))
        assert read(path, person="ann") == [said(0, 0, 1, "ann")]
        assert exchange.read(path, None, IMAGES, NAMES, person="ann") == read(path, person="ann")
