"""Answers that come by files of the queue: as good as those of the page."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.cli.status import lines
from alasl.project.changes import LabelChange
from alasl.project.driver import Driver
from alasl.project.exports import export
from alasl.project.folder import Project
from alasl.project.growing import drop
from alasl.project.imports import import_file
from alasl.project.overview import overview
from alasl.project.rechecking import error_rates
from alasl.project.records import Answer, Imported, Queued
from alasl.project.store import Store
from alasl.report.project import project_page


def truth_of(project: Project) -> np.ndarray:
    found: np.ndarray = np.load(Path(project.settings.data).parent / "truth.npy")
    return found


def fill_in(path: Path, answers: Mapping[tuple[str, str], str]) -> None:
    """Answer a queue's file as a spreadsheet or Label Studio would."""
    if path.suffix == ".csv":
        rows = list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, [*rows[0]])
            table.writeheader()
            for row in rows:
                table.writerow({**row, "answer": answers[row["image"], row["label"]]})
        return
    tasks: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    for task in tasks:
        named = [one["value"] for one in task["data"]["asked"]]
        present = [name for name in named if answers[task["data"]["uid"], name] == "1"]
        group = {"from_name": "present", "type": "choices", "value": {"choices": present}}
        task["annotations"] = [{"id": 1, "result": [group], "was_cancelled": False}]
    path.write_text(json.dumps(tasks), encoding="utf-8")


@pytest.mark.parametrize("format", ["queue", "label-studio"])
def test_a_file_asks_for_second_looks_and_is_taken_once(
    holes: Callable[..., Project],
    tmp_path: Path,
    format: str,
) -> None:
    """Whatever a person says then counts, once, and no file that is read again counts twice."""
    project = holes(gold=0.1)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    files = []

    def round_(value: Callable[[Queued], int]) -> Imported:
        """What came in by a file in which the queue was answered."""
        path = tmp_path / f"{len(files)}.{'csv' if format == 'queue' else 'json'}"
        export(project, path, format, "queue")
        asked = {
            (store.images[q.image], store.names[q.label]): str(value(q))
            for q in store.queue()
            if not q.done
        }
        fill_in(path, asked)
        files.append(path)
        return import_file(project, path, person="ann")

    def against(q: Queued) -> int:
        return int((q.probability or 0) < 0.5)

    drawn = {(q.image, q.label): against(q) for q in store.queue() if q.why == "audit"}
    done = round_(against)
    assert done.again == len(drawn) > 0
    again = [q for q in store.queue() if q.why == "again"]
    assert {(q.image, q.label) for q in again if not q.done} == {*drawn}
    rows = project.split().test
    assert store.looks(rows).sum(axis=0).max() == 1
    # The same again says nothing new; then half of them change their answer.
    assert import_file(project, files[0], person="ann").new == 0
    half = set([*drawn][::2])
    driver.suggest()
    asked = {(q.image, q.label) for q in store.queue() if q.why == "again"}
    assert asked == {*drawn}
    done = round_(lambda q: against(q) if (q.image, q.label) in half else 1 - against(q))
    assert done.same == done.kept == 0
    looks = store.looks(rows)[
        :, np.searchsorted(rows, [i for i, _ in drawn]), [j for _, j in drawn]
    ]
    assert looks.sum(axis=0).tolist() == [2] * len(drawn)
    assert (looks.max(axis=0) == 2).tolist() == [entry in half for entry in drawn]
    before = store.last_event()
    for path in files:
        assert import_file(project, path, person="ann", on_conflict="keep").new == 0
    assert store.last_event() == before
    assert store.problems() == []


def test_status_says_what_was_asked_only_once(
    holes: Callable[..., Project], say: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    project = holes()
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    asked = [q for q in store.queue() if q.why == "audit"]
    truth = truth_of(project)
    right = [Answer(q.image, q.label, int(truth[q.image, q.label])) for q in asked]
    store.import_answers("ann", right, to_queue=True)
    driver.train()
    state = overview(project)
    assert state.again == sum(q.why == "again" and not q.done for q in store.queue()) > 0
    doubt = str(state.doubts[-1])
    assert doubt.startswith(f"{state.again} answers to test images against the model not asked")
    said = list(lines(state))
    assert doubt in said
    assert any(text.endswith(f"left, {state.again} of them second looks") for text in said)
    # Whoever trains or asks by the command line reads it there, too.
    for command in ("train", "suggest"):
        printed = say(command, project.folder, "-q")
        now = overview(project)
        assert now.doubts
        assert "\n".join(map(str, now.doubts)) in printed
    found = say("suggest", project.folder, "--json", "-q")
    assert found["training"]["doubts"] == [str(one) for one in overview(project).doubts]
    # The table is read once, for the training and for what is doubted of it.
    reads: list[Store] = []
    read = Store.initial_and_labels

    def counted(own: Store) -> Any:
        reads.append(own)
        return read(own)

    monkeypatch.setattr(Store, "initial_and_labels", counted)
    assert say("train", project.folder, "--json", "-q")["doubts"]
    assert len(reads) == 1


def test_what_was_not_timed_and_what_was_said_again_is_told(holes: Callable[..., Project]) -> None:
    project = holes()
    store = project.store
    free = [(int(i), int(j)) for i, j in np.argwhere(store.labels().entries < 0)[:3]]
    store.import_answers("f", [Answer(*free[0], 1, person="ann")])
    store.answer("ann", [Answer(*free[1], 1, 30.0), Answer(*free[2], 1, 30.0)], request="page")
    store.answer("ann", [Answer(*free[2], 0, 60.0)], request="again")
    (ann,) = overview(project).people
    assert (ann.answers, ann.again, ann.timed) == (3, 1, 3)
    line = "  ann: 3 answers (1 more to the same entries), 2.0 min"
    assert line in list(lines(overview(project)))
    assert "3 + 1" in project_page(overview(project))
    store.undo("ann", request="undo")
    assert "  ann: 3 answers, 2.0 min for 2 of them" in list(lines(overview(project)))
    assert "1 of the answers came without a time" in project_page(overview(project))


def test_answers_that_left_with_images_or_labels_are_counted_apart(
    holes: Callable[..., Project],
) -> None:
    project = holes()
    store = project.store
    unknown = np.argwhere(store.labels().entries < 0)
    of_label = [entry for entry in unknown if entry[1] == 0][:3]
    of_image = [entry for entry in unknown if entry[1] == 1][:2]
    for number, (i, j) in enumerate([*of_label, *of_image]):
        store.answer("ann", [Answer(int(i), int(j), 1, 1.0)], request=f"{number}")
    assert overview(project).gone == 0
    drop(project, [store.images[of_image[0][0]]], "owner")
    assert (overview(project).answers, overview(project).gone) == (5, 1)
    store.change("owner", LabelChange("remove", (store.names[0],)))
    state = overview(project)
    assert (state.answers, state.gone) == (5, 4)
    assert (
        "entries: 5 answered, 4 of them in images or labels that have left;"
        in list(lines(state))[1]
    )
    assert "4 of them have left" in project_page(state)


@pytest.mark.parametrize("format", ["queue", "label-studio"])
def test_files_ask_gold_questions_and_their_answers_alter_nothing_but_what_is_known_of_people(
    holes: Callable[..., Project], tmp_path: Path, format: str
) -> None:
    project = holes(gold=0.2, audit=0.0)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    path = tmp_path / f"queue.{'csv' if format == 'queue' else 'json'}"
    export(project, path, format, "queue")
    gold = {(q.image, q.label) for q in store.queue() if q.gold}
    before = store.labels().entries
    wrong = {(i, j): 1 - int(before[i, j]) for i, j in gold}
    truth = truth_of(project)
    fill_in(
        path,
        {
            (store.images[q.image], store.names[q.label]): str(
                wrong.get((q.image, q.label), truth[q.image, q.label])
            )
            for q in store.queue()
        },
    )
    done = import_file(project, path, person="ann")
    assert done.kept == done.replaced == done.idle == 0
    after = store.labels().entries
    assert all(after[entry] == before[entry] for entry in gold)
    assert {(one.image, one.label) for one in store.answers() if one.why == "gold"} == gold
    presents, absents = error_rates(store)
    assert presents.wrong == presents.checked > 0
    assert absents.wrong == absents.checked > 0
    (ann,) = overview(project).people
    assert (ann.checked, ann.right) == (len(gold), 0)
    assert store.progress().left == 0
    assert import_file(project, path, person="ann").new == 0


def test_two_people_answer_by_files_what_is_asked_of_two(
    holes: Callable[..., Project], tmp_path: Path
) -> None:
    project = holes(repeats=0.3, audit=0.0)
    store = project.store
    Driver(project).suggest()
    asked = Counter((q.image, q.label) for q in store.queue())
    twice = {entry for entry, many in asked.items() if many == 2}
    path = tmp_path / "queue.csv"
    export(project, path, "queue", "queue")
    ones = {(store.images[i], store.names[j]): "1" for i, j in asked}
    fill_in(path, ones)
    import_file(project, path, person="ann")
    assert overview(project).others == store.progress().left == len(twice) > 0
    # What is left asks the second person; that they contradict the first is a vote, no conflict.
    export(project, path, "queue", "queue")
    fill_in(path, dict.fromkeys(ones, "0"))
    done = import_file(project, path)
    assert (done.new, store.progress().left) == (len(twice), 0)
    assert {(d.image, d.label) for d in store.disagreements()} == twice
    assert import_file(project, path).new == 0


def test_two_people_of_one_file_both_answer_a_second_look(
    holes: Callable[..., Project], tmp_path: Path
) -> None:
    project = holes(audit=0.5)
    driver, store = Driver(project), project.store
    driver.renew()
    driver.suggest()
    q = next(q for q in store.queue() if q.why == "audit")
    against = int((q.probability or 0) < 0.5)
    store.import_answers("ann", [Answer(q.image, q.label, against, person="ann")], to_queue=True)
    look = next(one for one in store.queue() if one.why == "again")
    entry = store.images[q.image], store.names[q.label]
    rows = [(*entry, look.question, value, who) for value, who in ((1, "ann"), (0, "bob"))]
    path = tmp_path / "both.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "question", "answer", "person"), *rows])
    for new in (2, 0):
        assert import_file(project, path).new == new
        (row,) = np.flatnonzero(project.split().test == q.image)
        assert store.looks(project.split().test)[:, row, q.label].sum() == 3


def test_a_question_for_two_people_is_answered_by_the_first(holes: Callable[..., Project]) -> None:
    """Of a queue that one person answered whole, no share of the audit is unanswered."""
    project = holes(repeats=0.5)
    store = project.store
    Driver(project).suggest()
    for number, (i, j) in enumerate({(q.image, q.label): 0 for q in store.queue()}):
        store.answer("ann", [Answer(i, j, 0, 1.0)], request=f"{number}")
    assert store.progress().left > 0
    assert (store.audited(project.split().test)[2] == 1).all()


def test_what_only_another_person_may_answer_is_said(holes: Callable[..., Project]) -> None:
    project = holes(repeats=0.3)
    Driver(project).suggest()
    store = project.store
    asked = Counter((q.image, q.label) for q in store.queue())
    twice = [entry for entry, many in asked.items() if many == 2]
    assert overview(project).others == 0, "anybody may be the first"
    for number, (i, j) in enumerate(sorted(asked)):
        store.answer("ann", [Answer(i, j, 1, 1.0)], request=f"{number}")
    state = overview(project)
    assert state.others == state.queue[1] == len(twice) > 0
    assert f"left, {len(twice)} of them for another person to answer" in list(lines(state))[2]
    assert state.next.startswith("Next: alasl annotate, for another person")
    store.answer("ben", [Answer(*twice[0], 1, 1.0)], request="ben")
    assert overview(project).others == 0
