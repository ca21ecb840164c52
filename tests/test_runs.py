"""The journal: every step outlasts a kill, a line cut short is dropped, one run a folder."""

import csv
import json
import math
import os
from dataclasses import replace
from pathlib import Path

import pytest

from alasl.errors import ConflictError, DataError
from alasl.journal import Journal, load, write_config
from alasl.record import Asked, Evaluation, Record, Round, Start
from alasl.report.tables import write_results
from alasl.settings import RunSettings

START = Start(
    "data", ("a", 'b,"\n', "=c"), {"clean": 1, "pool": 2, "test": 3}, 5, "0f", {"alasl": "1"}
)
EVALUATION = Evaluation(0, 0, 0, (10.0, 30.0, 20.0), (1.5, math.nan, 99.0), 0.25)
ROUND = Round(1, (Asked("x,\n.jpg", 0.5, 1, 2, {"a": 1, 'b,"\n': -1}),))


def same(one: object, two: object) -> bool:
    def whole(thing: object) -> str:
        return repr({**vars(thing), "moves": None} if isinstance(thing, Record) else thing)

    return whole(one) == whole(two)  # NaN is not equal to itself


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    journal = Journal(tmp_path)
    write_config(RunSettings(data="d", rounds=1), tmp_path, {})
    for event in (START, EVALUATION, ROUND):
        journal.append(event)
    return tmp_path


def test_what_was_appended_is_read_again(folder: Path) -> None:
    assert same(Journal(folder).events(), [START, EVALUATION, ROUND])
    record = load(folder)
    assert same(record, Record(RunSettings(data="d", rounds=1), START, [EVALUATION], [ROUND]))
    assert not record.done
    assert record.maps == [20.0]


def test_intervals_are_read_again_and_those_of_older_versions_are_missing(tmp_path: Path) -> None:
    start = replace(START, test_presents=(1, 0, 2))
    pairs = ((1.0, 2.0), None, (90.0, 100.0))
    sure = replace(EVALUATION, interval=(15.0, 25.0), ap_intervals=pairs, gain_reach=1.5)
    journal = Journal(tmp_path)
    for event in (start, sure):
        journal.append(event)
    assert same(journal.events(), [start, sure])
    path = tmp_path / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for name in ("test_presents", "ap_intervals", "gain_reach"):
        assert sum(line.pop(name, None) is not None for line in lines) == 1
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert same(journal.events(), [START, replace(EVALUATION, interval=(15.0, 25.0))])


@pytest.mark.parametrize("summary", ["mean", "last", "best"])
def test_a_rounds_map_is_the_epochs_mean_last_or_best(summary: str) -> None:
    expected = {"mean": 20.0, "last": 20.0, "best": 30.0}
    assert EVALUATION.map(summary) == expected[summary]


def test_a_line_cut_short_anywhere_is_dropped_and_written_again(folder: Path) -> None:
    path = folder / "journal.jsonl"
    whole = path.read_bytes()
    two_lines = whole[: whole[:-1].rfind(b"\n") + 1]
    for cut in range(len(two_lines), len(whole)):
        path.write_bytes(whole[:cut])
        assert same(Journal(folder).events(), [START, EVALUATION])
        Journal(folder).append(ROUND)
        assert path.read_bytes() == whole


def test_a_broken_line_in_the_middle_is_named(folder: Path) -> None:
    path = folder / "journal.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b'{"kind": "nonsense"}\n' + lines[2])
    with pytest.raises(DataError, match=r"journal\.jsonl:2"):
        load(folder)


def test_a_folder_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run here"):
        load(tmp_path)


@pytest.mark.posix
def test_a_folder_holds_one_run_at_a_time(folder: Path) -> None:
    journal = Journal(folder)
    journal.open()
    try:
        child = os.fork()
        if child == 0:
            try:
                Journal(folder).open()
                os._exit(0)
            except ConflictError:
                os._exit(6)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 6
    finally:
        journal.close()
    journal.open()
    journal.close()


@pytest.mark.posix
def test_a_run_that_was_refused_leaves_no_folder_but_one_that_was_there(tmp_path: Path) -> None:
    there, new = tmp_path / "there", tmp_path / "runs" / "new"
    there.mkdir()
    for folder in (there, new):
        journal = Journal(folder)
        journal.open()
        journal.close()
    assert there.exists()
    assert not new.exists()
    journal = Journal(new)
    journal.open()
    journal.append(START)
    journal.close()
    assert len(Journal(new).events()) == 1


def test_the_tables_hold_every_round_and_every_entry_asked(folder: Path) -> None:
    write_results(load(folder), folder, {"ok": True})
    with (folder / "rounds.csv").open(newline="") as file:
        rounds = list(csv.DictReader(file))
    assert rounds[0]["map"] == "20.0000"
    assert rounds[0]["map_best"] == "30.0000"
    assert (rounds[0]['ap:b,"\n'], rounds[0]["ap:=c"]) == ("", "99.0000")
    with (folder / "queries.csv").open(newline="") as file:
        assert list(csv.reader(file))[1:] == [
            ["1", "x,\n.jpg", "a", "1"],
            ["1", "x,\n.jpg", 'b,"\n', "-1"],
        ]
