"""Wide CSV: what an empty cell means is asked, and every malformed file is named by line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read_table
from alasl.errors import DataError, UsageError


def entries(path: Path, content: str | bytes, **options):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)[0].labels.entries.tolist()


GAPS = "image,dog,cat\na.jpg,1,\nb.jpg,0,1\n"


@pytest.mark.parametrize(("empty", "value"), [("unknown", -1), ("absent", 0)])
def test_empty_means_what_was_said(tmp_path: Path, empty, value):
    assert entries(tmp_path / "t.csv", GAPS, empty=empty) == [[1, value], [0, 1]]


def test_empty_is_never_guessed(tmp_path: Path):
    with pytest.raises(UsageError, match="--empty unknown") as error:
        entries(tmp_path / "t.csv", GAPS)
    assert "1 cells are empty" in str(error.value)
    assert "line 2, column 'cat'" in str(error.value)
    assert entries(tmp_path / "t.csv", GAPS.replace(",\n", ",0\n")) == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    "content",
    [
        "\ufeffimage,dog,cat\na.jpg,1,0\nb.jpg,0,1\n",
        "image,dog,cat\r\na.jpg,1,0\r\nb.jpg,0,1\r\n",
        "image,dog,cat\ra.jpg,1,0\rb.jpg,0,1",
        '"image","dog","cat"\n"a.jpg","1","0"\n\n"b.jpg","0","1"\n\n',
        "image,dog,cat\na.jpg,1.0, 0\nb.jpg,0.0,1 \n",
    ],
)
def test_what_other_programs_write_is_read(tmp_path: Path, content):
    assert entries(tmp_path / "t.csv", content) == [[1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("content", "where", "says"),
    [
        ("image,dog,cat\na,1,0\nb,yes,1\n", ":3", "column 'dog' holds 'yes'; expected 1, 0 or"),
        ("image,dog,cat\na,1,0\nb,2,1\n", ":3", "column 'dog' holds '2'"),
        ("image,dog,cat\na,1,0.5\n", ":2", "column 'cat' holds '0.5'"),
        ("image,dog,cat\na,1,0\nb,1\n", ":3", "2 cells; expected 3"),
        ('image,dog\n"a\nb",1\nc,1,1\n', ":4", "3 cells; expected 2"),
        ("image,dog,dog\na,1,0\n", ":1", "1 column name is there more than once"),
        ("image,dog,\na,1,0\n", ":2", "column 3 has no name; seen: '0'"),
        ("image,,dog\na,1,0\n", ":1", "column 2 has no name"),
        (",image,dog,\n0,a,1,0\n", ":2", "column 4 has no name; seen: '0'"),
        ("image;dog;cat\na;1,0;0\n", ":2", "column 'dog' holds '1,0'"),
        (b"\xff\xfei\0m\0a", "", "begins as UTF-16 and is not"),
        ("image,dog\na,1\nb,0\na,1\n", "", "1 image name is there more than once"),
        ("image,dog,cat\n", "", "no images or no labels"),
        ("image\na\n", "", "no images or no labels"),
        ("image,dog\n,1\n", "", "no names of files"),
        ('image,dog\n"a,1\nb,1\n', ":2", "not valid CSV"),
        ('image,dog\n"a"b,1\n', ":2", "not valid CSV"),
        (f"image,dog\n{'a' * 200_000},1\n", ":2", "not valid CSV"),
        (b"image,dog\na,1\n\xe9.jpg,1\n", ":3", "not UTF-8"),
        (b"image,dog\na,1\nb\0,1\n", ":3", "NUL"),
    ],
)
def test_a_malformed_file_is_named_by_line(tmp_path: Path, content, where, says):
    with pytest.raises(DataError) as error:
        entries(tmp_path / "t.csv", content)
    assert str(error.value).startswith(f"{tmp_path / 't.csv'}{where}: ")
    assert says in str(error.value)


def test_bad_cells_are_counted(tmp_path: Path):
    rows = "".join(f"{i}.jpg,1,{'no' if i % 2 else 0},x\n" for i in range(20))
    with pytest.raises(DataError) as error:
        entries(tmp_path / "t.csv", "image,dog,cat,cow\n" + rows)
    text = str(error.value)
    assert "t.csv:2: column 'cow' holds 'x'; expected 1, 0 or empty" in text
    assert "29 more cells like this in 2 columns" in text
    assert "and 24 more" in text
    assert len(error.value.more) == 29


def test_a_table_of_one_entry_a_row_is_told_what_to_call_its_columns(tmp_path: Path):
    with pytest.raises(DataError, match="call the columns image,label,value"):
        entries(tmp_path / "t.csv", "image,label,present\na,dog,1\n")


def test_the_first_column_is_called_image(tmp_path: Path):
    with pytest.raises(DataError, match=r"first column must be called 'image' .*; seen: 'file'"):
        entries(tmp_path / "t.csv", "file,dog\na,1\n", format="csv-wide")


def test_labels_called_label_and_value_are_ambiguous(tmp_path: Path):
    content = "image,label,value\na,1,0\nb,0,1\n"
    with pytest.raises(UsageError, match="fits several formats") as error:
        entries(tmp_path / "t.csv", content)
    assert "--format" in str(error.value)
    assert entries(tmp_path / "t.csv", content, format="csv-wide") == [[1, 0], [0, 1]]
    assert entries(tmp_path / "t.csv", content, format="csv-long") == [[0, -1], [-1, 1]]


def test_a_large_table_is_exact(tmp_path: Path):
    rng = np.random.default_rng(0)
    table = rng.integers(0, 2, (500, 374))
    rows = [f"{i}.jpg," + ",".join(map(str, row)) + "\n" for i, row in enumerate(table.tolist())]
    header = "image," + ",".join(f"l{j}" for j in range(374)) + "\n"
    assert entries(tmp_path / "t.csv", header + "".join(rows)) == table.tolist()
