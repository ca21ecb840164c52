"""Long CSV with people and times: each person's answer counts, and every bad cell has its line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from alasl.data.formats import read_table
from alasl.errors import DataError
from alasl.project import exchange
from alasl.project.records import Answer

IMAGES, NAMES = ("a.jpg", "b.jpg"), ("dog", "cat")


def said(image, label, value, person, seconds=None, at=None, **more) -> Answer:
    """An answer as a file has it."""
    return Answer(image, label, value, seconds, person=person, at=at, **more)


TEN = datetime(2026, 3, 2, 10, tzinfo=UTC).timestamp()


def read(tmp_path: Path, *lines: str) -> list[Answer]:
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(lines) + "\n")
    return exchange.read(path, "csv-long", IMAGES, NAMES, person="me")


TIMED = "image,label,value,annotator,time,seconds"


@pytest.mark.parametrize(
    ("times", "named"),
    [
        ([1400, 900, 2100], [2, 3, 4]),
        ([500, 3000, 90, 700, 1200, 60, 3, 800, 400, 2000], [*range(2, 12)]),
        ([1.5, 3601, 2.5], [3]),
        ([86_400_000], [2]),
    ],
)
def test_seconds_that_are_milliseconds_are_refused_by_their_rows(
    tmp_path: Path, times: list[float], named: list[int]
) -> None:
    rows = [f"a.jpg,dog,1,p{n},,{seconds}" for n, seconds in enumerate(times)]
    with pytest.raises(DataError, match=f"{len(named)} of {len(times)} times cannot be") as refused:
        read(tmp_path, TIMED, *rows)
    assert [int(case.split(":")[-2]) for case in refused.value.more] == named
    assert "divide them by 1000" in str(refused.value)


@pytest.mark.parametrize("times", [[1400], [1400, 1500], [1400, 1400, 3], [150] * 5 + [3] * 5])
def test_a_few_that_took_long_are_what_they_are(tmp_path: Path, times: list[float]) -> None:
    rows = [f"a.jpg,dog,1,p{n},,{seconds}" for n, seconds in enumerate(times)]
    assert [one.seconds for one in read(tmp_path, TIMED, *rows)] == times


def test_each_person_counts_and_the_later_columns_may_be_missing(tmp_path: Path) -> None:
    assert read(tmp_path, "image,label,value", "a.jpg,dog,1", "a.jpg,cat,") == [
        said(0, 0, 1, "me")  # a row without value and annotator says nothing
    ]
    assert read(
        tmp_path,
        "image,label,value,annotator,time,seconds",
        "a.jpg,dog,1,ann,2026-03-02T10:00:00Z,1.5",
        "a.jpg,dog,0,ben,2026-03-02T12:00:00+02:00,",
        "b.jpg,cat,,ben,2026-03-02 10:00,0",
        "b.jpg,cat,1.0,,,",
    ) == [
        said(0, 0, 1, "ann", 1.5, TEN),
        said(0, 0, 0, "ben", None, TEN),
        said(1, 1, -1, "ben", 0.0, TEN),
        said(1, 1, 1, "me"),
    ]


ALL = "image,label,value,annotator,time,seconds"


@pytest.mark.parametrize(
    ("header", "line", "says"),
    [
        ("image,label", "a.jpg,dog", "csv:1: the columns must be"),
        ("image,label,value,who", "a.jpg,dog,1,x", "csv:1: the columns must be"),
        ("image,label,value", "a.jpg,dog,yes", "csv:2: column 'value' holds 'yes'"),
        ("image,label,value", "a.jpg,dog", "csv:2: the row has 2 cells"),
        ("image,label,value,annotator,time", "a.jpg,dog,1,x,noon", "csv:2: a time must be in ISO"),
        (ALL, "a.jpg,dog,1,x,,-2", "csv:2: column 'seconds'"),
        (ALL, "a.jpg,dog,1,x,,nan", "csv:2: column 'seconds'"),
        (ALL, "a.jpg,dog,1,x,,120000", "(?s)1 of 1 times cannot be the seconds.*csv:2: 120000"),
        (ALL, "a.jpg,dog,1,x,1767225600000,2", "csv:2: a time must be in ISO"),
        (ALL, "a.jpg,dog,1,x,,fast", "csv:2: column 'second"),
        ("image,label,value", "a.jpg,fox,1", "csv:2: label 'fox'"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, header: str, line: str, says: str) -> None:
    with pytest.raises(DataError, match=says):
        read(tmp_path, header, line)


def test_all_bad_lines_are_listed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="2 rows hold no answer") as error:
        read(tmp_path, ALL, "a.jpg,dog,x,,,", "a.jpg,dog,1,,,", "a.jpg,cat,1,,then,")
    assert [case.split(":")[1] for case in error.value.more] == ["2", "4"]


def test_what_is_written_is_a_table_of_entries_too(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    told = [
        said(0, 0, 1, "ann", 2.0, TEN),
        said(1, 1, -1, "ann"),
        said(1, 0, 0, "ben", None, None, why="audit", pi=0.25),
    ]
    exchange.write(path, "csv-long", IMAGES, NAMES, told)
    assert path.read_text().splitlines() == [
        "image,label,value,annotator,time,seconds,why,pi",
        "a.jpg,dog,1,ann,2026-03-02T10:00:00+00:00,2.0,,",
        "b.jpg,cat,,ann,,,,",
        "b.jpg,dog,0,ben,,,audit,0.25",
    ]
    assert exchange.read(path, None, IMAGES, NAMES) == told
    labels = read_table(path)[0].labels
    assert labels.entries.tolist() == [[1, -1], [0, -1]]
    assert labels.sources[labels.source[0, 0]] == "ann"


def test_a_time_in_the_future_is_refused(tmp_path: Path) -> None:
    soon = datetime.now(UTC) + timedelta(hours=3)
    head = "image,label,value,annotator,time"
    (one,) = read(tmp_path, head, f"a.jpg,dog,1,ann,{soon.isoformat()}")
    assert one.at == soon.timestamp()
    late = soon + timedelta(days=3)
    with pytest.raises(DataError, match="answer") as refused:
        read(tmp_path, head, f"a.jpg,dog,1,ann,{late.isoformat()}", "a.jpg,cat,1,ann,1700000000000")
    assert "lies in the future" in str(refused.value)
    assert "1700000000000" in str(refused.value)
