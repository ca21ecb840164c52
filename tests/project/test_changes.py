"""Labels that are added, renamed, merged, split, taken out, and what follows from what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from alasl.errors import ConflictError, DataError, NothingToDo, UsageError
from alasl.labels import Labels
from alasl.project.changes import Dropped, LabelChange
from alasl.project.driver import Driver
from alasl.project.exports import export
from alasl.project.folder import Project, load
from alasl.project.history import history
from alasl.project.imports import import_file
from alasl.project.inference import completed, contradictions
from alasl.project.overview import overview
from alasl.project.records import Answer, Questions, Training
from alasl.project.scheme import Rules
from alasl.project.simulate import answer_from
from alasl.project.store import Store
from alasl.project.taxonomy import take_taxonomy

Make = Callable[..., Store]
MakeProject = Callable[..., Project]


def say(store: Store, person: str, image: int, label: int, value: int) -> None:
    request = f"{person}-{image}-{label}-{value}"
    store.answer(person, [Answer(image, label, value, 1.0)], request=request)


def column(store: Store, name: str) -> list[int]:
    labels = store.labels()
    found: list[int] = labels.entries[:, labels.names.index(name)].tolist()
    return found


def source_of(labels: Labels, row: int, col: int) -> str:
    return labels.sources[labels.source[row, col]]


def test_a_merged_label_is_present_where_one_is_and_absent_where_all_are(make_store: Make) -> None:
    store = make_store(6, 3)  # 0: 0 1 0, 1: 1 0 1, else unknown
    for image, label, value in ((2, 0, 1), (3, 0, 0), (3, 1, 0), (4, 0, 0)):
        say(store, "ann", image, label, value)
    done = store.change("owner", LabelChange("merge", ("label0", "label1"), ("both",)))
    assert done.says == "labels merged: 'label0', 'label1' into 'both'"
    assert (done.before.labels, done.after.labels) == (3, 2)
    assert store.names == ("label2", "both")
    assert column(store, "both") == [1, 1, 1, 0, -1, -1]
    # What is said of the new label goes before what follows from the old ones.
    say(store, "ben", 3, 3, 1)
    assert column(store, "both")[3] == 1
    assert source_of(store.labels(), 2, 1) == "inferred"
    assert source_of(store.labels(), 3, 1) == "people"


def test_the_parts_of_a_split_label_are_absent_where_it_is(make_store: Make) -> None:
    store = make_store(4, 2)
    store.change("owner", LabelChange("split", ("label0",), ("small", "large")))
    assert store.names == ("label1", "small", "large")
    assert column(store, "small") == column(store, "large") == [0, -1, -1, -1]


def test_a_merged_label_implies_what_all_its_parts_do(make_store: Make) -> None:
    store = make_store(4, 4)
    for child in ("label0", "label1"):
        store.change("owner", LabelChange("rule", implies=((child, "label3"),)))
    store.change("owner", LabelChange("rule", implies=(("label0", "label2"),)))
    store.change("owner", LabelChange("merge", ("label0", "label1"), ("both",)))
    say(store, "ann", 2, 4, 1)
    assert store.labels().entries[2].tolist() == [-1, 1, 1]
    assert store.names == ("label2", "label3", "both")


def test_what_follows_goes_up_and_down_and_gives_way_to_people(make_store: Make) -> None:
    store = make_store(6, 3)
    store.change(
        "owner",
        LabelChange("rule", implies=(("label0", "label1"),), excludes=(("label1", "label2"),)),
    )
    for image, label, value in ((2, 0, 1), (3, 1, 0), (4, 2, 1)):
        say(store, "ann", image, label, value)
    assert store.labels().entries[2:].tolist() == [[1, 1, 0], [0, 0, -1], [0, 0, 1], [-1] * 3]
    assert store.filled() == 3, "what follows is nobody's answer"
    say(store, "ben", 2, 1, 0)
    assert store.labels().entries[2].tolist() == [1, 0, -1]
    # Given in the first two images: 0 1 0 and 1 0 1, of which the second is against the rule.
    found = [(one.row, one.labels, one.values, one.why) for one in store.contradictions()]
    assert found == [(1, (0, 1), (1, 0), "implies"), (2, (0, 1), (1, 0), "implies")]
    store.resolve("ann", 2, 0, 0)
    assert [one.row for one in store.contradictions()] == [1]


def test_contradictions_are_found_through_others() -> None:
    rules = Rules(implies=((0, 1), (1, 2)), excludes=((0, 3),))
    entries = np.array([[1, -1, 0, -1], [1, 1, 1, 1], [0, 0, 0, 0]], np.int8)
    found = [(one.row, one.labels, one.why) for one in contradictions(entries, rules)]
    assert found == [(0, (0, 2), "implies"), (1, (0, 3), "excludes")]
    assert completed(entries, rules)[0].tolist() == [1, -1, 0, 0], "neither of two that clash"


def test_a_machines_answer_gives_way_to_what_follows(make_store: Make) -> None:
    store = make_store(4, 2)
    store.machine("m", np.array([[-1, -1], [-1, -1], [-1, 0], [-1, 0]], np.int8))
    store.change("owner", LabelChange("rule", implies=(("label0", "label1"),)))
    say(store, "ann", 2, 0, 1)
    labels = store.labels()
    assert (labels.entries[2, 1], source_of(labels, 2, 1)) == (1, "inferred")
    # What a machine says is no ground for more.
    assert (labels.entries[3].tolist(), source_of(labels, 3, 1)) == ([-1, 0], "machine")


def test_a_label_that_was_taken_out_comes_back_with_its_answers(make_store: Make) -> None:
    store = make_store(4, 2)
    say(store, "ann", 2, 0, 1)
    store.change("owner", LabelChange("remove", ("label0",)))
    assert store.names == ("label1",)
    assert store.progress().people["ann"].answers == 1
    store.change("owner", LabelChange("add", ("label0",)))
    assert store.names == ("label0", "label1")
    assert column(store, "label0") == [0, 1, 1, -1]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (LabelChange("add", ("label0",)), ConflictError),
        (LabelChange("add", ("LABEL0 ",)), UsageError),
        (LabelChange("add", ("Label0",)), ConflictError),
        (LabelChange("add", ("x", "x")), UsageError),
        (LabelChange("add", ()), UsageError),
        (LabelChange("rename", ("label0",), ("label1",)), ConflictError),
        (LabelChange("rename", ("labl0",), ("new",)), DataError),
        (LabelChange("rename", ("label0",), ("label0",)), UsageError),
        (LabelChange("merge", ("label0",), ("new",)), UsageError),
        (LabelChange("merge", ("label0", "label0"), ("new",)), UsageError),
        (LabelChange("split", ("label0",), ("new",)), UsageError),
        (LabelChange("remove", ("label0", "label1")), UsageError),
        (LabelChange("rule", implies=(("label0", "label1"), ("label1", "label0"))), ConflictError),
        (Dropped((0, 1)), UsageError),
        (Dropped(()), UsageError),
    ],
)
def test_a_change_that_makes_no_sense_is_refused_and_changes_nothing(
    make_store: Make, change: LabelChange, error: type[Exception]
) -> None:
    store = make_store(4, 2)
    with pytest.raises(error):
        store.change("owner", change)
    assert store.names == ("label0", "label1")
    assert [event.kind for event in store.events()] == ["given"]
    with pytest.raises(NothingToDo):
        store.take_back("owner")


def test_a_label_can_be_written_otherwise_and_as_it_was(make_store: Make) -> None:
    store = make_store(4, 2)
    store.change("owner", LabelChange("rename", ("label0",), ("Label0",)))
    assert store.names == ("Label0", "label1")
    assert store.scheme.labels[0].former == ("label0",)
    store.change("owner", LabelChange("rename", ("Label0",), ("label0",)))
    assert store.scheme.labels[0].former == ("Label0",)
    assert store.scheme.label_numbers == {"label0": 0, "Label0": 0, "label1": 1}


def test_the_queue_loses_what_leaves_and_nobody_loses_an_answer(make_store: Make) -> None:
    store = make_store(6, 3)
    store.fill(1, Questions([2, 2, 3, 4], [0, 1, 0, 2]))
    store.lease("ann")
    done = store.change("owner", LabelChange("remove", ("label0",)), Dropped((4,)))
    assert (done.before.asked, done.after.asked) == (4, 1)
    assert [(q.image, q.label) for q in store.queue()] == [(2, 0)], "by rows and columns"
    # A page that was open sends its answer all the same.
    say(store, "ann", 2, 0, 1)
    assert store.progress().people["ann"].answers == 1
    assert store.answers() == []
    store.take_back("owner")
    store.take_back("owner")
    assert [(a.image, a.label, a.value) for a in store.answers()] == [(2, 0, 1)]
    # What was asked is asked again, but for what was answered meanwhile.
    asked = [(q.image, q.label, q.done) for q in store.queue()]
    assert asked == [(2, 0, True), (2, 1, False), (3, 0, False), (4, 2, False)]
    assert (store.progress().size, store.progress().left) == (4, 3)
    assert [task.labels for task in store.lease("ben", images=9)] == [(0,), (2,)], "ann holds 2"
    assert store.problems() == []


def test_what_was_cut_from_an_older_queue_does_not_come_back(make_store: Make) -> None:
    store = make_store(6, 3)
    store.fill(1, Questions([2, 3], [0, 1]))
    store.change("owner", LabelChange("remove", ("label0",)))
    store.fill(2, Questions([4], [1]))
    store.take_back("owner")
    assert [(q.image, q.label) for q in store.queue()] == [(4, 2)]
    assert store.problems() == []


def test_rows_and_columns_of_before_a_change_are_refused(make_store: Make) -> None:
    store = make_store(4, 2)
    other = Store.open(store.path)
    other.change("owner", LabelChange("remove", ("label0",)))
    other.close()
    for read in (store.labels, store.initial_and_labels, store.votes, store.queue, store.answers):
        with pytest.raises(ConflictError, match="changed meanwhile"):
            read()
    with pytest.raises(ConflictError, match="changed meanwhile"):
        store.fill(1, Questions([2], [0]))
    say(store, "ann", 2, 1, 1)
    assert store.known(2) == {1: 1}, "by number"
    store.refresh()
    assert store.labels().entries.tolist() == [[1], [0], [1], [-1]]


def test_what_models_were_worth_stays_with_its_label(make_store: Make) -> None:
    store = make_store(4, 2)
    store.note_training(Training(1.0, 1, 0, 0.0, 1.0, 50.0, (40.0, 60.0), "m", "the test set"))
    store.change("owner", LabelChange("add", ("new",)), LabelChange("remove", ("label0",)))
    assert store.trainings()[0].ap == (60.0, None)
    assert store.trainings()[0].map == 50.0
    store.note_training(Training(2.0, 2, 0, 0.0, 1.0, 50.0, (70.0, 80.0), "m", "the test set"))
    store.take_back("owner")
    assert [training.ap for training in store.trainings()] == [
        (40.0, 60.0, None),
        (None, 70.0, 80.0),
    ]


def test_a_training_on_the_same_answers_takes_the_place_of_the_one_before(
    make_store: Make,
) -> None:
    store = make_store(4, 2)
    noted = [Training(1.0, 1, 0, 0.0, 1.0, 50.0, (40.0, 60.0), "m-1", "the test set")]
    noted += [replace(noted[0], map=51.0), replace(noted[0], event=2, model="m-2", map=52.0)]
    for one in noted:
        store.note_training(one)
    assert [one.map for one in store.trainings()] == [51.0, 52.0]


def test_a_name_that_was_another_labels_is_not_taken_again(make_store: Make) -> None:
    store = make_store(4, 3)
    store.change("owner", LabelChange("merge", ("label0", "label1"), ("both",)))
    store.change("owner", LabelChange("rename", ("label2",), ("new",)))
    for name, taken in (("both", "label0"), ("both", "label2"), ("new", "label1")):
        with pytest.raises(ConflictError, match="was the name of another label"):
            store.change("owner", LabelChange("rename", (name,), (taken,)))
    store.change("owner", LabelChange("rename", ("new",), ("label2",)))


def test_files_with_former_names_are_still_taken(make_project: MakeProject, tmp_path: Path) -> None:
    project = make_project(60)
    store = project.store
    first, second, third = store.names[:3]
    image = store.images[store.roles.index("pool")]
    store.change(
        "owner",
        LabelChange("rename", (first,), ("called anew",)),
        LabelChange("merge", (second, third), ("both",)),
    )
    number = store.scheme.image_numbers[image]
    unknown = [n for n in (0, 1) if store.given_of(number)[n] < 0] or [0]
    file = tmp_path / "old.csv"
    names = [(first, second)[n] for n in unknown]
    file.write_text("image,label,value\n" + "".join(f"{image},{name},1\n" for name in names))
    done = import_file(project, file, on_conflict="vote")
    assert done.new + done.same == len(unknown)
    labels = store.labels()
    row = labels.images.index(image)
    for n in unknown:
        col = labels.names.index(("called anew", "both")[n])
        assert labels.entries[row, col] == 1


def test_a_project_goes_on_after_its_labels_changed(make_project: MakeProject) -> None:
    project = make_project(120)
    truth = np.load(Path(project.settings.data) / "truth.npy")
    driver = Driver(project)
    driver.train()
    driver.suggest()
    answer_from(project.store, truth, "ann", 30)
    driver.train()
    before = overview(project)
    first, second = project.store.names[:2]
    project.store.change("owner", LabelChange("merge", (first, second), ("either",)))
    with pytest.raises(ConflictError, match="since the model was trained"):
        Driver(project).suggest()
    project = load(project.folder)
    after = overview(project)
    assert after.answers == before.answers > 0
    assert [t.map for t in after.trainings] == [t.map for t in before.trainings]
    assert after.sizes == before.sizes
    assert [(p.name, p.answers) for p in after.people] == [
        (p.name, p.answers) for p in before.people
    ]
    driver = Driver(project)
    assert driver.train() is not None
    assert driver.suggest() > 0
    either = np.maximum(truth[:, 0], truth[:, 1])[:, None]
    assert answer_from(project.store, np.hstack([truth[:, 2:], either]), "ann", 5) >= 5
    assert project.store.problems() == []
    project.store.close()


def test_rules_come_from_a_file_and_take_the_place_of_others(
    make_project: MakeProject, tmp_path: Path
) -> None:
    project = make_project(60)
    one, two, three = project.store.names[:3]
    file = tmp_path / "taxonomy.csv"
    file.write_text(f"child,parent\n{one},thing\n{two},thing\n{one},excludes,{two}\n")
    with pytest.raises(DataError, match="thing"):
        take_taxonomy(project.store, file, "owner")
    counted = take_taxonomy(project.store, file, "owner", add=True, dry_run=True)
    assert "thing" not in project.store.names
    done = take_taxonomy(project.store, file, "owner", add=True)
    assert done == counted
    for rules in ({"implies": (("thing", three), (one, "thing"))}, {}):
        request = LabelChange("rule", **rules, excludes=((one, three if rules else "thing"),))
        with pytest.raises(ConflictError, match=r"would imply .* and exclude it"):
            project.store.change("owner", request)
    assert done.after.inferred > 0
    labels = project.store.labels()
    thing = labels.entries[:, labels.names.index("thing")]
    present = (labels.entries[:, :2] == 1).any(axis=1)
    np.testing.assert_array_equal(thing == 1, present)
    file.write_text(f"{three},{one}\n")
    take_taxonomy(project.store, file, "owner")
    assert project.store.scheme.rules.implies == ((2, 0),)
    file.write_text(f"{three},{one}\n{one}\n{one},likes,{two}\n")
    with pytest.raises(DataError, match="2 lines are no rule"):
        take_taxonomy(project.store, file, "owner")


def test_the_history_of_an_entry_has_all_that_happened(make_project: MakeProject) -> None:
    project = make_project(60)
    store = project.store
    row, col = np.argwhere(store.initial_and_labels()[0].dense() < 0)[0].tolist()
    name, image = store.names[col], store.images[row]
    say(store, "ann", row, col, 1)
    store.undo("ann", request="taken-back")
    say(store, "ben", row, col, 0)
    store.change("owner", LabelChange("rename", (name,), ("better",)))
    store.resolve("cem", row, col, 1)
    found = history(project, image, "better")
    told = [(moment.person, moment.label, moment.what) for moment in found.moments]
    assert told == [
        ("ann", name, "present"),
        ("ann", None, f"took back: {name}"),
        ("ben", name, "absent"),
        ("owner", None, f"change {told_id(store)}: label {name!r} is called 'better'"),
        ("cem", "better", "settled: present"),
    ]
    assert [(s.label, s.value, s.source) for s in found.stands] == [("better", 1, "resolved")]
    with pytest.raises(DataError, match="nowhere"):
        history(project, "nowhere.jpg")


def told_id(store: Store) -> int:
    return store.scheme.version


def test_what_was_given_can_be_corrected_and_then_counts_as_given(make_store: Make) -> None:
    store = make_store(4, 2)
    store.resolve("ann", 0, 0, 1)
    assert store.initial_and_labels()[0].dense()[0].tolist() == [1, 1]
    assert store.labels().entries[0].tolist() == [1, 1]


def test_an_export_counts_answers_to_what_is_not_there_any_more(
    make_project: MakeProject, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project = make_project(60)
    store = project.store
    row = store.roles.index("pool")
    for label in (0, 1):
        say(store, "ann", row, label, 1)
    export(project, tmp_path / "all.csv", "csv-long", "answers")
    assert not caplog.records
    store.change("owner", LabelChange("remove", (store.names[0],)))
    assert export(project, tmp_path / "left.csv", "csv-long", "answers") == 1
    assert "1 answers to labels or images that are not in the table" in caplog.text
    # What was exported before still comes in, and is kept.
    done = import_file(project, tmp_path / "all.csv")
    assert (done.new, done.same) == (0, 2)
    assert "their labels were taken out" in caplog.text


def test_answers_to_what_was_merged_or_split_go_to_a_copy_by_their_own_names(
    make_project: MakeProject, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    project, other = make_project(60), make_project(60)
    row, (a, b, c) = project.store.roles.index("pool"), project.store.names[:3]
    for label, value in enumerate((1, 0, 0)):
        say(project.store, "ann", row, label, value)
    for each in (project, other):
        each.store.change("owner", LabelChange("merge", (a, b), ("both",)))
        each.store.change("owner", LabelChange("split", (c,), ("one", "two")))
    out = tmp_path / "answers.csv"
    assert export(project, out, "csv-long", "answers") == 3
    assert not caplog.records
    assert import_file(other, out, on_conflict="vote").new == 3
    entries = [each.store.labels() for each in (project, other)]
    assert (entries[0].names, entries[0].entries[row].tolist()) == (
        entries[1].names, entries[1].entries[row].tolist(),
    )  # fmt: skip
    named = dict(zip(entries[0].names, entries[0].entries[row].tolist(), strict=True))
    assert (named["both"], named["one"], named["two"]) == (1, 0, 0)


def test_history_has_the_names_of_each_time(make_project: MakeProject) -> None:
    project = make_project(60)
    store = project.store
    row, col = np.argwhere(store.initial_and_labels()[0].dense() < 0)[0].tolist()
    name, image, other = store.names[col], store.images[row], store.names[col - 1]
    store.change("owner", LabelChange("rename", (name,), ("b",)))
    store.take_back("owner")
    say(store, "ann", row, col, 1)
    store.change("owner", LabelChange("rename", (name,), ("c",)))
    store.change("owner", LabelChange("merge", ("c", other), ("whole",)))
    store.change("owner", LabelChange("rename", ("whole",), ("all",)))
    told = [moment.what.partition(": ")[2] or (moment.label, moment.what)
            for moment in history(project, image, "all").moments if moment.at]  # fmt: skip
    assert told == [
        f"label {name!r} is called 'b'",
        (None, "took back change 2"),
        (name, "present"),
        f"label {name!r} is called 'c'",
        f"labels merged: 'c', {other!r} into 'whole'",
        "label 'whole' is called 'all'",
    ]


@pytest.mark.parametrize(
    "change",
    [
        LabelChange("merge", ("label0", "dog"), ("dog",)),
        LabelChange("merge", ("label0", "dog"), ("Label1",)),
        LabelChange("split", ("dog",), ("dog", "cat")),
        LabelChange("split", ("dog",), ("label1", "cat")),
        LabelChange("add", ("label1",)),
    ],
)
def test_no_label_is_called_as_one_that_files_mean_otherwise(
    make_store: Make, change: LabelChange
) -> None:
    store = make_store(4, 3)
    store.change("owner", LabelChange("rename", ("label1",), ("dog",)))
    with pytest.raises(ConflictError, match="files from"):
        store.change("owner", change)


def test_settling_twice_is_one_event(make_store: Make) -> None:
    store = make_store(4, 3)
    assert store.resolve("ann", 2, 0, 1)
    before = store.last_event()
    assert not store.resolve("ben", 2, 0, 1)
    assert store.last_event() == before
    assert store.resolve("ben", 2, 0, 0)
    assert store.labels().entries[2, 0] == 0


def test_what_most_people_say_needs_no_settling(make_store: Make) -> None:
    store = make_store(4, 3)
    say(store, "ann", 2, 0, 1)
    say(store, "ben", 2, 0, 0)
    assert len(store.disagreements()) == 1
    say(store, "cem", 2, 0, 0)
    assert store.disagreements() == []


def test_of_a_parent_and_its_child_one_waits_for_the_other(
    make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project(60, 0.9, run={"answers": 150}, gold=0.0, repeats=0.0)
    store = project.store
    first = store.names[0]
    store.change(
        "owner", LabelChange("rule", implies=tuple((name, first) for name in store.names[1:]))
    )

    def both() -> set[int]:
        """Images of which the parent is asked, and a child in the same round."""
        driver = Driver(project)
        driver.train()
        driver.suggest()
        asked = [(q.image, q.label) for q in store.queue()]
        parents = {image for image, label in asked if label == 0}
        return {image for image, label in asked if label and image in parents}

    assert both() == set()
    monkeypatch.setattr("alasl.project.driver.closed", lambda _: [])
    assert both()
