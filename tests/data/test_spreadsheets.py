"""CSV as pandas and spreadsheets write it, and files that are often given for a table."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from alasl.data.formats import read_table, write
from alasl.errors import DataError, UsageError
from alasl.labels import Labels

PLAIN = [[1, 0], [0, 1]]


def table(tmp_path: Path, content: str | bytes, **options):
    path = tmp_path / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path, **options)[0]


@pytest.mark.parametrize(
    "content",
    [
        "image, dog, cat\na.jpg, 1, 0\nb.jpg, 0, 1\n",
        " image ,dog\t,\u00a0cat\n a.jpg ,1, 0\nb.jpg,0 ,1\n",
        'image, "dog", "cat"\n"a.jpg", "1", "0"\nb.jpg,0,1\n',
        "Image,dog,cat\na.jpg,1,0\nb.jpg,0,1\n",
        "file_name,dog,cat\na.jpg,1,0\nb.jpg,0,1\n",
        "FileName,dog,cat\na.jpg,1,0\nb.jpg,0,1\n",
        "sep=,\nimage,dog,cat\na.jpg,1,0\nb.jpg,0,1\n",
        '"sep=;"\r\nimage;dog;cat\r\na.jpg;1;0\r\nb.jpg;0;1\r\n',
        "image;dog;cat\na.jpg;1;0\nb.jpg;0;1\n",
        "image\tdog\tcat\na.jpg\t1\t0\nb.jpg\t0\t1\n",
        "image\tdog\tcat\r\na.jpg\t1\t0\r\nb.jpg\t0\t1\r\n".encode("utf-16"),
        b"\xfe\xff" + "image,dog,cat\na.jpg,1,0\nb.jpg,0,1\n".encode("utf-16-be"),
        "image,dog,cat\na.jpg,1,0\n,,\nb.jpg,0,1\n,,\n,,\n",
        ",,\nimage,dog,cat\n,,\na.jpg,1,0\nb.jpg,0,1\n",
        "image,dog,cat,,\na.jpg,1,0,,\nb.jpg,0,1,,\n",
        "image,dog,cat\na.jpg,True,False\nb.jpg,FALSE,true\n",
        ",image,dog,cat\n0,a.jpg,1,0\n1,b.jpg,0,1\n",
        "Unnamed: 0,file_name,dog,cat\n0,a.jpg,1.0,0.0\n1,b.jpg,0.0,1.0\n",
    ],
)
def test_what_pandas_and_spreadsheets_write_is_read(tmp_path: Path, content):
    labels = table(tmp_path, content).labels
    assert (labels.images, labels.names) == (("a.jpg", "b.jpg"), ("dog", "cat"))
    assert labels.entries.tolist() == PLAIN


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path):
    for content, line in (
        ("sep=,\nimage,dog\n,\na,1\nb,x\n", 5),
        ('image,dog\n\n"a\nb",1\n , \nc,x\n', 6),
        ("image,dog\r\n,\r\na,1\r\nb,x\r\n", 4),
    ):
        with pytest.raises(DataError, match=rf"t\.csv:{line}: column 'dog' holds 'x'"):
            table(tmp_path, content)


def test_an_index_is_left_out_with_a_note(tmp_path: Path):
    assert table(tmp_path, ",image,dog\n0,a,1\n").notes == (
        "the index in the first column is left out",
    )
    with pytest.raises(DataError, match="first column must be called 'image'"):
        table(tmp_path, ",dog,cat\na,1,0\n")


@pytest.mark.parametrize("nothing", ["", "nan", "NaN", "NA", "N/A", "None", "<NA>", " ", "null"])
def test_what_pandas_writes_for_nothing_is_an_empty_cell(tmp_path: Path, nothing):
    content = f"image,dog,cat\na.jpg,1.0,{nothing}\nb.jpg,0.0,1.0\n"
    with pytest.raises(UsageError, match="1 cells are empty"):
        table(tmp_path, content)
    for empty, value in (("unknown", -1), ("absent", 0)):
        labels = table(tmp_path, content, empty=empty).labels
        assert labels.entries.tolist() == [[1, value], [0, 1]]


@pytest.mark.parametrize("minus", ["-1", "-1.0"])
def test_minus_one_is_unknown_beside_zeros_and_asked_about_without(tmp_path: Path, minus):
    beside = f"image,dog,cat\na.jpg,1,{minus}\nb.jpg,0,1\n"
    for empty in (None, "unknown", "absent"):
        assert table(tmp_path, beside, empty=empty).labels.entries.tolist() == [[1, -1], [0, 1]]
    without = f"image,dog,cat\na.jpg,1,{minus}\nb.jpg,,1\n"
    with pytest.raises(UsageError, match="2 cells are empty or -1, and none is 0") as error:
        table(tmp_path, without)
    assert error.value.seen == "first in line 2, column 'cat'"
    for empty, value in (("unknown", -1), ("absent", 0)):
        labels = table(tmp_path, without, empty=empty).labels
        assert labels.entries.tolist() == [[1, value], [value, 1]]


def test_rows_of_answers_are_read_in_the_same_ways(tmp_path: Path):
    rows = "\n,,,\n 0 ,a.jpg, dog ,TRUE\n1,a.jpg,cat,false\n2,b.jpg,dog,-1\n3,b.jpg,cat,nan\n"
    for header in (",image,label,value", ",Image, Label ,VALUE", ",file_name,label,value"):
        labels = table(tmp_path, header + rows).labels
        assert (labels.images, labels.names) == (("a.jpg", "b.jpg"), ("dog", "cat"))
        assert labels.entries.tolist() == [[1, 0], [-1, -1]]
    columns = "image,label,value,seconds,annotator\na.jpg,dog,1,2.5,ann\n"
    labels = table(tmp_path, columns).labels
    assert labels.sources[labels.source[0, 0]] == "ann"


def test_labels_that_differ_only_in_case_are_noted(tmp_path: Path, caplog):
    labels = table(tmp_path, "image,Dog,dog ,cat\na.jpg,1,0,1\n").labels
    assert labels.names == ("Dog", "dog", "cat")
    assert "labels that differ only in case or blanks: 'Dog', 'dog'" in caplog.text
    with pytest.raises(DataError, match="1 column name is there more than once"):
        table(tmp_path, "image,dog,dog \na.jpg,1,0\n")


def test_blanks_in_quotes_belong_to_a_name(tmp_path: Path):
    labels = table(
        tmp_path, 'image," dog",  "x,"" ",\tcat\t\n" a""b "  ,1,0,1\n'.replace("  ,", ",")
    )
    assert labels.labels.names == (" dog", 'x," ', "cat")
    assert labels.labels.images == (' a"b ',)
    again = Labels(np.ones((1, 3)), labels.labels.names, labels.labels.images)
    write(again, tmp_path / "u.csv", "csv-wide")
    assert read_table(tmp_path / "u.csv")[0].labels.names == again.names


def zipped(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in names:
            archive.writestr(name, "<a/>")
    return content.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says", "do"),
    [
        ("t.xlsx", zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook", "as CSV"),
        ("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9), "Excel workbook of", "as CSV"),
        ("t.ods", zipped("mimetype", "content.xml"), "an OpenDocument file", "as CSV"),
        ("t.csv", zipped("xl/workbook.xml"), "an Excel workbook", "as CSV"),
        ("t.zip", zipped("images/a.jpg", "result.json"), "a zip archive", "unpack it"),
        ("t.csv", b"", "an empty file", "again"),
        ("t.csv", b"\xef\xbb\xbf\n \n", "an empty file", "again"),
        ("t.parquet", b"PAR1" + bytes(9), "a Parquet file", "to_csv"),
        ("t.csv.gz", b"\x1f\x8b\x08" + bytes(9), "compressed by gzip", "unpack it"),
        ("t.csv", b"version https://git-lfs.github.com/spec/v1\n", "git-lfs", "git lfs pull"),
    ],
)
def test_what_is_no_table_is_named_with_what_to_do(tmp_path: Path, name, content, says, do):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}: this is .*{says}.*, not a table") as error:
        read_table(tmp_path / name)
    assert do in (error.value.do or "")


def test_a_folder_with_a_workbook_alone_says_so(tmp_path: Path):
    (tmp_path / "labels.xlsx").write_bytes(zipped("xl/workbook.xml"))
    with pytest.raises(DataError, match="no table of entries here") as error:
        read_table(tmp_path)
    assert error.value.more == (
        "labels.xlsx is an Excel workbook: save the sheet as CSV UTF-8 and name that file",
    )


def test_an_archive_of_arrays_is_a_table_under_any_name(tmp_path: Path):
    np.savez(tmp_path / "t.npz", labels=np.eye(2, dtype=int), names=["a", "b"], images=["x", "y"])
    (tmp_path / "t.npz").rename(tmp_path / "t.zip")
    assert read_table(tmp_path / "t.zip")[0].labels.names == ("a", "b")
