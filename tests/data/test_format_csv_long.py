"""Long CSV: no row is unknown; annotators who contradict each other are not silently settled."""

from __future__ import annotations

from pathlib import Path

import pytest

from alasl.data.formats import read_table
from alasl.errors import DataError


def table(tmp_path: Path, *rows: str, header: str = "image,label,value"):
    (tmp_path / "t.csv").write_text("\n".join([header, *rows]) + "\n")
    return read_table(tmp_path / "t.csv")[0].labels


def test_no_row_is_unknown(tmp_path: Path):
    labels = table(tmp_path, "b,dog,1", "a,cat,0", "b,cat,", "c,dog,")
    assert (labels.images, labels.names) == (("b", "a", "c"), ("dog", "cat"))
    assert labels.entries.tolist() == [[1, -1], [-1, 0], [-1, -1]]


def test_annotators_are_kept(tmp_path: Path):
    header = "image,label,value,annotator,time"
    rows = ("a,dog,1,anna,2026-01-01", "a,cat,0,bo,2026-01-02", "b,dog,0,,")
    labels = table(tmp_path, *rows, header=header)
    assert labels.sources[labels.source[0, 0]] == "anna"
    assert labels.sources[labels.source[0, 1]] == "bo"
    assert labels.sources[labels.source[1, 0]] == "given"


def test_an_annotator_may_correct_himself(tmp_path: Path):
    header = "image,label,value,annotator"
    labels = table(tmp_path, "a,dog,1,anna", "a,cat,1,bo", "a,dog,0,anna", header=header)
    assert labels.entries.tolist() == [[0, 1]]


@pytest.mark.parametrize(
    ("rows", "header", "lines"),
    [
        (("a,dog,1", "b,dog,1", "a,dog,0"), "image,label,value", "lines 2 and 4"),
        (("a,dog,1,anna", "a,dog,0,bo"), "image,label,value,annotator", "lines 2 and 3"),
        (("a,dog,1,", "a,dog,0,"), "image,label,value,annotator", "lines 2 and 3"),
        (("a,dog,1,", "a,dog,0,bo"), "image,label,value,annotator", "lines 2 and 3"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, rows, header, lines):
    with pytest.raises(DataError, match="1 pairs of rows contradict") as error:
        table(tmp_path, *rows, header=header)
    assert lines in str(error.value)
    assert "image 'a', label 'dog'" in str(error.value)


def test_saying_a_thing_twice_is_no_contradiction(tmp_path: Path):
    assert table(tmp_path, "a,dog,1", "a,dog,1").entries.tolist() == [[1]]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,dog,yes", r"t\.csv:3: column 'value' holds 'yes'; expected 1, 0 or empty"),
        ("a,dog", r"t\.csv:3: the row has 2 cells; expected 3"),
        ("a,,1", "a label has no name"),
        (",dog,1", "no names of files"),
    ],
)
def test_a_malformed_row_is_named_by_line(tmp_path: Path, row, says):
    with pytest.raises(DataError, match=says):
        table(tmp_path, "b,dog,1", row)


def test_the_columns_are_checked(tmp_path: Path):
    for header in ("image,label,answer", "image,label,value,comment"):
        (tmp_path / "t.csv").write_text(f"{header}\na,dog,1{',x' * (header.count(',') - 2)}\n")
        with pytest.raises(DataError, match="must be image,label,value and then") as error:
            read_table(tmp_path / "t.csv", format="csv-long")
        assert error.value.seen == header
    # With more columns it is no table with a column for each label.
    with pytest.raises(DataError, match="must be image,label,value and then"):
        read_table(tmp_path / "t.csv")
