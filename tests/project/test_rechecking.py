"""Given entries that may be wrong: they are found, asked again, and corrected by people."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alasl.cli.status import lines
from alasl.data.dataset import Dataset
from alasl.data.formats import write
from alasl.errors import NothingToDo, UsageError
from alasl.evaluate.suspects import Ranked, error_rate
from alasl.labels import ABSENT, PRESENT, UNKNOWN
from alasl.project import doubts as doubts_module
from alasl.project import settings as files
from alasl.project.driver import Driver
from alasl.project.folder import SETTINGS, Project, init, load
from alasl.project.ground import Ground
from alasl.project.overview import overview
from alasl.project.rechecking import error_rates, first_of
from alasl.project.records import Answer
from alasl.project.settings import ProjectSettings
from alasl.report.project import project_page

Say = Callable[..., Any]
IMAGES, LABELS = 300, 4


@pytest.fixture
def truth(make_dataset: Callable[..., Dataset]) -> Dataset:
    return make_dataset(IMAGES, LABELS)


@pytest.fixture
def flipped() -> np.ndarray:
    """(N, L): which entries are given wrong, one in twenty."""
    return np.random.default_rng(5).random((IMAGES, LABELS)) < 0.05


@pytest.fixture
def project(truth: Dataset, flipped: np.ndarray, tmp_path: Path) -> Project:
    """A project of which half is unknown, and of what is given a twentieth is wrong."""
    labels, given = truth.labels, truth.labels.entries.copy()
    given[flipped] = 1 - given[flipped]
    given[np.random.default_rng(6).random(given.shape) < 0.5] = -1
    write(labels.but(given), tmp_path / "t.npz", "npz", features=truth.features)
    settings = ProjectSettings(data=str(tmp_path / "t.npz"), answers=40, gold=0.2, recheck=0.25)
    return init(tmp_path / "mine", settings)


def answer_all(project: Project, truth: Dataset, person: str = "ann") -> None:
    """Answer the whole queue by the truth."""
    store = project.store
    for n, q in enumerate(store.queue()):
        if not q.done:
            value = int(truth.labels.entries[q.image, q.label])
            store.answer(
                person,
                [Answer(q.image, q.label, value, 1.0)],
                request=f"{person}{n}{store.last_event()}",
            )


def test_wrong_entries_are_asked_again_and_corrected_by_what_people_say(
    project: Project, truth: Dataset, flipped: np.ndarray
) -> None:
    driver, store = Driver(project), project.store
    before = store.labels().entries
    driver.train()
    driver.suggest()
    asked = [(q.image, q.label) for q in store.queue() if q.why == "recheck" and q.pi is None]
    test = set(project.split().test.tolist())
    assert len(set(asked)) >= 8
    assert all(before[entry] >= 0 and entry[0] not in test for entry in asked)
    # Far more of them are wrong than of all.
    assert np.mean([flipped[entry] for entry in asked]) > 0.4
    answer_all(project, truth)
    now = store.labels()
    assert all(now.entries[entry] == truth.labels.entries[entry] for entry in asked)
    assert {now.sources[now.source[e]] for e in asked if flipped[e]} <= {"people"}
    # Gold questions check people, and alter nothing.
    gold = [(q.image, q.label) for q in store.queue() if q.gold]
    assert gold
    assert all(now.entries[e] == before[e] for e in gold if e not in asked)
    # What was checked is doubted no more.
    presents, absents = driver.suspects()
    left = {(i, j) for side in (presents, absents) for i, j, _ in side}
    assert not left & set(asked)


def test_taking_back_a_correction_brings_back_what_was_given(
    project: Project,
) -> None:
    driver, store = Driver(project), project.store
    driver.train()
    driver.suggest()
    q = next(q for q in store.queue() if q.why == "recheck")
    given = int(store.labels().entries[q.image, q.label])
    entry = (q.image, q.label)
    store.answer("ann", [Answer(*entry, 1 - given)], request="one")
    assert store.labels().entries[entry] == 1 - given
    assert store.initial_and_labels()[0].dense()[entry] == 1 - given
    store.answer("bob", [Answer(*entry, given)], request="two")
    # As many say the one as the other: what was given stands.
    assert store.labels().entries[entry] == given
    store.undo("ann", request="three")
    assert store.labels().entries[entry] == given
    store.undo("bob", request="four")
    assert store.labels().entries[entry] == given


@pytest.mark.slow
def test_how_many_are_wrong_is_told_by_gold_questions(project: Project, truth: Dataset) -> None:
    driver = Driver(project)
    assert [rate.checked for rate in error_rates(project.store)] == [0, 0]
    given = project.store.initial_and_labels()[0].dense()
    for _ in range(3):
        driver.train()
        driver.suggest()
        gold = {(q.image, q.label) for q in project.store.queue() if q.gold}
        answer_all(project, truth)
    rates = error_rates(project.store)
    answers = {(one.image, one.label) for one in project.store.answers() if one.why == "gold"}
    assert gold <= answers
    for rate in rates:
        own = [e for e in answers if given[e] == rate.value]
        wrong = sum(truth.labels.entries[e] != rate.value for e in own)
        assert (rate.checked, rate.wrong) == (len(own), wrong)


def test_that_given_entries_are_wrong_is_said_beside_the_map_they_judge(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    Driver(project).train()
    rates = error_rate(PRESENT, 60, 6), error_rate(ABSENT, 60, 2)
    monkeypatch.setattr(doubts_module, "error_rates", lambda _: rates)
    assert not any("wrong" in str(one) for one in overview(project).doubts), "the audit finds out"
    project = replace(project, settings=replace(project.settings, audit_given=0.0))
    (doubt,) = (one for one in map(str, overview(project).doubts) if "wrong" in one)
    assert doubt.startswith("people call 10.0 % (3.8 to 20.5) of the given presents wrong, by 60")
    assert doubt in list(lines(overview(project)))
    assert doubt in project_page(overview(project))
    # Of test images without a given entry nothing is judged by these.
    nothing = np.full(
        project.store.initial_and_labels()[0].dense()[project.split().test].shape, UNKNOWN, np.int8
    )
    (training,) = project.store.trainings()
    rest = project.settings, training.ground, 0
    found = doubts_module.doubts(project.store, nothing, *rest)
    assert not any("wrong" in str(one) for one in found)


def test_a_map_that_is_hardly_known_is_said_to_be(project: Project) -> None:
    tested = project.store.initial_and_labels()[0].dense()[project.split().test]

    def said(*ends: float, complete: bool = False, answers: int = 45) -> list[str]:
        ground = Ground(60, answers, complete, ends, (ends, None, ends), {})
        found = doubts_module.doubts(project.store, tested, project.settings, ground, 0)
        return [str(one) for one in found]

    (doubt,) = said(18.0, 72.0)
    assert doubt.startswith(
        "mAP is known within 27 points only, by 22 audit answers a label: too early"
    )
    assert doubt.endswith("5 points take about 25")
    assert said(18.0, 72.0, answers=60)[0].endswith(
        "by 30 audit answers a label: too early to stop or to compare by; it takes more"
    )
    assert "by 1 audit answer a label" in said(18.0, 72.0, answers=2)[0]
    assert said(55.0, 65.0) == said(18.0, 72.0, complete=True) == []


def test_presents_and_absents_are_taken_in_turn_as_far_as_they_last() -> None:
    def side(value: int, rows: list[int]) -> Ranked:
        many = len(rows)
        return Ranked(value, np.array(rows, np.intp), np.zeros(many, np.intp), np.zeros(many))

    both = side(1, [1, 2]), side(0, [11, 12, 13, 14])
    assert first_of(both, 3)[0].tolist() == [1, 11, 2]
    assert first_of(both, 5)[0].tolist() == [1, 11, 2, 12, 13]
    assert first_of(both, 50)[0].tolist() == [1, 11, 2, 12, 13, 14]
    assert first_of((side(1, []), both[1]), 2)[0].tolist() == [11, 12]


def test_the_command_lists_and_settles(
    project: Project, truth: Dataset, flipped: np.ndarray, tmp_path: Path, say: Say
) -> None:
    out = tmp_path / "check.csv"
    shown = say("suspects", project.folder, "--count", 10, "--out", out, "-q")
    assert "presents, 10 of" in shown
    assert "no gold question was answered yet" in shown
    found = say("suspects", project.folder, "--count", 10, "--json", "-q")
    assert len(found["suspects"]) == 20
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["image"], row["label"]) for row in rows] == [
        (one["image"], one["label"]) for one in found["suspects"]
    ]
    for row in rows:
        place = project.store.images.index(row["image"]), project.store.names.index(row["label"])
        row["answer"] = str(truth.labels.entries[place])
    with out.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert "20 entries settled" in say("resolve", project.folder, out, "--person", "owner")
    wrong = load(project.folder).store.labels().entries
    assert sum(flipped[wrong >= 0]) > (wrong != truth.labels.entries)[wrong >= 0].sum()


def test_what_leaves_nothing_to_ask_and_too_little_to_doubt_are_refused(
    project: Project, tmp_path: Path, truth: Dataset
) -> None:
    with pytest.raises(UsageError, match=r"audit = 0\.6, recheck = 0\.4"):
        replace(project.settings, audit=0.6, recheck=0.4)
    nothing = truth.labels.but(np.full((IMAGES, LABELS), -1, np.int8))
    write(nothing, tmp_path / "n.npz", "npz", features=truth.features)
    empty = init(tmp_path / "empty", ProjectSettings(data=str(tmp_path / "n.npz")))
    with pytest.raises(NothingToDo, match="nothing is known yet"):
        Driver(empty).suspects()
    assert files.read(empty.folder / SETTINGS).recheck == 0
