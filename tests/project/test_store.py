"""What a store hands out, takes, counts, takes back and refuses."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alasl.errors import ConflictError, DataError, UsageError
from alasl.labels import Labels
from alasl.project import initial
from alasl.project.database import register
from alasl.project.records import SOURCES, Answer, Imported, Questions, Revised, Training
from alasl.project.store import Store

from .conftest import at

Make = Callable[..., Store]


def bring(store, source, rows, cols, values, person="", seconds=None, **options) -> Imported:
    """Take answers (n,) each from elsewhere; person: one for all, or (n,)."""
    many = len(rows)
    people = [person] * many if isinstance(person, str) else [who or "" for who in person]
    took = [None] * many if seconds is None else seconds
    each = zip(rows, cols, values, took, people, strict=True)
    answers = [Answer(int(i), int(j), int(v), s, person=who) for i, j, v, s, who in each]
    return store.import_answers(source, answers, **options)


def ask(store: Store, *entries: tuple[int, int], **more: object) -> None:
    rows, cols = zip(*entries, strict=True)
    store.fill(1, Questions(rows, cols, model="m"), **more)  # type: ignore[arg-type]


def say(store: Store, person: str, image: int, label: int, value: int, request: str = "") -> None:
    answer = Answer(image, label, value, 2.0)
    store.answer(person, [answer], request=request or f"{person}{image}{label}{value}")


def automatic(store: Store, *answers: tuple[int, int, int]) -> Revised:
    entries = np.full(store.initial_and_labels()[0].dense().shape, -1, np.int8)
    for image, label, value in answers:
        entries[image, label] = value
    return store.machine("m", entries, np.full(entries.shape, 0.25))


def entry(store: Store, image: int, label: int) -> tuple[int, str | None]:
    labels = store.labels()
    value = int(labels.entries[image, label])
    return value, None if value == -1 else labels.sources[labels.source[image, label]]


def test_a_store_gives_back_the_table_its_files_and_roles(make_store: Make) -> None:
    store = make_store(4, 3)
    assert store.names == ("label0", "label1", "label2")
    assert store.images == ("0000.jpg", "0001.jpg", "0002.jpg", "0003.jpg")
    assert store.files[3] == "/pictures/0003.jpg"
    assert store.roles == ("clean", "clean", "pool", "pool")
    np.testing.assert_array_equal(store.labels().entries, store.initial_and_labels()[0].dense())
    assert store.initial_and_labels()[0].dense().tolist() == [
        [0, 1, 0],
        [1, 0, 1],
        [-1] * 3,
        [-1] * 3,
    ]
    assert [e.kind for e in store.events()] == ["given"]


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.text(min_size=1), min_size=2, max_size=4, unique=True))
def test_any_name_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    names += ["\ud800 lone", "nul\0in", "=1+1", "\u202eabc"]
    names = list(dict.fromkeys(names))
    path = tmp_path_factory.mktemp("names") / "store"
    entries = np.zeros((len(names), len(names)), np.int8)
    labels = Labels(entries, tuple(names), tuple(names))
    store = Store.create(path, labels, names, ["pool"] * len(names))
    store.close()
    again = Store.open(path)
    assert (again.names, again.images, again.files) == (tuple(names),) * 3
    again.close()


def test_tasks_come_best_first_with_what_the_model_said(make_store: Make) -> None:
    store = make_store()
    wanted = Questions([3, 2, 3], [1, 0, 0], [0.9, 0.8, 0.7], [0.6, 0.5, 0.4], model="v1")
    store.fill(4, wanted)
    (task,) = at(store, 100).lease("ann")
    assert (task.image, task.labels, task.probabilities) == (3, (1, 0), (0.6, 0.4))
    assert (task.model, task.round, task.until) == ("v1", 4, 220)


def test_a_label_can_be_asked_over_many_images(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (2, 1), (3, 1), (4, 0), (4, 1))
    tasks = at(store, 0).lease("ann", images=9, label=1)
    assert [(t.image, t.labels) for t in tasks] == [(2, (1,)), (3, (1,)), (4, (1,))]
    rest = at(store, 0).lease("ben", images=9)
    assert [(t.image, t.labels) for t in rest] == [(2, (0,)), (4, (0,))]


def test_what_one_holds_nobody_else_gets_until_the_lease_ends(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (3, 0))
    assert [t.image for t in at(store, 0).lease("ann")] == [2]
    assert [t.image for t in at(store, 0).lease("ben", images=5)] == [3]
    assert at(store, 119).lease("cem") == []
    at(store, 119).renew("ben")
    assert [t.image for t in at(store, 130).held("ben")] == [3]
    assert [t.image for t in at(store, 121).lease("cem", images=5)] == [2]
    at(store, 122).renew("ann")
    assert at(store, 122).held("ann") == [], "cem has it now"
    store.release("ben")
    assert [t.image for t in at(store, 123).lease("dan")] == [3]


def test_an_answer_stands_and_is_counted(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (2, 1))
    store.lease("ann")
    answers = [Answer(2, 0, 1, 1.5, 0.7, "m", shown=True), Answer(2, 1, -1, 0.5)]
    store.answer("ann", answers, request="r")
    assert entry(store, 2, 0) == (1, "people")
    assert entry(store, 2, 1) == (-1, None)
    assert store.untold()[2].tolist() == [False, True, False]
    progress = store.progress()
    assert (progress.size, progress.left) == (2, 0)
    assert dataclasses.astuple(progress.people["ann"]) == (2, 0, 2.0)
    first, second = list(store.events())[1:]
    assert (first.person, first.kind, first.image, first.label) == ("ann", "answer", 2, 0)
    assert (first.seconds, first.probability, first.model, first.shown) == (1.5, 0.7, "m", True)
    assert (first.act, second.act, second.request) == (first.id, first.id, None)


def test_why_an_entry_was_asked_and_by_what_chance_goes_from_the_queue_to_the_log(
    make_store: Make,
) -> None:
    store = make_store()
    wanted = Questions([2, 3], [0, 1], why=["audit", "variance"], pi=[0.25, float("nan")])
    at(store, 0).fill(1, wanted)
    assert [(q.why, q.pi) for q in store.queue()] == [("audit", 0.25), ("variance", None)]
    at(store, 1).answer("ann", [Answer(2, 0, 1, 1.0, why="told", pi=1.0)], request="a")
    at(store, 2).answer("ben", [Answer(2, 1, 1, 1.0)], request="b")
    bring(at(store, 3), "x.csv", [3, 3], [1, 0], [0, 1], person="cem")
    asked = [("audit", 0.25), ("", None), ("variance", None), ("", None)]
    assert [(e.why or "", e.pi) for e in list(store.events())[1:]] == asked
    assert [(a.why, a.pi) for a in store.answers()] == asked
    assert [(a.person, a.at) for a in store.answers()] == [
        ("ann", 1), ("ben", 2), ("cem", 3), ("cem", 3),
    ]  # fmt: skip
    undone = at(store, 4).undo("ann", request="u")
    assert undone is not None
    assert [(a.why, a.pi, a.at) for a in undone.answers] == [("audit", 0.25, 1)]
    # What is not asked any more keeps what it says itself.
    late = Answer(3, 0, 1, 1.0, why="audit", pi=0.5)
    at(store, 5).answer("dan", [late], request="d")
    assert (store.answers()[-1].why, store.answers()[-1].pi) == ("audit", 0.5)


def test_a_request_counts_once_and_cannot_be_used_for_something_else(make_store: Make) -> None:
    store = make_store()
    for _ in range(3):
        say(store, "ann", 2, 0, 1, "same")
        store.skip("ann", 3, request="skipped")
    assert len(list(store.events())) == 3
    assert store.progress().people["ann"].seconds == 2.0
    with pytest.raises(ConflictError, match="made before"):
        say(store, "ann", 2, 0, 0, "same")
    with pytest.raises(ConflictError, match="made before"):
        say(store, "ben", 2, 0, 1, "same")
    with pytest.raises(ConflictError, match="made before"):
        store.undo("ann", request="same")
    assert entry(store, 2, 0) == (1, "people")


def test_fifty_steps_can_be_undone_and_each_once(make_store: Make) -> None:
    store = make_store(40, 3)
    entries = [(i, j) for i in range(2, 40) for j in range(2)]
    ask(store, *entries)
    before = store.labels().entries
    for number, (image, label) in enumerate(entries):
        if number % 5:
            say(store, "ann", image, label, number % 2)
        else:
            store.skip("ann", image, request=f"skip{number}")
    for number, (image, label) in reversed(list(enumerate(entries))):
        undone = store.undo("ann", request=f"undo{number}")
        assert undone == store.undo("ann", request=f"undo{number}"), "the same request"
        assert (undone.kind, undone.images) == ("answer" if number % 5 else "skip", (image,))
        own = [(a.image, a.label, a.value, a.seconds, a.person) for a in undone.answers]
        assert own == ([(image, label, number % 2, 2.0, "ann")] if number % 5 else [])
    assert store.undo("ann", request="more") is None
    np.testing.assert_array_equal(store.labels().entries, before)
    assert store.progress().left == len(entries)
    assert store.problems() == []


def test_what_was_undone_is_in_the_persons_hands_again(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0))
    at(store, 0).lease("ann")
    at(store, 1).answer("ann", [Answer(2, 0, 1, 1.0)], request="r")
    at(store, 2).undo("ann", request="u")
    assert [t.image for t in at(store, 3).held("ann")] == [2]
    assert at(store, 3).lease("ben") == []
    at(store, 4).skip("ann", 2, request="s")
    assert [t.image for t in at(store, 5).lease("ben")] == [2]
    store.release("ben")
    assert at(store, 5).lease("ann") == [], "it was skipped"
    at(store, 6).undo("ann", request="u2")
    assert [t.image for t in at(store, 7).held("ann")] == [2]


def test_undoing_a_correction_brings_back_what_was_said_before(make_store: Make) -> None:
    store = make_store()
    say(store, "ann", 2, 0, 1)
    say(store, "ann", 2, 0, 0)
    assert entry(store, 2, 0) == (0, "people")
    store.undo("ann", request="u")
    assert entry(store, 2, 0) == (1, "people")
    assert store.progress().people["ann"].answers == 1


def test_undoing_a_correction_asks_nobody_again(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0))
    say(store, "ann", 2, 0, 1)
    say(store, "ann", 2, 0, 0)
    store.undo("ann", request="u")
    assert store.progress().left == 0


def test_an_answer_fills_the_slot_that_its_giver_holds(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), repeats=1.0)
    at(store, 0).lease("ann")
    at(store, 100).lease("ben")
    at(store, 150).answer("ben", [Answer(2, 0, 1, 1.0)], request="r")
    assert at(store, 151).held("ben") == []
    assert [t.image for t in at(store, 152).lease("cem")] == [2], "ann's lease had run out"


def test_an_entry_asked_twice_is_asked_of_two_people(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (3, 0), repeats=1.0)
    assert store.progress().size == 4
    for person in ("ann", "ben"):
        tasks = at(store, 0).lease(person, images=9)
        assert [(t.image, t.labels) for t in tasks] == [(2, (0,)), (3, (0,))]
    assert at(store, 0).lease("cem") == []
    say(store, "ann", 2, 0, 1)
    say(store, "ann", 2, 0, 0, "corrected")
    assert store.progress().left == 3, "one person fills one slot"


def test_a_share_is_asked_twice_and_the_seed_says_which(make_store: Make) -> None:
    store = make_store(402, 1)
    sizes = []
    for seed in (1, 1, 2):
        ask(store, *((i, 0) for i in range(2, 402)), repeats=0.25, seed=seed)
        sizes.append(sorted(row[0] for row in twice(store)))
    assert sizes[0] == sizes[1] != sizes[2]
    assert 60 < len(sizes[0]) < 140


def twice(store: Store) -> list[tuple[int, int]]:
    query = "SELECT image, label FROM queue GROUP BY image, label HAVING count(*) = 2"
    with sqlite3.connect(store.path) as db:
        return db.execute(query).fetchall()


def test_refilling_leaves_what_people_hold(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (3, 0))
    at(store, 0).lease("ann")
    at(store, 1).fill(2, Questions([4, 2], [0, 0]))
    assert [t.image for t in at(store, 2).held("ann")] == [2]
    assert [t.image for t in at(store, 2).lease("ben", images=9)] == [4]
    assert (store.progress().size, store.progress().round) == (2, 2)


def test_answers_to_the_gold_set_never_alter_the_table(make_store: Make) -> None:
    store = make_store()
    store.fill(1, Questions([0, 2], [0, 0], gold=[True, False]), repeats=1.0)
    assert store.progress().size == 3, "gold entries are asked once"
    say(store, "ann", 0, 0, 1)
    assert entry(store, 0, 0) == (0, "given")
    assert store.disagreements() == []
    assert store.votes().values.tolist() == [1]


def test_the_majority_stands_and_a_tie_is_unknown_until_it_is_resolved(make_store: Make) -> None:
    store = make_store()
    say(store, "ann", 2, 0, 1)
    say(store, "ben", 2, 0, 0)
    assert entry(store, 2, 0) == (-1, None)
    (found,) = store.disagreements()
    assert (found.image, found.label, found.answers) == (2, 0, {"ann": 1, "ben": 0})
    say(store, "cem", 2, 0, 0)
    assert entry(store, 2, 0) == (0, "people")
    store.resolve("lead", 2, 0, 1)
    assert entry(store, 2, 0) == (1, "resolved")
    assert store.disagreements() == []
    store.resolve("lead", 2, 0, -1)
    assert entry(store, 2, 0) == (-1, None)
    assert store.untold()[2, 0]


def test_people_overrule_machines(make_store: Make) -> None:
    store = make_store()
    automatic(store, (0, 0, 1), (2, 0, 1), (3, 0, 1), (4, 0, 1))
    say(store, "ann", 2, 0, 0)
    say(store, "ann", 3, 0, -1)
    assert [entry(store, i, 0) for i in (0, 2, 3, 4)] == [
        (0, "given"),
        (0, "people"),
        (1, "machine"),
        (1, "machine"),
    ]
    assert store.votes().names == ("ann",)
    assert not store.untold()[4, 0]


def test_a_machines_answers_take_the_place_of_its_last_ones(make_store: Make) -> None:
    store = make_store()
    assert automatic(store) == Revised(0, 0, 0)
    assert automatic(store, (2, 0, 1), (3, 0, 1), (4, 0, 1)) == Revised(3, 0, 0)
    before = store.last_event()
    assert automatic(store, (2, 0, 1), (3, 0, 1), (4, 0, 1)) == Revised(0, 3, 0)
    assert store.last_event() == before, "what stands as it was needs no event"
    assert automatic(store, (2, 0, 1), (3, 0, 0), (5, 1, 0)) == Revised(2, 1, 1)
    taken = [(e.image, e.value, e.model, e.probability) for e in store.events(before)]
    assert taken == [(3, 0, "m", 0.25), (4, -1, "m", 0.25), (5, 0, "m", 0.25)]
    expected = [(1, "machine"), (0, "machine"), (-1, None), (0, "machine")]
    places = [(2, 0), (3, 0), (4, 0), (5, 1)]
    assert [entry(store, *place) for place in places] == expected
    assert not len(store.untold()), "nobody was asked"
    assert store.known(2) == {}, "what a model thinks is not known"
    assert store.progress().people == {}, "it is nobody"
    store.close()
    again = Store.open(store.path)
    assert [entry(again, *place) for place in places] == expected
    assert again.problems() == []
    again.close()


def test_an_import_goes_before_a_machine_without_a_conflict(make_store: Make) -> None:
    store = make_store()
    automatic(store, (2, 0, 1), (3, 0, 1))
    told = bring(store, "x.csv", [2, 3], [0, 0], [0, 1])
    assert dataclasses.astuple(told)[:4] == (2, 0, 0, 0)
    assert [entry(store, i, 0) for i in (2, 3)] == [(0, "people"), (1, "people")]


def test_nobody_can_take_the_machines_name(make_store: Make) -> None:
    store = make_store()
    with pytest.raises(UsageError, match="automatic labeller"):
        say(store, "machine", 2, 0, 1)
    with pytest.raises(UsageError, match="automatic labeller"):
        bring(store, "x", [2], [0], [1], person="machine")
    with pytest.raises(DataError, match="another table"):
        store.machine("m", np.full((2, 2), -1, np.int8))
    with pytest.raises(DataError, match="must be 1"):
        store.machine("m", np.full((6, 3), 2, np.int8))
    assert len(list(store.events())) == 1


def test_a_late_answer_is_not_lost_and_asked_of_nobody_else(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0))
    at(store, 0).lease("ann")
    at(store, 500).lease("ben")
    at(store, 501).answer("ann", [Answer(2, 0, 1, 1.0)], request="late")
    assert entry(store, 2, 0) == (1, "people")
    assert (at(store, 502).held("ben"), store.progress().left) == ([], 0)
    # Where Ben was faster than he heard of it, there are two votes.
    say(store, "ben", 2, 0, 1)
    assert (len(store.answers()), store.problems()) == (2, [])


def test_progress_counts_each_label(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (2, 1), (3, 1))
    store.lease("ann")
    say(store, "ann", 2, 1, 0)
    assert store.progress().labels == ((1, 1), (2, 1), (0, 0))


def test_an_import_with_a_conflict_changes_nothing_until_told_how(make_store: Make) -> None:
    store = make_store()
    say(store, "ann", 2, 0, 1)
    rows, cols, values = [2, 0, 3], [0, 0, 0], [0, 1, 1]
    with pytest.raises(ConflictError) as refused:
        bring(store, "x.csv", rows, cols, values)
    assert len(refused.value.more) == 2
    assert "'0002.jpg', label 'label0': 1 stands, 'x.csv' says 0" in refused.value.more[0]
    assert len(list(store.events())) == 2

    kept = bring(store, "x.csv", rows, cols, values, on_conflict="keep")
    assert dataclasses.astuple(kept)[:4] == (1, 0, 2, 0)
    assert [entry(store, i, 0)[0] for i in (0, 2, 3)] == [0, 1, 1]
    replaced = bring(store, "x.csv", rows, cols, values, on_conflict="replace")
    assert dataclasses.astuple(replaced)[:4] == (0, 1, 0, 2)
    assert [entry(store, i, 0) for i in (0, 2)] == [(1, "resolved"), (0, "resolved")]
    again = bring(store, "x.csv", rows, cols, values)
    assert dataclasses.astuple(again)[:4] == (0, 3, 0, 0)
    assert store.problems() == []


def test_an_import_by_vote_says_what_its_people_would_have_said_on_the_page(
    make_store: Make,
) -> None:
    store = make_store()
    # Given present, so a check of attention; answered by ann; by nobody.
    entries = [(0, 1), (2, 0), (3, 0)]
    given = entry(store, 0, 1)[0]
    say(store, "ann", 2, 0, 1)
    rows, cols = zip(*entries, strict=True)
    values = [1 - given, 0, 1]
    told = bring(store, "x", rows, cols, values, person="ben", on_conflict="vote")
    assert dataclasses.astuple(told)[:4] == (3, 0, 0, 0)
    assert told.idle == 1
    assert [entry(store, *e)[0] for e in entries] == [given, -1, 1]
    assert [d.answers for d in store.disagreements()] == [{"ann": 1, "ben": 0}]
    # The same file is nothing new, though what it says does not stand.
    for how in ("vote", "refuse", "keep"):
        again = bring(store, "x", rows, cols, values, person="ben", on_conflict=how)
        assert dataclasses.astuple(again)[:4] == (0, 3, 0, 0), how
    # A person's last word stands, but for what is settled.
    done = bring(store, "y", [2], [0], [1], person="ben", on_conflict="vote")
    assert (done.new, done.idle) == (1, 0)
    assert entry(store, 2, 0) == (1, "people")
    store.resolve("lead", 2, 0, 1)
    done = bring(store, "z", [2], [0], [0], person="ben", on_conflict="vote")
    assert (done.new, done.idle) == (1, 1)
    assert entry(store, 2, 0) == (1, "resolved")
    assert store.problems() == []


def test_an_import_keeps_apart_who_said_what(make_store: Make) -> None:
    store = make_store()
    ask(store, (2, 0), (3, 0))
    people = ["ann", "ben", "ben"]
    bring(store, "x", [2, 2, 3], [0, 0, 0], [1, 0, -1], person=people, seconds=[3, 4, None])
    assert store.disagreements()[0].answers == {"ann": 1, "ben": 0}
    assert store.progress().people["ben"].seconds == 4
    assert store.progress().left == 0, "what was settled elsewhere need not be asked"
    with pytest.raises(ConflictError):
        bring(store, "y", [4, 4], [0, 0], [1, 0], person="ann")
    bring(store, "y", [4, 4], [0, 0], [1, 0], person="ann", on_conflict="replace")
    assert entry(store, 4, 0)[0] == 0


def test_who_cannot_tell_any_more_takes_an_answer_back(make_store: Make) -> None:
    store = make_store()
    bring(store, "x", [2, 3], [0, 0], [1, 1], person="ann")
    bring(store, "x", [3], [0], [1], person="ben")
    with pytest.raises(ConflictError) as refused:
        bring(store, "y", [2], [0], [-1], person="ann")
    assert refused.value.more == ("image '0002.jpg', label 'label0': 1 stands, 'ann' says ?",)
    assert bring(store, "y", [2], [0], [-1], person="ann", on_conflict="keep").kept == 1
    assert entry(store, 2, 0) == (1, "people")
    for image, how in ((2, "replace"), (3, "vote")):
        done = bring(store, "y", [image], [0], [-1], person="ann", on_conflict=how)
        assert (done.new, done.withdrawn) == (1, 1)
    # Nobody else's answer goes with it, and whoever had said nothing takes nothing back.
    assert [entry(store, image, 0)[0] for image in (2, 3)] == [-1, 1]
    assert bring(store, "z", [2, 4], [0, 0], [-1, -1], person="cid").withdrawn == 0
    # Of a file that names nobody, too.
    assert bring(store, "z", [5], [1], [-1]).new == 1
    assert store.problems() == []


def test_trainings_come_back_as_they_were_noted(make_store: Make) -> None:
    store = make_store()
    noted = [
        Training(10.0, 1, 0, 0.0, 1.5, 40.5, (40.5, None, 40.5), "v1", "the test set"),
        Training(20.0, store.last_event(), 7, 9.5, 1.5, None, (None,) * 3, "v2", "nothing"),
    ]
    for training in noted:
        store.note_training(training)
    # With the labels that each rests on, whatever they are called later.
    assert store.trainings() == [replace(noted[0], over=(0, 2)), noted[1]]


def test_events_come_in_order_and_from_where_one_left_off(make_store: Make) -> None:
    store = make_store(40, 40)
    bring(store, "x", *np.nonzero(np.ones((38, 40))), np.ones(38 * 40), on_conflict="keep")
    ids = [e.id for e in store.events()]
    assert ids == list(range(1, len(ids) + 1))
    assert len(ids) > 1400
    assert [e.id for e in store.events(after=ids[-3])] == ids[-2:]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET value = 0",
        "DELETE FROM events",
        "UPDATE images SET given = x'00'",
    ],
)
def test_the_file_itself_refuses_to_forget(make_store: Make, change: str) -> None:
    store = make_store()
    say(store, "ann", 2, 0, 1)
    with sqlite3.connect(store.path) as db:
        register(db)
        with pytest.raises(sqlite3.IntegrityError, match="never"):
            db.execute(change)


def test_nobody_else_writes_what_cannot_be_made_again(make_store: Make) -> None:
    store = make_store()
    with sqlite3.connect(store.path) as db, pytest.raises(sqlite3.OperationalError):
        db.execute("UPDATE labels SET name = 'cow' WHERE label = 1")
    assert store.problems() == []


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        ("DELETE FROM standing", "answers that stand"),
        ("UPDATE people SET skips = 7", "people's counts"),
        ("UPDATE counts SET left = 7", "the queue's counts"),
        ("INSERT INTO skips VALUES (1, 1, 1)", "images skipped"),
        ("INSERT INTO resolved VALUES (1, 1, 1, 1)", "entries resolved"),
    ],
)
def test_a_state_that_the_events_do_not_bear_out_is_found(
    make_store: Make, change: str, seen: str
) -> None:
    store = make_store()
    say(store, "ann", 2, 0, 1)
    assert store.problems() == []
    with sqlite3.connect(store.path) as db:
        db.execute(change)
    assert any(seen in problem for problem in store.problems())


def test_what_makes_no_sense_is_refused(make_store: Make) -> None:
    store = make_store()
    for image, label in ((6, 0), (-1, 0), (0, 3)):
        with pytest.raises(DataError, match="no such"):
            say(store, "ann", image, label, 1)
    with pytest.raises(DataError, match="must be 1"):
        say(store, "ann", 2, 0, 2)
    with pytest.raises(DataError, match="seconds"):
        store.answer("ann", [Answer(2, 0, 1, float("nan"))], request="r")
    for name in ("", " ", "a\nb", "x" * 101, "\ud800"):
        with pytest.raises(UsageError, match="name"):
            say(store, name, 2, 0, 1)
    with pytest.raises(UsageError):
        store.answer("ann", [], request="r")
    with pytest.raises(UsageError):
        store.answer("ann", [Answer(2, 0, 1, 1.0)], request="")
    assert len(list(store.events())) == 1


def test_a_store_is_not_made_over_another(make_store: Make, tmp_path: Path) -> None:
    make_store(path=tmp_path / "one")
    with pytest.raises(ConflictError):
        make_store(path=tmp_path / "one")


def test_every_source_of_a_table_is_named() -> None:
    assert SOURCES[0] == "given", "index 0 stands for what nobody answered"


def test_of_what_nothing_was_given_nothing_is_kept(make_store: Make) -> None:
    store = make_store(4, 3)
    with sqlite3.connect(store.path) as db:
        kept = [row[0] for row in db.execute("SELECT given FROM images ORDER BY image")]
    assert kept == [b"\0\1\0", b"\1\0\1", b"", b""]


def test_of_an_image_of_which_little_was_given_little_is_kept(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    known = rng.random((40, 1)) ** 4 > rng.random((40, 300))
    entries = np.where(known, rng.integers(0, 2, known.shape), -1).astype(np.int8)
    names = tuple(f"label{i}" for i in range(300)), tuple(f"{i}.jpg" for i in range(40))
    roles = ["pool"] * 40
    with closing(
        Store.create(tmp_path / "s", Labels(entries, *names), [None] * 40, roles)
    ) as store:
        np.testing.assert_array_equal(store.initial_and_labels()[0].dense(), entries)
        with sqlite3.connect(store.path) as db:
            kept = [len(row[0]) for row in db.execute("SELECT given FROM images ORDER BY image")]
        many = known.sum(axis=1)
        least = np.minimum(300 - known[:, ::-1].argmax(axis=1), 4 * many + 1) * (many > 0)
        np.testing.assert_array_equal(kept, least)
        assert 0 < (least == 4 * many + 1).sum() < 40
        for label, value in ((0, 1), (128, 0), (299, 1)):
            shown = store.examples(label, value, 40)
            np.testing.assert_array_equal(
                np.sort(shown), np.flatnonzero(entries[:, label] == value)
            )


def test_of_images_of_which_nobody_said_anything_nothing_is_read(make_store: Make) -> None:
    store = make_store(6, 3)  # given: image 0 and 1
    store.answer("ann", [Answer(1, 0, 0, 1.0), Answer(4, 2, 1, 1.0)], request="request-1")
    assert store.filled() == 1, "to what was given an answer adds nothing"
    with store._database.reading() as db:
        assert set(initial.known(db).rows.tolist()) == {0, 1}
        assert set(initial.known(db, touched=True).rows.tolist()) == {1}
