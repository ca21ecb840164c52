"""No CSV that is written holds a cell that a spreadsheet runs; names are read back as they were."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alasl.data.formats import read_table, write
from alasl.data.formats.rows import read_rows, row, write_lines
from alasl.files import csv_text, guarded, unguarded
from alasl.labels import Labels
from alasl.prediction.formats import Predicted, Predictions, piece
from alasl.prediction.formats import write as write_predictions

SIGNS = "=+-@\t\r\n＝＋－＠"
UGLY = ["=cmd|' /C calc'!A0", "+x", "-x", "@x", "\t=x", "\r=x", "'=x", "''@x", "a;=x", " =x"]
UGLY += ["＝x", "a\n=x", "a\t+x", 'a"\n"=x', '"=x', "a;b", "'x", "-1"]
names = st.sampled_from(UGLY) | st.text(st.sampled_from("'=+-@;, \t\r\n\"＝x"), min_size=1)
lists = st.lists(names.filter(lambda name: bool(name.strip())), min_size=1, max_size=4, unique=True)


def runnable(text: str) -> list[str]:
    """The cells that begin as formulas do, whichever sign a spreadsheet separates cells by."""
    return [
        cell
        for separator in ",;\t"
        for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for cell in cells
        if cell.lstrip(" ")[:1] in set(SIGNS) and cell.strip()
    ]


@given(st.text(st.sampled_from("'=+-@;\t\r\n\"＝x ")))
@example("''=")
@example("'x")
@example("';=")
def test_guarding_is_undone_and_leaves_no_formula(name: str) -> None:
    cell = guarded(name)
    assert unguarded(cell) == name
    assert cell.lstrip(" ")[:1] not in set(SIGNS)


def test_a_name_that_a_person_typed_without_guard_is_itself() -> None:
    assert unguarded("=cat") == "=cat"


@given(lists)
@example(UGLY)
def test_rows_are_read_back_and_run_nothing(cells: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.csv"
        write_lines(path, [row("image", *cells)])
        assert next(read_rows(path))[1] == ["image", *cells]
        assert runnable(path.read_bytes().decode()) == []


@pytest.mark.parametrize("format", ["csv-wide", "csv-long", "openimages"])
def test_tables_are_read_back_and_run_nothing(format: str, tmp_path: Path) -> None:
    entries = np.eye(len(UGLY), dtype=np.int8)
    labels = Labels(entries, tuple(UGLY), tuple(f"{name}.jpg" for name in UGLY))
    write(labels, tmp_path / "t.csv", format)
    assert runnable((tmp_path / "t.csv").read_bytes().decode()) == []
    back = read_table(tmp_path / "t.csv", format=format)[0].labels
    assert (back.names, back.images) == (labels.names, labels.images)
    np.testing.assert_array_equal(back.entries, entries)


@pytest.mark.parametrize("format", ["csv-wide", "csv-long"])
def test_predictions_run_nothing(format: str, tmp_path: Path) -> None:
    probabilities = np.full((1, len(UGLY)), 0.9, np.float32)
    found = Predictions(tuple(UGLY), probabilities[0] / 2, calls=True)
    block = Predicted(("-x.jpg",), probabilities)
    write_predictions(found, [piece(found, format, block)], tmp_path / "p.csv", format)
    text = (tmp_path / "p.csv").read_bytes().decode()
    assert "'-x.jpg" in text
    assert runnable(text) == []
    names = {name for _, cells in read_rows(tmp_path / "p.csv") for name in cells}
    assert "-x.jpg" in names
    assert names.issuperset(UGLY)


def test_reports_run_nothing_and_keep_their_numbers() -> None:
    text = csv_text([["round", *UGLY], [1, "-0.25", "+1e-5", "-0.25%", -2, None]])
    assert text.splitlines()[-1] == "1,-0.25,+1e-5,'-0.25%,-2,"
    head = text.rpartition("1,-0.25")[0]
    assert [cell for cell in runnable(head) if cell != "-1"] == []
