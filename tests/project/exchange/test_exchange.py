"""Answers out and in again: read(write(x)) == x; names a project does not have are listed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alasl.data.formats import read_table
from alasl.data.formats import write as write_table
from alasl.errors import DataError, UsageError
from alasl.labels import Labels
from alasl.project import exchange
from alasl.project.exchange import Asked
from alasl.project.records import Answer


def said(image, label, value, person, seconds=None, at=None, **more) -> Answer:
    """An answer as a file has it."""
    return Answer(image, label, value, seconds, person=person, at=at, **more)


UGLY = [
    *[
        "a,b",
        'say "dog"',
        "two\nlines",
        "\r\n",
        "=1+1",
        "'=1+1",
        "''",
        "@SUM(A1)",
        "-1",
        "+",
        "＝x",
    ],
    *[
        "\t",
        "\u202eتحت",
        "🐕",
        "\ufeffbom",
        "a;b",
        " x ",
        "\u2028",
        "\x85",
        "#",
        "image",
        "x" * 300,
    ],
]
WRITABLE = exchange.formats("write")
QUERIES = exchange.formats("write_query")
IMAGES, NAMES = ("a.jpg", "b.jpg", "s/c.jpg"), ("dog", "cat", "=boat")

text = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1)
names = st.lists(st.sampled_from(UGLY) | text, min_size=1, max_size=4, unique=True)
moments = st.none() | st.integers(0, 1_700_000_000_000_000).map(lambda us: us / 1e6)
# Longer ones are taken for milliseconds.
seconds = st.none() | st.floats(0, 120)


@st.composite
def tellings(draw) -> tuple[list[str], list[str], list[Answer]]:
    images, labels, people = draw(names), draw(names), draw(names)
    keys = st.tuples(
        st.integers(0, len(images) - 1), st.integers(0, len(labels) - 1), st.sampled_from(people)
    )
    told = [
        said(i, j, draw(st.sampled_from([1, 0, -1])), person, draw(seconds), draw(moments))
        for i, j, person in draw(st.lists(keys, max_size=8, unique=True))
    ]
    return images, labels, told


def in_order(told: list[Answer]) -> list[tuple]:
    return sorted((t.image, t.label, t.person, t.value, t.at or -1.0) for t in told)


@pytest.mark.slow
@pytest.mark.parametrize("format", WRITABLE)
@settings(max_examples=50)
@given(tellings())
@example((UGLY, UGLY, [said(i, i, 1, name, 1.5, 0.0) for i, name in enumerate(UGLY)]))
@example((["a"], ["x", "y"], [said(0, 0, 1, "p", None, None), said(0, 1, 0, "q", None, None)]))
def test_answers_written_are_read_back(format, case) -> None:
    images, labels, told = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers"
        exchange.write(path, format, images, labels, told)
        back = exchange.read(path, format, images, labels)
    assert in_order(back) == in_order(told)
    took = {(t.image, t.label, t.person): t.seconds for t in told}
    for one in back:
        assert one.seconds == pytest.approx(took[one.image, one.label, one.person])


@pytest.mark.parametrize("format", QUERIES)
@settings(max_examples=30)
@given(names, names, st.data())
@example(UGLY, UGLY, None)
def test_a_query_can_be_written_for_any_names(format, images, labels, data) -> None:
    every = [(i, j) for i in range(len(images)) for j in range(len(labels))]
    entries = data.draw(st.lists(st.sampled_from(every), unique=True)) if data else every
    asked = [Asked(i, j, 0.5, 1 - k / len(entries)) for k, (i, j) in enumerate(entries)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "query"
        exchange.write_query(path, format, images, labels, asked, model="m1")
        assert exchange.read(path, format, images, labels) == []  # nobody has answered yet


def test_the_formats_that_there_are() -> None:
    assert {"csv-long", "label-studio"} <= set(WRITABLE)
    assert {"label-studio", "queue"} <= set(QUERIES)
    assert {"queue", "coco", "openimages", "imagefolder", "npz"} < set(exchange.formats())
    with pytest.raises(UsageError, match="csv-long, label-studio"):
        exchange.write(Path("x"), "coco", IMAGES, NAMES, [])
    with pytest.raises(UsageError, match="label-studio, queue"):
        exchange.write_query(Path("x"), "csv-long", IMAGES, NAMES, [])
    with pytest.raises(UsageError, match="cannot read the format 'xml'"):
        exchange.read(Path("x"), "xml", IMAGES, NAMES)


ARROWS = """
from alasl.data.formats.base import NamedAnswer
from alasl.project.exchange import exchange


def write(path, answers):
    path.write_text("".join(f"{a.image}>{a.label}={a.value}\\n" for a in answers))


def write_query(path, query):
    path.write_text("".join(f"{image}>{label}?\\n" for image, label, _ in query.asked))


@exchange("arrows", "a line an answer", holds=lambda path, head: False, write=write,
          write_query=write_query)
def read(path, options, *, sign: str = "="):
    for line in path.read_text().splitlines():
        entry, _, value = line.partition(sign)
        image, _, label = entry.partition(">")
        yield NamedAnswer("", image, label, int(value))
"""


def test_a_format_of_answers_in_a_file_of_ones_own(tmp_path: Path) -> None:
    mine, path = tmp_path / "arrows.py", tmp_path / "a.arrows"
    mine.write_text(ARROWS, encoding="utf-8")
    told = [said(0, 1, 1, "ann"), said(2, 0, 0, "ann")]
    exchange.write(path, f"{mine}:arrows", IMAGES, NAMES, told)
    assert path.read_text() == "a.jpg>cat=1\ns/c.jpg>dog=0\n"
    assert exchange.read(path, f"{mine}:arrows", IMAGES, NAMES, person="ann") == told
    path.write_text("b.jpg>dog~-1\n")
    (one,) = exchange.read(path, f"{mine}:arrows:sign=~", IMAGES, NAMES, person="bo")
    assert (one.image, one.label, one.value, one.person) == (1, 0, -1, "bo")
    exchange.write_query(path, f"{mine}:arrows", IMAGES, NAMES, [Asked(1, 0)])
    assert path.read_text() == "b.jpg>dog?\n"
    for wrong in (f"{mine}:arows", f"{tmp_path / 'none.py'}:arrows"):
        with pytest.raises(UsageError, match="there is no"):
            exchange.read(path, wrong, IMAGES, NAMES)


@pytest.mark.parametrize("format", ["csv-long", "label-studio", "npz"])
def test_automatic_answers_are_left_out_with_a_count(tmp_path: Path, caplog, format) -> None:
    labels = Labels(np.full((3, 3), -1), NAMES, IMAGES)
    labels = labels.merge([0, 1], [0, 1], [1, 0], "ann").merge([0, 2], [1, 2], [1, 1], "machine")
    path = tmp_path / f"t{'.json' if format == 'label-studio' else '.' + format[-3:]}"
    write_table(labels, path, format)
    told = exchange.read(path, format, IMAGES, NAMES)
    assert [(t.image, t.label, t.value, t.person) for t in told] == [
        (0, 0, 1, "ann"),
        (1, 1, 0, "ann"),
    ]
    says = "2 automatic answers are left out"
    assert says in caplog.text
    caplog.clear()
    table = read_table(path, format=format)[0].labels
    assert (table.images, table.names) == (IMAGES, NAMES)
    assert table.entries.tolist() == [[1, -1, -1], [-1, 0, -1], [-1, -1, -1]]
    assert caplog.text.count(says) == 1


def test_names_written_otherwise_are_taken_for_the_only_ones_they_can_mean(
    tmp_path: Path, caplog
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        "image,label,value\nimages\\A.jpg,Dog,1\n/home/x/s/c.JPG,\u00a0CAT ,0\na,dog,1\n"
    )
    told = exchange.read(path, None, IMAGES, NAMES, person="ann")
    assert [(t.image, t.label, t.value) for t in told] == [(2, 1, 0), (0, 0, 1)]
    assert (
        "3 names of images are taken for others; first 'images\\\\A.jpg' for 'a.jpg'" in caplog.text
    )
    assert "2 names of labels are taken for others; first 'Dog' for 'dog'" in caplog.text
    with pytest.raises(DataError, match="2 answers name images or labels") as error:
        exchange.read(path, None, ("a.jpg", "A.JPG", "c/c.jpg"), ("dog", "cat"))
    assert "image 'images\\\\A.jpg'" in error.value.more[0]
    assert "image '/home/x/s/c.JPG'; nearest: 'c" in error.value.more[1]


@pytest.mark.parametrize("format", ["csv-wide", "csv-long", "coco", "imagefolder", "npz"])
def test_a_table_of_entries_is_answers_too(tmp_path: Path, format) -> None:
    entries = np.array([[1, -1, 0], [-1, -1, -1], [0, 1, 1]])
    write_table(Labels(entries, NAMES, IMAGES), tmp_path / "t", format)
    told = exchange.read(tmp_path / "t", format, IMAGES, NAMES, person="ann", empty="unknown")
    assert {(t.image, t.label): t.value for t in told} == {
        (i, j): entries[i, j] for i, j in np.argwhere(entries >= 0).tolist()
    }
    assert {t.person for t in told} == {"ann"}


def test_the_format_is_recognised(tmp_path: Path) -> None:
    labels = Labels(np.array([[1, 0, 1]] * 3), NAMES, IMAGES)
    told = [said(0, 0, 1, "ann")]
    for format in WRITABLE:
        path = tmp_path / (format + (".json" if format == "label-studio" else ".csv"))
        exchange.write(path, format, IMAGES, NAMES, told)
        assert exchange.read(path, None, IMAGES, NAMES) == told
    (tmp_path / "q.csv").write_text('"image","label","answer"\na.jpg,dog,1\n')
    assert exchange.read(tmp_path / "q.csv", None, IMAGES, NAMES, person="ann") == told
    write_table(labels, tmp_path / "t.csv", "csv-wide")
    assert len(exchange.read(tmp_path / "t.csv", None, IMAGES, NAMES)) == 9
    with pytest.raises(DataError, match="no such file"):
        exchange.read(tmp_path / "none.csv", None, IMAGES, NAMES)


def test_names_that_are_not_there_are_listed_with_the_nearest(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    rows = ["a.jpg,dgo,1", "b.jpgg,cat,0", "b.jpgg,dog,0", "a.jpg,xyzzy,1", "b.jpg,cat,1"]
    path.write_text("image,label,answer\n" + "\n".join(rows) + "\n")
    with pytest.raises(DataError, match="4 answers name images or labels") as error:
        exchange.read(path, "queue", IMAGES, NAMES)
    assert error.value.more == (
        f"{path}:2: label 'dgo'; nearest: 'dog'",
        f"{path}:3: image 'b.jpgg', 2 times; nearest: 'b.jpg'",
        f"{path}:5: label 'xyzzy'",
    )


def test_the_last_answer_of_a_person_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = ["a.jpg,dog,1,ann", "a.jpg,dog,0,ben", "b.jpg,dog,1,ann", "a.jpg,dog,,ann"]
    path.write_text("image,label,value,annotator\n" + "\n".join(rows) + "\n")
    assert exchange.read(path, "csv-long", IMAGES, NAMES) == [
        said(0, 0, 0, "ben"),
        said(1, 0, 1, "ann"),
        said(0, 0, -1, "ann"),
    ]
    for format in WRITABLE:
        twice = [said(0, 0, 1, "ann"), said(0, 0, 0, "ann")]
        exchange.write(tmp_path / "out", format, IMAGES, NAMES, twice)
        assert exchange.read(tmp_path / "out", format, IMAGES, NAMES) == twice[1:]
        with pytest.raises(DataError, match="who gave it"):
            exchange.write(tmp_path / "no", format, IMAGES, NAMES, [said(0, 0, 1, "")])
    assert not (tmp_path / "no").exists()
