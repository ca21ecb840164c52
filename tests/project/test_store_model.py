"""The store against a plain Python model of it: any history leaves the same state."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alasl.errors import ConflictError
from alasl.labels import Labels
from alasl.project.records import LEASE, Answer, Questions
from alasl.project.store import Store

IMAGES, LABELS = 3, 2
NAMES = ("ann", "ben")
PEOPLE = st.sampled_from(NAMES)
ROWS, COLS = st.integers(0, IMAGES - 1), st.integers(0, LABELS - 1)
VALUES = st.sampled_from([1, 0, -1])
GIVEN = [[1, 0], [-1, -1], [-1, 0]]

MEMORY = Path("/dev/shm")

Entry = tuple[int, int]


@dataclass
class Slot:
    entry: Entry
    gold: bool
    person: str | None = None
    until: float = 0.0
    done: bool = False


@dataclass
class Act:
    person: str
    kind: str
    image: int
    said: dict[Entry, int] = field(default_factory=dict)
    undone: bool = False


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        # In memory where there is such a folder: what a disk does is tested elsewhere.
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))
        labels = Labels(
            np.array(GIVEN, np.int8), ("dog", "cat"), tuple(f"{i}" for i in range(IMAGES))
        )
        roles = ["clean", "pool", "pool"]
        self.store = Store.create(self.folder / "s", labels, [None] * IMAGES, roles)
        self.now = 1000.0
        self.store.clock = lambda: self.now
        self.requests = 0
        self.acts: list[Act] = []
        self.slots: list[Slot] = []
        self.resolved: dict[Entry, int] = {}
        self.automatic: dict[Entry, int] = {}

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    # The model

    def standing(self) -> dict[tuple[Entry, str], int]:
        return {
            (entry, act.person): value
            for act in self.acts
            if not act.undone
            for entry, value in act.said.items()
        }

    def skipped(self) -> set[tuple[str, int]]:
        return {(a.person, a.image) for a in self.acts if a.kind == "skip" and not a.undone}

    def table(self, machines: bool = True) -> list[list[int]]:
        table = [list(row) for row in GIVEN]
        for i in range(IMAGES):
            for j in range(LABELS):
                said = [v for (e, _), v in self.standing().items() if e == (i, j)]
                if table[i][j] == -1 and said.count(1) != said.count(0):
                    table[i][j] = int(said.count(1) > said.count(0))
                elif table[i][j] == -1 and machines and not {0, 1} & {*said}:
                    table[i][j] = self.automatic.get((i, j), -1)
                table[i][j] = self.resolved.get((i, j), table[i][j])
        return table

    def free(self, slot: Slot, person: str) -> bool:
        return (
            not slot.done
            and slot.until <= self.now
            and (person, slot.entry[0]) not in self.skipped()
            and (slot.entry, person) not in self.standing()
            and not any(
                o.entry == slot.entry and o.person == person and not o.done and o.until > self.now
                for o in self.slots
            )
        )

    def take(self, person: str, image: int, label: int | None) -> list[int]:
        labels = []
        for slot in [s for s in self.slots if s.entry[0] == image]:
            if label in (None, slot.entry[1]) and self.free(slot, person):
                slot.person, slot.until = person, self.now + LEASE
                labels.append(slot.entry[1])
        return labels

    def request(self) -> str:
        self.requests += 1
        return f"r{self.requests}"

    # What may happen

    @rule(seconds=st.sampled_from([1.0, 60.0, 130.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(
        entries=st.lists(st.tuples(ROWS, COLS), min_size=1, max_size=6, unique=True),
        repeats=st.sampled_from([0.0, 1.0]),
    )
    def fill(self, entries: list[Entry], repeats: float) -> None:
        rows, cols = zip(*entries, strict=True)
        gold = [GIVEN[i][j] != -1 for i, j in entries]
        self.store.fill(1, Questions(rows, cols, gold=gold), repeats=repeats)
        self.slots = [s for s in self.slots if not s.done and s.until > self.now]
        kept = {s.entry for s in self.slots}
        for entry, known in zip(entries, gold, strict=True):
            if entry not in kept:
                twice = repeats and not known
                self.slots += [Slot(entry, known) for _ in range(2 if twice else 1)]

    @rule(person=PEOPLE, images=st.integers(1, 3), label=st.one_of(st.none(), COLS))
    def lease(self, person: str, images: int, label: int | None) -> None:
        tasks = self.store.lease(person, images=images, label=label)
        expected: list[tuple[int, list[int]]] = []
        for _ in range(images):
            best = next(
                (s for s in self.slots if label in (None, s.entry[1]) and self.free(s, person)),
                None,
            )
            if best is None:
                break
            image = best.entry[0]
            expected.append((image, self.take(person, image, label)))
        assert [(t.image, list(t.labels)) for t in tasks] == expected

    @rule(person=PEOPLE)
    def renew(self, person: str) -> None:
        self.store.renew(person)
        for slot in self.slots:
            if slot.person == person and not slot.done:
                slot.until = self.now + LEASE

    @rule(person=PEOPLE, image=st.one_of(st.none(), ROWS))
    def release(self, person: str, image: int | None) -> None:
        self.store.release(person, None if image is None else [image])
        self._release(person, image)

    def _release(self, person: str, image: int | None) -> None:
        for slot in self.slots:
            if slot.person == person and not slot.done and image in (None, slot.entry[0]):
                slot.person, slot.until = None, 0.0

    @rule(person=PEOPLE, image=ROWS, values=st.dictionaries(COLS, VALUES, min_size=1))
    def answer(self, person: str, image: int, values: dict[int, int]) -> None:
        request = self.request()
        answers = [Answer(image, label, value, 1.0) for label, value in values.items()]
        for _ in range(2):
            self.store.answer(person, answers, request=request)
        said = {(image, label): value for label, value in values.items()}
        self.acts.append(Act(person, "answer", image, said))
        for entry in said:
            mine = [s for s in self.slots if s.entry == entry]
            if any(s.done and s.person == person for s in mine):
                continue
            fits = [s for s in mine if not s.done]
            fits.sort(key=lambda s: (s.person != person, s.until > self.now))
            if fits:
                fits[0].done, fits[0].person, fits[0].until = True, person, self.now

    @rule(person=PEOPLE, image=ROWS)
    def skip(self, person: str, image: int) -> None:
        self.store.skip(person, image, request=self.request())
        self.acts.append(Act(person, "skip", image))
        self._release(person, image)

    @rule(person=PEOPLE)
    def undo(self, person: str) -> None:
        request = self.request()
        undone = self.store.undo(person, request=request)
        mine = [a for a in self.acts if a.person == person and not a.undone and a.kind != "import"]
        if not mine:
            assert undone is None
            return
        act = mine[-1]
        act.undone = True
        assert undone is not None
        assert (undone.kind, undone.images) == (act.kind, (act.image,))
        assert {(a.image, a.label): a.value for a in undone.answers} == act.said
        assert undone == self.store.undo(person, request=request)
        for entry in act.said:
            if (entry, person) not in self.standing():
                for slot in self.slots:
                    if slot.entry == entry and slot.done and slot.person == person:
                        slot.done, slot.until = False, self.now + LEASE
        if act.kind == "skip":
            self.take(person, act.image, None)

    @rule(
        person=PEOPLE,
        answers=st.dictionaries(st.tuples(ROWS, COLS), VALUES, min_size=1, max_size=4),
        how=st.sampled_from(["refuse", "keep", "replace", "vote"]),
    )
    def import_answers(self, person: str, answers: dict[Entry, int], how: Any) -> None:
        table, standing = self.table(machines=False), self.standing()
        clash = {
            e
            for e, v in answers.items()
            if -1 not in (v, table[e[0]][e[1]])
            and v != table[e[0]][e[1]]
            and (how == "replace" or v != standing.get((e, person)))
        }
        taken_back = {
            e for e, v in answers.items() if v == -1 and standing.get((e, person)) in (0, 1)
        }
        clash |= taken_back if how != "vote" else set()

        def bring() -> None:
            self.store.import_answers(
                "f",
                [Answer(i, j, value, person=person) for (i, j), value in answers.items()],
                on_conflict=how,
            )

        if clash and how == "refuse":
            with pytest.raises(ConflictError) as refused:
                bring()
            assert len(refused.value.more) == len(clash)
            return
        bring()
        said = {}
        for entry, value in answers.items():
            before = standing.get((entry, person))
            if entry in clash and how == "keep":
                continue
            if entry not in clash and before == value:
                continue
            said[entry] = value
        self.acts.append(Act(person, "import", -1, said))
        if how == "replace":
            self.resolved |= {e: v for e, v in said.items() if e in clash and v != -1}
        for slot in self.slots:
            if slot.entry in said and not slot.done and slot.until <= self.now:
                slot.done, slot.person = True, None

    @rule(answers=st.dictionaries(st.tuples(ROWS, COLS), VALUES, max_size=4))
    def machine(self, answers: dict[Entry, int]) -> None:
        entries = np.full((IMAGES, LABELS), -1, np.int8)
        for entry, value in answers.items():
            entries[entry] = value
        self.store.machine("m", entries)
        self.automatic = answers

    @rule(image=ROWS, label=COLS, value=VALUES)
    def resolve(self, image: int, label: int, value: int) -> None:
        self.store.resolve("lead", image, label, value)
        self.resolved[image, label] = value
        for slot in self.slots:
            if slot.entry == (image, label) and not slot.done and slot.until <= self.now:
                slot.done, slot.person = True, None

    @precondition(lambda self: self.acts)
    @rule()
    def open_again(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder / "s")
        self.store.clock = lambda: self.now

    # What always holds

    @invariant()
    def the_table_is_the_models(self) -> None:
        labels = self.store.labels()
        assert labels.entries.tolist() == self.table()
        initial, same = self.store.initial_and_labels()
        assert (initial.dense() == self.store.initial_and_labels()[0].dense()).all()
        assert (same.entries == labels.entries).all()
        assert (same.source == labels.source).all()

    @invariant()
    def the_counts_are_the_models(self) -> None:
        progress = self.store.progress()
        assert progress.size == len(self.slots)
        assert progress.left == sum(not s.done for s in self.slots)
        for j, (size, left) in enumerate(progress.labels):
            mine = [s for s in self.slots if s.entry[1] == j]
            assert (size, left) == (len(mine), sum(not s.done for s in mine))
        for person in NAMES:
            count = progress.people.get(person)
            said = sum(p == person for _, p in self.standing())
            skipped = sum(p == person for p, _ in self.skipped())
            assert (count.answers, count.skips) == (said, skipped) if count else not said + skipped

    @invariant()
    def nobody_holds_what_another_holds(self) -> None:
        for person in NAMES:
            held = {(t.image, j) for t in self.store.held(person) for j in t.labels}
            assert held == {
                s.entry
                for s in self.slots
                if s.person == person and not s.done and s.until > self.now
            }

    @invariant()
    def the_file_bears_it_out(self) -> None:
        assert self.store.problems() == []


StoreMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=40)
TestStore = pytest.mark.slow(StoreMachine.TestCase)
