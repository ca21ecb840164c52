"""Changes of labels and images against a plain model: no answer lost, every undo exact."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alasl.errors import ConflictError
from alasl.labels import Labels
from alasl.project.changes import Dropped, LabelChange, NewImages
from alasl.project.records import Answer
from alasl.project.store import Store

GIVEN = [[1, 0, -1], [-1, 1, -1], [0, -1, -1], [-1, -1, 0]]
MEMORY = Path("/dev/shm")
PEOPLE = st.sampled_from(["ann", "ben"])
VALUES = st.sampled_from([1, 0, -1])


def table_of(store: Store) -> tuple[Any, ...]:
    labels = store.labels()
    return labels.names, labels.images, labels.entries.tolist(), labels.source.tolist()


class ChangesMachine(RuleBasedStateMachine):
    """The model: what was given and said by number, and the changes that stand, as functions."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        names = ("a", "b", "c")
        labels = Labels(np.array(GIVEN, np.int8), names, tuple("wxyz"))
        self.store = Store.create(self.folder / "s", labels, [None] * 4, ["clean", *["pool"] * 3])
        self.names = list(names)  # by number, as first called
        self.given = {(i, j): v for i, row in enumerate(GIVEN) for j, v in enumerate(row) if v >= 0}
        self.images = list("wxyz")
        self.said: dict[tuple[int, int, str], int] = {}
        self.stack: list[tuple[Callable[[dict[str, Any]], None], tuple[Any, ...], int]] = []
        self.answers = 0
        self.fresh = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # The model

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {
            "here": {0: "a", 1: "b", 2: "c"}, "images": {0, 1, 2, 3}, "up": [], "not": [],
            "whole": [], "mute": set(),
        }  # fmt: skip
        for change, _, _ in self.stack:
            change(found)
        return found

    def expected(self) -> list[list[int]]:
        state = self.state()
        mute = state["mute"] | {*range(len(self.names))} - self.known(state)
        rows = []
        for image in sorted(state["images"]):
            told = {j: v for (i, j), v in self.given.items() if i == image}
            for j in range(len(self.names)):
                votes = [v for (i, k, _), v in self.said.items() if (i, k) == (image, j) and v >= 0]
                if j not in told and votes.count(1) != votes.count(0):
                    told[j] = int(votes.count(1) > votes.count(0))
            heard = {j: v for j, v in told.items() if j not in mute}
            told |= {j: v for j, v in follow(heard, state).items() if j not in told}
            rows.append([told.get(j, -1) for j in sorted(state["here"])])
        return rows

    def known(self, state: dict[str, Any]) -> set[int]:
        """The labels that changes which stand are about; the others never were, or not any more."""
        pairs = (*state["up"], *state["not"])
        wholes = {n for whole, parts in state["whole"] for n in (whole, *parts)}
        return {*state["here"], *state["mute"], *wholes, *(n for pair in pairs for n in pair)}

    def here(self) -> dict[int, str]:
        found: dict[int, str] = self.state()["here"]
        return found

    def pick(self, data: st.DataObject, many: int = 1) -> list[int]:
        here = sorted(self.here())
        return data.draw(st.lists(st.sampled_from(here), min_size=many, max_size=many, unique=True))

    def new_name(self) -> str:
        self.fresh += 1
        return f"new{self.fresh}"

    def change(self, request: Any, effect: Callable[[dict[str, Any]], None]) -> None:
        before = table_of(self.store)
        dry = self.store.change("owner", request, dry_run=True)
        assert table_of(self.store) == before, "a dry run changes nothing"
        assert self.store.change("owner", request) == dry, "a dry run counts what then happens"
        self.stack.append((effect, before, self.answers))

    def born(self, *names: str) -> list[int]:
        first = len(self.names)
        self.names += names
        return list(range(first, first + len(names)))

    # What may happen

    @rule()
    def add(self) -> None:
        name = self.new_name()
        (number,) = self.born(name)
        self.change(LabelChange("add", (name,)), lambda s: s["here"].update({number: name}))

    @rule(data=st.data())
    def rename(self, data: st.DataObject) -> None:
        (label,) = self.pick(data)
        old, name = self.here()[label], self.new_name()
        self.change(
            LabelChange("rename", (old,), (name,)), lambda s: s["here"].update({label: name})
        )

    @precondition(lambda self: len(self.here()) > 1)
    @rule(data=st.data(), again=st.booleans())
    def merge(self, data: st.DataObject, again: bool) -> None:
        parts, here = self.pick(data, 2), self.here()
        # A merging that was taken back and is made again has the answers that were given to it.
        back = sorted({*range(len(self.names))} - self.known(self.state()))
        name = self.names[back[-1]] if again and back else self.new_name()
        whole = back[-1] if again and back else self.born(name)[0]

        def effect(state: dict[str, Any]) -> None:
            above = set.intersection(*(ancestors(part, state) for part in parts)) - set(parts)
            others = [{b for pair in state["not"] for a, b in (pair, pair[::-1]) if a == part}
                      for part in parts]  # fmt: skip
            state["up"] += [(whole, parent) for parent in above]
            state["not"] += [(whole, other) for other in set.intersection(*others)]
            state["whole"].append((whole, parts))
            for part in parts:
                del state["here"][part]
            state["here"][whole] = name

        self.change(LabelChange("merge", tuple(here[p] for p in parts), (name,)), effect)

    @rule(data=st.data())
    def split(self, data: st.DataObject) -> None:
        (label,) = self.pick(data)
        names = self.new_name(), self.new_name()
        children = self.born(*names)

        def effect(state: dict[str, Any]) -> None:
            state["up"] += [(child, label) for child in children]
            del state["here"][label]
            state["here"].update(zip(children, names, strict=True))

        self.change(LabelChange("split", (self.here()[label],), names), effect)

    @precondition(lambda self: len(self.here()) > 1)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        (label,) = self.pick(data)

        def effect(state: dict[str, Any]) -> None:
            del state["here"][label]
            state["mute"].add(label)

        self.change(LabelChange("remove", (self.here()[label],)), effect)

    @precondition(lambda self: len(self.here()) > 1)
    @rule(data=st.data(), implies=st.booleans())
    def relate(self, data: st.DataObject, implies: bool) -> None:
        pair, here = self.pick(data, 2), self.here()
        named, kind = (here[pair[0]], here[pair[1]]), "up" if implies else "not"
        request = LabelChange("rule", **{"implies" if implies else "excludes": (named,)})
        now = self.state()
        after = now | {kind: [*now[kind], tuple(pair)]}
        circle = implies and pair[0] in ancestors(pair[1], now)
        if circle or impossible(after) - impossible(now):
            try:
                self.store.change("owner", request)
            except ConflictError:
                return
            raise AssertionError("rules were taken by which a label could never be there")
        self.change(request, lambda s: s[kind].append(tuple(pair)))

    @rule(values=st.lists(VALUES, min_size=30, max_size=30))
    def bring(self, values: list[int]) -> None:
        number, name = len(self.images), f"image{self.fresh}"
        self.fresh += 1
        self.images.append(name)
        row = values[: len(self.names)]
        self.given |= {(number, j): v for j, v in enumerate(row) if v >= 0}
        request = NewImages([name], [None], ["pool"], np.array([row], np.int8))
        self.change(request, lambda s: s["images"].add(number))

    @precondition(lambda self: len(self.state()["images"]) > 2)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        others = sorted(self.state()["images"] - {0})
        number = data.draw(st.sampled_from(others))
        self.change(Dropped((number,)), lambda s: s["images"].remove(number))

    @rule(person=PEOPLE, data=st.data(), value=VALUES)
    def answer(self, person: str, data: st.DataObject, value: int) -> None:
        """Of any label and image that ever was, as a page that was open before a change."""
        image = data.draw(st.integers(0, len(self.images) - 1))
        label = data.draw(st.integers(0, len(self.names) - 1))
        self.answers += 1
        self.store.answer(person, [Answer(image, label, value, 1.0)], request=f"r{self.answers}")
        self.said[image, label, person] = value

    @precondition(lambda self: self.stack)
    @rule()
    def undo(self) -> None:
        _, before, answers = self.stack.pop()
        self.store.take_back("owner")
        if answers == self.answers:
            assert table_of(self.store) == before, "bit for bit"

    # What always holds

    @invariant()
    def no_answer_is_lost(self) -> None:
        told = {}
        for event in self.store.events():
            if event.kind == "answer":
                told[event.image, event.label, event.person] = event.value
        assert told == self.said

    @invariant()
    def the_table_is_the_models(self) -> None:
        assert self.store.labels().entries.tolist() == self.expected()
        assert self.store.names == tuple(name for _, name in sorted(self.here().items()))

    @invariant()
    def another_reads_the_same_from_the_log(self) -> None:
        again = Store.open(self.store.path)
        assert table_of(again) == table_of(self.store)
        assert again.problems() == []
        again.close()


def ancestors(label: int, state: dict[str, Any]) -> set[int]:
    found = {label}
    pairs = [*state["up"], *((part, whole) for whole, parts in state["whole"] for part in parts)]
    for _ in pairs:
        found |= {parent for child, parent in pairs if child in found}
    return found - {label}


def impossible(state: dict[str, Any]) -> set[frozenset[int]]:
    """The pairs of labels of which one implies the other and excludes it."""
    return {
        frozenset(pair)
        for pair in state["not"]
        if pair[0] in ancestors(pair[1], state) or pair[1] in ancestors(pair[0], state)
    }


def follow(told: dict[int, int], state: dict[str, Any]) -> dict[int, int]:
    """What follows from an image's known entries, by plain loops; nothing where both would."""
    yes = {label for label, value in told.items() if value == 1}
    no = {label for label, value in told.items() if value == 0}
    pairs = [*state["up"], *((part, whole) for whole, parts in state["whole"] for part in parts)]
    for _ in range(3 * len(pairs) + 3 * len(state["not"]) + 3):
        for child, parent in pairs:
            if child in yes and parent not in told:
                yes.add(parent)
            if parent in no and child not in told:
                no.add(child)
        for one, other in state["not"]:
            if one in yes and other not in told:
                no.add(other)
            if other in yes and one not in told:
                no.add(one)
        for whole, parts in state["whole"]:
            if set(parts) <= no and whole not in told:
                no.add(whole)
    return dict.fromkeys(yes - no, 1) | dict.fromkeys(no - yes, 0)


TestChanges = pytest.mark.slow(ChangesMachine.TestCase)
TestChanges.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
