"""The commands of a project, from init to report, as people call them."""

from __future__ import annotations

import csv
import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.cli.status import lines
from alasl.data.dataset import Dataset
from alasl.data.formats import read, write
from alasl.errors import UsageError
from alasl.project.driver import Driver
from alasl.project.folder import Project, load
from alasl.project.overview import overview
from alasl.project.records import Answer
from alasl.project.simulate import answer_from, work
from alasl.report.project import project_page

MakeProject = Callable[..., Project]
Say = Callable[..., Any]


def truth_of(project: Project) -> np.ndarray:
    found: np.ndarray = np.load(Path(project.settings.data) / "truth.npy")
    return found


def fill_in(queue: Path, out: Path, value: Callable[[str, str], object]) -> list[dict[str, str]]:
    """The queue with its column `answer` filled, as somebody does in a spreadsheet."""
    rows = list(csv.DictReader(queue.open(encoding="utf-8-sig", newline="")))
    with out.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        for row in rows:
            table.writerow({**row, "answer": value(row["image"], row["label"])})
    return rows


@pytest.mark.slow
def test_a_week_without_the_page(
    tmp_path: Path, make_dataset: Callable[..., Dataset], say: Say
) -> None:
    data = make_dataset(240)
    hidden = np.random.default_rng(0).random(data.labels.shape) < 0.9
    hidden[:80] = False
    write(data.labels.forget(hidden), tmp_path / "t.npz", "npz", features=data.features)
    row_of = {image: i for i, image in enumerate(data.labels.images)}
    col_of = {name: j for j, name in enumerate(data.labels.names)}

    def true(image: str, label: str) -> int:
        return int(data.labels.entries[row_of[image], col_of[label]])

    mine = tmp_path / "mine"
    made = say("init", mine, tmp_path / "t.npz", "--answers", 50, "--repeats", 0, "--json")
    assert made["sizes"] == {"clean": 24, "pool": 168, "test": 48}
    assert "no model has been trained yet" in say("status", mine)
    assert say("train", mine, "--json")["answers"] == 0
    for week in range(4):
        queue = tmp_path / f"queue{week}.csv"
        told = say("suggest", mine, "--out", queue, "--json")
        assert told["asked"] == 50
        assert told["training"]["answers"] == 50 * week
        rows = fill_in(queue, tmp_path / "filled.csv", true)
        assert len(rows) == told["wanted"] == 52, "two gold questions among them"
        told = say("import", mine, tmp_path / "filled.csv", "--person", "ann", "--json")
        rest = dict.fromkeys(("same", "kept", "replaced", "again", "withdrawn", "idle"), 0)
        assert told == {"schema_version": 1, "new": 52, **rest}
    told = say("import", mine, tmp_path / "filled.csv", "--person", "ann", "--json")
    assert (told["new"], told["same"]) == (0, 52)

    state = say("status", mine, "--json")
    assert state["answers"] == 200
    assert state["people"][0]["name"] == "ann"
    assert state["advice"]["gain"] is not None
    assert len(state["trainings"]) == 4, "the first `suggest` had nothing new to learn"
    page = say("report", mine, "--figures", tmp_path / "figures", "--json")["report"]
    text = Path(page).read_text(encoding="utf-8")
    assert page == str(mine / "report.html")
    assert "mAP over the time that people spent" not in text, "no time was measured"
    assert "<dd>not measured</dd>" in text
    assert "  ann: 208 answers, no time measured, 8 of 8 right" in say("status", mine).splitlines()
    assert all(f"<bdi>{name}</bdi>" in text for name in data.labels.names)
    assert str(state["advice"]["says"]) in text
    assert len(list((tmp_path / "figures").iterdir())) == 2

    out = tmp_path / "now.csv"
    say("export", mine, out, "--to", "csv-wide")
    table = read(out, empty="unknown", require_images=False).labels
    np.testing.assert_array_equal(table.entries, load(mine).store.labels().entries)


def test_an_import_with_conflicts_lists_them_and_waits(
    make_project: MakeProject, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = make_project(repeats=0.0, gold=0.0)
    told = say("suggest", project.folder, "--out", tmp_path / "q.csv", "--quiet")
    assert "60 entries to ask, 60 answers wanted\n" in told
    fill_in(tmp_path / "q.csv", tmp_path / "one.csv", lambda *_: 1)
    fill_in(tmp_path / "q.csv", tmp_path / "two.csv", lambda *_: 0)
    say("import", project.folder, "one.csv", "--person", "ann")
    before = project.store.labels().entries
    error = say("import", project.folder, "two.csv", code=6)
    assert "60 answers against what is known; nothing was imported" in error
    assert "--on-conflict" in error
    assert len((tmp_path / "conflicts.txt").read_text().splitlines()) == 60
    np.testing.assert_array_equal(project.store.labels().entries, before)
    told = say("import", project.folder, "two.csv", "--on-conflict", "keep", "--json")
    assert told["kept"] == 60
    np.testing.assert_array_equal(project.store.labels().entries, before)
    told = say("import", project.folder, "two.csv", "--on-conflict", "replace", "--json")
    assert told["replaced"] == 60
    changed = project.store.labels().entries != before
    assert changed.sum() == 60


def test_a_persons_name_may_be_written_otherwise(
    make_project: MakeProject, tmp_path: Path, say: Say, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project()
    say("suggest", project.folder, "--out", tmp_path / "q.csv", "--quiet")
    fill_in(tmp_path / "q.csv", tmp_path / "one.csv", lambda *_: 1)
    say("import", project.folder, tmp_path / "one.csv", "--person", "Jo Ann")
    for name in ("jo ann", "JO  ANN", " Jo Ann "):
        told = say("import", project.folder, tmp_path / "one.csv", "--person", name)
        assert told.startswith("0 new answers")
    assert "'jo ann' is taken for 'Jo Ann'" in caplog.text
    # On the page, too; and two that are told apart by just that stay two.
    image, label = (int(n) for n in np.argwhere(project.store.labels().entries < 0)[0])
    project.store.answer("JO ANN", [Answer(image, label, 1, 1.0)], request="r")
    assert list(project.store.progress().people) == ["Jo Ann"]
    for name in ("Machine", "INFERRED "):
        with pytest.raises(UsageError, match="this is the name of"):
            project.store.answer(name, [Answer(image, label, 1, 1.0)], request=name)


def test_two_peoples_files_are_votes_where_one_says_so(
    make_project: MakeProject, tmp_path: Path, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    project = make_project(gold=0.0)
    told = say("suggest", project.folder, "--out", "q.csv", "--quiet")
    wanted = len(project.store.queue())
    assert f"60 entries to ask, {wanted} answers wanted (with repeats and gold questions)" in told
    for person, answer in (("ann", 1), ("ben", 0), ("cid", 0)):
        fill_in(tmp_path / "q.csv", tmp_path / f"{person}.csv", lambda *_, a=answer: a)
    say("import", project.folder, "ann.csv", "--person", "ann")
    vote = ("--on-conflict", "vote", "--json")
    assert say("import", project.folder, "ben.csv", "--person", "ben", *vote)["new"] == 60
    assert len(project.store.disagreements()) == 60
    known = project.store.labels().known.sum()
    assert say("import", project.folder, "ben.csv", "--person", "ben")[:14] == "0 new answers,"
    assert say("import", project.folder, "cid.csv", "--person", "cid", *vote)["new"] == 60
    assert project.store.labels().known.sum() == known + 60, "two of three stand"


def test_a_file_that_is_wrong_anywhere_changes_nothing(
    make_project: MakeProject, tmp_path: Path, say: Say
) -> None:
    project = make_project()
    say("suggest", project.folder, "--out", tmp_path / "q.csv", "--quiet")
    fill_in(tmp_path / "q.csv", tmp_path / "a.csv", lambda *_: 1)
    text = (tmp_path / "a.csv").read_text().replace("label5", "label9")
    (tmp_path / "a.csv").write_text(text)
    assert "label9" in say("import", project.folder, tmp_path / "a.csv", code=3)
    assert [e.kind for e in project.store.events()] == ["given"]


def test_answers_come_back_as_they_were_exported(
    make_project: MakeProject, tmp_path: Path, say: Say
) -> None:
    project = make_project(repeats=0.5)
    Driver(project).suggest()
    for person in ("ann", "ben"):
        answer_from(project.store, truth_of(project), person, 20)
    out = tmp_path / "answers.csv"
    missing = say("export", project.folder, out, "--what", "answers", code=2)
    assert "csv-long, label-studio" in missing
    say("export", project.folder, out, "--to", "csv-long", "--what", "answers")
    other = make_project()
    say("import", other.folder, out)
    assert {(s.image, s.label, s.value, s.person) for s in other.store.answers()} == {
        (s.image, s.label, s.value, s.person) for s in project.store.answers()
    }
    assert other.store.progress().people["ann"].seconds == pytest.approx(
        project.store.progress().people["ann"].seconds
    )


def test_a_queue_that_cannot_be_written_is_not_made(
    make_project: MakeProject, tmp_path: Path, say: Say
) -> None:
    project = make_project()
    out = tmp_path / "queue.json"
    error = say("suggest", project.folder, "--out", out, "--format", "coco", code=2)
    assert "cannot write a query to the format 'coco'" in error
    assert project.store.progress().round == 0


def test_label_studio_gets_the_queue_and_gives_answers_back(
    make_project: MakeProject, tmp_path: Path, say: Say
) -> None:
    project = make_project(repeats=0.0)
    out = tmp_path / "tasks.json"
    say("suggest", project.folder, "--out", out, "--format", "label-studio", "--quiet")
    tasks = json.loads(out.read_text())
    entries = {(t["data"]["uid"], a["value"]) for t in tasks for a in t["data"]["asked"]}
    asked = {
        (project.store.images[q.image], project.store.names[q.label]) for q in project.store.queue()
    }
    assert entries == asked


def test_disagreements_are_listed_and_settled(
    make_project: MakeProject, tmp_path: Path, say: Say
) -> None:
    project = make_project()
    pool = int(np.argwhere(project.store.labels().entries[:, 0] < 0)[0, 0])
    for person, value in (("=ann", 1), ("ben", 0)):
        project.store.answer(person, [Answer(pool, 0, value, 1.0)], request=person)
    listed = say("resolve", project.folder, "--out", tmp_path / "open.csv", "--json")
    (entry,) = listed["disagreements"]
    assert (entry["label"], entry["said"]) == ("label0", {"=ann": 1, "ben": 0})
    assert "1 entry answered both ways" in say("status", project.folder)
    assert "'=ann' present, 'ben' absent" in say("resolve", project.folder)
    rows = fill_in(tmp_path / "open.csv", tmp_path / "done.csv", lambda *_: 1)
    assert rows[0]["said"].startswith("'="), "no spreadsheet takes it for a formula"
    say("resolve", project.folder, tmp_path / "done.csv", code=2)
    for said in ("1 entry settled\n", "0 entries settled, 1 settled so before\n"):
        assert say("resolve", project.folder, tmp_path / "done.csv", "--person", "lead") == said
    assert project.store.labels().entries[pool, 0] == 1
    assert say("resolve", project.folder, "--json")["disagreements"] == []


def test_check_looks_into_a_project(make_project: MakeProject, say: Say, tmp_path: Path) -> None:
    project = make_project()
    out = tmp_path / "check.jsonl"
    told = say("check", project.folder, "--json", "--quiet", "--out", out)
    assert told["images"] == 300
    with sqlite3.connect(project.store.path) as db:
        db.execute("UPDATE counts SET left = 5")
    assert "the store is damaged" in say("check", project.folder, code=3)


def test_a_command_without_a_project_says_how_to_make_one(tmp_path: Path, say: Say) -> None:
    for command in ("train", "suggest", "status", "resolve"):
        assert "alasl init" in say(command, tmp_path, code=3)


def test_a_project_that_is_there_is_not_made_over(make_project: MakeProject, say: Say) -> None:
    project = make_project()
    assert "already" in say("init", project.folder, project.settings.data, code=6)


@pytest.mark.slow
def test_a_full_disk_stops_an_import_with_5_and_keeps_what_was(
    small_disk: Path, make_dataset: Callable[..., Dataset], tmp_path: Path, say: Say
) -> None:
    data = make_dataset(1500)
    features = np.arange(1500, dtype=np.float32)[:, None]  # no two alike
    nothing = data.labels.forget(data.labels.known)
    write(nothing, tmp_path / "t.npz", "npz", features=features)
    mine = small_disk / "mine"
    say("init", mine, tmp_path / "t.npz")
    write(data.labels, tmp_path / "all.npz", "npz")
    error = say("import", mine, tmp_path / "all.npz", code=5)
    assert "what stood before is intact" in error
    subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
    project = load(mine)
    assert [e.kind for e in project.store.events()] == ["given"]
    assert project.store.problems() == []
    project.store.close()
    say("import", mine, tmp_path / "all.npz")


@pytest.mark.slow
def test_the_state_counts_what_people_did(make_project: MakeProject) -> None:
    project = make_project(gold=0.2, repeats=0.2, stop_below=0.5)
    learner, truth = Driver(project), truth_of(project)
    assert work(learner, truth, "ann", 150) >= 150
    answer_from(project.store, 1 - truth, "ben", 60)
    state = overview(project)
    pool = project.split().pool
    now, given = (
        project.store.labels().entries[pool],
        project.store.initial_and_labels()[0].dense()[pool],
    )
    assert state.answers == ((given < 0) & (now >= 0)).sum()
    assert state.unknown == (now < 0).sum()
    assert sum(label.answered for label in state.labels) == state.answers
    ann, ben = state.people
    assert ann.checked > 20
    assert ann.right == ann.checked
    assert ben.right == 0 < ben.checked
    assert ben.miss is not None
    assert ann.miss is not None
    assert ben.miss > ann.miss
    # Of one entry alone, to disagree is what chance would do.
    assert state.alpha.entries <= 1 or state.alpha.value < 0
    assert state.disagreements == len(project.store.disagreements())
    assert state.advice.stop_below == pytest.approx(0.5 * 60 / 1000)
    json.dumps(state.to_dict(), allow_nan=False)


def test_advice_is_on_no_more_answers_than_are_left(make_project: MakeProject) -> None:
    project = make_project(answers=100_000, gold=0.0, repeats=0.0)
    learner, truth = Driver(project), truth_of(project)
    state = overview(project)
    # Of these test images all is known.
    assert state.advice.batch == state.left == state.unknown
    advice = str(state.advice)
    assert advice in lines(state)
    assert advice in project_page(state)
    learner.train()
    learner.suggest()
    answer_from(project.store, truth, "ann", 100_000)
    state = overview(project)
    assert state.left == 0
    assert state.next == "Every entry of the pool is known."
    assert str(state.advice) not in lines(state)
    assert "next" not in project_page(state)


def test_hostile_names_are_only_text_on_the_page(
    tmp_path: Path, make_dataset: Callable[..., Dataset], say: Say
) -> None:
    data = make_dataset(100)
    name = "<script>alert(1)</script>"
    names = (name, *data.labels.names[1:])
    labels = data.labels.but(names=names)
    write(labels, tmp_path / "t.npz", "npz", features=data.features)
    mine = tmp_path / "mine"
    say("init", mine, tmp_path / "t.npz", "--name", name)
    say("train", mine)
    project = load(mine)
    project.store.answer(name, [Answer(0, 0, 1, 1.0)], request="r")
    project.store.close()
    say("report", mine)
    text = (mine / "report.html").read_text()
    assert name not in text
    assert text.count("&lt;script&gt;alert(1)") >= 3


@pytest.mark.slow
def test_the_demo_sets_up_a_project_that_learns(tmp_path: Path, say: Say) -> None:
    out = say("demo", "--annotate", "--answers", 200, "--out", tmp_path, "--quiet")
    project = tmp_path / "annotate" / "project"
    assert f"next: alasl annotate {project}" in out
    state = overview(load(project))
    assert state.answers >= 180
    assert state.queue[1] > 400
    assert state.trainings[-1].map is not None
    assert state.trainings[0].map is not None
    assert state.trainings[-1].map > state.trainings[0].map
    again = say("demo", "--annotate", "--out", tmp_path, "--quiet")
    assert f"{state.answers} answered" in again
