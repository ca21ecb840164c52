"""What people are told of labels, what they note, and that neither alters the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alasl.errors import ConflictError, DataError, UsageError
from alasl.project.changes import LabelChange
from alasl.project.folder import Project
from alasl.project.guide import KEYS, Described, Instructed, guide_text, keys_of, read_guide
from alasl.project.records import Answer, Questions
from alasl.project.scheme import Label
from alasl.project.store import Store

from .conftest import at

Make = Callable[..., Store]

GUIDE = """Say what you see.

## label0

A thing
on four legs.

- example: 0001.jpg
- counter-example: 0000.jpg
- colour: #c05000
- key: D

## label2
"""


def test_a_guide_is_read_written_and_taken_back(make_store: Make, tmp_path: Path) -> None:
    store = make_store(6, 3)
    store.change("owner", Described("label1", "as before", key="q"))
    file = tmp_path / "guide.md"
    file.write_text(GUIDE)
    done = store.change("owner", *read_guide(file, store.scheme))
    assert "label 'label0' means: A thing on four legs., has 1 examples" in done.says
    now = store.everything()
    one = now.labels[0]
    assert (one.about, one.examples, one.counter_examples) == ("A thing\non four legs.", (1,), (0,))
    assert (one.colour, one.key, now.instructions) == ("#c05000", "d", "Say what you see.")
    assert now.labels[1].about == "as before"  # the file does not name it
    file.write_text(guide_text(now))
    again = read_guide(file, now)
    assert again[0] == Instructed("Say what you see.")
    assert again[1] == Described("label0", one.about, ("0001.jpg",), ("0000.jpg",), "#c05000", "d")
    for _ in range(3):
        store.take_back("owner")
    assert store.everything().labels[0].about == ""
    assert store.everything().instructions == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("## lable0\nx", "label0"),
        ("## label0\n- example: 9999.jpg", "9999.jpg"),
        ("## label0\nx\n## label0\ny", "stand twice"),
        ("", "says nothing"),
    ],
)
def test_a_guide_with_mistakes_changes_nothing(
    make_store: Make, tmp_path: Path, text: str, says: str
) -> None:
    store = make_store(6, 3)
    file = tmp_path / "guide.md"
    file.write_text(text)
    with pytest.raises(DataError, match=says):
        read_guide(file, store.scheme)


def test_keys_and_colours_are_checked(make_store: Make) -> None:
    store = make_store(6, 3)
    store.change("owner", Described("label0", key="d"))
    with pytest.raises(ConflictError, match="another label's"):
        store.change("owner", Described("label1", key="D"))
    for wrong in (Described("label1", key="j"), Described("label1", colour="red")):
        with pytest.raises(UsageError):
            store.change("owner", wrong)
    with pytest.raises(DataError, match="no such images"):
        store.change("owner", Described("label1", examples=("no.jpg",)))
    with pytest.raises(UsageError, match="say what"):
        store.change("owner", Described("label1"))


@given(
    st.lists(
        st.builds(
            Label,
            st.text(max_size=3),
            st.sampled_from(["here", "removed"]),
            key=st.sampled_from(["", "", "", *KEYS[:4]]),
        ),
        max_size=30,
    )
)
def test_every_label_has_a_key_as_long_as_there_are_any(labels: list[Label]) -> None:
    own: set[str] = set()
    for number, label in enumerate(labels):  # no two labels have one key
        labels[number] = replace(label, key="" if label.key in own else label.key)
        own |= {label.key} if label.fate == "here" else set()
    found = keys_of(labels)
    here = [key for key, label in zip(found, labels, strict=True) if label.fate == "here"]
    taken = [key for key in here if key]
    assert len(taken) == len(set(taken)) == min(len(here), len(KEYS))
    assert set(taken) <= set(KEYS)
    for key, label in zip(found, labels, strict=True):
        assert key == "" if label.fate != "here" else label.key in ("", key)


def test_a_description_leaves_models_and_open_tables_as_they_are(make_store: Make) -> None:
    """Describing labels while a training runs must not spoil it."""
    store = make_store(6, 3)
    other = Store.open(store.path)
    before, event = other.scheme.version, other.last_human_event()
    store.change("owner", Described("label0", "a thing"))
    store.change("owner", Instructed("look twice"))
    store.note("ann", "blurred", image=3, request="request-1")
    other.labels()  # by the rows and columns of when it was opened
    assert other.everything().labels[0].about == "a thing"
    assert (other.everything().version, other.last_human_event()) == (before, event)
    store.take_back("owner")
    assert other.everything().version == before
    store.change("owner", LabelChange("rename", ("label1",), ("other",)))
    with pytest.raises(ConflictError, match="changed meanwhile"):
        other.labels()
    other.close()


def test_examples_are_those_set_then_what_people_say_then_what_was_given(make_store: Make) -> None:
    store = make_store(8, 3)  # given of label0: image 0 absent, image 1 present
    for person in ("ann", "ben"):
        for image, value in ((3, 1), (4, 0)):
            request = f"request-{person}-{image}"
            store.answer(person, [Answer(image, 0, value, 1.0)], request=request)
    store.answer("ann", [Answer(5, 0, 1, 1.0)], request="request-5")
    store.answer("ann", [Answer(6, 0, 1, 1.0)], request="request-6")
    store.answer("ben", [Answer(6, 0, 0, 1.0)], request="request-7")  # they disagree
    store.change("owner", Described("label0", examples=("0007.jpg",)))
    assert store.examples(0, 1) == [7, 3, 5, 1]
    assert store.examples(0, 0) == [4, 0]
    assert store.examples(0, 1, 2) == [7, 3]
    # What is asked now, as a gold question perhaps, is not told.
    store.fill(1, Questions([1], [0], gold=[True]))
    assert store.examples(0, 1) == [7, 3, 5]
    store.resolve("owner", 5, 0, 0)
    assert store.examples(0, 1) == [7, 3]


def test_no_image_is_an_example_and_a_counter_example(make_store: Make) -> None:
    store = make_store(8, 3)  # given of label0: image 0 absent, image 1 present
    assert (store.examples(0, 1), store.examples(0, 0)) == ([1], [0])
    store.change("owner", Described("label0", examples=("0000.jpg",)))
    assert (store.examples(0, 1), store.examples(0, 0)) == ([0, 1], [])
    store.change("owner", Described("label0", examples=(), counter_examples=("0001.jpg",)))
    assert (store.examples(0, 1), store.examples(0, 0)) == ([], [1, 0])


def test_absents_that_look_alike_come_first(make_store: Make) -> None:
    store = make_store(6, 3)
    assert store.examples(2, 0) == [0]
    store.change("owner", LabelChange("rule", excludes=(("label0", "label1"),)))
    assert store.examples(1, 0) == [1]  # it is given label0


def test_a_note_counts_once_and_is_settled_once(make_store: Make) -> None:
    store = make_store()
    for _ in range(2):
        store.note("ann", "too dark", image=2, request="request-1")
    store.note("ben", "", image=2, label=1, request="request-2")
    assert [(n.person, n.image, n.label, n.text) for n in store.notes()] == [
        ("ben", 2, 1, ""),
        ("ann", 2, None, "too dark"),
    ]
    first = store.notes()[-1].id
    store.settle_note("owner", first)
    with pytest.raises(ConflictError, match="no such note"):
        store.settle_note("owner", first)
    assert [n.person for n in store.notes()] == ["ben"]
    assert store.undo("ann", request="request-3") is None  # a note is no step to take back
    for wrong in ({}, {"image": 1, "text": " "}, {"image": 1, "text": "x" * 1001}):
        with pytest.raises(UsageError):
            store.note("ann", **{"text": "x", "request": "request-4", **wrong})  # type: ignore[arg-type]
    assert store.problems() == []


def test_a_correction_sent_twice_is_one_event(make_store: Make) -> None:
    store = make_store()
    for _ in range(2):
        store.resolve("ann", 0, 0, 1, request="request-1")
    assert [e.kind for e in store.events()].count("resolve") == 1
    with pytest.raises(ConflictError, match="other content"):
        store.resolve("ann", 0, 0, 0, request="request-1")


def test_what_a_person_said_is_told_newest_first_and_filtered(make_store: Make) -> None:
    store = make_store(6, 3)
    for image in (2, 3, 4):
        pair = [Answer(image, 0, 1, 1.0), Answer(image, 1, 0, 1.0)]
        at(store, 1000.0 + image).answer("ann", pair, request=f"request-{image}")
    store.answer("ben", [Answer(2, 0, 0, 1.0)], request="request-ben")
    at(store, 2000.0).answer("ann", [Answer(2, 0, 0, 1.0)], request="request-again")

    def told(**how: Any) -> list[tuple[int, int, int]]:
        return [(s.answer.image, s.answer.label, s.answer.value) for s in said(**how)]

    def said(**how: Any) -> Any:
        return store.said_by("ann", **how)

    assert told() == [(2, 0, 0), (4, 1, 0), (4, 0, 1), (3, 1, 0), (3, 0, 1), (2, 1, 0)]
    assert told(label=0) == [(2, 0, 0), (4, 0, 1), (3, 0, 1)]
    assert told(value=1, since=1004.0) == [(4, 0, 1)]
    assert told(many=2) == [(2, 0, 0), (4, 1, 0)]
    assert told(before=said(many=2)[-1].event, many=2) == [(4, 0, 1), (3, 1, 0)]
    assert store.said_by("nobody") == []


@pytest.mark.slow
def test_the_guide_on_the_command_line(
    make_project: Callable[..., Project], tmp_path: Path, say: Callable[..., Any]
) -> None:
    project = make_project(60)
    folder, image, name = project.folder, project.store.images[0], project.store.names[0]
    project.store.close()
    say("labels", folder, "describe", name, "barks", "--example", image, "--key", "d")
    out = tmp_path / "guide.md"
    assert "fill it in" in say("labels", folder, "guide", "--out", out)
    text = out.read_text()
    assert f"## {name}\n\nbarks\n\n- example: {image}" in text
    out.write_text("Be quick.\n\n" + text.replace("barks", "woofs"))
    say("labels", folder, "guide", out)
    assert say("labels", folder, "guide").startswith(f"Be quick.\n\n## {name}\n\nwoofs")
    store = Store.open(folder / "store.sqlite")
    store.note("ann", "is a fox one?", image=3, label=0, request="request-1")
    store.close()
    assert f"note of ann: label {name!r} is unclear, image" in say("status", folder)
    assert say("status", folder, "--json")["notes"][0]["text"] == "is a fox one?"
    found = {one["name"]: one for one in say("labels", folder, "--json")["labels"]}
    assert (found[name]["examples"], found[name]["key"]) == ([image], "d")
